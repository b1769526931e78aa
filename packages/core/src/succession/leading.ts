/**
 * Leading: the commit rule, the in-sync set, the handoff, and the end of a leadership (rules 2, 6, 7, 10, 11). At most one
 * membership transaction is in flight; one whose answer is unknown stays pending, its members stay waited for, and it is
 * settled by another transaction on the same guard, never by a read that shows nothing new. A held leader neither appends
 * nor sends; it is not fenced. Invariants I3, I4, I7, I8, I14.
 */
import { assert } from "../assert.ts";
import type { NodeId } from "../ids.ts";
import type { MonoMs, WallMs } from "../time.ts";
import type { Hold, LeaderRole, Stepped, Succession, SuccessionEffect, SuccessionInput } from "./state.ts";
import { fence } from "./state.ts";
import type { InsyncRecord, Member, Transaction } from "./records.ts";
import type { Follower } from "./wait-set.ts";
import { commitPoint, isSameMember, waitSet } from "./wait-set.ts";

/** One step of the leader. */
export function stepLeading(state: Succession, role: LeaderRole, input: SuccessionInput): Stepped {
  switch (input.kind) {
    case "view":
      return onView(state, role, input.wall);
    case "tick":
      return onTick(state, role, input.now);
    case "journal":
      return advance(state, role, input.wall);
    case "follower-up": {
      const follower: Follower = {
        member: { node: input.node, journal: input.journal },
        boot: input.boot,
        isConnected: true,
        linkMonoMs: input.now,
        acked: 0,
        heardMonoMs: input.now,
        progressMonoMs: input.now,
        vowedVersion: undefined,
      };
      return advance(state, withFollower(role, follower), input.wall);
    }
    case "follower-down": {
      const follower = role.followers.get(input.node);
      if (follower === undefined) return still(state, role);
      return still(state, withFollower(role, { ...follower, isConnected: false, linkMonoMs: input.now }));
    }
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
    case "opened":
      assert(input.epoch === role.epoch, "the opened epoch is the one led");
      return advance(state, { ...role, openedAt: input.sequence }, input.wall);
    case "switchover":
      return onSwitchover(state, role, input);
    case "drained":
      return onDrained(state, role, input);
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

/** Why a node cannot be handed the leadership now; undefined when it can. */
export function whyNotSuccessor(state: Succession, role: LeaderRole, node: NodeId): string | undefined {
  if (node === state.me.node) return "it leads already";
  if (!role.known.record.members.some((m) => m.node === node)) return "not in the in-sync set";
  const follower = role.followers.get(node);
  if (follower === undefined || !follower.isConnected) return "its link is down";
  const member = state.view?.members.get(node);
  if (member === undefined) return "it does not publish itself in etcd";
  if (member.boot !== follower.boot) return "it has just restarted";
  if (member.unfit.length > 0) return `unfit: ${member.unfit.join(", ")}`;
  return undefined;
}

function onView(state: Succession, role: LeaderRole, wall: WallMs): Stepped {
  const view = state.view;
  assert(view !== undefined, "a view was noted");
  if (BigInt(view.revision) < BigInt(role.leaderModRevision)) return still(state, role);
  if (view.epoch.value > role.epoch) {
    // The handoff that was asked for, whose answer got lost: its end is known now, and it was not a fencing.
    const hold = role.hold;
    const isHandoff = hold !== undefined && (hold.phase === "asking" || hold.phase === "killing");
    if (isHandoff && view.epoch.value === role.epoch + 1 && view.leader?.value.node === hold.to) {
      return handedOff(state, role, hold);
    }
    return fence(state, `epoch ${view.epoch.value} has begun, this node led ${role.epoch}`);
  }
  if (view.leader === undefined) return fence(state, "its leader key is gone");
  if (view.leader.value.boot !== state.me.boot) return fence(state, `${view.leader.value.node} holds the leader key`);
  const insync = view.insync;
  if (
    insync !== undefined &&
    insync.value.version > role.known.record.version &&
    insync.value.by.boot === state.me.boot
  ) {
    return adopt(state, role, { record: insync.value, modRevision: insync.modRevision }, wall);
  }
  return still(state, role);
}

/** A set is known committed: what it proposed is decided, and everything else asked on the older guard cannot win any more. */
function adopt(state: Succession, role: LeaderRole, known: LeaderRole["known"], wall: WallMs): Stepped {
  const followers = new Map(
    [...role.followers].map(([node, follower]) => [node, { ...follower, vowedVersion: undefined }] as const),
  );
  const adopted: LeaderRole = { ...role, known, pending: [], inFlight: undefined, followers };
  const names = known.record.members.map((m) => m.node).join(", ");
  const say: SuccessionEffect = {
    kind: "say",
    event: "insync.changed",
    sentence: `The in-sync set is now {${names}} (version ${known.record.version}).`,
  };
  const hold = role.hold;
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
  const hold = role.hold;
  if (
    hold !== undefined &&
    hold.phase !== "asking" &&
    hold.phase !== "killing" &&
    now - hold.sinceMonoMs > state.timing.switchoverMs
  ) {
    const why = `${hold.to} did not hold the whole journal within ${state.timing.switchoverMs} ms`;
    return still(state, { ...role, hold: undefined }, { kind: "resume", operation: hold.operation, why });
  }
  if (role.pending.length > 0 && role.inFlight === undefined) return settlePending(state, role);
  return resize(state, role, now);
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
    heardMonoMs: input.now,
    progressMonoMs: hasProgress ? input.now : follower.progressMonoMs,
  };
  return advance(state, withFollower(role, heard), input.wall);
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
  const hold = moved.hold;
  if (
    hold?.phase === "drained" &&
    hold.last !== undefined &&
    commit >= hold.last &&
    moved.inFlight === undefined &&
    moved.pending.length === 0
  ) {
    const asked = askHandoff(state, moved, hold, wall);
    return { state: asked.state, effects: [...effects, ...asked.effects] };
  }
  return { state: { ...state, role: moved }, effects };
}

/** Shrinks by the first member that fell silent, else grows by the first that holds everything. One at a time. */
function resize(state: Succession, role: LeaderRole, now: MonoMs): Stepped {
  if (role.inFlight !== undefined || role.pending.length > 0 || role.hold !== undefined) return still(state, role);
  const members = role.known.record.members;
  for (const member of members) {
    const why = isSameMember(member, state.me) ? undefined : whyShrink(state, role, member, now);
    if (why === undefined) continue;
    const proposal = members.filter((other) => !isSameMember(other, member));
    return ask(state, role, proposal, `Removes ${member.node} from the in-sync set: ${why}.`);
  }
  if (!isEpochOpen(role)) return still(state, role);
  for (const follower of role.followers.values()) {
    if (!mayGrow(state, role, follower, now)) continue;
    const proposal = [...members.filter((m) => m.node !== follower.member.node), follower.member];
    return ask(state, role, proposal, `Takes ${follower.member.node} into the in-sync set at ${follower.acked}.`);
  }
  return still(state, role);
}

function whyShrink(state: Succession, role: LeaderRole, member: Member, now: MonoMs): string | undefined {
  const { shrinkMs, disconnectedShrinkMs } = state.timing;
  const follower = role.followers.get(member.node);
  if (follower === undefined || !isSameMember(follower.member, member)) {
    return now - role.sinceMonoMs >= shrinkMs ? `it has not joined this epoch within ${shrinkMs} ms` : undefined;
  }
  if (follower.vowedVersion === role.known.record.version) return "it has vowed to take over";
  if (!follower.isConnected && now - follower.linkMonoMs >= disconnectedShrinkMs) return "its link is down";
  if (now - follower.heardMonoMs >= shrinkMs) return `it has been silent for ${shrinkMs} ms`;
  if (follower.acked < state.durable && now - follower.progressMonoMs >= shrinkMs) {
    return `it has acknowledged nothing new for ${shrinkMs} ms`;
  }
  return undefined;
}

function mayGrow(state: Succession, role: LeaderRole, follower: Follower, now: MonoMs): boolean {
  const isMember = role.known.record.members.some((m) => isSameMember(m, follower.member));
  const isQuick = now - follower.heardMonoMs < state.timing.shrinkMs / 2 && follower.acked >= role.commit;
  return !isMember && follower.isConnected && isQuick && follower.acked >= role.inherited;
}

/** The proposal joins the wait set in this step, before its request leaves. */
function ask(state: Succession, role: LeaderRole, members: readonly Member[], sentence: string): Stepped {
  const id = state.nextTransaction;
  const insync: InsyncRecord = {
    epoch: role.epoch,
    version: role.known.record.version + 1,
    members,
    by: { boot: state.me.boot, transaction: id },
  };
  const next: LeaderRole = { ...role, pending: [...role.pending, insync], inFlight: id };
  return {
    state: { ...state, nextTransaction: id + 1, role: next },
    effects: [
      { kind: "transact", transaction: setInsync(state, role, insync, id) },
      { kind: "say", event: "insync.asked", sentence },
    ],
  };
}

function setInsync(state: Succession, role: LeaderRole, insync: InsyncRecord, id: number): Transaction {
  return { kind: "set-insync", id, guard: guardOf(state, role), insync };
}

function guardOf(state: Succession, role: LeaderRole): Extract<Transaction, { kind: "set-insync" }>["guard"] {
  return {
    boot: state.me.boot,
    leaderModRevision: role.leaderModRevision,
    epoch: role.epoch,
    insyncModRevision: role.known.modRevision,
  };
}

/** Rule 7: an unknown answer is settled by another transaction on the same guard: the last proposal again, or a bump. */
function settlePending(state: Succession, role: LeaderRole): Stepped {
  const last = role.pending.at(-1);
  assert(last !== undefined, "something is pending");
  const members = role.hold === undefined ? last.members : role.known.record.members;
  return ask(state, role, members, "Settles a membership change whose answer is unknown.");
}

function onAnswer(state: Succession, role: LeaderRole, input: Extract<SuccessionInput, { kind: "answered" }>): Stepped {
  if (role.inFlight !== input.id) return still(state, role);
  const { answer } = input;
  const hold = role.hold;
  if (hold?.phase === "asking") return onHandoffAnswer(state, role, hold, answer.kind);
  const landed = role.pending.find((p) => p.by.transaction === input.id);
  if (answer.kind === "committed" && landed !== undefined) {
    return adopt(state, role, { record: landed, modRevision: answer.revision }, input.wall);
  }
  // Refused: an earlier own request has landed, or another leads. A read that shows a newer version or epoch tells which.
  return still(state, { ...role, inFlight: undefined }, { kind: "read" });
}

function onSwitchover(
  state: Succession,
  role: LeaderRole,
  input: Extract<SuccessionInput, { kind: "switchover" }>,
): Stepped {
  const refuse = (why: string): Stepped =>
    still(state, role, { kind: "refuse-switchover", operation: input.operation, why });
  if (role.hold !== undefined) return refuse(`operation ${role.hold.operation} is under way`);
  if (!isEpochOpen(role)) return refuse("the epoch is not open yet");
  const to = input.to ?? mostAdvanced(state, role);
  if (to === undefined) return refuse(everyReason(state, role));
  const why = whyNotSuccessor(state, role, to);
  if (why !== undefined) return refuse(`${to} cannot lead: ${why}`);
  const hold: Hold = {
    phase: "draining",
    to,
    operation: input.operation,
    reason: input.reason,
    sinceMonoMs: input.now,
    last: undefined,
  };
  return still(state, { ...role, hold }, { kind: "hold", operation: input.operation, to });
}

function mostAdvanced(state: Succession, role: LeaderRole): NodeId | undefined {
  const fit = [...role.followers.values()].filter((f) => whyNotSuccessor(state, role, f.member.node) === undefined);
  const best = fit.sort((a, b) => b.acked - a.acked)[0];
  return best?.member.node;
}

function everyReason(state: Succession, role: LeaderRole): string {
  const names = new Set([...role.known.record.members.map((m) => m.node), ...role.followers.keys()]);
  names.delete(state.me.node);
  if (names.size === 0) return "there is no other node";
  return [...names].map((node) => `${node}: ${whyNotSuccessor(state, role, node) ?? "fit"}`).join("; ");
}

function onDrained(state: Succession, role: LeaderRole, input: Extract<SuccessionInput, { kind: "drained" }>): Stepped {
  const hold = role.hold;
  if (hold === undefined || hold.operation !== input.operation || hold.phase !== "draining") return still(state, role);
  return advance(state, { ...role, hold: { ...hold, phase: "drained", last: input.last } }, input.wall);
}

function askHandoff(state: Succession, role: LeaderRole, hold: Hold, wall: WallMs): Stepped {
  const member = state.view?.members.get(hold.to);
  const why = member === undefined ? "it has left etcd" : whyNotSuccessor(state, role, hold.to);
  if (member === undefined || why !== undefined || role.pending.length > 0) {
    const reason = why ?? "the in-sync set is changing";
    const said: SuccessionEffect = {
      kind: "resume",
      operation: hold.operation,
      why: `${hold.to} cannot lead: ${reason}`,
    };
    return still(state, { ...role, hold: undefined }, said);
  }
  const id = state.nextTransaction;
  const identity = { node: member.node, boot: member.boot, epoch: role.epoch + 1, reason: hold.reason };
  const transaction: Transaction = {
    kind: "handoff",
    id,
    guard: guardOf(state, role),
    leader: { ...identity, lease: member.lease, sinceWallMs: wall },
    history: { ...identity, atWallMs: wall, position: hold.last ?? 0, operation: hold.operation },
  };
  const next: LeaderRole = { ...role, inFlight: id, hold: { ...hold, phase: "asking" } };
  return { state: { ...state, nextTransaction: id + 1, role: next }, effects: [{ kind: "transact", transaction }] };
}

function onHandoffAnswer(
  state: Succession,
  role: LeaderRole,
  hold: Hold,
  answer: "committed" | "refused" | "unknown",
): Stepped {
  if (answer === "committed") return handedOff(state, role, hold);
  // Refused may still be the answer to the second of two sendings; as for unknown, only an own bump kills a late handoff.
  const killing: LeaderRole = { ...role, inFlight: undefined, hold: { ...hold, phase: "killing" } };
  const bump = ask(
    state,
    killing,
    role.known.record.members,
    `Settles the handoff to ${hold.to}, whose answer was ${answer}.`,
  );
  return { state: bump.state, effects: [...bump.effects, { kind: "read" }] };
}

function handedOff(state: Succession, role: LeaderRole, hold: Hold): Stepped {
  const epoch = role.epoch + 1;
  const promised = { epochMax: epoch, vow: state.promised.vow };
  const follower = role.followers.get(hold.to);
  return {
    state: {
      ...state,
      promised,
      role: { role: "standby", following: follower?.boot, heardMonoMs: follower?.heardMonoMs ?? role.sinceMonoMs },
    },
    effects: [
      { kind: "persist", promised },
      { kind: "handed-off", operation: hold.operation, to: hold.to, epoch },
      { kind: "say", event: "leadership.handed-off", sentence: `Handed epoch ${epoch} to ${hold.to}.` },
    ],
  };
}

function withFollower(role: LeaderRole, follower: Follower): LeaderRole {
  const followers = new Map(role.followers);
  followers.set(follower.member.node, follower);
  return { ...role, followers };
}

function still(state: Succession, role: LeaderRole, ...effects: SuccessionEffect[]): Stepped {
  return { state: { ...state, role }, effects };
}
