/**
 * Switchover, the leader's part (rule 10): the leader is held, the successor comes to hold everything, and one transaction
 * rebinds the leader key. A hold always ends: handed off, resumed, or fenced. After a refusal or an unknown answer only an
 * own bump that has committed lets the leader go on, for it kills the handoff that may still be on its way. Invariants I3,
 * I6, I14, I16. Operators: `runbooks/planned-switchover.md`.
 */
import { isExtended } from "./failsafe.ts";
import type { NodeId, OperationId } from "../ids.ts";
import type { MonoMs, WallMs } from "../time.ts";
import { ask, guardOf, whyShrink } from "./membership.ts";
import { absent, bars, because, promotability } from "./promotability.ts";
import type { PromotabilityReason } from "./promotability.ts";
import type { Hold, LeaderRole, Stepped, Succession, SuccessionEffect, SuccessionInput } from "./state.ts";
import { merged } from "./state.ts";
import type { EtcdView, Transaction } from "./records.ts";
import { isSameMember } from "./wait-set.ts";

/**
 * Why a node cannot be handed the leadership now; undefined when it can. `named`: an operator asked for this very node.
 * What the link knows (connected, how far) is fresher than what the node published; all else is the one function's answer.
 */
export function whyNotSuccessor(
  state: Succession,
  role: LeaderRole,
  node: NodeId,
  how: { readonly whom: "automatic" | "named"; readonly wall: WallMs },
): string | undefined {
  if (node === state.me.node) return "it leads already";
  const members = role.known.record.members;
  if (!members.some((m) => m.node === node)) return because("not-in-sync", "not in the in-sync set").sentence;
  const follower = role.followers.get(node);
  if (follower === undefined || !follower.isConnected) return "its link is down";
  if (!members.some((m) => isSameMember(m, follower.member))) return "its disk is not the one that is in sync";
  const member = state.view?.members.get(node);
  if (state.view === undefined || member === undefined) return absent.sentence;
  if (member.boot !== follower.boot) return "it has just restarted";
  const reasons = bars(judge(state, role, node, how.wall), how.whom);
  return reasons.length === 0 ? undefined : `unfit: ${reasons.map((one) => one.sentence).join(", ")}`;
}

/**
 * Whether there is anybody for whom a leader that stops could wait: another node that etcd knows and that is not stopping
 * itself. It may still be unfit, or catching up. Where etcd was not read nobody is known to be gone.
 */
export function hasPossibleSuccessor({ me, view }: Pick<Succession, "me" | "view">): boolean {
  if (view === undefined) return true;
  return [...view.members.values()].some((member) => member.node !== me.node && member.facts?.isStopping !== true);
}

function judge(state: Succession, role: LeaderRole, node: NodeId, wall: WallMs): readonly PromotabilityReason[] {
  const { view, self, rules } = state;
  const member = view?.members.get(node);
  if (view === undefined || member === undefined) return [absent];
  const durable = role.followers.get(node)?.acked ?? member.position.durable;
  const candidate = { ...member, position: { ...member.position, durable } };
  // The set that is known here is the newest: etcd's view of it may still be on its way.
  const insync = { value: role.known.record, modRevision: role.known.modRevision };
  return promotability({ candidate, view: { ...view, insync }, leader: self, rules, wall });
}

/** Takes up a switchover: the leader is held from this step on, or says why not. */
export function startSwitchover(
  state: Succession,
  role: LeaderRole,
  input: Extract<SuccessionInput, { kind: "switchover" }>,
): Stepped {
  const to = input.to ?? best(state, role, input.wall);
  const isNamed = input.to !== undefined && input.reason === "switchover";
  const how = { whom: isNamed ? "named" : "automatic", wall: input.wall } as const;
  const why = whyNotNow(state, role, input) ?? whyNotTo(state, role, to, how);
  if (why !== undefined || to === undefined) {
    return { state, effects: [refusal(input, why ?? "there is no other node")] };
  }
  const hold: Hold = {
    phase: "draining",
    to,
    operation: input.operation,
    reason: input.reason,
    isNamed,
    sinceMonoMs: input.now,
    last: undefined,
  };
  const effect: SuccessionEffect = { kind: "hold", operation: input.operation, to };
  return { state: { ...state, role: { ...role, hold } }, effects: [effect] };
}

/** A yield is nobody's operation: it is asked for again at once, so a refusal is only a word for the log. */
function refusal(input: Extract<SuccessionInput, { kind: "switchover" }>, why: string): SuccessionEffect {
  if (input.reason !== "yield") return { kind: "refuse-switchover", operation: input.operation, why };
  return { kind: "say", event: "leadership.yield-withheld", sentence: `Would yield the leadership, but: ${why}.` };
}

