/**
 * When is a leader silent? A failure detector that learns the rhythm of the link: of each second the longest gap between
 * two signs of life counts, and the silence that is allowed is the usual longest gap plus four deviations of it, never
 * less than a floor and never more than a ceiling (`replication.silenceMs`, `silenceMaxMs`). Block maxima are judged and not single gaps, because
 * under load a thousand short gaps say nothing of the long one; no shape of the distribution is assumed. A standby that
 * itself stood still has heard nothing because it did not listen: that time is not counted.
 */
import type { BootId } from "../ids.ts";
import { monoMs } from "../time.ts";
import type { MonoMs } from "../time.ts";
import type { Succession } from "./state.ts";

/** How one leader is heard. */
export interface Rhythm {
  readonly of: BootId;
  readonly lastMonoMs: MonoMs;
  readonly blockSinceMonoMs: MonoMs;
  /** Longest gap of the second that is under way. */
  readonly blockWorstMs: number;
  /** Smoothed longest gap of a second, and its mean deviation; 0 before the first second has passed. */
  readonly usualWorstMs: number;
  readonly deviationMs: number;
}

const blockMs = 1_000;
/** A loop that did not turn for so long did not listen either. */
const stallMs = 200;

/** The silence after which the leader counts as gone, by what is known of the link now. */
export function silenceAllowedMs(state: Succession): number {
  const { silenceMs, silenceMaxMs = silenceMs } = state.timing;
  const { rhythm } = state;
  if (rhythm === undefined) return silenceMs;
  const expected = rhythm.usualWorstMs + 4 * rhythm.deviationMs;
  return Math.min(Math.max(expected, silenceMs), Math.max(silenceMaxMs, silenceMs));
}

/** A sign of life of a leader. */
export function heardIn(state: Succession, of: BootId, now: MonoMs): Succession {
  return { ...state, rhythm: heard(state.rhythm, of, now) };
}

/** The rhythm after one more sign of life. */
export function heard(before: Rhythm | undefined, of: BootId, now: MonoMs): Rhythm {
  if (before?.of !== of) {
    return {
      of,
      lastMonoMs: now,
      blockSinceMonoMs: now,
      blockWorstMs: 0,
      usualWorstMs: 0,
      deviationMs: 0,
    };
  }
  const blockWorstMs = Math.max(before.blockWorstMs, now - before.lastMonoMs);
  const heardNow = { ...before, lastMonoMs: now, blockWorstMs };
  if (now - before.blockSinceMonoMs < blockMs) return heardNow;
  // The smoothing of RFC 6298: a link that turns bad is believed within a few seconds, one bad second is forgotten in some ten. Unlike
  // there the first sample is one like any other: in its first second a leader takes over, which says least of its rhythm.
  const apart = Math.abs(blockWorstMs - before.usualWorstMs);
  return {
    ...heardNow,
    blockSinceMonoMs: now,
    blockWorstMs: 0,
    usualWorstMs: before.usualWorstMs + (blockWorstMs - before.usualWorstMs) / 8,
    deviationMs: before.deviationMs + (apart - before.deviationMs) / 4,
  };
}

/** The loop turned: what it missed by standing still is no silence of the leader's. */
export function stalledBy(state: Succession, now: MonoMs): Succession {
  const stoodMs = state.tickedMonoMs === undefined ? 0 : now - state.tickedMonoMs;
  const ticked: Succession = { ...state, tickedMonoMs: now };
  const { role, rhythm } = state;
  if (stoodMs < stallMs || role.role !== "standby") return ticked;
  const later = (at: MonoMs): MonoMs => monoMs(Math.min(now, at + stoodMs));
  return {
    ...ticked,
    role: { ...role, heardMonoMs: later(role.heardMonoMs) },
    rhythm: rhythm === undefined ? undefined : { ...rhythm, lastMonoMs: later(rhythm.lastMonoMs) },
  };
}
