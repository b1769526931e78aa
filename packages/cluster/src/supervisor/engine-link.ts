/**
 * The engine's side of the pipe to its supervisor. It says who it is and that it makes progress, learns when to stop, and
 * ends at once when the supervisor is gone: an engine that nobody would reap must not go on trading.
 */
import type { EngineIdentity, EngineMessage, SupervisorMessage } from "./messages.ts";
import { supervisorVariable } from "./messages.ts";
import { monoNow } from "../clock.ts";

export interface EngineLink {
  /** Whose lease to revoke when this process dies. Call as soon as the lease is granted, and again when it changes. */
  announce(engine: EngineIdentity): void;
  /** The main loop turned and work gets done. Call it often; it sends at most four times a second. */
  beat(): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  /** Asked to stop (once): hand over, settle, and exit with 0 within the supervisor's stop timeout. */
  onStop(stop: (reason: string) => void): void;
}

/** Exit status of an engine whose supervisor died. */
export const orphanedExitCode = 70;

const beatEveryMs = 250;

/** The link, or undefined when this process runs without a supervisor. Call once per process. */
export function engineLink(): EngineLink | undefined {
  if (process.env[supervisorVariable] === undefined || process.send === undefined) return undefined;
  // It may have gone while this process loaded its modules, when nobody listened yet.
  if (!process.connected) process.exit(orphanedExitCode);
  const send = (message: EngineMessage): void => {
    if (process.connected) process.send?.(message);
  };
  let stopReason: string | undefined;
  let onStop: ((reason: string) => void) | undefined;
  const stop = (reason: string): void => {
    if (stopReason !== undefined) return;
    stopReason = reason;
    onStop?.(reason);
  };
  process.on("disconnect", () => process.exit(orphanedExitCode));
  process.on("message", (message: SupervisorMessage) => {
    if (message.kind === "stop") stop(message.reason);
  });
  // Ctrl-C reaches the whole process group; the supervisor decides, so both ways lead to the same orderly stop.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop(signal));
  let lastBeatMono = 0;
  return {
    announce: (engine) => send({ kind: "announce", engine }),
    beat() {
      const now = monoNow();
      if (now - lastBeatMono < beatEveryMs) return;
      lastBeatMono = now;
      send({ kind: "beat" });
    },
    status: (text) => send({ kind: "status", text }),
    onStop(callback) {
      onStop = callback;
      if (stopReason !== undefined) callback(stopReason);
    },
  };
}