function whyNotNow(
  state: Succession,
  role: LeaderRole,
  { reason, now }: Pick<Extract<SuccessionInput, { kind: "switchover" }>, "reason" | "now">,
): string | undefined {
  if (role.hold !== undefined) return `operation ${role.hold.operation} is under way`;
  if (role.openedAt === undefined || role.commit < role.openedAt) return "the epoch is not open yet";
  if (reason !== "yield") return undefined;
  // etcd could not carry it out; and a leader that is held asks for no promises, so that its right to act would end.
  return isExtended(role, now) ? "etcd is away, and its peers' promises hold the epoch" : whyNoYield(state);
}

/** I16: in pause, and unless autofailover is on, only an operator's operation changes the leader. */
function whyNoYield(state: Succession): string | undefined {
  const pause = state.view?.pause.value;
  if (pause !== undefined) return `paused by ${pause.by}`;
  const autofailover = state.view?.autofailover.value ?? "on";
  return autofailover === "on" ? undefined : `autofailover is ${autofailover}`;
}

type How = Parameters<typeof whyNotSuccessor>[3];

function whyNotTo(state: Succession, role: LeaderRole, to: NodeId | undefined, how: How): string | undefined {
  if (to === undefined) return everyReason(state, role, how);
  const why = whyNotSuccessor(state, role, to, how);
  return why === undefined ? undefined : `${to} cannot lead: ${why}`;
}

/** Of those that are fit, one that gives way to nobody, then the one that is furthest. */
function best(state: Succession, role: LeaderRole, wall: WallMs): NodeId | undefined {
  const how = { whom: "automatic", wall } as const;
  const fit = [...role.followers.values()].filter(
    (f) => whyNotSuccessor(state, role, f.member.node, how) === undefined,
  );
  const ranked = fit.map((f) => ({ f, waits: judge(state, role, f.member.node, wall).length }));
  return ranked.sort((a, b) => a.waits - b.waits || b.f.acked - a.f.acked)[0]?.f.member.node;
}

function everyReason(state: Succession, role: LeaderRole, how: How): string {
  const names = new Set([...role.known.record.members.map((m) => m.node), ...role.followers.keys()]);
  names.delete(state.me.node);
  if (names.size === 0) return "there is no other node";
  return [...names].map((node) => `${node}: ${whyNotSuccessor(state, role, node, how) ?? "fit"}`).join("; ");
}

/**
 * Why this leader cannot give a switchover up any more; undefined while it can. Its point of no return is the request for
 * the handoff: from then on etcd's answer decides, and nobody's wish.
 */
export function whyNotAborted(role: LeaderRole | undefined, operation: OperationId): string | undefined {
  const hold = role?.hold;
  if (hold?.operation !== operation) return `operation ${operation} is not a switchover that is under way here`;
  if (hold.phase === "draining" || hold.phase === "drained") return undefined;
  return `the handoff to ${hold.to} has been asked of etcd: past this point it is done or undone by etcd's answer alone`;
}

/** An operator's word: the leader goes on as if the switchover had not been asked for. */
export function abortSwitchover(
  state: Succession,
  role: LeaderRole,
  input: Extract<SuccessionInput, { kind: "abort-switchover" }>,
): Stepped {
  const { hold } = role;
  if (hold === undefined || whyNotAborted(role, input.operation) !== undefined) return { state, effects: [] };
  return resume(state, role, hold, input.why);
}

/** Ends a hold whose handoff was not asked for yet, when its time is up or its target is lost. */
export function giveUpHold(state: Succession, role: LeaderRole, now: MonoMs): Stepped | undefined {
  const { hold } = role;
  if (hold === undefined || hold.phase === "asking" || hold.phase === "killing") return undefined;
  const { switchoverMs } = state.timing;
  const member = role.known.record.members.find((m) => m.node === hold.to);
  const lost = member === undefined ? "not in the in-sync set any more" : whyShrink(state, role, member, now);
  if (lost !== undefined) return resume(state, role, hold, `${hold.to} cannot lead: ${lost}`);
  if (now - hold.sinceMonoMs <= switchoverMs) return undefined;
  return resume(state, role, hold, `${hold.to} did not hold the whole journal within ${switchoverMs} ms`);
}

function resume(state: Succession, role: LeaderRole, hold: Hold, why: string): Stepped {
  return {
    state: { ...state, role: { ...role, hold: undefined } },
    effects: [{ kind: "resume", operation: hold.operation, why }],
  };
}

