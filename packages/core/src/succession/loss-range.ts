/**
 * What an unclean failover may lose, stated before it is decided: up to where the candidate's journal is the cluster's, and
 * what others were seen to hold beyond that. Where each unclean failover began stands in the in-sync record, so that a node
 * that missed one is not believed in what it knows committed of the history that was given up. Operators:
 * `runbooks/unclean-failover.md`.
 */
import type { NodeId, Sequence } from "../ids.ts";
import type { EtcdView, InsyncRecord, MemberRecord, UncleanMark } from "./records.ts";
import type { Succession } from "./state.ts";

/** What an unclean failover to a node may lose. */
export interface LossRange {
  readonly node: NodeId;
  /** Up to here its journal is the cluster's; all after it is lost. */
  readonly holds: Sequence;
  /** The highest record that somebody else was seen to hold and this node does not; undefined when none was. */
  readonly seen: Sequence | undefined;
  /** Whoever was seen to hold it is in the set, so that nothing after it was committed before it was published. */
  readonly isSeenInSet: boolean;
  readonly sentence: string;
}

/**
 * Up to where this journal is known to be the cluster's. Its end, if it holds a record of the newest epoch: by the chain, all
 * before that is what its leader holds. Else only what it knows committed: later leaders may have committed other records at
 * the numbers of its tail; and of that no more than every unclean failover that it missed left standing. It has missed one
 * when it holds no record of that epoch or a later one: its leader's first record was one.
 */
export function heldForSure(
  candidate: Pick<MemberRecord, "position" | "facts"> | undefined,
  view: Pick<EtcdView, "epoch" | "insync">,
): Sequence {
  if (candidate === undefined) return 0;
  const { position, facts } = candidate;
  const last = facts?.anchor?.last.epoch ?? 0;
  if (last === view.epoch.value) return position.durable;
  const missed = (view.insync?.value.uncleans ?? []).filter((mark) => mark.epoch > last);
  return Math.min(position.committed, ...missed.map((mark) => mark.holds));
}

/** More than will ever be; with more of them the two oldest count as one that left the lesser part of both. */
const uncleansMax = 16;

/**
 * The marks that the next set carries. One that began before an earlier one did says all that the earlier one says: whoever
 * missed the earlier one missed this one too.
 */
export function uncleansOf(
  { uncleans: before = [] }: Pick<InsyncRecord, "uncleans">,
  begun?: UncleanMark,
): Pick<InsyncRecord, "uncleans"> {
  const marks = begun === undefined ? before : [...before.filter((mark) => mark.holds < begun.holds), begun];
  if (marks.length === 0) return {};
  const [oldest, second, ...rest] = marks;
  if (marks.length <= uncleansMax || oldest === undefined || second === undefined) return { uncleans: marks };
  return { uncleans: [{ epoch: second.epoch, holds: oldest.holds }, ...rest] };
}

/** The range that may be lost with this candidate, as exactly as it can be said before the decision. */
export function lossRangeOf(
  state: Succession,
  view: EtcdView,
  candidate: Pick<MemberRecord, "node" | "position" | "facts">,
): LossRange {
  const { node } = candidate;
  const holds = heldForSure(candidate, view);
  const set = view.insync?.value.members ?? [];
  const others = [...view.members.values(), ...(state.lastLeaderMember === undefined ? [] : [state.lastLeaderMember])];
  let seen: Sequence | undefined;
  let isSeenInSet = false;
  // The candidate's own word says nothing of what the others went on to commit without it.
  for (const other of others) {
    const { durable } = other.position;
    if (other.node === node || durable <= holds || durable < (seen ?? 0)) continue;
    const isMemberOfSet = set.some((member) => member.node === other.node && member.journal === other.journal);
    isSeenInSet = isMemberOfSet || (isSeenInSet && durable === seen);
    seen = durable;
  }
  const members = view.insync === undefined ? "unknown" : set.map((member) => member.node).join(", ");
  const known =
    seen === undefined
      ? `all after record ${holds}; nobody who holds more was seen`
      : isSeenInSet
        ? `records ${holds + 1} to ${seen}, and what was committed after record ${seen} was last published`
        : `all after record ${holds}; up to record ${seen} was seen, and not at a member of the set, which may hold more`;
  return {
    node,
    holds,
    seen,
    isSeenInSet,
    sentence: `${node} holds up to record ${holds}; the in-sync set is {${members}}. May be lost: ${known}.`,
  };
}
