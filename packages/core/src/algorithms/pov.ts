/**
 * POV: children follow the volume that trades. Due is the share of all volume counted since the start (own trades are in
 * it: the share is of the total), less what children have taken or may still take. Slices come one by one, each recorded
 * in one frame with the count that it came of, so a successor counts on from the trade where the record ends: no volume
 * twice, no slice twice (I13). It ends when the quantity or the time is used up.
 */
import { assert } from "../assert.ts";
import { compare, floorToStep, isPositive, minimum, multiply, subtract } from "../decimal.ts";
import type { PovParameters } from "../formats/algorithms.ts";
import type { DeploymentTag } from "../orders/client-order-id.ts";
import { slicesMax } from "../orders/refusal.ts";
import type { EngineState, ParentRow } from "../orders/state.ts";
import type { InstrumentRules, OrderTerms } from "../orders/terms.ts";
import { refused } from "../risk/refusal-codes.ts";
import type { Refusal } from "../risk/refusal-codes.ts";
import { wallMs } from "../time.ts";
import { childPrice, decideChild, isKilled, lastChildWallMs, takenBy, waits } from "./child.ts";
import type { ParentContext, ParentStep } from "./child.ts";
import { countNow } from "./counting.ts";
import { endOf, stoppedFor, stopSlices } from "./ending.ts";

/** How long a child may take to leave. */
const sendWithinMs = 2_000;

/** Why a POV parent cannot be accepted; undefined: it can. */
export function checkPov(parameters: PovParameters, rules: InstrumentRules): Refusal | undefined {
  const { quantity, sliceMin } = parameters;
  if (subtract(quantity, floorToStep(quantity, rules.lotSize)) !== "0")
    return refused("lot-size", { quantity, lotSize: rules.lotSize });
  if (compare(sliceMin, rules.quantityMin) < 0)
    return refused("slice-too-small", { slice: sliceMin, min: rules.quantityMin });
  return compare(sliceMin, quantity) > 0 ? refused("slice-too-small", { slice: sliceMin, quantity }) : undefined;
}

/** See `stepParent`. */
export function stepPov(state: EngineState, parent: ParentRow, tag: DeploymentTag, context: ParentContext): ParentStep {
  const { algorithm } = parent;
  assert(algorithm.name === "pov", `${parent.id} is a POV order`);
  const { market, rules, nowWallMs: now } = context;
  if (stoppedFor(parent) !== undefined) return endOf(state, parent, now);
  if (isKilled(state, parent)) return stopSlices(state, parent, "killed", now);
  if (parent.paused !== undefined) return waits(`${parent.id} is paused`);
  const endsWallMs = wallMs(parent.startedWallMs + (parent.shiftMs ?? 0) + algorithm.durationMs);
  const taken = takenBy(state, parent);
  const rest = subtract(algorithm.quantity, taken);
  if (rules === undefined) return endOf(state, parent, now, { reason: "failed", detail: "unknown-symbol" });
  if (now >= endsWallMs) return endOf(state, parent, now, { detail: "its time is over" });
  if (compare(rest, rules.quantityMin) < 0) return endOf(state, parent, now);
  if (parent.slices.length >= slicesMax)
    return endOf(state, parent, now, { reason: "failed", detail: "its slices are used up" });
  const count = countNow(parent, context);
  const records = count.isDue ? count.events : [];
  const wait = (why: string, wakeAt = endsWallMs): ParentStep => ({
    events: records,
    wakeAtWallMs: wakeAt,
    sentence: `${parent.id} ${why}`,
  });
  const last = lastChildWallMs(state, parent);
  const nextWallMs = wallMs((last ?? parent.startedWallMs - algorithm.intervalMs) + algorithm.intervalMs);
  if (now < nextWallMs) return wait(`waits until ${nextWallMs}`, wallMs(Math.min(nextWallMs, endsWallMs)));
  const share = minimum(algorithm.quantity, multiply(algorithm.participation, count.volume));
  const due = minimum(subtract(share, taken), context.limits.orderQuantityMax);
  const quantity = isPositive(due) ? floorToStep(due, rules.lotSize) : due;
  if (compare(quantity, minimum(algorithm.sliceMin, rest)) < 0)
    return wait(`waits for volume: ${count.volume} counted`);
  if (market.kind === "stale") return wait(`waits for a fresh price: ${market.why}`);
  const { venue, symbol, side } = algorithm;
  const price = childPrice(algorithm, market.basis, rules.tickSize);
  const terms: OrderTerms = { venue, symbol, side, type: "limit", quantity, price, timeInForce: "IOC" };
  const slice = parent.slices.length + 1;
  const child = decideChild(state, { parent, slice, terms, sendWithinMs, tag, context });
  if (child.kind === "refused") {
    const step = wait(`waits: ${child.refusal.sentence}`);
    return { ...step, events: [...step.events, ...child.events] };
  }
  return { events: [...count.events, ...child.events], wakeAtWallMs: endsWallMs, sentence: child.sentence };
}
