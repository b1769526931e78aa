/**
 * Standing by and taking over: rules 8 and 9. A standby that is in the set, fit and allowed asks for the leadership when
 * the leader's key is gone, or when the leader has been silent (pre-emption). Before it asks it vows, durably; only a
 * newer version or epoch ends a vow. What it won it persists before any other act. Invariants I1, I5, I6, I8, I16.
 */
import { assert } from "../assert.ts";
import type { TakeoverReason } from "../formats/events.ts";
import type { MonoMs, WallMs } from "../time.ts";
import type {
  CandidateRole,
  LeaderRole,
  Promised,
  StandbyRole,
  Stepped,
  Succession,
  SuccessionEffect,
  SuccessionInput,
  WinnerRole,
} from "./state.ts";
import { bars, promotability, reasonsText } from "./promotability.ts";
import type { PromotabilityReason } from "./promotability.ts";
import { merged } from "./state.ts";
import type { EtcdView, LeaderRecord, MemberRecord, Transaction } from "./records.ts";

type Takeover = Extract<Transaction, { kind: "takeover" }>;

/** A better candidate that is dead too must not cost more than this. */
const courtesyMs = 150;

/** One step of a node that does not lead. */
export function stepStandby(
  state: Succession,
  role: StandbyRole | CandidateRole | WinnerRole,
  input: SuccessionInput,
): Stepped {
  switch (input.kind) {
    case "view":
      return onView(state, role, input.now, input.wall);
    case "tick":
      return onTick(state, role, input.now);
    case "heard":
      if (role.role === "winner" || input.epoch < state.promised.epochMax) return still(state);
      return still({ ...state, role: { ...role, following: input.boot, heardMonoMs: input.now } });
    case "promised":
      return onPromised(state, role, input.now);
    case "answered":
      return onAnswer(state, role, input);
    case "switchover":
      return still(state, { kind: "refuse-switchover", operation: input.operation, why: "this node does not lead" });
    default:
      return still(state);
  }
}

/** Why this node may not ask for the leadership by itself under this view; undefined when it may. */
export function whyNotCandidate(state: Succession, view: EtcdView, wall: WallMs): string | undefined {
  const why = whyNotEligible(state, view) ?? reasonsText(bars(judged(state, view, wall), "automatic"));
  if (why !== undefined) return why;
  if (view.pause.value !== undefined) return `paused by ${view.pause.value.by}`;
  if (view.autofailover.value !== "on") return `autofailover is ${view.autofailover.value}`;
  return undefined;
}

/** The one function's answer on this node itself. */
function judged(state: Succession, view: EtcdView, wall: WallMs): readonly PromotabilityReason[] {
  const { self, lastLeaderMember, lastMetro, rules } = state;
  if (self === undefined) return [];
  return promotability({ candidate: self, view, leader: lastLeaderMember, lastMetro, rules, wall });
}

/** What forbids a takeover whoever asks for it: the protocol's own conditions. */
function whyNotEligible(state: Succession, view: EtcdView): string | undefined {
  if (view.cluster === undefined) return "the cluster is not initialised";
  if (view.insync === undefined) return "etcd holds no in-sync set";
  if (state.lease === undefined) return "no lease yet";
  const isMember = view.insync.value.members.some((m) => m.node === state.me.node && m.journal === state.me.journal);
  if (!isMember) return "not in the in-sync set";
  if (state.promised.epochMax > view.epoch.value) {
    return `etcd shows epoch ${view.epoch.value}, lower than ${state.promised.epochMax} which is promised here`;
  }
  const vow = state.promised.vow;
  if (vow?.epoch === view.epoch.value && vow.version > view.insync.value.version) {
    return `etcd shows version ${view.insync.value.version} of the set, lower than ${vow.version} which was seen here`;
  }
  if (state.unfit.length > 0) return `unfit: ${state.unfit.join(", ")}`;
  return undefined;
}