/** Rule 10: everything of this node is committed, and the successor itself has acknowledged it on this link. */
export function isReadyToHandOff(state: Succession, role: LeaderRole): boolean {
  const { hold } = role;
  if (hold?.phase !== "drained" || hold.last === undefined) return false;
  if (role.inFlight !== undefined || role.pending.length > 0) return false;
  const last = Math.max(hold.last, state.last);
  return role.commit >= last && (role.followers.get(hold.to)?.acked ?? 0) >= last;
}

/** Asks etcd to rebind the leader key, once `isReadyToHandOff`; resumes when the successor is no longer fit. */
export function askHandoff(state: Succession, role: LeaderRole, hold: Hold, wall: WallMs): Stepped {
  const { view } = state;
  const member = view?.members.get(hold.to);
  const withheld = hold.reason === "yield" ? whyNoYield(state) : undefined;
  if (withheld !== undefined) return resume(state, role, hold, withheld);
  const why = whyNotSuccessor(state, role, hold.to, { whom: hold.isNamed === true ? "named" : "automatic", wall });
  if (member === undefined || why !== undefined) {
    return resume(state, role, hold, `${hold.to} cannot lead: ${why ?? "it has left etcd"}`);
  }
  const id = state.nextTransaction;
  const identity = { node: member.node, boot: member.boot, epoch: role.epoch + 1, reason: hold.reason };
  const metro = member.facts === undefined ? {} : { metro: member.facts.metro };
  const transaction: Transaction = {
    kind: "handoff",
    id,
    guard: { ...guardOf(state, role), ...(hold.reason === "yield" && view !== undefined && controlsOf(view)) },
    leader: { ...identity, lease: member.lease, sinceWallMs: wall },
    history: { ...identity, atWallMs: wall, position: hold.last ?? 0, operation: hold.operation, ...metro },
  };
  const next: LeaderRole = { ...role, inFlight: id, hold: { ...hold, phase: "asking" } };
  return { state: { ...state, nextTransaction: id + 1, role: next }, effects: [{ kind: "transact", transaction }] };
}

/** A pause that begins while a yield is on its way keeps the epoch: the controls guard it as they guard a takeover. */
function controlsOf(view: EtcdView): Pick<Extract<Transaction, { kind: "handoff" }>["guard"], "controls"> {
  const { autofailover, pause } = view;
  return {
    controls: { autofailoverModRevision: autofailover.modRevision, pauseModRevision: pause.modRevision },
  };
}

/** The handoff's answer. All but "committed" leaves the leader held, and asks for the bump that settles it. */
export function onHandoffAnswer(
  state: Succession,
  role: LeaderRole,
  hold: Hold,
  answer: "committed" | "refused" | "unknown",
): Stepped {
  if (answer === "committed") return handedOff(state, role, hold);
  // Refused may still be the answer to the second of two sendings; as for unknown, only an own bump kills a late handoff.
  const killing: LeaderRole = { ...role, inFlight: undefined, hold: { ...hold, phase: "killing" } };
  const sentence = `Settles the handoff to ${hold.to}, whose answer was ${answer}.`;
  const bump = ask(state, killing, role.known.record.members, sentence);
  return { state: bump.state, effects: [...bump.effects, { kind: "read" }] };
}

/** The handoff that was asked for, if this view shows that it was applied although its answer is not known. */
export function appliedHandoff(role: LeaderRole, view: EtcdView): Hold | undefined {
  const { hold } = role;
  if (hold === undefined || (hold.phase !== "asking" && hold.phase !== "killing")) return undefined;
  const leader = view.leader?.value;
  const isApplied = leader?.node === hold.to && leader.epoch === role.epoch + 1 && leader.reason === hold.reason;
  return isApplied && view.epoch.value === leader.epoch ? hold : undefined;
}

/** Leadership has passed on: this boot follows, it is not fenced. */
export function handedOff(state: Succession, role: LeaderRole, hold: Hold): Stepped {
  const epoch = role.epoch + 1;
  const follower = role.followers.get(hold.to);
  return {
    state: {
      ...state,
      role: { role: "standby", following: follower?.boot, heardMonoMs: follower?.heardMonoMs ?? role.sinceMonoMs },
    },
    effects: [
      { kind: "persist", promised: merged(state.promised, { epochMax: epoch, vow: undefined }) },
      { kind: "handed-off", operation: hold.operation, to: hold.to, epoch },
      { kind: "say", event: "leadership.handed-off", sentence: `Handed epoch ${epoch} to ${hold.to}.` },
    ],
  };
}
