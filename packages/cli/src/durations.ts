/** Spans of time as people write them on a command line: `30m`, `90s`, `250ms`, `2h`, `1d`. */
import { InvalidArgumentError } from "commander";

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** As long as a timer can be: 24 days. */
const timerMostMs = 2 ** 31 - 1;

/** Aborts after so many milliseconds, and before where `signal` does: nobody waits any longer. */
export function waitsUntil(ms: number, signal?: AbortSignal): AbortSignal {
  const timeout = AbortSignal.timeout(Math.min(ms, timerMostMs));
  return signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
}

/** Milliseconds of such a text; a usage error for anything else. */
export function durationMs(text: string): number {
  const [, count, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  const unitMs = unitsMs[unit ?? ""];
  if (count === undefined || unitMs === undefined) {
    throw new InvalidArgumentError("Write a number and a unit: 250ms, 90s, 30m, 2h or 1d.");
  }
  return Number(count) * unitMs;
}

/** A whole number from `minimum` up; a usage error for anything else. */
export function wholeFrom(minimum: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= minimum)) throw new InvalidArgumentError(`Write a whole number of at least ${minimum}.`);
    return value;
  };
}

/** Wall-clock milliseconds of `2h` (ago) or of an ISO time; a usage error for anything else. */
export function sinceWallMs(text: string): number {
  if (/^\d+(ms|s|m|h|d)$/.test(text)) return Date.now() - durationMs(text);
  const parsed = Date.parse(text);
  if (Number.isNaN(parsed)) throw new InvalidArgumentError("Write a span (2h) or an ISO time (2026-01-31T03:00:00Z).");
  return parsed;
}
