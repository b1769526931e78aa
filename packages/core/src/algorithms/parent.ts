/**
 * Parent orders of every kind: may one be accepted, what is to be recorded for it now, and what a person may do to it
 * (pause, resume, amend). Everything is a function of the journaled row, the orders of the state, the time, a fresh price
 * and the counted volume: whoever leads next decides the same from the same (I13).
 */
import { assertNever } from "../assert.ts";
import { add, compare, isMultipleOf, parseDecimal, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import { hasLegs, isScheduled } from "../formats/algorithms.ts";
import type { AlgorithmParameters } from "../formats/algorithms.ts";
import type { JournalEvent } from "../formats/events.ts";
import type { ParentId } from "../ids.ts";
import type { DeploymentTag } from "../orders/client-order-id.ts";
import { refusalOf } from "../orders/refusal.ts";
import type { EngineState, ParentRow } from "../orders/state.ts";
import type { InstrumentRules } from "../orders/terms.ts";
import { refused } from "../risk/refusal-codes.ts";
import type { Refusal } from "../risk/refusal-codes.ts";
import type { WallMs } from "../time.ts";
import { cancelsOf, openChildren, takenBy, waits } from "./child.ts";
import type { ParentContext, ParentStep } from "./child.ts";
import { stoppedFor } from "./ending.ts";
import { checkExits, stepExits } from "./exits.ts";
import { checkIceberg, stepIceberg } from "./iceberg.ts";
import { lossOf } from "./lost-history.ts";
import { checkPov, stepPov } from "./pov.ts";
import { checkScheduled, remainingSchedule, smallestRefusal, stepScheduled } from "./schedule.ts";

/** Why a parent order cannot be accepted; undefined: it can. */
export function checkParent(parameters: AlgorithmParameters, rules: InstrumentRules | undefined): Refusal | undefined {
  if (rules === undefined) return refused("unknown-symbol", { symbol: parameters.symbol });
  switch (parameters.name) {
    case "twap":
    case "vwap":
      return checkScheduled(parameters, rules);
    case "pov":
      return checkPov(parameters, rules);
    case "iceberg":
      return checkIceberg(parameters, rules);
    case "oco":
    case "bracket":
      return checkExits(parameters, rules);
    default:
      return assertNever(parameters, "algorithm");
  }
}

/** True where public volume is counted for it. */
export function countsVolume(parameters: AlgorithmParameters): boolean {
  return parameters.name === "pov" || (isScheduled(parameters) && parameters.participationMax !== undefined);
}

/**
 * What to record for a parent at `context.nowWallMs`. At most one intent comes of a step: record the events on the same
 * state that was asked, then ask again at the time it names, or when one of its children ends.
 */
export function stepParent(
  state: EngineState,
  parent: ParentRow,
  tag: DeploymentTag,
  context: ParentContext,
): ParentStep {
  if (parent.status !== "working") return waits(`${parent.id} has ended`);
  switch (parent.algorithm.name) {
    case "twap":
    case "vwap":
      return stepScheduled(state, parent, tag, context);
    case "pov":
      return stepPov(state, parent, tag, context);
    case "iceberg":
      return stepIceberg(state, parent, tag, context);
    case "oco":
    case "bracket":
      return stepExits(state, parent, tag, context);
    default:
      return assertNever(parent.algorithm, "algorithm");
  }
}

/** Parents that still have work, oldest first: what a new leader goes on with. */
export function workingParents(state: EngineState): readonly ParentId[] {
  return [...state.parents.values()].filter((parent) => parent.status === "working").map((parent) => parent.id);
}

/** What a person asks of a working parent. `reason` stands on record with it. */
export type Direction = { readonly reason?: string } & (
  | { readonly what: "pause" }
  | { readonly what: "resume" }
  | { readonly what: "amend"; readonly change: Readonly<Record<string, string | number>> }
);

/** The events of a direction, or why it cannot be. A pause takes resting children back; of two exits none can be paused by a person. */
export function directParent(
  state: EngineState,
  parent: ParentRow,
  o: { readonly direction: Direction; readonly by: string; readonly rules: InstrumentRules | undefined },
  now: WallMs,
):
  | { readonly kind: "events"; readonly events: readonly JournalEvent[] }
  | { readonly kind: "refused"; readonly refusal: Refusal } {
  const { direction } = o;
  const asked = { by: o.by, ...(direction.reason !== undefined && { reason: direction.reason }), atWallMs: now };
  const no = (refusal: Refusal): { kind: "refused"; refusal: Refusal } => ({ kind: "refused", refusal });
  if (parent.status !== "working" || stoppedFor(parent) !== undefined)
    return no(refused("parent-state", { status: stoppedFor(parent) ?? parent.status }));
  switch (direction.what) {
    case "pause": {
      if (hasLegs(parent.algorithm))
        return no(refused("parent-state", { why: "exits cannot be paused, only cancelled" }));
      if (parent.paused !== undefined) return { kind: "events", events: [] };
      const cancels = cancelsOf(openChildren(state, parent), o.by, now, direction.reason);
      return { kind: "events", events: [{ kind: "parent.paused", parent: parent.id, ...asked }, ...cancels] };
    }
    case "resume": {
      if (parent.paused === undefined) return { kind: "events", events: [] };
      // Not by a script that repeats itself: whoever resumes it has looked at what the account shows, and says so.
      if (lossOf(parent) !== undefined && direction.reason === undefined)
        return no(
          refused("parent-state", { why: "a history was lost: look at the account, then resume it with a reason" }),
        );
      return { kind: "events", events: [{ kind: "parent.resumed", parent: parent.id, ...asked }] };
    }
    case "amend": {
      if (o.rules === undefined) return no(refused("unknown-symbol", { symbol: parent.algorithm.symbol }));
      const amended = amend(state, parent, direction.change, o.rules);
      if ("code" in amended) return no(amended);
      const event: JournalEvent = { kind: "parent.amended", parent: parent.id, ...amended, ...asked };
      const code = refusalOf(state, event);
      return code === undefined ? { kind: "events", events: [event] } : no(refused("amend-malformed", { code }));
    }
    default:
      return assertNever(direction, "direction");
  }
}

/** The figures of each algorithm that a person may change while it works. */
const amendable: Readonly<Record<AlgorithmParameters["name"], readonly string[]>> = {
  twap: ["quantity", "limitPrice", "aggressionBps", "participationMax"],
  vwap: ["quantity", "limitPrice", "aggressionBps", "participationMax"],
  pov: ["quantity", "limitPrice", "aggressionBps", "participation"],
  iceberg: ["quantity", "limitPrice", "display"],
  oco: ["takePrice", "stopPrice", "aggressionBps"],
  bracket: ["takePrice", "stopPrice", "aggressionBps"],
};

type Amended = Pick<Extract<JournalEvent, { readonly kind: "parent.amended" }>, "algorithm" | "schedule">;

function amend(
  state: EngineState,
  parent: ParentRow,
  change: Readonly<Record<string, string | number>>,
  rules: InstrumentRules,
): Amended | Refusal {
  const { algorithm: before } = parent;
  const entries = Object.entries(change);
  const strange = entries.find(([key, value]) => !amendable[before.name].includes(key) || !isFigure(key, value));
  if (entries.length === 0 || strange !== undefined)
    return refused("amend-malformed", { figure: strange?.[0] ?? "none" });
  // Its form was checked figure by figure; what the whole may be is checked like a new one.
  const algorithm = { ...before, ...change } as AlgorithmParameters;
  if (!isScheduled(algorithm)) {
    const taken = takenBy(state, parent);
    if (!hasLegs(algorithm) && compare(algorithm.quantity, taken) < 0)
      return refused("amend-too-small", { quantity: algorithm.quantity, taken });
    return checkParent(algorithm, rules) ?? { algorithm };
  }
  const { quantity } = algorithm;
  if (!isMultipleOf(quantity, rules.lotSize)) return refused("lot-size", { quantity, lotSize: rules.lotSize });
  const waiting = parent.slices.findIndex((slice) => slice.kind === "waiting");
  if (waiting < 0) return refused("parent-state", { why: "every slice is on record" });
  const { fromSlice, quantities } = remainingSchedule(parent, rules);
  const past = quantities.slice(0, waiting + 1 - fromSlice).reduce<Decimal>(add, parent.schedule?.scheduled ?? zero);
  if (compare(algorithm.quantity, past) < 0)
    return refused("amend-too-small", { quantity: algorithm.quantity, scheduled: past });
  const schedule = { fromSlice: waiting + 1, scheduled: past };
  const parts = remainingSchedule({ ...parent, algorithm, schedule }, rules);
  if (parts.rest === zero) return { algorithm, schedule };
  return smallestRefusal(algorithm, rules, parts) ?? { algorithm, schedule };
}

function isFigure(key: string, value: string | number): boolean {
  if (key === "aggressionBps") return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
  const parsed = typeof value === "string" ? parseDecimal(value) : undefined;
  return parsed !== undefined && parsed === value && parsed !== zero && !parsed.startsWith("-");
}
