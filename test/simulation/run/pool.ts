/** Many seeds over all processors. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { BreakName } from "../breaks/bent.ts";
import { emptyTally, merge } from "./tally.ts";
import type { Tally } from "./tally.ts";
import type { Piece } from "./worker.ts";

const pieceSeeds = 10;

/** Runs the seeds; `onProgress` hears how many are done. Rejects when a thread dies. */
export async function runMany(o: {
  readonly first: number;
  readonly count: number;
  readonly breakName?: BreakName | undefined;
  readonly threads?: number;
  readonly onProgress?: (done: number) => void;
  /** True: enough is known. */
  readonly isEnough?: (tally: Tally) => boolean;
}): Promise<Tally> {
  const whole = emptyTally();
  let next = o.first;
  const end = o.first + o.count;
  const threads = Math.min(o.threads ?? availableParallelism(), Math.ceil(o.count / pieceSeeds));
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL("./worker.ts", import.meta.url));
    try {
      while (next < end && o.isEnough?.(whole) !== true) {
        const piece: Piece = { first: next, count: Math.min(pieceSeeds, end - next), breakName: o.breakName };
        next += piece.count;
        const tally = await new Promise<Tally>((resolve, reject) => {
          worker.once("message", resolve);
          worker.once("error", reject);
          worker.postMessage(piece, []);
        });
        worker.removeAllListeners("error");
        merge(whole, tally);
        o.onProgress?.(whole.seeds);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: threads }, work));
  whole.violations.sort((a, b) => a.seed - b.seed);
  return whole;
}
