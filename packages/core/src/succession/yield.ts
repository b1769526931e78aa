/**
 * Yielding: a leader that has lost its own path to the venue, or all its prices of it, hands over to an in-sync standby that
 * still has both. Where nobody has, nothing moves: a venue that is down for everybody is no reason to change the leader.
 *
 * Orders and prices come by different ways (requests and streams), and a leader without a fresh price takes no order that
 * needs one: to who trades it is as good as gone, though it answers.
 */
import type { NodeId } from "../ids.ts";
import type { MonoMs } from "../time.ts";

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
  readonly reachesVenue: boolean;
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

/** A standby's word, after what it said before. */
export function sightOf(
  before: StandbySight | undefined,
  word: { readonly node: NodeId; readonly reachesVenue: boolean; readonly seesMarket: boolean },
  now: MonoMs,
): StandbySight {
  const { node, reachesVenue, seesMarket } = word;
  const isOn = before !== undefined && now - before.saidMonoMs < seenMaxMs;
  const since = (isOn ? before.seesSinceMonoMs : undefined) ?? now;
  return { node, reachesVenue, seesSinceMonoMs: seesMarket ? since : undefined, saidMonoMs: now };
}

/**
 * Undefined when leadership stays. Of those that have what is lacked one that is fit is asked; where none is, one of them is named
 * all the same: the refusal says why nobody takes over.
 */
export function yieldTo(input: YieldInput): YieldChoice | undefined {
  const { now, yieldMs, standbys, isFit } = input;
  const lasts = (since: MonoMs | undefined): boolean => since !== undefined && now - since >= yieldMs;
  const [isLost, isBlind] = [lasts(input.ownLostSinceMonoMs), lasts(input.ownBlindSinceMonoMs)];
  if (!isLost && !isBlind) return undefined;
  const reaching = standbys.filter((s) => s.reachesVenue && now - s.saidMonoMs < saidMaxMs);
  const seeing = reaching.filter((s) => s.seesSinceMonoMs !== undefined && now - s.saidMonoMs < seenMaxMs);
  const fitOf = (of: readonly StandbySight[]): StandbySight | undefined => of.find((s) => isFit(s.node));
  if (isLost) {
    // One without prices can at least take orders back and end doubts.
    const to = fitOf(seeing) ?? fitOf(reaching) ?? seeing[0] ?? reaching[0];
    if (to !== undefined) return { to: to.node, lacks: "venue" };
  }
  if (!isBlind) return undefined;
  // When a venue comes back to everybody, one is the first to have prices, which is no reason yet: the leader has the same time.
  const lasting = seeing.filter((s) => lasts(s.seesSinceMonoMs));
  const to = fitOf(lasting) ?? lasting[0];
  return to !== undefined ? { to: to.node, lacks: "market" } : undefined;
}
