/**
 * Yielding: a leader that has lost its own path to the venue hands over to an in-sync standby that still has one. Where
 * nobody has a path, nothing moves: a venue that is down for everybody is no reason to change the leader.
 */
import type { NodeId } from "../ids.ts";
import type { MonoMs } from "../time.ts";

export interface YieldInput {
  readonly now: MonoMs;
  readonly yieldMs: number;
  /** Since when the leader itself has had no working venue session; undefined while it has one. */
  readonly ownLostSinceMonoMs: MonoMs | undefined;
  /** In-sync standbys by what they last said of themselves, at most a few seconds ago. */
  readonly standbys: readonly { readonly node: NodeId; readonly reachesVenue: boolean; readonly saidMonoMs: MonoMs }[];
}

/** How old a standby's word about its venue session may be. */
const saidMaxMs = 2_500;

/** The standby to hand over to, or undefined when leadership stays. */
export function yieldTo(input: YieldInput): NodeId | undefined {
  const since = input.ownLostSinceMonoMs;
  if (since === undefined || input.now - since < input.yieldMs) return undefined;
  return input.standbys.find((s) => s.reachesVenue && input.now - s.saidMonoMs < saidMaxMs)?.node;
}
