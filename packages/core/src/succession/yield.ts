/**
 * Yielding: a leader that has lost its own path to the venue, or all its prices of it, hands over to an in-sync standby that
 * still has both. Where nobody has, nothing moves: a venue that is down for everybody is no reason to change the leader. So
 * a standby's word counts only when the venue has answered it since the leader lost its own way: of a venue that stands
 * still for all, the leader knows first, since it asks most.
 *
 * Orders and prices come by different ways (requests and streams), and a leader without a fresh price takes no order that
 * needs one: to who trades it is as good as gone, though it answers.
 */
import type { NodeId } from "../ids.ts";
import type { MonoMs } from "../time.ts";
import { monoMs } from "../time.ts";

export interface YieldInput {
  readonly now: MonoMs;
  readonly yieldMs: number;
  /** Since when the leader itself has had no working venue session; undefined while it has one. */
  readonly ownLostSinceMonoMs: MonoMs | undefined;
  /** Since when it has had no fresh price of anything at some venue; undefined while it has. */
  readonly ownBlindSinceMonoMs: MonoMs | undefined;
  /** In-sync standbys by what they last said of themselves, at most a few seconds ago. */
  readonly standbys: readonly StandbySight[];
  /** Whether a node could be handed the leadership now (`whyNotSuccessor`); asked only where something is lacked. */
  readonly isFit: (node: NodeId) => boolean;
}

/** What a standby said of itself, and when. */
export interface StandbySight {
  readonly node: NodeId;
  /** Since when it has said, without a gap, that every venue answers it; undefined: it has not. */
  readonly reachesSinceMonoMs: MonoMs | undefined;
  /** When it asked what every venue has answered since: its way was open then. */
  readonly reachedMonoMs: MonoMs;
  /** Since when it has said, without a gap, that it has fresh prices of every venue; undefined: it has not, or does not say. */
  readonly seesSinceMonoMs: MonoMs | undefined;
  readonly saidMonoMs: MonoMs;
}

/** The standby to hand over to, and what it has that the leader lacks. */
export interface YieldChoice {
  readonly to: NodeId;
  readonly lacks: "venue" | "market";
}

/** How old a standby's word about its venue session may be. */
const saidMaxMs = 2_500;
/** The same of its prices: where a venue falls silent for everybody, all lose them within a moment. */
const seenMaxMs = 1_000;

/** A standby's word. */
export interface SightWord {
  readonly node: NodeId;
  readonly reachesVenue: boolean;
  /** So long ago it asked what every venue has answered; absent in the word of an older build, whose word counts as an answer. */
  readonly reachedAgoMs?: number | undefined;
  readonly seesMarket: boolean;
}

/** A standby's word, after what it said before. */
export function sightOf(before: StandbySight | undefined, word: SightWord, now: MonoMs): StandbySight {
  const { node, reachesVenue, reachedAgoMs = 0, seesMarket } = word;
  const since = (is: boolean, sinceMonoMs: MonoMs | undefined, gapMaxMs: number): MonoMs | undefined => {
    if (!is) return undefined;
    const isOn = before !== undefined && now - before.saidMonoMs < gapMaxMs;
    return (isOn ? sinceMonoMs : undefined) ?? now;
  };
  return {
    node,
    reachesSinceMonoMs: since(reachesVenue, before?.reachesSinceMonoMs, saidMaxMs),
    reachedMonoMs: monoMs(now - reachedAgoMs),
    seesSinceMonoMs: since(seesMarket, before?.seesSinceMonoMs, seenMaxMs),
    saidMonoMs: now,
  };
}

/**
 * Undefined when leadership stays. Of those that have what is lacked one that is fit is asked; where none is, one of them is named
 * all the same: the refusal says why nobody takes over.
 */
export function yieldTo(input: YieldInput): YieldChoice | undefined {
  const { now, yieldMs, ownLostSinceMonoMs, standbys, isFit } = input;
  const lasts = (since: MonoMs | undefined): boolean => since !== undefined && now - since >= yieldMs;
  const [isLost, isBlind] = [lasts(ownLostSinceMonoMs), lasts(input.ownBlindSinceMonoMs)];
  if (!isLost && !isBlind) return undefined;
  const reaching = standbys.filter((s) => s.reachesSinceMonoMs !== undefined && now - s.saidMonoMs < saidMaxMs);
  const seeing = reaching.filter((s) => s.seesSinceMonoMs !== undefined && now - s.saidMonoMs < seenMaxMs);
  const fitOf = (of: readonly StandbySight[]): StandbySight | undefined => of.find((s) => isFit(s.node));
  if (isLost) {
    // When a venue comes back to everybody, one is the first to hear of it, which is no reason yet: the leader has the same time.
    const isProven = (s: StandbySight): boolean =>
      lasts(s.reachesSinceMonoMs) && s.reachedMonoMs > (ownLostSinceMonoMs ?? Infinity);
    const [best, good] = [seeing.filter(isProven), reaching.filter(isProven)];
    // One without prices can at least take orders back and end doubts.
    const to = fitOf(best) ?? fitOf(good) ?? best[0] ?? good[0];
    if (to !== undefined) return { to: to.node, lacks: "venue" };
  }
  if (!isBlind) return undefined;
  // As above, of prices.
  const lasting = seeing.filter((s) => lasts(s.seesSinceMonoMs));
  const to = fitOf(lasting) ?? lasting[0];
  return to !== undefined ? { to: to.node, lacks: "market" } : undefined;
}
