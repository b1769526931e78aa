/**
 * Who leads: the whole succession protocol of one node as `step(state, input) → {state, effects}`. It reads no clock and
 * touches no socket; the engine feeds it reads of etcd, answers of transactions, link news and ticks, and executes its
 * effects in order. Standby and candidate live in `standby.ts`, leadership in `leading.ts`, the commit rule in
 * `wait-set.ts`, the right to send in `permit.ts`. Invariants: I1, I3–I8, I16. Operators meet it in
 * `runbooks/leader-lost.md` and `runbooks/planned-switchover.md`.
 */
import { assertNever } from "../assert.ts";
import type { Epoch, Sequence } from "../ids.ts";
import { monoMs } from "../time.ts";
import type { MonoMs } from "../time.ts";
import { noteView, pinDue } from "./anchor.ts";
import type { EtcdPin } from "./anchor.ts";
import { promise } from "./failsafe.ts";
import { heardIn, stalledBy } from "./detector.ts";
import { stepLeading } from "./leading.ts";
import { stepStandby } from "./standby.ts";
import type { Promised, Stepped, Succession, SuccessionInput, SuccessionTiming } from "./state.ts";
import { fence, merged } from "./state.ts";
import type { PromotabilityRules } from "./promotability.ts";
import { usualPromotabilityRules } from "./promotability.ts";
import { mayAcknowledge } from "./wait-set.ts";

/** A node that has just started: a standby that knows nothing yet. */
export function bootSuccession(o: {
  readonly me: Succession["me"];
  readonly timing: SuccessionTiming;
  readonly promised: Promised;
  readonly durable: Sequence;
  readonly now: MonoMs;
  readonly rules?: PromotabilityRules;
  /** False: the checks that need etcd are still to be made, and `admitted` will tell when they are; default true. */
  readonly isAdmitted?: boolean;
  readonly lastMetro?: string | undefined;
  /** What etcd was when this journal was last written. */
  readonly pin?: EtcdPin | undefined;
  /** A promise that an earlier boot gave starts anew. */
  readonly promisedForMs?: number | undefined;
}): Succession {
  return {
    me: o.me,
    timing: o.timing,
    promised: o.promised,
    lease: undefined,
    view: undefined,
    lastLeader: undefined,
    lastMetro: o.lastMetro,
    pin: o.pin,
    pinned: o.pin,
    promisedUntilMonoMs: o.promisedForMs === undefined ? undefined : monoMs(o.now + o.promisedForMs),
    rules: o.rules ?? usualPromotabilityRules,
    durable: o.durable,
    last: o.durable,
    unfit: ["starting"],
    nextTransaction: 1,
    isAdmitted: o.isAdmitted ?? true,
    role: { role: "standby", following: undefined, heardMonoMs: o.now },
  };
}

/** One step of the protocol. Inputs that no longer concern the role are without effect. */
export function stepSuccession(state: Succession, input: SuccessionInput): Stepped {
  if (state.role.role === "fenced") return { state, effects: [] };
  if (input.kind === "lease-lost") return fence(state, `the lease is lost: ${input.reason}`);
  if (input.kind === "lease") return { state: { ...state, lease: input.lease }, effects: [] };
  if (input.kind === "admitted") {
    return {
      state: { ...state, isAdmitted: true, lastMetro: input.lastMetro },
      effects: [{ kind: "acknowledge-again" }],
    };
  }
  if (input.kind === "fit") return { state: { ...state, unfit: input.unfit, self: input.self }, effects: [] };
  if (input.kind === "promise-asked") {
    return promise(state, input, mayAcknowledgeNow(state, input.epoch));
  }
  const noted = note(state, input);
  return pinAgain(stepRole(state, noted, input));
}

function stepRole(state: Succession, noted: Succession, input: SuccessionInput): Stepped {
  switch (noted.role.role) {
    case "standby":
    case "candidate":
    case "winner":
      return liftedVow(state, stepStandby(noted, noted.role, input));
    case "leader":
      return stepLeading(noted, noted.role, input);
    case "fenced":
      return { state: noted, effects: [] };
    default:
      return assertNever(noted.role, "role");
  }
}

/** Rule 5 for the node as it stands: may it acknowledge on a connection of this epoch? */
export function mayAcknowledgeNow(state: Succession, connectionEpoch: Epoch): boolean {
  const { role } = state;
  if (role.role === "fenced" || !state.isAdmitted) return false;
  if ((role.role === "leader" || role.role === "winner") && connectionEpoch <= role.epoch) return false;
  // A candidate keeps its vow from the moment it is made, before it is durable.
  const asked = role.role === "candidate" ? role.transaction : undefined;
  const vow =
    asked === undefined ? state.promised.vow : { epoch: asked.guard.epoch.value, version: asked.insync.version - 1 };
  return mayAcknowledge({ connectionEpoch, epochMax: state.promised.epochMax, vow, seen: seenOf(state) });
}

/** Rule 4: may it follow a leader that names this epoch? */
export function mayFollow(state: Succession, epoch: Epoch): boolean {
  if (!state.isAdmitted || epoch < state.promised.epochMax) return false;
  const role = state.role;
  if (role.role === "leader" || role.role === "winner") return epoch > role.epoch;
  return role.role !== "fenced";
}

function seenOf(state: Succession): { epoch: Epoch; version: number } | undefined {
  const insync = state.view?.insync;
  return state.view !== undefined && insync !== undefined
    ? { epoch: state.view.epoch.value, version: insync.value.version }
    : undefined;
}

/** What every role remembers of an input. */
function note(state: Succession, input: SuccessionInput): Succession {
  switch (input.kind) {
    case "view":
      return noteView(state, input);
    case "promised":
      return { ...state, promised: merged(state.promised, input.promised) };
    case "journal":
      return { ...state, durable: input.durable, last: input.last };
    case "heard":
      return heardIn(state, input.boot, input.now);
    case "tick":
      return stalledBy(state, input.now);
    default:
      return state;
  }
}

/** What etcd has become is made durable with the step that saw it. */
function pinAgain(stepped: Stepped): Stepped {
  const pin = pinDue(stepped.state);
  if (pin === undefined) return stepped;
  return { state: { ...stepped.state, pinned: pin }, effects: [...stepped.effects, { kind: "pin", pin }] };
}

/** When a step makes acknowledging possible again, the last position is repeated at once. */
function liftedVow(before: Succession, stepped: Stepped): Stepped {
  const epoch = stepped.state.promised.epochMax;
  if (mayAcknowledgeNow(before, epoch) || !mayAcknowledgeNow(stepped.state, epoch)) return stepped;
  return { state: stepped.state, effects: [...stepped.effects, { kind: "acknowledge-again" }] };
}
