/**
 * How a takeover is asked for (rule 8): what the protocol itself demands of a candidate, and the guarded transaction that
 * follows from what was read. When one is asked for is decided in `standby.ts` (by itself) and `failover.ts` (by an
 * operator). Invariants I1, I5, I6.
 */
import { assert } from "../assert.ts";
import type { TakeoverReason } from "../formats/events.ts";
import type { Epoch, OperationId } from "../ids.ts";
import type { WallMs } from "../time.ts";
import { heldForSure, uncleansOf } from "./loss-range.ts";
import { promotability } from "./promotability.ts";
import type { PromotabilityReason } from "./promotability.ts";
import type { EtcdView, InsyncRecord, LeaderRecord, MemberRecord, Transaction } from "./records.ts";
import type { CandidateRole, StandbyRole, Stepped, Succession } from "./state.ts";

type Takeover = Extract<Transaction, { kind: "takeover" }>;

/** The one function's answer on this node itself. */
export function judgedSelf(state: Succession, view: EtcdView, wall: WallMs): readonly PromotabilityReason[] {
  const { self, lastLeaderMember, lastMetro, rules } = state;
  if (self === undefined) return [];
  return promotability({ candidate: self, view, leader: lastLeaderMember, lastMetro, rules, wall });
}

/** What forbids a takeover whoever asks for it: the protocol's own conditions. */
export function whyNotEligible(state: Succession, view: EtcdView): string | undefined {
  return (
    whyUnprepared(state, view) ??
    (isMember(state, view) ? undefined : "not in the in-sync set") ??
    whyBehind(state, view)
  );
}

/** Is this node, with this disk, in the set? */
export function isMember(state: Succession, view: EtcdView): boolean {
  return view.insync?.value.members.some((m) => m.node === state.me.node && m.journal === state.me.journal) ?? false;
}

/** What must be there before anything can be asked of etcd. */
export function whyUnprepared(state: Succession, view: EtcdView): string | undefined {
  if (!state.isAdmitted) return "this boot has not been held against etcd yet";
  if (view.cluster === undefined) return "the cluster is not initialised";
  if (view.insync === undefined) return "etcd holds no in-sync set";
  return state.lease === undefined ? "no lease yet" : undefined;
}

/** This node knows of something later than etcd shows. */
export function whyBehind(state: Succession, view: EtcdView): string | undefined {
  if (state.restored !== undefined) return state.restored;
  if (state.promised.epochMax > view.epoch.value) {
    return `etcd shows epoch ${view.epoch.value}, lower than ${state.promised.epochMax} which is promised here`;
  }
  const vow = state.promised.vow;
  const version = view.insync?.value.version ?? 0;
  if (vow?.epoch === view.epoch.value && vow.version > version) {
    return `etcd shows version ${version} of the set, lower than ${vow.version} which was seen here`;
  }
  if (state.unfit.length > 0) return `unfit: ${state.unfit.join(", ")}`;
  return undefined;
}

/** How a takeover is asked for. `operation`: an operator's failover; `alone`: the set is this node and nobody else. */
export interface TakeoverPlan {
  readonly requireLeaderAbsent: boolean;
  readonly wall: WallMs;
  readonly operation?: OperationId;
  readonly isUnclean?: boolean;
}

/** Rule 8, first half: the vow is made durable; `onPromised` sends the request. */
export function vowAndAsk(state: Succession, role: StandbyRole, view: EtcdView, plan: TakeoverPlan): Stepped {
  const transaction = takeover(state, view, plan);
  const promise = { epoch: view.epoch.value, version: transaction.insync.version - 1 };
  const candidate: CandidateRole = {
    role: "candidate",
    phase: "vowing",
    transaction,
    following: role.following,
    heardMonoMs: role.heardMonoMs,
  };
  return {
    state: { ...state, nextTransaction: state.nextTransaction + 1, role: candidate },
    effects: [
      { kind: "persist", promised: { epochMax: view.epoch.value, vow: promise } },
      { kind: "say", event: "takeover.vowed", sentence: sentenceOf(transaction, lastLeader(state, view)) },
    ],
  };
}

