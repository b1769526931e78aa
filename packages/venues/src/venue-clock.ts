/**
 * The venue's clock as this node knows it: samples of the venue's time, each with its round trip, laid over the monotonic
 * clock, so that a jump of the wall clock moves no signature. The error bound is half the best round trip, the venue's
 * resolution, and what the local oscillator can drift since then; it narrows every signed validity.
 */
import { assert, wallMs, type Clock, type MonoMs, type WallMs } from "@baton/core";
import type { ClockReading } from "./venue.ts";

/** Worst slew of a disciplined CLOCK_MONOTONIC (NTP corrects with at most 500 ppm). */
const driftPpm = 500;
/** Binance's time has whole milliseconds: the true value lies up to 1 ms later. */
const resolutionMs = 1;
const samplesKept = 8;

interface Sample {
  readonly takenMonoMs: number;
  /** Venue time − monotonic time. */
  readonly skewMs: number;
  readonly halfTripMs: number;
}

export class VenueClock {
  readonly #clock: Clock;
  #samples: readonly Sample[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a reading of the venue's time, which was taken somewhere between the two local instants. */
  observe(sentMonoMs: MonoMs, answeredMonoMs: MonoMs, venueTimeMs: number): void {
    assert(answeredMonoMs >= sentMonoMs, "an answer follows its question");
    const middle = (sentMonoMs + answeredMonoMs) / 2;
    const fresh: Sample = {
      takenMonoMs: answeredMonoMs,
      skewMs: venueTimeMs + resolutionMs / 2 - middle,
      halfTripMs: (answeredMonoMs - sentMonoMs) / 2,
    };
    // Samples that cannot both be true: a clock was stepped (the venue's, or ours by a suspend), and the newest one knows.
    const agreeing = this.#samples.filter(
      (old) => Math.abs(old.skewMs - fresh.skewMs) <= errorAt(old, answeredMonoMs) + errorAt(fresh, answeredMonoMs),
    );
    this.#samples = [...agreeing.slice(1 - samplesKept), fresh];
  }

  /** The venue's time now, and how far it may be off; undefined before the first sample. */
  now(): { readonly venueWallMs: WallMs; readonly errorMs: number } | undefined {
    const mono = this.#clock.mono();
    let best: { readonly sample: Sample; readonly errorMs: number } | undefined;
    for (const sample of this.#samples) {
      const errorMs = errorAt(sample, mono);
      if (best === undefined || errorMs < best.errorMs) best = { sample, errorMs };
    }
    if (best === undefined) return undefined;
    return { venueWallMs: wallMs(mono + best.sample.skewMs), errorMs: best.errorMs };
  }

  /** The reading for people and for the rule that refuses new orders when the error is large. */
  reading(): ClockReading | undefined {
    const now = this.now();
    return now === undefined ? undefined : { offsetMs: now.venueWallMs - this.#clock.wall(), errorMs: now.errorMs };
  }
}

function errorAt(sample: Sample, monoMs: number): number {
  return sample.halfTripMs + resolutionMs / 2 + ((monoMs - sample.takenMonoMs) * driftPpm) / 1e6;
}
