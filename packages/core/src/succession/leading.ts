/**
 * Leading: the commit rule and the end of a leadership (rules 2 and 11), and what etcd, the followers and the clock mean to
 * a leader. The set is decided in `membership.ts`, the handoff in `switchover.ts`. A held leader neither appends nor sends;
 * it is not fenced. Whatever proves that a later epoch has begun ends the leadership at once. Invariants I3, I4, I7.
 */
import { assert } from "../assert.ts";
import type { MonoMs, WallMs } from "../time.ts";
import { resize, settlePending } from "./membership.ts";
import type { LeaderRole, Stepped, Succession, SuccessionEffect, SuccessionInput } from "./state.ts";
import { fence } from "./state.ts";
import { abortSwitchover, appliedHandoff, askHandoff, giveUpHold, handedOff } from "./switchover.ts";
import { isReadyToHandOff, onHandoffAnswer, startSwitchover } from "./switchover.ts";
import { askPromises, onPromise } from "./failsafe.ts";
import { isAcknowledged } from "./held-start.ts";
import type { EtcdView, Member } from "./records.ts";
import type { Follower } from "./wait-set.ts";
import { commitPoint, isSameMember, waitSet } from "./wait-set.ts";

export { hasPossibleSuccessor, whyNotAborted, whyNotSuccessor } from "./switchover.ts";

/** One step of the leader. */
export function stepLeading(state: Succession, role: LeaderRole, input: SuccessionInput): Stepped {
  switch (input.kind) {
    case "view":
      return onView(state, role, input.wall);
    case "tick":
      return onTick(state, role, input.now);
    case "journal":
      return advance(state, role, input.wall);
    case "promised":
      return onPromised(state, role);
    case "follower-up":
      return onFollowerUp(state, role, input);
    case "follower-down": {
      const follower = role.followers.get(input.node);
      if (follower === undefined) return still(state, role);
      return still(state, withFollower(role, { ...follower, isConnected: false, linkMonoMs: input.now }));
    }
    case "leaving": {
      const follower = role.followers.get(input.node);
      if (follower === undefined) return still(state, role);
      return resize(state, withFollower(role, { ...follower, isLeaving: true }), input.now);
    }
    case "ask-promises":
      return askPromises(state, role, input);
    case "promise":
      return onPromise(state, role, input);
    case "ack":
      return onAck(state, role, input);
    case "vowed": {
      const follower = role.followers.get(input.node);
      if (follower === undefined || input.epoch !== role.epoch) return still(state, role);
      const vowed = withFollower(role, { ...follower, vowedVersion: input.version });
      return resize(state, vowed, input.now);
    }
    case "answered":
      return onAnswer(state, role, input);
    case "opened": {
      assert(input.epoch === role.epoch, "the opened epoch is the one led");
      const inherited = Math.max(role.inherited, input.sequence - 1);
      return advance(state, { ...role, openedAt: input.sequence, inherited }, input.wall);
    }
    case "reconciled":
      return input.epoch === role.epoch ? still(state, { ...role, reconciledAt: input.sequence }) : still(state, role);
    case "failover":
      return still(state, role, { kind: "refuse-failover", operation: input.operation, why: "it leads already" });
    case "switchover":
      return startSwitchover(state, role, input);
    case "abort-switchover":
      return abortSwitchover(state, role, input);
    case "drained": {
      const { hold } = role;
      if (hold?.operation !== input.operation || hold.phase !== "draining") return still(state, role);
      return advance(state, { ...role, hold: { ...hold, phase: "drained", last: input.last } }, input.wall);
    }
    default:
      return still(state, role);
  }
}

/** True once the record that opened the epoch is committed: from then on records of this epoch may be sent. */
export function isEpochOpen(role: LeaderRole): boolean {
  return role.openedAt !== undefined && role.commit >= role.openedAt;
}

/** The members whose acknowledgement a commit waits for now. */
export function waitedFor(role: LeaderRole): readonly Member[] {
  return waitSet(role.known, role.pending);
}

function onView(state: Succession, role: LeaderRole, wall: WallMs): Stepped {
  const view = state.view;
  assert(view !== undefined, "a view was noted");
  if (state.restored !== undefined) return fence(state, state.restored);
  if (BigInt(view.revision) < BigInt(role.leaderModRevision)) return still(state, role);
  // The handoff that was asked for, whose answer got lost: its end is known now, and it was not a fencing.
  const handoff = appliedHandoff(role, view);
  if (handoff !== undefined) return handedOff(state, role, handoff);
  if (view.epoch.value > role.epoch) {
    return fence(state, `epoch ${view.epoch.value} has begun, this node led ${role.epoch}`);
  }
  if (view.epoch.value < role.epoch) {
    return fence(state, `etcd shows epoch ${view.epoch.value}, before the ${role.epoch} that this node leads`);
  }
  if (view.leader === undefined) return fence(state, "its leader key is gone");
  if (view.leader.value.boot !== state.me.boot) return fence(state, `${view.leader.value.node} holds the leader key`);
  const released = role.heldStart !== undefined && isAcknowledged(role.heldStart, view);
  if (released) {
    const say: SuccessionEffect = { kind: "say", event: "leadership.acknowledged", sentence: "New risk passes again." };
    const next = onSet(state, { ...role, heldStart: undefined }, view, wall);
    return { state: next.state, effects: [say, ...next.effects] };
  }
  return onSet(state, role, view, wall);
}

function onSet(state: Succession, role: LeaderRole, view: EtcdView, wall: WallMs): Stepped {
  const { insync } = view;
  if (insync === undefined || insync.value.version <= role.known.record.version) return still(state, role);
  if (insync.value.by.boot !== state.me.boot) return fence(state, "the in-sync set was written by another");
  return adopt(state, role, { record: insync.value, modRevision: insync.modRevision }, wall);
}

