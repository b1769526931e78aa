/**
 * Time as this process has lived it: while it was kept from running (a loaded machine, a stop) its clock stands still. In
 * tests the venue runs in the same process, so that such a pause holds up both ends alike; by the machine's clock a feed
 * would be right to call its prices stale and its deadlines missed after it, and what a test says of the venue's behaviour
 * would be about the machine's.
 */
import type { MonoMs, WallMs } from "@baton/core";
import { monoMs, wallMs } from "@baton/core";

/** A clock of this process. Disposed, it is not looked at any more. */
export interface OwnTime extends Disposable {
  /** Milliseconds that this process has lived, on the machine's monotonic clock less what it was kept from. */
  readonly mono: () => MonoMs;
  /** The machine's wall clock. */
  readonly wall: () => WallMs;
}

/** The clock is looked at this often, whoever else asks. */
const everyMs = 10;
/** What more than this has passed between two looks was not this process's. */
const gapMaxMs = 50;

/** Starts such a clock; it never shows more than the machine's has passed, so that waits by it are at least as long. */
export function openOwnTime(): OwnTime {
  let lastMs = performance.now();
  let lostMs = 0;
  const mono = (): MonoMs => {
    const nowMs = performance.now();
    lostMs += Math.max(0, nowMs - lastMs - gapMaxMs);
    lastMs = nowMs;
    return monoMs(nowMs - lostMs);
  };
  const timer = setInterval(mono, everyMs);
  return { mono, wall: () => wallMs(Date.now()), [Symbol.dispose]: () => clearInterval(timer) };
}
