/** The cluster room's monotonic clock: CLOCK_MONOTONIC, one origin for all threads and processes of a machine. */
import type { MonoMs } from "@baton/core";
import { monoMs } from "@baton/core/records";

/** Monotonic now. */
export function monoNow(): MonoMs {
  return monoMs(Number(process.hrtime.bigint()) / 1e6);
}
