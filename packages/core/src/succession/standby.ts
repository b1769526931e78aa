/**
 * Standing by and taking over: rules 8 and 9. A standby that is in the set, fit and allowed asks for the leadership when
 * the leader's key is gone, or when the leader has been silent (pre-emption). Before it asks it vows, durably; only a
 * newer version or epoch ends a vow. What it won it persists before any other act. Invariants I1, I5, I6, I8, I16.
 */
import { assert } from "../assert.ts";
import type { MonoMs, WallMs } from "../time.ts";
import { judgedSelf, lastLeader, vowAndAsk, whyNotEligible } from "./campaign.ts";
import { silenceAllowedMs } from "./detector.ts";
import { whyPromised } from "./failsafe.ts";
import { heldStartOf } from "./held-start.ts";
import { lostFailover, settledFailover, startFailover } from "./failover.ts";
import { bars, reasonsText } from "./promotability.ts";
import type { EtcdView } from "./records.ts";
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
import { fence, merged } from "./state.ts";

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
    case "failover":
      return startFailover(state, role, input);
    case "switchover":
      return still(state, { kind: "refuse-switchover", operation: input.operation, why: "this node does not lead" });
    default:
      return still(state);
  }
}

/** Why this node may not ask for the leadership by itself under this view; undefined when it may. */
export function whyNotCandidate(state: Succession, view: EtcdView, wall: WallMs): string | undefined {
  return whyNotFit(state, view, wall) ?? whyControlled(view);
}

function whyNotFit(state: Succession, view: EtcdView, wall: WallMs): string | undefined {
  return whyNotEligible(state, view) ?? reasonsText(bars(judgedSelf(state, view, wall), "automatic"));
}

/** I16: in pause, and unless autofailover is on, only an operator's operation changes the leader. */
function whyControlled(view: EtcdView): string | undefined {
  if (view.pause.value !== undefined) return `paused by ${view.pause.value.by}`;
  if (view.autofailover.value !== "on") return `autofailover is ${view.autofailover.value}`;
  return undefined;
}

function onView(state: Succession, role: StandbyRole | CandidateRole | WinnerRole, now: MonoMs, wall: WallMs): Stepped {
  const view = state.view;
  assert(view !== undefined, "a view was noted");
  if (role.role === "winner") {
    // What was won was won at an etcd that is not trusted any more: nothing of it may be acted on.
    return state.restored === undefined ? still(state) : fence(state, state.restored);
  }
  if (state.restored !== undefined) return distrust(state, role);
  const leader = view.leader;
  // Rule 9: an own boot in the key is ours, whatever answer was lost; an older boot of this node is not.
  if (leader !== undefined && leader.value.boot === state.me.boot && leader.value.epoch > state.promised.epochMax) {
    assert(view.insync !== undefined, "a cluster with a leader has an in-sync set");
    const stepped = won(state, {
      epoch: leader.value.epoch,
      reason: leader.value.reason,
      known: { record: view.insync.value, modRevision: view.insync.modRevision },
      leaderModRevision: leader.modRevision,
    });
    // An earlier request of its own has won, or it was handed the key: what it asks for by an operator's word comes to nothing.
    const { by } = view.insync.value;
    const isOther = role.role === "candidate" && (by.boot !== state.me.boot || by.transaction !== role.transaction.id);
    return isOther ? { ...stepped, effects: [...stepped.effects, ...lostFailover(role.transaction)] } : stepped;
  }
  if (role.role === "candidate" && !isSettled(role, view)) return still(state);
  const following = leader?.value.boot ?? role.following;
  const standby: StandbyRole = {
    role: "standby",
    following,
    heardMonoMs: following === role.following ? role.heardMonoMs : now,
  };
  const next: Succession = { ...state, role: standby };
  if (role.role === "candidate" && role.transaction.history.operation !== undefined) {
    return settledFailover(next, standby, view, { asked: role.transaction, isDead: isDecided(role, view), wall });
  }
  const requireLeaderAbsent = leader === undefined;
  if (!requireLeaderAbsent && !isSilent(next, standby, now)) return still(next);
  const since = role.role === "standby" ? role.deferringSinceMonoMs : undefined;
  return campaign(next, { ...standby, deferringSinceMonoMs: since }, view, { requireLeaderAbsent, now, wall });
}

