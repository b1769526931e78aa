/**
 * The in-sync set under a leader: who is taken out, who is taken in, and how a change whose answer is unknown is settled
 * (rules 6 and 7). One change is in flight at a time; what it proposes is waited for from the step in which it is asked.
 * Invariants I4, I7, I8.
 */
import { assert } from "../assert.ts";
import type { MonoMs } from "../time.ts";
import { isExtended } from "./failsafe.ts";
import { uncleansOf } from "./loss-range.ts";
import type { InsyncRecord, Member, Transaction } from "./records.ts";
import type { NodeId } from "../ids.ts";
import type { Flap, LeaderRole, Stepped, Succession } from "./state.ts";
import type { Follower } from "./wait-set.ts";
import { isSameMember } from "./wait-set.ts";

/** Shrinks by the first member that fell silent, else grows by the first that holds everything. A held set only shrinks. */
export function resize(state: Succession, role: LeaderRole, now: MonoMs): Stepped {
  const still: Stepped = { state: { ...state, role }, effects: [] };
  const { hold } = role;
  const isAsking = hold !== undefined && (hold.phase === "asking" || hold.phase === "killing");
  if (role.inFlight !== undefined || role.pending.length > 0 || isAsking) return still;
  const members = role.known.record.members;
  for (const member of members) {
    const why = whyShrink(state, role, member, now);
    if (why === undefined) continue;
    const proposal = members.filter((other) => !isSameMember(other, member));
    const isAsked = role.followers.get(member.node)?.isLeaving === true || isRemoved(state, member.node);
    const counted = isAsked ? role : { ...role, flaps: flapped(role, member.node, now) };
    return ask(state, counted, proposal, `Removes ${member.node} from the in-sync set: ${why}.`);
  }
  if (role.openedAt === undefined || role.commit < role.openedAt || hold !== undefined) return still;
  if (role.known.record.reconcileDue !== undefined && !isReconcileDue(role)) {
    return ask(state, role, members, "Notes in the in-sync set that the account is reconciled.");
  }
  for (const follower of role.followers.values()) {
    if (!mayGrow(state, role, follower, now)) continue;
    const proposal = [...members.filter((m) => m.node !== follower.member.node), follower.member];
    return ask(state, role, proposal, `Takes ${follower.member.node} into the in-sync set at ${follower.acked}.`);
  }
  return still;
}

/** Why this member is to leave the set now; undefined while it may stay, and always for the leader itself. */
export function whyShrink(state: Succession, role: LeaderRole, member: Member, now: MonoMs): string | undefined {
  if (isSameMember(member, state.me)) return undefined;
  const { shrinkMs, disconnectedShrinkMs } = state.timing;
  const follower = role.followers.get(member.node);
  if (follower === undefined || !isSameMember(follower.member, member)) {
    return now - role.sinceMonoMs >= shrinkMs ? `it has not joined this epoch within ${shrinkMs} ms` : undefined;
  }
  if (follower.isLeaving === true) return "it is stopping";
  // Two were in sync when an operator's word was taken; were one of them lost since, the last copy is not given up for it.
  const hasAnother = role.known.record.members.some((one) => one.node !== member.node && one.node !== state.me.node);
  if (isRemoved(state, member.node) && hasAnother) return "an operator has removed it";
  if (follower.vowedVersion === role.known.record.version) return "it has vowed to take over";
  if (!follower.isConnected && now - follower.linkMonoMs >= disconnectedShrinkMs) return "its link is down";
  if (now - follower.heardMonoMs >= shrinkMs) return `it has been silent for ${shrinkMs} ms`;
  if (follower.acked < state.durable && now - follower.progressMonoMs >= shrinkMs) {
    return `it has acknowledged nothing new for ${shrinkMs} ms`;
  }
  return undefined;
}

/** It must hold the commit point and everything inherited: else it could lead without a record of an earlier epoch. */
function mayGrow(state: Succession, role: LeaderRole, follower: Follower, now: MonoMs): boolean {
  if (!follower.isConnected || follower.isLeaving === true || isExtended(role, now)) return false;
  const isMember = role.known.record.members.some((m) => isSameMember(m, follower.member));
  const isQuick = now - follower.heardMonoMs < state.timing.shrinkMs / 2 && follower.acked >= role.commit;
  const isSteady = now - steadySince(role, follower) >= steadyMs(state, role, follower);
  const isWanted = !isRemoved(state, follower.member.node);
  return !isMember && isWanted && isSteady && isQuick && follower.acked >= role.inherited;
}

