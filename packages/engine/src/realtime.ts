/** Lets the thread that trades have a core whenever it wants one, before every ordinary thread of the host; see decision 46. */
import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";

/** What keeps the lease, writes the journal and watches over this process must run while this thread does. */
const coresMin = 2;
const withinMs = 3_000;

/**
 * Puts the main thread of this process under SCHED_FIFO at the lowest real-time priority, for good; the threads it has keep what they have, and
 * those and the processes that it starts from here on are ordinary. Node has no call for it, so the program chrt does it. Fulfils with
 * a sentence where the system refuses; the engine is slower then and nothing else.
 */
export async function becomeRealtime(cores: number = availableParallelism()): Promise<string | undefined> {
  const refused = (why: string): string =>
    `node.realtime is on, but the thread that trades waits its turn like any other: ${why}`;
  if (process.platform !== "linux") return refused(`${process.platform} has no chrt`);
  if (cores < coresMin) return refused(`this host has one core, which what keeps the lease would never get`);
  try {
    const args = ["--fifo", "--reset-on-fork", "--pid", "1", String(process.pid)];
    await promisify(execFile)("chrt", args, { timeout: withinMs });
    return undefined;
  } catch (error) {
    const { code, stderr } = error as { readonly code?: unknown; readonly stderr?: string };
    if (code === "ENOENT") return refused("the program chrt is missing (Debian: apt-get install util-linux)");
    return refused(`${stderr?.trim() || String(error)} (infra/systemd has a drop-in of the unit that permits it)`);
  }
}
