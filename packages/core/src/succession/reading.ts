/**
 * May a leader answer a read? Only where no successor can have acknowledged anything before the read came in: else a
 * client that placed an order with the successor is told here that there is none. A lease does not say that, for a
 * pre-emption, an operator's failover and a lease that somebody revoked are all faster than its end. The vow does: whoever
 * takes over has vowed first and acknowledges this epoch no more, and is in the wait set until etcd has committed a set
 * without it. So a read waits as a commit does, for a word of each member of the wait set, spoken after the read came in:
 * the leader's question has a number, the round, and an acknowledgement names the newest that it answers. No clock takes
 * part, and a process that was frozen asks like any other. Invariants I5, I6, I7; decision 38.
 */
import type { MonoMs } from "../time.ts";
import { isEpochOpen, waitedFor } from "./leading.ts";
import type { Succession } from "./state.ts";
import { isSameMember } from "./wait-set.ts";

/** The question a read waits for, and until when this node may act at all. */
export interface ReadGround {
  /** Asked after the read came in. */
  readonly round: number;
  /** Of the lease, or of the peers' promises; nobody can contradict a leader that is alone in the set but an unclean failover. */
  readonly deadlineMonoMs: MonoMs;
}

/** May what is committed here be told to a reader now? False may become true with any input of a leader. */
export function isReadable(state: Succession, ground: ReadGround, now: MonoMs): boolean {
  const { role } = state;
  if (role.role !== "leader" || now >= ground.deadlineMonoMs) return false;
  // Before, what is committed here may lack the end of what a predecessor acknowledged.
  if (!isEpochOpen(role)) return false;
  return waitedFor(role).every((member) => {
    if (isSameMember(member, state.me)) return true;
    const follower = role.followers.get(member.node);
    return follower !== undefined && isSameMember(follower.member, member) && follower.round >= ground.round;
  });
}
