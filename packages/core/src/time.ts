/**
 * Times. Monotonic and wall-clock time are different types, and core never reads either: shells pass them in. Monotonic
 * milliseconds come from CLOCK_MONOTONIC (`process.hrtime`), so on one machine they compare across processes and threads.
 */

declare const clock: unique symbol;

/** Milliseconds (fractions allowed) on the machine's monotonic clock. */
export type MonoMs = number & { readonly [clock]: "mono" };
/** Milliseconds since the Unix epoch by the machine's wall clock; for venues and people, never for deadlines. */
export type WallMs = number & { readonly [clock]: "wall" };

/** Marks a reading of the monotonic clock. */
export function monoMs(value: number): MonoMs {
  return value as MonoMs;
}

/** Marks a reading of the wall clock. */
export function wallMs(value: number): WallMs {
  return value as WallMs;
}

/** What shells use to read time, so that tests can put a virtual clock in its place. */
export interface Clock {
  mono(): MonoMs;
  wall(): WallMs;
}