function takeover(state: Succession, view: EtcdView, how: TakeoverPlan): Takeover {
  assert(view.insync !== undefined && state.lease !== undefined, "a candidate has a set and a lease");
  const epoch = view.epoch.value + 1;
  const old = lastLeader(state, view);
  const isUnclean = how.isUnclean === true;
  const reason = isUnclean ? "unclean" : reasonOf(view, old, how.requireLeaderAbsent);
  const identity = { node: state.me.node, boot: state.me.boot, epoch, reason };
  const { node, journal } = state.me;
  // Unclean: whoever else is in the set may hold what this node lacks, and must not be waited for.
  const members = isUnclean
    ? [{ node, journal }]
    : view.insync.value.members.filter((m) => m.node === node || m.node !== old?.node);
  return {
    kind: "takeover",
    id: state.nextTransaction,
    requireLeaderAbsent: how.requireLeaderAbsent,
    guard: {
      epoch: view.epoch,
      insyncModRevision: view.insync.modRevision,
      autofailoverModRevision: view.autofailover.modRevision,
      pauseModRevision: view.pause.modRevision,
    },
    leader: { ...identity, lease: state.lease, sinceWallMs: how.wall },
    insync: {
      epoch,
      version: view.insync.value.version + 1,
      members,
      ...marksOf(state, view, { reason, atWallMs: how.wall, isOperators: how.operation !== undefined }),
      ...reconcileDueOf(isUnclean ? epoch : view.insync.value.reconcileDue),
      ...uncleansOf(view.insync.value, isUnclean ? { epoch, holds: heldForSure(state.self, view) } : undefined),
      by: { boot: state.me.boot, transaction: state.nextTransaction },
    },
    history: {
      ...identity,
      atWallMs: how.wall,
      position: state.durable,
      ...metroOf(state.self),
      ...(how.operation !== undefined && { operation: how.operation }),
    },
  };
}

/** The takeovers of the last minutes and this one; an operator's own is none of a loop. */
function marksOf(
  state: Succession,
  view: EtcdView,
  now: { readonly reason: TakeoverReason; readonly atWallMs: WallMs; readonly isOperators: boolean },
): Pick<InsyncRecord, "takeovers"> {
  const before = view.insync?.value.takeovers ?? [];
  if (now.isOperators) return before.length === 0 ? {} : { takeovers: before };
  const old = lastLeader(state, view);
  const death = old === undefined ? undefined : view.deaths.get(old.boot);
  const fingerprint = death === undefined ? now.reason : `${now.reason}: ${death.cause}`;
  const mark = { epoch: view.epoch.value + 1, atWallMs: now.atWallMs, fingerprint };
  const kept = state.rules.loop.takeoversMax;
  return kept === 0 ? {} : { takeovers: [...before, mark].slice(-kept) };
}

function reconcileDueOf(epoch: Epoch | undefined): Pick<InsyncRecord, "reconcileDue"> {
  return epoch === undefined ? {} : { reconcileDue: epoch };
}

function metroOf(member: MemberRecord | undefined): { readonly metro?: string } {
  return member?.facts === undefined ? {} : { metro: member.facts.metro };
}

/**
 * Whom this takeover follows on. One that led an earlier epoch than etcd's is not it: another has led unseen, whose death
 * was not told, and who may still send.
 */
export function lastLeader(state: Succession, view: EtcdView): LeaderRecord | undefined {
  const last = view.leader?.value ?? state.lastLeader;
  return last?.epoch === view.epoch.value ? last : undefined;
}

function reasonOf(view: EtcdView, old: LeaderRecord | undefined, isAbsent: boolean): TakeoverReason {
  if (!isAbsent) return "pre-emption";
  if (view.epoch.value === 0) return "first";
  return old !== undefined && view.deaths.has(old.boot) ? "crash-release" : "expired";
}

function sentenceOf(transaction: Takeover, old: LeaderRecord | undefined): string {
  const from = old === undefined ? "no known leader" : `${old.node} (epoch ${old.epoch})`;
  return `Asks for epoch ${transaction.leader.epoch} after ${from}: ${transaction.leader.reason}.`;
}