function isRemoved(state: Succession, node: NodeId): boolean {
  return state.view?.settings?.get(node)?.value.standing?.kind === "removed";
}

/** A member that was taken out again within so long flaps. */
const flapWithinMs = 60_000;
const steadyMaxMs = 30_000;

function flapped(role: LeaderRole, node: NodeId, now: MonoMs): ReadonlyMap<NodeId, Flap> {
  const before = role.flaps?.get(node);
  const isAgain = before !== undefined && now - before.lastMonoMs < flapWithinMs;
  return new Map([...(role.flaps ?? []), [node, { count: isAgain ? before.count + 1 : 1, lastMonoMs: now }]]);
}

/**
 * The first return is free; each further one has to wait twice as long, lest every commit waits for one that flaps. A leader
 * that is alone in the set has nothing to spare it: its records have one copy, and under strict durability nobody trades.
 */
function steadyMs(state: Succession, role: LeaderRole, follower: Follower): number {
  const count = role.flaps?.get(follower.member.node)?.count ?? 0;
  if (count < 2) return 0;
  const growAfterMs = state.timing.growAfterMs ?? 1_000;
  const isAlone = role.known.record.members.length === 1;
  return Math.min(growAfterMs * 2 ** (count - 2), isAlone ? growAfterMs : steadyMaxMs);
}

function steadySince(role: LeaderRole, follower: Follower): MonoMs {
  const out = role.flaps?.get(follower.member.node)?.lastMonoMs ?? follower.linkMonoMs;
  return out > follower.linkMonoMs ? out : follower.linkMonoMs;
}

/** Asks etcd for a set. The proposal joins the wait set in this step, before its request leaves. */
export function ask(state: Succession, role: LeaderRole, members: readonly Member[], sentence: string): Stepped {
  const id = state.nextTransaction;
  const insync: InsyncRecord = {
    epoch: role.epoch,
    version: role.known.record.version + 1,
    members,
    ...(role.known.record.takeovers !== undefined && { takeovers: role.known.record.takeovers }),
    ...uncleansOf(role.known.record),
    ...(isReconcileDue(role) && { reconcileDue: role.known.record.reconcileDue ?? role.epoch }),
    by: { boot: state.me.boot, transaction: id },
  };
  // The same members asked for twice are waited for once: however often etcd fails, the list has a bound.
  const pending = [...role.pending.filter((other) => !isSameSet(other.members, members)), insync];
  const next: LeaderRole = { ...role, pending, inFlight: id };
  return {
    state: { ...state, nextTransaction: id + 1, role: next },
    effects: [
      { kind: "transact", transaction: { kind: "set-insync", id, guard: guardOf(state, role), insync } },
      { kind: "say", event: "insync.asked", sentence },
    ],
  };
}

/** Does the set still have to say that the account is to be reconciled? */
function isReconcileDue(role: LeaderRole): boolean {
  const isDone = role.reconciledAt !== undefined && role.commit >= role.reconciledAt;
  return role.known.record.reconcileDue !== undefined && !isDone;
}

/** "I lead, and the set is the one I know": what a leader's own transactions are guarded on. */
export function guardOf(state: Succession, role: LeaderRole): Extract<Transaction, { kind: "set-insync" }>["guard"] {
  return {
    boot: state.me.boot,
    epoch: role.epoch,
    insyncModRevision: role.known.modRevision,
  };
}

/**
 * Rule 7: an unknown answer is settled by another transaction on the same guard, never by a read that shows nothing new:
 * the last proposal again, or, in a held set, a bump in place of a grow.
 */
export function settlePending(state: Succession, role: LeaderRole): Stepped {
  const last = role.pending.at(-1);
  assert(last !== undefined, "something is pending");
  const known = role.known.record.members;
  const isGrow = last.members.some((member) => !known.some((other) => isSameMember(other, member)));
  const members = isGrow && role.hold !== undefined ? known : last.members;
  return ask(state, role, members, "Settles a membership change whose answer is unknown.");
}

function isSameSet(a: readonly Member[], b: readonly Member[]): boolean {
  return a.length === b.length && a.every((member) => b.some((other) => isSameMember(member, other)));
}
