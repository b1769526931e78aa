/** The engine's clocks: where time is read. Monotonic milliseconds share one origin with every process of the machine. */
import type { Clock, MonoMs, WallMs } from "@baton/core";
import { monoMs, wallMs } from "@baton/core";

/** Monotonic now. */
export function monoNow(): MonoMs {
  return monoMs(Number(process.hrtime.bigint()) / 1e6);
}

/** Wall-clock now. */
export function wallNow(): WallMs {
  return wallMs(Date.now());
}

/** Both, for the shells that take a `Clock`. */
export const systemClock: Clock = { mono: monoNow, wall: wallNow };
