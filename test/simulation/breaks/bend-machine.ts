/**
 * Rules of the succession machine, broken from outside by wrapping its step: the view that it is told, the state that comes
 * out, the effects that it asks for. Without a break everything passes unchanged.
 */
import { waitedFor } from "@baton/core";
import type { InsyncRecord, LeaderRole, Member, Succession, SuccessionEffect, SuccessionInput } from "@baton/core";
import type { Bent } from "./bent.ts";

type ViewInput = Extract<SuccessionInput, { kind: "view" }>;

/** What the machine is told that etcd shows. */
export function bentView(bent: Bent, state: Succession, input: ViewInput): ViewInput {
  const { view } = input;
  if (bent.is("pause-ignored")) {
    const pause = { ...view.pause, value: undefined };
    return { ...input, view: { ...view, pause, autofailover: { ...view.autofailover, value: "on" } } };
  }
  const insync = view.insync;
  const isLed = state.role.role === "leader" || state.role.role === "winner";
  if (insync === undefined || isLed) return input;
  const { members, reconcileDue: _due, ...rest } = insync.value;
  if (bent.is("reconcile-forgotten"))
    return { ...input, view: { ...view, insync: { ...insync, value: { ...rest, members } } } };
  if (bent.is("elect-outside-set") && !members.some((m) => m.node === state.me.node)) {
    const own: Member = { node: state.me.node, journal: state.me.journal };
    return {
      ...input,
      view: { ...view, insync: { ...insync, value: { ...insync.value, members: [...members, own] } } },
    };
  }
  if (bent.is("old-disk-ignored")) {
    const same = members.map((m) => (m.node === state.me.node ? { ...m, journal: state.me.journal } : m));
    return { ...input, view: { ...view, insync: { ...insync, value: { ...insync.value, members: same } } } };
  }
  return input;
}

/** The state after a step. */
export function bentState(bent: Bent, before: Succession, after: Succession, input: SuccessionInput): Succession {
  if (bent.is("fenced-acts") && after.role.role === "fenced" && before.role.role === "leader") return before;
  if (bent.is("promise-ignored")) return { ...after, promisedUntilMonoMs: undefined };
  if (bent.is("pin-ignored")) return { ...after, pin: undefined, restored: undefined };
  const { role } = after;
  if (role.role !== "leader") return after;
  const was = before.role.role === "leader" ? before.role : undefined;
  const lastAsked = role.pending.at(-1);
  const isNewlyAsked = lastAsked !== undefined && !(was?.pending.includes(lastAsked) ?? false);
  if (bent.is("shrink-before-etcd") && isNewlyAsked && isSmaller(lastAsked, role)) {
    return withRole(after, {
      ...role,
      known: { ...role.known, record: { ...role.known.record, members: lastAsked.members } },
    });
  }
  if (bent.is("grow-unwaited") && role.pending.some((one) => !isSmaller(one, role))) {
    return withRole(after, {
      ...role,
      pending: role.pending.map((one) => ({ ...one, members: role.known.record.members })),
    });
  }
  if (bent.is("grow-early")) {
    const followers = new Map(
      [...role.followers].map(([node, one]) => {
        const isMember = role.known.record.members.some((m) => m.node === node);
        return [node, isMember ? one : { ...one, acked: Math.max(one.acked, role.commit, role.inherited) }] as const;
      }),
    );
    return withRole(after, { ...role, followers });
  }
  if (bent.is("read-resolves") && role.pending.length > 0 && role.hold === undefined) {
    // Nothing is asked anew before the read has come.
    if (input.kind === "answered" && role.inFlight === undefined)
      return withRole(after, { ...role, inFlight: waiting });
    if (input.kind === "view" && role.inFlight === waiting) {
      return withRole(after, { ...role, pending: [], inFlight: undefined });
    }
  }
  if (bent.is("resume-without-bump") && input.kind === "view" && role.hold?.phase === "killing") {
    // The bump that was asked for is forgotten too.
    return withRole(after, { ...role, hold: undefined, pending: [], inFlight: undefined });
  }
  return after;
}

/** What the machine asks for; `state` is what `bentState` made of the step. */
export function bentEffects(
  bent: Bent,
  before: Succession,
  state: Succession,
  effects: readonly SuccessionEffect[],
): readonly SuccessionEffect[] {
  const { role } = state;
  if (bent.is("commit-on-majority") && role.role === "leader") {
    const positions = waitedFor(role)
      .map((m) => (m.node === state.me.node ? state.durable : (role.followers.get(m.node)?.acked ?? 0)))
      .toSorted((a, b) => b - a);
    const upTo = positions[Math.floor(positions.length / 2)] ?? 0;
    return upTo > role.commit ? [...effects, { kind: "commit", upTo }] : effects;
  }
  if (bent.is("fenced-acts") && before.role.role === "leader") return effects.filter((one) => one.kind !== "fence");
  const was = before.role.role === "leader" ? before.role.hold : undefined;
  const isKilling = role.role === "leader" && role.hold?.phase === "killing";
  if (bent.is("resume-without-bump") && isKilling) return effects.filter((one) => one.kind !== "transact");
  const isGivenUp = was?.phase === "killing" && role.role === "leader" && role.hold === undefined;
  if (bent.is("resume-without-bump") && isGivenUp && !effects.some((one) => one.kind === "resume")) {
    return [...effects, { kind: "resume", operation: was.operation, why: "a read showed nothing new" }];
  }
  return effects;
}

const waiting = -1;

function isSmaller(proposal: InsyncRecord, role: LeaderRole): boolean {
  return proposal.members.length < role.known.record.members.length;
}

function withRole(state: Succession, role: LeaderRole): Succession {
  return { ...state, role };
}