/** An etcd that is not trusted makes nobody leader, and what was asked of it comes to nothing. The vow stays. */
function distrust(state: Succession, role: StandbyRole | CandidateRole): Stepped {
  const why = `Takes no leadership: ${state.restored ?? ""}.`;
  const say: SuccessionEffect = { kind: "say", event: "takeover.withheld", sentence: why };
  if (role.role === "standby") return still(state, say);
  const { following, heardMonoMs, transaction } = role;
  const standby: StandbyRole = { role: "standby", following, heardMonoMs };
  return still({ ...state, role: standby }, ...lostFailover(transaction), say);
}

/**
 * Does this view let a candidate go back to standing by? While its request is on the way only a newer version or epoch
 * does; afterwards (refused or unknown) an unchanged one does too, and it may ask again on the same guard. The vow stays.
 */
function isSettled(role: CandidateRole, view: EtcdView): boolean {
  return role.phase === "settling" || isDecided(role, view);
}

/** A newer version or epoch: the request can win no more. */
function isDecided(role: CandidateRole, view: EtcdView): boolean {
  const { guard, insync } = role.transaction;
  const version = insync.version - 1;
  return view.epoch.value > guard.epoch.value || (view.insync?.value.version ?? version) > version;
}

function isSilent(state: Succession, role: StandbyRole, now: MonoMs): boolean {
  return state.timing.preempt && now - role.heardMonoMs >= silenceAllowedMs(state);
}

function campaign(
  state: Succession,
  role: StandbyRole,
  view: EtcdView,
  how: { readonly requireLeaderAbsent: boolean; readonly now: MonoMs; readonly wall: WallMs },
): Stepped {
  const old = lastLeader(state, view)?.node ?? "nobody";
  const unfit = whyNotFit(state, view, how.wall);
  const controlled = whyControlled(view);
  const promised = whyPromised(state, how.now);
  if (promised !== undefined) {
    const sentence = `Would take over from ${old}, but: ${promised}.`;
    return still(state, { kind: "say", event: "takeover.withheld", sentence });
  }
  if (unfit === undefined && controlled !== undefined && view.autofailover.value === "observe") {
    const cause = how.requireLeaderAbsent
      ? "its leader key is gone"
      : `it has been silent for ${silentFor(role, how)} ms`;
    const sentence = `Would take over from ${old} now, because ${cause}; ${controlled}.`;
    return still(state, { kind: "say", event: "takeover.observed", sentence });
  }
  const why = unfit ?? controlled;
  if (why !== undefined) {
    const sentence = `Would take over from ${old}, but: ${why}.`;
    return still(state, { kind: "say", event: "takeover.withheld", sentence });
  }
  const waits = reasonsText(judgedSelf(state, view, how.wall));
  const since = role.deferringSinceMonoMs ?? how.now;
  if (waits !== undefined && how.now - since < (state.timing.courtesyMs ?? courtesyMs)) {
    const say: SuccessionEffect = { kind: "say", event: "takeover.deferred", sentence: `Does not go first: ${waits}.` };
    return still({ ...state, role: { ...role, deferringSinceMonoMs: since } }, say);
  }
  return vowAndAsk(state, role, view, how);
}

/** In whole seconds: the same sentence is said once. */
function silentFor(role: StandbyRole, how: { readonly now: MonoMs }): number {
  return Math.floor((how.now - role.heardMonoMs) / 1_000) * 1_000;
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
    const lost = role.role === "candidate" ? lostFailover(role.transaction) : [];
    return still({ ...state, role: standby }, ...lost, { kind: "read" });
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
    heldStart: heldStartOf(winner.known.record, state.view, state.rules.loop),
  };
  const effect: SuccessionEffect = { kind: "lead", epoch: winner.epoch, reason: winner.reason };
  if (role.heldStart === undefined) return { state: { ...state, role }, effects: [effect] };
  const say: SuccessionEffect = {
    kind: "say",
    event: "leadership.held-start",
    sentence: `${role.heldStart.sentence}.`,
  };
  return { state: { ...state, role }, effects: [effect, say] };
}

function still(state: Succession, ...effects: SuccessionEffect[]): Stepped {
  return { state, effects };
}
