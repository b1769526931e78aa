/**
 * The wait set and the commit rule: what the leader may call committed. The set last known committed in etcd, plus the
 * members proposed by each own membership transaction whose outcome is not known; a member joins before its grow is
 * requested and leaves only after the shrink has committed. Invariants I4, I7; rules 2, 6 and 7 of the protocol.
 */
import type { BootId, Epoch, NodeId, Sequence } from "../ids.ts";
import type { MonoMs } from "../time.ts";
import type { InsyncRecord, Member } from "./records.ts";

/** The in-sync set last known committed in etcd, with the revision that guards its next write. */
export interface KnownSet {
  readonly record: InsyncRecord;
  readonly modRevision: string;
}

/** What the leader knows of one follower, by the link. Positions count for this epoch and boot only. */
export interface Follower {
  readonly member: Member;
  readonly boot: BootId;
  readonly isConnected: boolean;
  /** Since when `isConnected` is what it is. */
  readonly linkMonoMs: MonoMs;
  /** Durable there, under this leadership. */
  readonly acked: Sequence;
  /** The newest question of the leader's that it has answered, under this leadership; 0: none. */
  readonly round: number;
  /** When it last said anything. */
  readonly heardMonoMs: MonoMs;
  /** When it last held all there was, or moved on. */
  readonly progressMonoMs: MonoMs;
  /** It vowed under (this epoch, this version): it acknowledges nothing more until the version moves. */
  readonly vowedVersion: number | undefined;
  /** It is stopping: it is taken out of the set at once, and not in again before its next boot. */
  readonly isLeaving?: boolean;
}

/** Every member whose acknowledgement a commit must wait for. */
export function waitSet(known: KnownSet, pending: readonly InsyncRecord[]): readonly Member[] {
  const members = [...known.record.members];
  for (const proposal of pending) {
    for (const member of proposal.members) {
      if (!members.some((other) => isSameMember(other, member))) members.push(member);
    }
  }
  return members;
}

/** Same node on the same disk. */
export function isSameMember(a: Member, b: Member): boolean {
  return a.node === b.node && a.journal === b.journal;
}

/** The commit point: the least position that is durable on every member of the wait set; it never moves back. */
export function commitPoint(input: {
  readonly self: Member;
  readonly ownDurable: Sequence;
  readonly members: readonly Member[];
  readonly followers: ReadonlyMap<NodeId, Follower>;
  readonly before: Sequence;
}): Sequence {
  let point = input.ownDurable;
  for (const member of input.members) {
    if (isSameMember(member, input.self)) continue;
    const follower = input.followers.get(member.node);
    const acked = follower !== undefined && isSameMember(follower.member, member) ? follower.acked : 0;
    point = Math.min(point, acked);
  }
  return Math.max(point, input.before);
}

/** Rule 5: may a node acknowledge on a connection of `connectionEpoch`? */
export function mayAcknowledge(input: {
  readonly connectionEpoch: Epoch;
  readonly epochMax: Epoch;
  readonly vow: { readonly epoch: Epoch; readonly version: number } | undefined;
  /** Newest (epoch, version) that a read of etcd showed. */
  readonly seen: { readonly epoch: Epoch; readonly version: number } | undefined;
}): boolean {
  if (input.connectionEpoch !== input.epochMax) return false;
  const { vow, seen } = input;
  if (vow === undefined || vow.epoch !== input.connectionEpoch) return true;
  return seen !== undefined && seen.epoch === vow.epoch && seen.version > vow.version;
}
