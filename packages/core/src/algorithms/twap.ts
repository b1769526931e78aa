/**
 * TWAP: equal slices at equal intervals. Which slice is due, what it asks for, and when the parent has ended is a
 * function of the parent's journaled row and the time, so a leader killed at any point is continued by the next one
 * without a slice repeated or forgotten (I13): a slice is waiting until its intent or its skipping is on record, its
 * window is fixed by the parent's start, and a window that passed while nobody could trade is skipped, on record.
 *
 * Unfilled rests of earlier slices are not made up for. A slice in doubt keeps its quantity to itself: no other slice
 * ever takes it, so the parent's total is never exceeded, and the parent does not end before the doubt has. `doubt.block`
 * says whether slices beside it wait.
 */
import { assert } from "../assert.ts";
import {
  add,
  compare,
  decimal,
  divide,
  floorToStep,
  isPositive,
  maximum,
  minimum,
  multiply,
  subtract,
} from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { JournalEvent, ParentEnded, SliceSkipped, TwapParameters } from "../formats/events.ts";
import type { ParentId } from "../ids.ts";
import type { DeploymentTag } from "../orders/client-order-id.ts";
import { intentEvent } from "../orders/intent.ts";
import { isOrderEnded } from "../orders/order-row.ts";
import { refusalOf, slicesMax } from "../orders/refusal.ts";
import type { EngineState, ParentRow } from "../orders/state.ts";
import type { InstrumentRules, OrderTerms, PriceBasis } from "../orders/terms.ts";
import { checkRisk } from "../risk/check.ts";
import type { RiskContext } from "../risk/check.ts";
import { isPassingRefusal, refused } from "../risk/refusal-codes.ts";
import type { Refusal } from "../risk/refusal-codes.ts";
import { wallMs } from "../time.ts";
import type { WallMs } from "../time.ts";

/** When a slice may be recorded: from `opensWallMs` on and before `closesWallMs`. */
export interface SliceWindow {
  readonly opensWallMs: WallMs;
  readonly closesWallMs: WallMs;
}

/** What to record for a parent now, in this order, and when to look again at the latest (a fresh price may come before). */
export interface TwapStep {
  readonly events: readonly JournalEvent[];
  readonly wakeAtWallMs: WallMs | undefined;
  /** What was decided and why, for the log. */
  readonly sentence: string;
}

/** Why a parent order cannot be accepted; undefined: it can. */
export function checkTwap(parameters: TwapParameters, rules: InstrumentRules | undefined): Refusal | undefined {
  const { slices, quantity, symbol, limitPrice } = parameters;
  if (rules === undefined) return refused("unknown-symbol", { symbol });
  if (!Number.isSafeInteger(slices) || slices < 1 || slices > slicesMax)
    return refused("slices-out-of-range", { slices });
  if (!isPositive(quantity)) return refused("terms-malformed", { quantity });
  if (subtract(quantity, floorToStep(quantity, rules.lotSize)) !== "0")
    return refused("lot-size", { quantity, lotSize: rules.lotSize });
  const smallest = sliceQuantity(parameters, rules.lotSize, 1);
  if (!isPositive(smallest) || compare(smallest, rules.quantityMin) < 0)
    return refused("slice-too-small", { slice: smallest, min: rules.quantityMin });
  if (limitPrice !== undefined && compare(multiply(smallest, limitPrice), rules.notionalMin) < 0)
    return refused("slice-too-small", { notional: multiply(smallest, limitPrice), min: rules.notionalMin });
  return undefined;
}

/** The window of slice n (1-based): the nth of `slices` equal parts of the parent's time. */
export function sliceWindow(parent: ParentRow, slice: number): SliceWindow {
  const { slices, durationMs } = parent.algorithm;
  assert(slice >= 1 && slice <= slices, `slice ${slice} is one of ${slices}`);
  const edge = (part: number): WallMs => wallMs(parent.startedWallMs + Math.floor((durationMs * part) / slices));
  return { opensWallMs: edge(slice - 1), closesWallMs: edge(slice) };
}

