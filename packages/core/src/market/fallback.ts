/**
 * Which of two providers of a price is believed: the first, or, while that is stale, the second.
 *
 * The second is another venue or another vendor, so its price is not the first's: it is taken only while it lies within a
 * band around the last word of the first, widened with that word's age, and never when the first has said nothing yet.
 * The way back has hysteresis: the first must have been fresh without a break for `backAfterMs` (and, where both speak,
 * the two must agree within the band), so that a provider that flaps does not make the price flap.
 *
 * Operators see the choice as the feed named in each price and in the status; each change is told with its sentence.
 */
import type { MonoMs } from "../time.ts";
import type { Quality } from "./quality.ts";

export interface FallbackRules {
  /** Most difference between the two middles, in basis points of the first's. */
  readonly bandBps: number;
  /** So much wider for each second since the first's last word. */
  readonly bandBpsPerSecond: number;
  /** After this age of the first's last word no price of the second can be judged by it. */
  readonly anchorMaxMs: number;
  /** How long the first must have been fresh again. */
  readonly backAfterMs: number;
}

/** What is usual for one asset at two large venues. */
export const fallbackRules: FallbackRules = {
  bandBps: 50,
  bandBpsPerSecond: 5,
  anchorMaxMs: 60_000,
  backAfterMs: 10_000,
};

/** One provider's word now. `middle` is a sort key: it is compared, never traded on. */
export interface ProviderWord {
  readonly quality: Quality;
  readonly middle: number;
}

/** Which one is in use for one symbol. Begin with `newFallback`. */
export interface Fallback {
  readonly use: "first" | "second" | "none";
  /** Since when the first has been fresh without a break; undefined while it is not. */
  readonly freshSinceMono: MonoMs | undefined;
  /** The first's last fresh word. */
  readonly anchor: { readonly middle: number; readonly atMono: MonoMs } | undefined;
  readonly sentence: string;
}

/** Before anybody has spoken. */
export const newFallback: Fallback = {
  use: "none",
  freshSinceMono: undefined,
  anchor: undefined,
  sentence: "no provider has given a price yet",
};

/** Looks at both now. Call it whenever one of them has spoken and before each use. */
export function stepFallback(
  state: Fallback,
  rules: FallbackRules,
  now: {
    readonly nowMono: MonoMs;
    readonly first: ProviderWord | undefined;
    readonly second: ProviderWord | undefined;
  },
): Fallback {
  const { nowMono } = now;
  const first = fresh(now.first);
  const second = fresh(now.second);
  const freshSinceMono = first === undefined ? undefined : (state.freshSinceMono ?? nowMono);
  const anchor = first === undefined ? state.anchor : { middle: first.middle, atMono: nowMono };
  const next = { freshSinceMono, anchor };
  if (first !== undefined && freshSinceMono !== undefined) {
    if (state.use !== "second") return { ...next, use: "first", sentence: "the first provider is fresh" };
    const left = rules.backAfterMs - (nowMono - freshSinceMono);
    const isBack = left <= 0;
    const agrees = second === undefined || isWithin(second.middle, first.middle, rules.bandBps);
    // Where the second has gone as well there is nothing to wait for.
    if (second === undefined || (isBack && agrees)) {
      return { ...next, use: "first", sentence: "the first provider is fresh again" };
    }
    const why = isBack ? "the two do not agree" : "it must stay so for a while";
    return { ...next, use: "second", sentence: `the first provider is fresh again, but ${why}` };
  }
  if (second === undefined) return { ...next, use: "none", sentence: "neither provider is fresh" };
  if (anchor === undefined) {
    return { ...next, use: "none", sentence: "the second provider cannot be judged: the first has never spoken" };
  }
  const ageMs = nowMono - anchor.atMono;
  if (ageMs > rules.anchorMaxMs) {
    return { ...next, use: "none", sentence: "the first provider's last word is too old to judge the second by" };
  }
  const band = rules.bandBps + (rules.bandBpsPerSecond * ageMs) / 1_000;
  if (!isWithin(second.middle, anchor.middle, band)) {
    return {
      ...next,
      use: "none",
      sentence: `the second provider is more than ${Math.round(band)} bps off the first's last word`,
    };
  }
  return { ...next, use: "second", sentence: "the first provider is stale; the second's price is within the band" };
}

function fresh(word: ProviderWord | undefined): ProviderWord | undefined {
  return word === undefined || word.quality === "stale" || !(word.middle > 0) ? undefined : word;
}

function isWithin(middle: number, of: number, bps: number): boolean {
  return Math.abs(middle - of) * 10_000 <= of * bps;
}