/** Rule 11: a later epoch was promised to its leader on the link. Only a handoff of our own that is out explains it otherwise. */
function onPromised(state: Succession, role: LeaderRole): Stepped {
  const { epochMax } = state.promised;
  if (epochMax <= role.epoch) return still(state, role);
  const phase = role.hold?.phase;
  const mayBeOurs = (phase === "asking" || phase === "killing") && epochMax === role.epoch + 1;
  if (mayBeOurs) return still(state, role, { kind: "read" });
  return fence(state, `epoch ${epochMax} has begun, this node led ${role.epoch}`);
}

/** A set is known committed: what it proposed is decided, and everything else asked on the older guard cannot win any more. */
function adopt(state: Succession, role: LeaderRole, known: LeaderRole["known"], wall: WallMs): Stepped {
  const adopted: LeaderRole = { ...role, known, pending: [], inFlight: undefined };
  const names = known.record.members.map((m) => m.node).join(", ");
  const say: SuccessionEffect = {
    kind: "say",
    event: "insync.changed",
    sentence: `The in-sync set is now {${names}} (version ${known.record.version}).`,
  };
  const { hold } = role;
  if (hold?.phase === "killing") {
    const resumed = advance(state, { ...adopted, hold: undefined }, wall);
    const why = "the handoff was not applied in time";
    return {
      state: resumed.state,
      effects: [say, ...resumed.effects, { kind: "resume", operation: hold.operation, why }],
    };
  }
  const advanced = advance(state, adopted, wall);
  return { state: advanced.state, effects: [say, ...advanced.effects] };
}

function onTick(state: Succession, role: LeaderRole, now: MonoMs): Stepped {
  const givenUp = giveUpHold(state, role, now);
  if (givenUp !== undefined) return givenUp;
  if (role.pending.length > 0 && role.inFlight === undefined) return settlePending(state, role);
  return resize(state, role, now);
}

/** A follower joined this epoch, perhaps again: what it acknowledged before counts no more, and commits wait for it anew. */
function onFollowerUp(
  state: Succession,
  role: LeaderRole,
  input: Extract<SuccessionInput, { kind: "follower-up" }>,
): Stepped {
  const follower: Follower = {
    member: { node: input.node, journal: input.journal },
    boot: input.boot,
    isConnected: true,
    linkMonoMs: input.now,
    acked: 0,
    round: 0,
    heardMonoMs: input.now,
    progressMonoMs: input.now,
    vowedVersion: undefined,
  };
  return advance(state, withFollower(role, follower), input.wall);
}

function onAck(state: Succession, role: LeaderRole, input: Extract<SuccessionInput, { kind: "ack" }>): Stepped {
  const follower = role.followers.get(input.node);
  const counts =
    input.epoch === role.epoch && input.leaderBoot === state.me.boot && follower?.member.journal === input.journal;
  if (!counts) return still(state, role);
  const hasProgress = input.position > follower.acked || input.position >= state.durable;
  const heard: Follower = {
    ...follower,
    isConnected: true,
    acked: Math.max(follower.acked, input.position),
    round: Math.max(follower.round, input.round ?? 0),
    heardMonoMs: input.now,
    progressMonoMs: hasProgress ? input.now : follower.progressMonoMs,
  };
  const advanced = advance(state, withFollower(role, heard), input.wall);
  const next = advanced.state.role;
  const isMember = role.known.record.members.some((m) => isSameMember(m, heard.member));
  if (isMember || next.role !== "leader") return advanced;
  // Under load a newcomer holds the commit point only in the moment of its acknowledgement: that is when it is taken in.
  const resized = resize(advanced.state, next, input.now);
  return { state: resized.state, effects: [...advanced.effects, ...resized.effects] };
}

/** Moves the commit point, and the handoff that may wait for it. */
function advance(state: Succession, role: LeaderRole, wall: WallMs): Stepped {
  const commit = commitPoint({
    self: state.me,
    ownDurable: state.durable,
    members: waitedFor(role),
    followers: role.followers,
    before: role.commit,
  });
  const effects: SuccessionEffect[] = commit > role.commit ? [{ kind: "commit", upTo: commit }] : [];
  const moved = commit > role.commit ? { ...role, commit } : role;
  if (moved.hold === undefined || !isReadyToHandOff(state, moved)) return { state: { ...state, role: moved }, effects };
  const asked = askHandoff(state, moved, moved.hold, wall);
  return { state: asked.state, effects: [...effects, ...asked.effects] };
}

function onAnswer(state: Succession, role: LeaderRole, input: Extract<SuccessionInput, { kind: "answered" }>): Stepped {
  if (role.inFlight !== input.id) return still(state, role);
  const { answer } = input;
  const { hold } = role;
  if (hold?.phase === "asking") return onHandoffAnswer(state, role, hold, answer.kind);
  const landed = role.pending.find((p) => p.by.transaction === input.id);
  if (answer.kind === "committed" && landed !== undefined) {
    return adopt(state, role, { record: landed, modRevision: answer.revision }, input.wall);
  }
  // Refused: an earlier own request has landed, or another leads. A read that shows a newer version or epoch tells which.
  return still(state, { ...role, inFlight: undefined }, { kind: "read" });
}

function withFollower(role: LeaderRole, follower: Follower): LeaderRole {
  const followers = new Map(role.followers);
  followers.set(follower.member.node, follower);
  return { ...role, followers };
}

function still(state: Succession, role: LeaderRole, ...effects: SuccessionEffect[]): Stepped {
  return { state: { ...state, role }, effects };
}