/** The quantity of slice n: equal parts in whole lots; the last takes the rest, so that the sum is the parent's. */
export function sliceQuantity(parameters: TwapParameters, lotSize: Decimal, slice: number): Decimal {
  const { quantity, slices } = parameters;
  const equal = floorToStep(divide(quantity, decimal(slices), 30), lotSize);
  return slice < slices ? equal : subtract(quantity, multiply(equal, decimal(slices - 1)));
}

/** Limit of a child: `aggressionBps` through the far side, never beyond `limitPrice`, rounded away from paying more. */
export function childPrice(parameters: TwapParameters, basis: PriceBasis, tickSize: Decimal): Decimal {
  const { side, aggressionBps, limitPrice } = parameters;
  const tenThousandth = decimal("0.0001");
  if (side === "buy") {
    const through = multiply(multiply(basis.ask, decimal(10_000 + aggressionBps)), tenThousandth);
    return floorToStep(limitPrice === undefined ? through : minimum(through, limitPrice), tickSize);
  }
  const through = multiply(multiply(basis.bid, decimal(10_000 - aggressionBps)), tenThousandth);
  const price = limitPrice === undefined ? through : maximum(through, limitPrice);
  const floor = floorToStep(price, tickSize);
  return compare(floor, price) === 0 ? floor : add(floor, tickSize);
}

/**
 * What to record for a working parent at `context.nowWallMs`. At most one intent comes of a step: record the events on
 * the same state that was asked, then ask again at the time it names.
 */
export function stepTwap(
  state: EngineState,
  parent: ParentRow,
  tag: DeploymentTag,
  context: Omit<RiskContext, "reissued">,
): TwapStep {
  const now = context.nowWallMs;
  if (parent.status !== "working") return { events: [], wakeAtWallMs: undefined, sentence: `${parent.id} has ended` };
  if (state.engine.kill.level !== "off") return skipAll(state, parent, "killed", now);
  const events: JournalEvent[] = [];
  let sentence = "";
  for (const [index, row] of parent.slices.entries()) {
    if (row.kind !== "waiting") continue;
    const slice = index + 1;
    const { opensWallMs, closesWallMs } = sliceWindow(parent, slice);
    if (now >= closesWallMs) {
      events.push(skipped(parent, slice, "window-passed", now));
      sentence = `${parent.id}: slice ${slice} was not executed, its window passed`;
      continue;
    }
    if (now < opensWallMs) {
      const next = `${parent.id}: slice ${slice} is due at ${opensWallMs}`;
      return { events, wakeAtWallMs: opensWallMs, sentence: sentence === "" ? next : sentence };
    }
    const child = childOf(state, parent, slice, tag, context, closesWallMs);
    if (child.event !== undefined) events.push(child.event);
    // Whether it was placed, skipped or has to wait: the next look is due when its window closes and the next one opens.
    return { events, wakeAtWallMs: closesWallMs, sentence: child.sentence };
  }
  if (events.length > 0) return { events, wakeAtWallMs: now, sentence };
  return endOf(state, parent, now);
}

/** A cancelled (or killed) parent: its waiting slices are recorded as not executed, its open children asked to go. */
export function stopTwap(
  state: EngineState,
  parent: ParentRow,
  stop: { readonly reason: "cancelled" | "killed"; readonly by: string },
  now: WallMs,
): readonly JournalEvent[] {
  const cancels = parent.slices.flatMap((slice): JournalEvent[] =>
    slice.kind === "intent" ? [{ kind: "cancel.requested", intent: slice.intent, by: stop.by, atWallMs: now }] : [],
  );
  return [...skipAll(state, parent, stop.reason, now).events, ...cancels].filter(
    (event) => event.kind === "parent.ended" || refusalOf(state, event) === undefined,
  );
}

