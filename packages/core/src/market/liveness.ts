/**
 * Whether a silent stream is quiet or dead.
 *
 * Silence alone proves nothing: a market may be quiet. So after a while without data the venue is asked over another
 * path (REST) how far it is. If it is no further than we are, nothing was missed and the data counts as fresh from the
 * moment of the question; if it is ahead and the stream still says nothing within a grace, the stream is dead, however
 * lively its pings, its acknowledgements and its neighbours are. A stream that has never delivered is judged the same way,
 * from the moment it was subscribed. All on the monotonic clock.
 *
 * How long "a while" is, each stream says itself: twice the gap that nearly all of its messages keep to, within bounds.
 */
import type { MonoMs } from "../time.ts";
import { monoMs } from "../time.ts";
import type { Rhythm } from "./rhythm.ts";
import { newRhythm, noteGap, usualGapMs } from "./rhythm.ts";

export interface LivenessRules {
  /** Silence after which the venue is asked, whatever the rhythm; Infinity: never asked. */
  readonly askAfterMs: number;
  /** A stream that is quicker is asked about sooner, but not before this; default `askAfterMs`. */
  readonly askAfterLeastMs?: number;
  /** How long an answer may take before it is asked again. */
  readonly answerWithinMs: number;
  /** How long the stream may lag behind what the venue says it has. */
  readonly graceMs: number;
  /** Silence that is death even without proof, because nobody answers; Infinity for streams that may be quiet for ever. */
  readonly silenceMaxMs: number;
}

/** What is known of one subscription. Changed in place: it is touched by every message. */
export interface StreamLife {
  /** Last data, or the subscription's begin. */
  heardMono: MonoMs;
  /** Begin of the last question whose answer showed that nothing was missed. */
  provenMono: MonoMs;
  /** Since when the venue is known to be ahead, with no data since. */
  behindSinceMono: MonoMs | undefined;
  /** When the unanswered question was asked. */
  askedMono: MonoMs | undefined;
  readonly rhythm: Rhythm;
}

/** A subscription that was acknowledged at `nowMono`; its rhythm may be known from an earlier connection. */
export function newStreamLife(nowMono: MonoMs, rhythm: Rhythm = newRhythm()): StreamLife {
  return { heardMono: nowMono, provenMono: nowMono, behindSinceMono: undefined, askedMono: undefined, rhythm };
}

/** Data has come. Pings and acknowledgements do not count. */
export function noteHeard(life: StreamLife, nowMono: MonoMs): void {
  noteGap(life.rhythm, nowMono - life.heardMono);
  life.heardMono = nowMono;
  life.behindSinceMono = undefined;
}

/** The venue was asked. */
export function noteAsked(life: StreamLife, nowMono: MonoMs): void {
  life.askedMono = nowMono;
}

/** The venue answered: `isBehind` when it has what we do not. `askedMono` is when the question left. */
export function noteAnswered(
  life: StreamLife,
  answer: { readonly askedMono: MonoMs; readonly nowMono: MonoMs; readonly isBehind: boolean },
): void {
  life.askedMono = undefined;
  if (!answer.isBehind) {
    life.provenMono = monoMs(Math.max(life.provenMono, answer.askedMono));
    life.behindSinceMono = undefined;
    return;
  }
  // Data that came after the question may well be what the venue spoke of.
  if (life.heardMono < answer.askedMono) life.behindSinceMono ??= answer.nowMono;
}

/** The silence after which this stream is asked about. */
export function askAfterMs(life: StreamLife, rules: LivenessRules): number {
  const usualMs = usualGapMs(life.rhythm);
  if (usualMs === undefined) return rules.askAfterMs;
  return Math.min(rules.askAfterMs, Math.max(rules.askAfterLeastMs ?? rules.askAfterMs, 2 * usualMs));
}

/** What to do about a stream now, and when to look again. */
export type LivenessVerdict =
  | { readonly verdict: "fresh"; readonly nextMono: MonoMs }
  | { readonly verdict: "ask"; readonly nextMono: MonoMs }
  | { readonly verdict: "dead"; readonly silentMs: number; readonly isProven: boolean };

/** Judges one subscription. On "ask" the caller asks, calls `noteAsked`, and reports by `answered`. */
export function judgeLiveness(life: StreamLife, rules: LivenessRules, nowMono: MonoMs): LivenessVerdict {
  const freshMono = Math.max(life.heardMono, life.provenMono);
  const silentMs = nowMono - freshMono;
  if (life.behindSinceMono !== undefined && nowMono - life.behindSinceMono >= rules.graceMs) {
    return { verdict: "dead", silentMs, isProven: true };
  }
  if (silentMs >= rules.silenceMaxMs) return { verdict: "dead", silentMs, isProven: false };
  const graceEnds = life.behindSinceMono === undefined ? Infinity : life.behindSinceMono + rules.graceMs;
  const deadline = Math.min(graceEnds, freshMono + rules.silenceMaxMs);
  // An answer that is behind is not asked for again: the grace decides.
  if (life.behindSinceMono !== undefined) return { verdict: "fresh", nextMono: monoMs(deadline) };
  const dueMono = freshMono + askAfterMs(life, rules);
  const askMono = life.askedMono === undefined ? dueMono : Math.max(dueMono, life.askedMono + rules.answerWithinMs);
  if (nowMono >= askMono)
    return { verdict: "ask", nextMono: monoMs(Math.min(deadline, nowMono + rules.answerWithinMs)) };
  return { verdict: "fresh", nextMono: monoMs(Math.min(deadline, askMono)) };
}
