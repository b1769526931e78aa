/**
 * A program of this checkout as a process of its own, with its output in a log file: started with the Node that runs this,
 * named to the guard, and ended by pid. Freezing is SIGSTOP: the sockets stay open and nothing answers.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Guard } from "./guard.ts";

/** The top of the checkout. */
export const checkout: string = fileURLToPath(new URL("../../../..", import.meta.url));

/** A started program. */
export interface Program {
  readonly name: string;
  readonly logFile: string;
  /** Undefined once it has ended. */
  readonly pid: number | undefined;
  /** Settles when it has ended, with its exit status (null: by a signal). */
  readonly ended: Promise<number | null>;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after `graceMs`; waits until it is reaped. Idempotent. */
  stop(graceMs?: number): Promise<void>;
}

/** Starts `node PARAMETERS…` from the top of the checkout. */
export async function startProgram(
  name: string,
  parameters: readonly string[],
  options: { readonly logFile: string; readonly guard: Guard; readonly env?: Readonly<Record<string, string>> },
): Promise<Program> {
  const log = await open(options.logFile, "a");
  // A process group of its own: Ctrl-C is for the caller, who stops its programs in order.
  const child = spawn(process.execPath, parameters, {
    cwd: checkout,
    stdio: ["ignore", log.fd, log.fd],
    detached: true,
    env: { ...process.env, ...options.env },
  });
  await log.close();
  if (child.pid === undefined) throw new Error(`${name} could not be started`);
  const { pid } = child;
  options.guard.add(pid);
  const ended = once(child, "exit").then(([status]) => {
    options.guard.drop(pid);
    return status as number | null;
  });
  return programOf({ name, child, ended, logFile: options.logFile });
}

function programOf(started: {
  name: string;
  child: ChildProcess;
  ended: Promise<number | null>;
  logFile: string;
}): Program {
  const { name, child, ended, logFile } = started;
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    name,
    logFile,
    ended,
    get pid() {
      return isOver() ? undefined : child.pid;
    },
    signal(signal) {
      if (!isOver()) child.kill(signal);
    },
    async stop(graceMs = 3_000) {
      if (isOver()) return;
      child.ref();
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), graceMs);
      await ended;
      clearTimeout(late);
    },
  };
}

/** Pids of the children of a process, oldest first; none when it has ended. */
export async function childrenOf(pid: number): Promise<number[]> {
  try {
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.trim().split(/\s+/).filter(Boolean).map(Number);
  } catch {
    return childrenByPs(pid);
  }
}

/** Where there is no /proc. */
async function childrenByPs(pid: number): Promise<number[]> {
  const ps = spawn("ps", ["-axo", "pid=,ppid="], { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  ps.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  await once(ps, "close").catch(() => undefined);
  return text.split("\n").flatMap((line) => {
    const [child, parent] = line.trim().split(/\s+/).map(Number);
    return child !== undefined && parent === pid ? [child] : [];
  });
}

/** Waits until `ask` gives something, asking every 25 ms; throws `what` with the log's end after the deadline. */
export async function until<T>(
  ask: () => Promise<T | undefined> | T | undefined,
  deadline: { readonly what: string; readonly withinMs: number; readonly program?: Program },
): Promise<T> {
  const end = performance.now() + deadline.withinMs;
  for (;;) {
    const value = await ask();
    if (value !== undefined) return value;
    const { program } = deadline;
    if (program !== undefined && program.pid === undefined)
      throw await failureOf(program, `${deadline.what}: it ended`);
    if (performance.now() > end) {
      const what = `${deadline.what}: not within ${deadline.withinMs} ms`;
      throw program === undefined ? new Error(what) : await failureOf(program, what);
    }
    await delay(25);
  }
}

/** An error that says what went wrong with a program and how its log ends. */
export async function failureOf(program: Program, what: string): Promise<Error> {
  return new Error(`${program.name}: ${what}\n${await tailOf(program.logFile)}`);
}

async function tailOf(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.trimEnd().split("\n").slice(-12).join("\n");
}