function onView(state: Succession, role: StandbyRole | CandidateRole | WinnerRole, now: MonoMs, wall: WallMs): Stepped {
  const view = state.view;
  assert(view !== undefined, "a view was noted");
  if (role.role === "winner") return still(state);
  const leader = view.leader;
  // Rule 9: an own boot in the key is ours, whatever answer was lost; an older boot of this node is not.
  if (leader !== undefined && leader.value.boot === state.me.boot && leader.value.epoch > state.promised.epochMax) {
    assert(view.insync !== undefined, "a cluster with a leader has an in-sync set");
    return won(state, {
      epoch: leader.value.epoch,
      reason: leader.value.reason,
      known: { record: view.insync.value, modRevision: view.insync.modRevision },
      leaderModRevision: leader.modRevision,
    });
  }
  if (role.role === "candidate" && !isSettled(role, view)) return still(state);
  const following = leader?.value.boot ?? role.following;
  const standby: StandbyRole = {
    role: "standby",
    following,
    heardMonoMs: following === role.following ? role.heardMonoMs : now,
  };
  const next: Succession = { ...state, role: standby };
  const requireLeaderAbsent = leader === undefined;
  if (!requireLeaderAbsent && !isSilent(next, standby, now)) return still(next);
  const since = role.role === "standby" ? role.deferringSinceMonoMs : undefined;
  return campaign(next, { ...standby, deferringSinceMonoMs: since }, view, { requireLeaderAbsent, now, wall });
}

/**
 * Does this view let a candidate go back to standing by? While its request is on the way only a newer version or epoch
 * does; afterwards (refused or unknown) an unchanged one does too, and it may ask again on the same guard. The vow stays.
 */
function isSettled(role: CandidateRole, view: EtcdView): boolean {
  const guard = role.transaction.guard;
  const version = role.transaction.insync.version - 1;
  const isNewer = view.epoch.value > guard.epoch.value || (view.insync?.value.version ?? version) > version;
  return isNewer || role.phase === "settling";
}

function isSilent(state: Succession, role: StandbyRole, now: MonoMs): boolean {
  return state.timing.preempt && now - role.heardMonoMs >= state.timing.silenceMs;
}

function campaign(
  state: Succession,
  role: StandbyRole,
  view: EtcdView,
  how: { readonly requireLeaderAbsent: boolean; readonly now: MonoMs; readonly wall: WallMs },
): Stepped {
  const why = whyNotCandidate(state, view, how.wall);
  if (why !== undefined) {
    const sentence = `Would take over from ${lastLeader(state, view)?.node ?? "nobody"}, but: ${why}.`;
    return still(state, { kind: "say", event: "takeover.withheld", sentence });
  }
  const waits = reasonsText(judged(state, view, how.wall));
  const since = role.deferringSinceMonoMs ?? how.now;
  if (waits !== undefined && how.now - since < (state.timing.courtesyMs ?? courtesyMs)) {
    const say: SuccessionEffect = { kind: "say", event: "takeover.deferred", sentence: `Does not go first: ${waits}.` };
    return still({ ...state, role: { ...role, deferringSinceMonoMs: since } }, say);
  }
  const transaction = takeover(state, view, how);
  const vow = { epoch: view.epoch.value, version: transaction.insync.version - 1 };
  return {
    state: {
      ...state,
      nextTransaction: state.nextTransaction + 1,
      role: {
        role: "candidate",
        phase: "vowing",
        transaction,
        following: role.following,
        heardMonoMs: role.heardMonoMs,
      },
    },
    effects: [
      { kind: "persist", promised: { epochMax: view.epoch.value, vow } },
      { kind: "say", event: "takeover.vowed", sentence: sentenceOf(transaction, lastLeader(state, view)) },
    ],
  };
}

function takeover(
  state: Succession,
  view: EtcdView,
  how: { readonly requireLeaderAbsent: boolean; readonly wall: WallMs },
): Takeover {
  assert(view.insync !== undefined && state.lease !== undefined, "a candidate has a set and a lease");
  const epoch = view.epoch.value + 1;
  const old = lastLeader(state, view);
  const reason = reasonOf(view, old, how.requireLeaderAbsent);
  const identity = { node: state.me.node, boot: state.me.boot, epoch, reason };
  const members = view.insync.value.members.filter((m) => m.node === state.me.node || m.node !== old?.node);
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
      by: { boot: state.me.boot, transaction: state.nextTransaction },
    },
    history: { ...identity, atWallMs: how.wall, position: state.durable, ...metroOf(state.self) },
  };
}

function metroOf(member: MemberRecord | undefined): { readonly metro?: string } {
  return member?.facts === undefined ? {} : { metro: member.facts.metro };
}

/**
 * Whom this takeover follows on. One that led an earlier epoch than etcd's is not it: another has led unseen, whose death
 * was not told, and who may still send.
 */