/** Parents that still have work, oldest first: what a new leader goes on with. */
export function workingParents(state: EngineState): readonly ParentId[] {
  return [...state.parents.values()].filter((parent) => parent.status === "working").map((parent) => parent.id);
}

function childOf(
  state: EngineState,
  parent: ParentRow,
  slice: number,
  tag: DeploymentTag,
  context: Omit<RiskContext, "reissued">,
  closesWallMs: WallMs,
): { readonly event: JournalEvent | undefined; readonly sentence: string } {
  const { market, rules, nowWallMs } = context;
  const name = `${parent.id}: slice ${slice}`;
  if (market.kind === "stale") return { event: undefined, sentence: `${name} waits for a fresh price: ${market.why}` };
  if (rules === undefined) {
    const event = skipped(parent, slice, "unknown-symbol", nowWallMs);
    return { event, sentence: `${name} was not executed: the venue does not list ${parent.algorithm.symbol}` };
  }
  const { venue, symbol, side } = parent.algorithm;
  const terms: OrderTerms = {
    venue,
    symbol,
    side,
    type: "limit",
    quantity: sliceQuantity(parent.algorithm, rules.lotSize, slice),
    price: childPrice(parent.algorithm, market.basis, rules.tickSize),
    timeInForce: "IOC",
  };
  const refusal = isPositive(terms.quantity) ? checkRisk(state, terms, context) : refused("slice-too-small");
  if (refusal !== undefined) {
    const isWaiting = isPassingRefusal(refusal);
    return {
      event: isWaiting ? undefined : skipped(parent, slice, refusal.code, nowWallMs),
      sentence: `${name} ${isWaiting ? "waits" : "was not executed"}: ${refusal.sentence}`,
    };
  }
  const event = intentEvent(state, tag, {
    terms,
    sendWithinMs: closesWallMs - nowWallMs,
    atWallMs: nowWallMs,
    by: parent.id,
    parent: parent.id,
    slice,
    basis: market.basis,
  });
  return { event, sentence: `${name}: ${side} ${terms.quantity} ${symbol} at ${terms.price} or better` };
}

/** Nothing waits any more; it ends when no child is alive. */
function endOf(state: EngineState, parent: ParentRow, now: WallMs): TwapStep {
  const isOpen = parent.slices.some((slice) => {
    const child = slice.kind === "intent" ? state.orders.get(slice.intent) : undefined;
    return child !== undefined && !isOrderEnded(child);
  });
  if (isOpen)
    return { events: [], wakeAtWallMs: undefined, sentence: `${parent.id} ends when its last child has ended` };
  const reason = endReason(parent);
  return {
    events: [{ kind: "parent.ended", parent: parent.id, reason, atWallMs: now }],
    wakeAtWallMs: undefined,
    sentence: `${parent.id} ${reason}: executed ${parent.executed} of ${parent.algorithm.quantity}`,
  };
}

function endReason(parent: ParentRow): ParentEnded["reason"] {
  const reasons = parent.slices.map((slice) => (slice.kind === "skipped" ? slice.reason : ""));
  if (reasons.includes("killed")) return "killed";
  return reasons.includes("cancelled") ? "cancelled" : "done";
}

function skipAll(state: EngineState, parent: ParentRow, reason: "cancelled" | "killed", now: WallMs): TwapStep {
  const events = parent.slices.flatMap((slice, index) =>
    slice.kind === "waiting" ? [skipped(parent, index + 1, reason, now)] : [],
  );
  if (events.length === 0) return endOf(state, parent, now);
  return { events, wakeAtWallMs: now, sentence: `${parent.id}: ${events.length} slices are not executed: ${reason}` };
}

function skipped(parent: ParentRow, slice: number, reason: string, now: WallMs): SliceSkipped {
  return { kind: "slice.skipped", parent: parent.id, slice, reason, atWallMs: now };
}
