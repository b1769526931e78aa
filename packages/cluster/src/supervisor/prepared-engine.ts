/**
 * An engine's process that is started before it is known what it will run: it takes most of a second to load its modules, and
 * its supervisor a third of one before it has read the configuration. Nothing heavy may be imported here.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { orphanedExitCode } from "./engine-link.ts";
import type { SupervisorMessage } from "./messages.ts";
import { supervisorVariable } from "./messages.ts";

/** How an engine's process is started. */
export interface EngineStart {
  /** The engine's module, as a path. */
  readonly module: string;
  readonly args?: readonly string[] | undefined;
  readonly execArgv?: readonly string[] | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

/** Its only argument, where it is told later what to run. */
export const toldLater = "--told-later";

/** Starts an engine under this process. */
export function forkEngine(o: EngineStart): ChildProcess {
  const environment: NodeJS.ProcessEnv = {
    ...(o.environment ?? process.env),
    [supervisorVariable]: String(process.pid),
  };
  // The supervisor alone speaks to systemd.
  delete environment["NOTIFY_SOCKET"];
  delete environment["WATCHDOG_USEC"];
  return fork(o.module, [...(o.args ?? [])], {
    env: environment,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    ...(o.execArgv === undefined ? {} : { execArgv: [...o.execArgv] }),
  });
}

/** A process that loads its modules and waits; whoever has one ends it when nobody took it. It keeps nobody from ending. */
export class PreparedEngine implements Disposable {
  #child: ChildProcess | undefined;

  constructor(o: Omit<EngineStart, "args">) {
    this.#child = forkEngine({ ...o, args: [toldLater] });
    this.#child.unref();
    this.#child.channel?.unref();
    // Without a listener a process that could not be started would end this one; who takes it starts another.
    this.#child.on("error", () => undefined);
  }

  /** Undefined once it was taken, and where it could not be started. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The process, which runs as told from here on; once, and undefined where it has ended. */
  take({ args = [], environment = process.env }: EngineStart): ChildProcess | undefined {
    const child = this.#child;
    this.#child = undefined;
    if (child?.connected !== true || child.exitCode !== null || child.signalCode !== null) return undefined;
    child.ref();
    child.channel?.ref();
    const message: SupervisorMessage = { kind: "run", args, environment };
    child.send(message, () => undefined);
    return child;
  }

  [Symbol.dispose](): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }
}

/**
 * The arguments that this process is to run with; its environment is as told too. For one that was started with `toldLater`;
 * ends the process when the supervisor goes without a word.
 */
export async function argumentsTold(): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const orphaned = (): void => process.exit(orphanedExitCode);
    if (!process.connected) orphaned();
    process.once("disconnect", orphaned);
    process.once("message", (message: SupervisorMessage) => {
      process.off("disconnect", orphaned);
      if (message.kind !== "run") return orphaned();
      Object.assign(process.env, message.environment);
      resolve(message.args);
    });
  });
}
