/**
 * Failsafe: with etcd away, a leader goes on by its peers' promises instead of its lease. It asks every member of the wait
 * set to leave the epoch alone for a time P; each promises durably, also across its own restart, to neither acquire nor
 * pre-empt until then, unless it has vowed. Only when all have promised does the deadline move, to the time of asking + P
 * − margin, so that it ends before any of the promises does. While a deadline rests on promises nobody joins the set who
 * has given none. One silent member, and the leader stops at its lease's deadline, as without failsafe. Invariants I2, I6.
 */
import type { MonoMs } from "../time.ts";
import { monoMs } from "../time.ts";
import type { LeaderRole, Stepped, Succession, SuccessionInput } from "./state.ts";
import { isSameMember, waitSet } from "./wait-set.ts";

/** What a leader has asked of its peers, and who has promised. */
export interface Extension {
  readonly token: number;
  readonly askedMonoMs: MonoMs;
  readonly forMs: number;
  /** Node and journal of each that promised. */
  readonly promised: readonly { readonly node: string; readonly journal: string }[];
}

/** How much earlier than the promises the deadline ends, for the drift of two clocks. */
const marginShare = 0.1;

/** The leader: etcd does not answer, so the peers are asked. Asks nothing while it is held. */
export function askPromises(
  state: Succession,
  role: LeaderRole,
  input: Extract<SuccessionInput, { kind: "ask-promises" }>,
): Stepped {
  if (role.hold !== undefined || state.restored !== undefined) return { state: { ...state, role }, effects: [] };
  const token = (role.extension?.token ?? 0) + 1;
  const extension: Extension = { token, askedMonoMs: input.now, forMs: input.forMs, promised: [] };
  const asked: LeaderRole = { ...role, extension };
  const to = waitSet(role.known, role.pending)
    .filter((member) => !isSameMember(member, state.me))
    .map((member) => member.node);
  // Alone in the set there is nobody who could take over without etcd, and nobody to ask.
  if (to.length === 0) return extended(state, asked);
  const { epoch } = role;
  const effect = { kind: "request-promises", epoch, token, forMs: input.forMs, to } as const;
  return { state: { ...state, role: asked }, effects: [effect] };
}

/** The leader: one peer has promised. The last one moves the deadline. */
export function onPromise(
  state: Succession,
  role: LeaderRole,
  input: Extract<SuccessionInput, { kind: "promise" }>,
): Stepped {
  const { extension } = role;
  if (extension?.token !== input.token) return { state: { ...state, role }, effects: [] };
  const promised = [...extension.promised, { node: input.node, journal: input.journal }];
  return extended(state, { ...role, extension: { ...extension, promised } });
}

function extended(state: Succession, role: LeaderRole): Stepped {
  const { extension } = role;
  // The set of this very moment: a member whose grow is on its way has to have promised too.
  const missing = waitSet(role.known, role.pending).filter(
    (member) =>
      !isSameMember(member, state.me) &&
      extension?.promised.some((one) => one.node === member.node && one.journal === member.journal) !== true,
  );
  if (extension === undefined || missing.length > 0 || role.hold !== undefined) {
    return { state: { ...state, role }, effects: [] };
  }
  const until = monoMs(extension.askedMonoMs + extension.forMs * (1 - marginShare));
  return {
    state: { ...state, role: { ...role, extendedUntilMonoMs: until } },
    effects: [{ kind: "extend", epoch: role.epoch, untilMonoMs: until, askedMonoMs: extension.askedMonoMs }],
  };
}

/** Does a deadline rest on promises now? */
export function isExtended(role: LeaderRole, now: MonoMs): boolean {
  return role.extendedUntilMonoMs !== undefined && now < role.extendedUntilMonoMs;
}

/**
 * The peer: may it promise? Only one that stands by, follows that leader and has not vowed under its epoch. The promise
 * holds from this step on; it is sent once it is durable.
 */
export function promise(
  state: Succession,
  input: Extract<SuccessionInput, { kind: "promise-asked" }>,
  mayAcknowledge: boolean,
): Stepped {
  const { role } = state;
  const refuse = (why: string): Stepped => ({
    state,
    effects: [{ kind: "answer-promise", to: input.from, token: input.token, why }],
  });
  if (!state.isAdmitted) return refuse(`${state.me.node} has not been held against etcd since its start`);
  if (role.role !== "standby") return refuse(`${state.me.node} is ${role.role}, it does not stand by`);
  if (role.following !== input.boot || state.promised.epochMax !== input.epoch)
    return refuse("it follows another leader");
  if (!mayAcknowledge) return refuse("it has vowed");
  const until = monoMs(Math.max(state.promisedUntilMonoMs ?? 0, input.now + input.forMs));
  return {
    state: { ...state, promisedUntilMonoMs: until },
    effects: [{ kind: "persist-promise", to: input.from, token: input.token, forMs: input.forMs }],
  };
}

/** Why a promise to the leader forbids a takeover now; undefined when none does. */
export function whyPromised(state: Succession, now: MonoMs): string | undefined {
  const until = state.promisedUntilMonoMs;
  if (until === undefined || now >= until) return undefined;
  return `it has promised its leader to wait for another ${Math.ceil((until - now) / 1_000)} s (failsafe)`;
}

/**
 * `onQuorumLoss`: etcd has renewed nothing for half of what a lease leaves. From here on there may be no time to cancel
 * later. A deadline that rests on promises leaves more, so nothing is due.
 */
export function isQuorumLossDue(o: { readonly leftMs: number; readonly fullMs: number }): boolean {
  return o.leftMs <= o.fullMs / 2;
}
