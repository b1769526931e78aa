/** One of the threads of a long run: takes the seeds it is given and hands their tally back, piece by piece. */
import { parentPort } from "node:worker_threads";
import type { BreakName } from "../breaks/bent.ts";
import { run } from "./run.ts";
import { add, emptyTally } from "./tally.ts";

export interface Piece {
  readonly first: number;
  readonly count: number;
  readonly breakName: BreakName | undefined;
}

parentPort?.on("message", (piece: Piece) => {
  const tally = emptyTally();
  for (let seed = piece.first; seed < piece.first + piece.count; seed += 1) {
    add(tally, run(seed, { breakName: piece.breakName }));
  }
  parentPort?.postMessage(tally, []);
});
