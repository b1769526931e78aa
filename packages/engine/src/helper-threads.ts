/**
 * V8 marks garbage and compiles in threads beside those that run the engine; see decision 43. Each has the right to a core that the
 * engine has, so where cores are few, four that mark leave a fifth of one to the thread that trades, for as long as it takes.
 */
import { readFileSync, readdirSync } from "node:fs";
import { setPriority } from "node:os";

/** A thread at this niceness runs where nobody else of its process wants the core. */
const lowest = 19;
/** As Node names them. */
const helperName = "V8Worker";
const tasks = "/proc/self/task";

/**
 * Lowers those threads of this process for good, which needs no privilege. On Linux only: elsewhere it does nothing. Gives a sentence when the
 * system refuses it, as a filter of system calls may; the engine is slower then and nothing else.
 */
export function lowerHelperThreads(): string | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    for (const task of readdirSync(tasks)) {
      if (nameOf(task) === helperName) setPriority(Number(task), lowest);
    }
    return undefined;
  } catch (error) {
    return `V8's helper threads keep their priority and may hold trading up where cores are few: ${String(error)}`;
  }
}

/** The name of a thread; undefined when it has ended. */
function nameOf(task: string): string | undefined {
  try {
    return readFileSync(`${tasks}/${task}/comm`, "utf8").trim();
  } catch {
    return undefined;
  }
}