function lastLeader(state: Succession, view: EtcdView): LeaderRecord | undefined {
  const last = view.leader?.value ?? state.lastLeader;
  return last?.epoch === view.epoch.value ? last : undefined;
}

function reasonOf(view: EtcdView, old: LeaderRecord | undefined, isAbsent: boolean): TakeoverReason {
  if (!isAbsent) return "pre-emption";
  return old !== undefined && view.deaths.has(old.boot) ? "crash-release" : "expired";
}

function sentenceOf(transaction: Takeover, old: LeaderRecord | undefined): string {
  const from = old === undefined ? "no known leader" : `${old.node} (epoch ${old.epoch})`;
  return `Asks for epoch ${transaction.leader.epoch} after ${from}: ${transaction.leader.reason}.`;
}

function onTick(state: Succession, role: StandbyRole | CandidateRole | WinnerRole, now: MonoMs): Stepped {
  if (role.role === "winner") return still(state);
  const needsRead =
    state.view === undefined ||
    state.view.leader === undefined ||
    (role.role === "candidate" ? role.phase === "settling" : isSilent(state, role, now));
  return needsRead ? still(state, { kind: "read" }) : still(state);
}

function onPromised(state: Succession, role: StandbyRole | CandidateRole | WinnerRole, now: MonoMs): Stepped {
  const { epochMax } = state.promised;
  // A later epoch was promised to its leader on the link: what was asked for, or even won, is over before it began.
  const isOvertaken =
    (role.role === "winner" && epochMax > role.epoch) ||
    (role.role === "candidate" && epochMax > role.transaction.guard.epoch.value);
  if (isOvertaken) {
    const standby: StandbyRole =
      role.role === "candidate"
        ? { role: "standby", following: role.following, heardMonoMs: role.heardMonoMs }
        : { role: "standby", following: undefined, heardMonoMs: now };
    return still({ ...state, role: standby }, { kind: "read" });
  }
  if (role.role === "winner" && epochMax === role.epoch) return lead(state, role, now);
  if (role.role !== "candidate" || role.phase !== "vowing") return still(state);
  const { guard, insync } = role.transaction;
  const vow = state.promised.vow;
  if (vow === undefined || vow.epoch !== guard.epoch.value || vow.version !== insync.version - 1) return still(state);
  const effects: SuccessionEffect[] = [];
  const leader = state.view?.leader?.value;
  if (leader !== undefined) {
    effects.push({ kind: "send-vowed", to: leader.node, epoch: vow.epoch, version: vow.version });
  }
  effects.push({ kind: "transact", transaction: role.transaction });
  return { state: { ...state, role: { ...role, phase: "asking" } }, effects };
}

function onAnswer(
  state: Succession,
  role: StandbyRole | CandidateRole | WinnerRole,
  input: Extract<SuccessionInput, { kind: "answered" }>,
): Stepped {
  if (role.role !== "candidate" || role.transaction.id !== input.id) return still(state);
  if (input.answer.kind === "committed") {
    const { transaction } = role;
    return won(state, {
      epoch: transaction.leader.epoch,
      reason: transaction.leader.reason,
      known: { record: transaction.insync, modRevision: input.answer.revision },
      leaderModRevision: input.answer.revision,
    });
  }
  return still({ ...state, role: { ...role, phase: "settling" } }, { kind: "read" });
}

function won(state: Succession, win: Omit<WinnerRole, "role">): Stepped {
  const promised: Promised = merged(state.promised, { epochMax: win.epoch, vow: undefined });
  return {
    state: { ...state, role: { role: "winner", ...win } },
    effects: [
      { kind: "persist", promised },
      { kind: "say", event: "takeover.won", sentence: `Won epoch ${win.epoch} (${win.reason}).` },
    ],
  };
}

function lead(state: Succession, winner: WinnerRole, now: MonoMs): Stepped {
  const role: LeaderRole = {
    role: "leader",
    epoch: winner.epoch,
    sinceMonoMs: now,
    leaderModRevision: winner.leaderModRevision,
    known: winner.known,
    pending: [],
    inFlight: undefined,
    followers: new Map(),
    commit: 0,
    inherited: state.last,
    openedAt: undefined,
    hold: undefined,
  };
  return { state: { ...state, role }, effects: [{ kind: "lead", epoch: winner.epoch, reason: winner.reason }] };
}

function still(state: Succession, ...effects: SuccessionEffect[]): Stepped {
  return { state, effects };
}
