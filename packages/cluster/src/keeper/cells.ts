/**
 * What the keeper's thread and the main thread share without messages: the deadline (written by the keeper) and what may void
 * it (written by the main thread), the main loop's heartbeat, and since when the journal has been in an fsync. All are nanoseconds of CLOCK_MONOTONIC, which is one
 * clock for all threads; 0 means "none".
 */
import type { MonoMs } from "@baton/core";
import { monoMs } from "@baton/core/records";

/** One shared nanosecond value. */
export type NanosCell = BigInt64Array<SharedArrayBuffer>;

export interface KeeperCells {
  /** Until when this boot may act; 0: not at all. */
  readonly deadline: NanosCell;
  /** Since when the right behind the deadline is known: the earliest sending that it rests on. Written before the deadline. */
  readonly grantedFrom: NanosCell;
  /** The main thread's: what was granted on anything that was sent before is void. 0: it was never doubted. */
  readonly doubtedAt: NanosCell;
  /** When the main loop last turned. */
  readonly mainBeat: NanosCell;
  /** When the fsync that is running now began; 0 when none is. */
  readonly journalBusySince: NanosCell;
}

/** A fresh cell holding 0. */
export function nanosCell(buffer: SharedArrayBuffer = new SharedArrayBuffer(8)): NanosCell {
  return new BigInt64Array(buffer, 0, 1);
}

/** Stamps a cell with the present instant. */
export function stampNow(cell: NanosCell): void {
  Atomics.store(cell, 0, process.hrtime.bigint());
}

export function storeMono(cell: NanosCell, at: MonoMs | 0): void {
  Atomics.store(cell, 0, BigInt(Math.floor(at * 1e6)));
}

/** The cell's instant; 0 when it holds none. */
export function loadMono(cell: NanosCell): MonoMs {
  return monoMs(Number(Atomics.load(cell, 0)) / 1e6);
}
