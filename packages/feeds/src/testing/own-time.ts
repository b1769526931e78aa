/**
 * Time as this process has lived it: while it was kept from running (a loaded machine, a stop) its clock stands still. In
 * tests the venue runs in the same process, so that such a pause holds up both ends alike; by the machine's clock a feed
 * would be right to call its prices stale and its deadlines missed after it, and what a test says of the venue's behaviour
 * would be about the machine's.
 */
import type { Clock } from "@baton/core";
import { monoMs, wallMs } from "@baton/core";

export interface OwnTime extends Clock, Disposable {}

/** The clock is looked at this often, whoever else asks. */
const everyMs = 10;
/** What more than this has passed between two looks was not this process's. */
const gapMaxMs = 50;

/** Starts such a clock; it never shows more than the machine's has passed, so that waits by it are at least as long. */
export function openOwnTime(): OwnTime {
  let lastMs = performance.now();
  let lostMs = 0;
  const mono = (): ReturnType<Clock["mono"]> => {
    const nowMs = performance.now();
    lostMs += Math.max(0, nowMs - lastMs - gapMaxMs);
    lastMs = nowMs;
    return monoMs(nowMs - lostMs);
  };
  const timer = setInterval(mono, everyMs);
  return { mono, wall: () => wallMs(Date.now()), [Symbol.dispose]: () => clearInterval(timer) };
}
