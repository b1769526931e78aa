/**
 * A CPU for the main thread alone. Decisions and market data run on the engine's main thread; its other threads (the
 * journal's, the keeper's, the compiler's and the collector's) are woken by it and wake it, and on a machine with few CPUs
 * the kernel likes to run the one who is woken where its waker runs, in the middle of the waker's work. With `node.mainCpu`
 * the main thread stays on that CPU and every other thread of the process elsewhere. Decision 14.
 *
 * Node cannot place its threads, so `taskset` (util-linux) does. A new thread begins where its maker runs, therefore the
 * threads are looked at again, and placed again when there are others.
 */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { StartRefused } from "./startup-checks.ts";

const lookEveryMs = 1_000;

/** Keeps the main thread of this process on one CPU and all others off it; disposing it ends the looking. */
export interface OwnCpu {
  [Symbol.dispose](): void;
}

/**
 * Throws `StartRefused` when this machine cannot do it: not Linux, no `taskset`, the CPU is not one that the process may
 * use, or it is the only one.
 */
export async function takeOwnCpu(mainCpu: number, warn: (sentence: string) => void): Promise<OwnCpu> {
  const others = othersOf(await allowedCpus(), mainCpu);
  let placed = "";
  const look = async (): Promise<void> => {
    const threads = (await readdir("/proc/self/task")).join(" ");
    if (threads === placed) return;
    await place(mainCpu, others);
    placed = threads;
  };
  await look();
  const timer = setInterval(() => {
    // A thread that ended between being listed and being placed is no failure; the next look finds it gone.
    look().catch((error: unknown) => warn(`threads could not be placed: ${String(error)}`));
  }, lookEveryMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** The CPUs that are left for the other threads; throws `StartRefused`. */
export function othersOf(allowed: readonly number[], mainCpu: number): readonly number[] {
  if (!allowed.includes(mainCpu)) {
    throw new StartRefused("main-cpu", `node.mainCpu is ${mainCpu}; this process may use ${allowed.join(", ")}`);
  }
  const others = allowed.filter((cpu) => cpu !== mainCpu);
  if (others.length === 0) {
    throw new StartRefused("main-cpu", `node.mainCpu is ${mainCpu}, and there is no other CPU for the other threads`);
  }
  return others;
}

/** CPU numbers of a list as the kernel writes it, such as `0-3,8`. */
export function cpusOf(list: string): readonly number[] {
  return list
    .trim()
    .split(",")
    .flatMap((part) => {
      const [first = Number.NaN, last = first] = part.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, at) => first + at);
    });
}

async function allowedCpus(): Promise<readonly number[]> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1];
  if (list === undefined) throw new StartRefused("main-cpu", "node.mainCpu needs Linux: leave it out elsewhere");
  return cpusOf(list);
}

/** All threads off the CPU first, then the main one onto it: no instant has another thread there for long. */
async function place(mainCpu: number, others: readonly number[]): Promise<void> {
  const run = promisify(execFile);
  const main = `${process.pid}`;
  try {
    await run("taskset", ["--all-tasks", "--cpu-list", "--pid", others.join(","), main]);
    await run("taskset", ["--cpu-list", "--pid", `${mainCpu}`, main]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new StartRefused("main-cpu", "node.mainCpu needs taskset, which is not on PATH: install util-linux");
  }
}
