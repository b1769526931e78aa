/**
 * Tells systemd what it asked to know, through its own `systemd-notify` (a datagram socket is beyond Node). Only when
 * NOTIFY_SOCKET is set; the unit needs `NotifyAccess=all`, since the message comes from a child. The watchdog is fed only
 * by progress of the engine, never by the supervisor's own health.
 */
import { spawn } from "node:child_process";

export interface ServiceManager {
  ready(): void;
  status(text: string): void;
  stopping(): void;
  /** The engine made progress. */
  progress(): void;
  close(): void;
}

const notifyCommand = "systemd-notify";

/** The service manager of this process, or one that says nothing. */
export function serviceManager(environment: NodeJS.ProcessEnv = process.env): ServiceManager {
  if (environment["NOTIFY_SOCKET"] === undefined) return silent;
  const tell = (...parameters: string[]): void => {
    const child = spawn(notifyCommand, parameters, { stdio: "ignore", env: environment });
    // Not being able to tell systemd is no reason to stop trading; systemd acts on the silence.
    child.on("error", () => undefined);
    child.unref();
  };
  const watchdogMs = Number(environment["WATCHDOG_USEC"] ?? "0") / 1_000;
  let hasProgress = false;
  const feeding =
    watchdogMs > 0
      ? setInterval(() => {
          if (hasProgress) tell("WATCHDOG=1");
          hasProgress = false;
        }, watchdogMs / 3)
      : undefined;
  feeding?.unref();
  let isReady = false;
  return {
    ready() {
      if (!isReady) tell("--ready");
      isReady = true;
    },
    status: (text) => tell(`--status=${text}`),
    stopping: () => tell("STOPPING=1"),
    progress: () => void (hasProgress = true),
    close: () => clearInterval(feeding),
  };
}

const nothing = (): void => undefined;
const silent: ServiceManager = {
  ready: nothing,
  status: nothing,
  stopping: nothing,
  progress: nothing,
  close: nothing,
};
