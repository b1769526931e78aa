/**
 * The venue's clock as this node knows it: samples of the venue's time, each with its round trip, laid over the monotonic
 * clock, so that a jump of the wall clock moves no signature. Each sample bounds the venue's time by its round trip and the
 * venue's resolution, wider by what the local oscillator can drift since; what all of them allow together is the reading,
 * and its half is the error bound, which narrows every signed validity.
 */
import { assert, wallMs, type Clock, type MonoMs, type WallMs } from "@baton/core";
import type { ClockReading } from "./venue.ts";

/** Worst slew of a disciplined CLOCK_MONOTONIC (NTP corrects with at most 500 ppm). */
const driftPpm = 500;
const samplesKept = 8;
/** A venue's time that is further ahead by more than this is told; less is within the clock error that every proof counts with. */
const aheadMs = 100;

/** What one reading allows for "venue time − monotonic time". */
interface Sample {
  readonly takenMonoMs: number;
  readonly lowMs: number;
  readonly highMs: number;
}

export class VenueClock {
  readonly #clock: Clock;
  readonly #resolutionMs: number;
  readonly #onAhead: (ms: number) => void;
  #samples: readonly Sample[] = [];

  /**
   * `resolutionMs`: what the venue tells is cut to it, so that the true time lies up to so much later. `onAhead`: at the venue at
   * least `ms` more have passed than on our monotonic clock, which may have stood still; called before the new reading counts.
   */
  constructor(clock: Clock, resolutionMs: number, onAhead: (ms: number) => void = () => undefined) {
    this.#clock = clock;
    this.#resolutionMs = resolutionMs;
    this.#onAhead = onAhead;
  }

  /** Adds a reading of the venue's time, which was taken somewhere between the two local instants. */
  observe(sentMonoMs: MonoMs, answeredMonoMs: MonoMs, venueTimeMs: number): void {
    assert(answeredMonoMs >= sentMonoMs, "an answer follows its question");
    const fresh: Sample = {
      takenMonoMs: answeredMonoMs,
      lowMs: venueTimeMs - answeredMonoMs,
      highMs: venueTimeMs + this.#resolutionMs - sentMonoMs,
    };
    const ahead = Math.max(...this.#samples.map((old) => fresh.lowMs - old.highMs - driftOf(old, answeredMonoMs)));
    if (ahead > aheadMs) this.#onAhead(ahead);
    // Samples that cannot both be true: a clock was stepped (the venue's, or ours by a suspend), and the newest one knows.
    const agreeing = this.#samples.filter((old) => {
      const driftMs = driftOf(old, answeredMonoMs);
      return old.lowMs - driftMs <= fresh.highMs && fresh.lowMs <= old.highMs + driftMs;
    });
    this.#samples = [...agreeing.slice(1 - samplesKept), fresh];
  }

  /** The venue's time now, and how far it may be off; undefined before the first sample. */
  now(): { readonly venueWallMs: WallMs; readonly errorMs: number } | undefined {
    const mono = this.#clock.mono();
    let low = Number.NEGATIVE_INFINITY;
    let high = Number.POSITIVE_INFINITY;
    // The newest first: an older one that contradicts what the newer ones leave (its drift was worse) is passed over.
    for (const sample of this.#samples.toReversed()) {
      const driftMs = driftOf(sample, mono);
      if (sample.lowMs - driftMs > high || sample.highMs + driftMs < low) continue;
      low = Math.max(low, sample.lowMs - driftMs);
      high = Math.min(high, sample.highMs + driftMs);
    }
    if (this.#samples.length === 0) return undefined;
    return { venueWallMs: wallMs(mono + (low + high) / 2), errorMs: (high - low) / 2 };
  }

  /**
   * The reading for people and for the rule that refuses new orders when the error is large. Our two clocks are read one after the
   * other; on a busy machine time passes in between, and nobody knows before which of it.
   */
  reading(): ClockReading | undefined {
    const beforeMono = this.#clock.mono();
    const wall = this.#clock.wall();
    const now = this.now();
    const halfMs = (this.#clock.mono() - beforeMono) / 2;
    return now === undefined ? undefined : { offsetMs: now.venueWallMs - halfMs - wall, errorMs: now.errorMs + halfMs };
  }
}

const usualEveryMs = 10_000;
/**
 * A reading that may be further off than this is soon taken again: the answer was slow, which passes, but a node whose clock may be
 * too far off may not trade (`promotability`), and who waits for the next turn waits ten seconds. Where it stays wide the venue is
 * far away, and no better for being asked each second: some venues let an address ask no more than that.
 */
const wide = { errorMs: 100, firstMs: 1_000, mostMs: 8_000 };

/**
 * The pause before the next sample, by the error of the reading (undefined: there is none) and the pause before this one: after
 * one of `usualEveryMs` the reading has only just become wide.
 */
export function clockPauseMs(errorMs: number | undefined, lastMs: number | undefined): number {
  if (errorMs !== undefined && errorMs <= wide.errorMs) return usualEveryMs;
  return lastMs === undefined || lastMs >= usualEveryMs ? wide.firstMs : Math.min(lastMs * 2, wide.mostMs);
}

function driftOf(sample: Sample, monoMs: number): number {
  return ((monoMs - sample.takenMonoMs) * driftPpm) / 1e6;
}
