/**
 * What all algorithms share: how one child comes to be recorded, how much of a parent is taken already, and how a child
 * that takes from the book is priced. A child is asked of risk like any order; what risk lets pass a moment later is
 * waited for, and nothing is on record of it.
 */
import { add, compare, decimal, floorToStep, maximum, minimum, multiply, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { JournalEvent } from "../formats/events.ts";
import type { SliceSkipped } from "../formats/parent-events.ts";
import type { DeploymentTag } from "../orders/client-order-id.ts";
import { intentEvent } from "../orders/intent.ts";
import { isOrderEnded, latestAttempt, takenOf } from "../orders/order-row.ts";
import type { OrderRow } from "../orders/order-row.ts";
import type { EngineState, ParentRow } from "../orders/state.ts";
import type { OrderTerms, PriceBasis } from "../orders/terms.ts";
import { checkRisk, switchingEvent } from "../risk/check.ts";
import type { RiskContext } from "../risk/check.ts";
import { killOn } from "../risk/kill.ts";
import type { Refusal } from "../risk/refusal-codes.ts";
import { wallMs } from "../time.ts";
import type { WallMs } from "../time.ts";
import type { VolumeAfter } from "./volume-tape.ts";

/** What a step of a parent is decided on besides the state. */
export interface ParentContext extends Omit<RiskContext, "reissued" | "by" | "parentBy"> {
  /** Public volume after a trade; absent: this node counts none. */
  readonly volumeAfter?: (tradeId: number) => VolumeAfter | undefined;
}

/** What to record for a parent now, in this order, and when to look again at the latest (a fresh price may come before). */
export interface ParentStep {
  readonly events: readonly JournalEvent[];
  readonly wakeAtWallMs: WallMs | undefined;
  /** What was decided and why, for the log. */
  readonly sentence: string;
}

/** The record of a child, or why there is none. */
export type ChildDecision =
  | { readonly kind: "recorded"; readonly events: readonly JournalEvent[]; readonly sentence: string }
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly events: readonly JournalEvent[] };

/** When to look again at what waits for a price or for room in a limit. */
export function soon(now: WallMs): WallMs {
  return wallMs(now + 50);
}

/** A step that records nothing. */
export function waits(sentence: string, wakeAtWallMs?: WallMs): ParentStep {
  return { events: [], wakeAtWallMs, sentence };
}

/** A child for slice n, when risk lets it pass. */
export function decideChild(
  state: EngineState,
  o: {
    readonly parent: ParentRow;
    readonly slice: number;
    readonly terms: OrderTerms;
    readonly sendWithinMs: number;
    readonly tag: DeploymentTag;
    readonly context: ParentContext;
  },
): ChildDecision {
  const { parent, slice, terms, context } = o;
  const refusal = checkRisk(state, terms, { ...context, by: parent.id, parentBy: parent.by });
  if (refusal !== undefined) {
    const switching = switchingEvent(state, refusal, context.nowWallMs);
    return { kind: "refused", refusal, events: switching === undefined ? [] : [switching] };
  }
  const event = intentEvent(state, o.tag, {
    terms,
    sendWithinMs: o.sendWithinMs,
    atWallMs: context.nowWallMs,
    by: parent.id,
    parent: parent.id,
    slice,
    ...(context.market.kind === "fresh" && { basis: context.market.basis }),
  });
  const price = terms.price === undefined ? "at the market" : `at ${terms.price} or better`;
  const sentence = `${parent.id}: slice ${slice}: ${terms.side} ${terms.quantity} ${terms.symbol} ${price}`;
  return { kind: "recorded", events: [event], sentence };
}

/** The record that a slice will not be executed. */
export function skippedSlice(
  parent: ParentRow,
  slice: number,
  reason: string,
  now: WallMs,
  word?: string,
): SliceSkipped {
  return {
    kind: "slice.skipped",
    parent: parent.id,
    slice,
    reason,
    ...(word !== undefined && { word }),
    atWallMs: now,
  };
}

/** True when the parent is covered by a kill. */
export function isKilled(state: EngineState, parent: ParentRow): boolean {
  const { venue, symbol } = parent.algorithm;
  return killOn(state.engine.kill, { venue, symbol, by: parent.id, parentBy: parent.by }) !== undefined;
}

/** Its children that the state still holds, by slice. All that have not ended are among them. */
export function childrenOf(state: EngineState, parent: ParentRow): readonly OrderRow[] {
  return parent.slices.flatMap((slice) => (slice.kind === "intent" ? (state.orders.get(slice.intent) ?? []) : []));
}

/** Those that have not ended. */
export function openChildren(state: EngineState, parent: ParentRow): readonly OrderRow[] {
  return childrenOf(state, parent).filter((child) => !isOrderEnded(child));
}

/**
 * How much of the parent is taken: executed, or still able to be, doubt at worst case. What a child has executed counts
 * from the venue's word on, before its fills are told; children that left the state are in the parent's own sums. A trade
 * that the venue took back stays taken: whether it is to be traded again is for a person to say (decision 20).
 */
export function takenBy(state: EngineState, parent: ParentRow): Decimal {
  return childrenOf(state, parent).reduce(
    (sum, child) => {
      const counted = add(child.filled, child.busted ?? zero);
      const done = takenOf(child);
      const whole = isOrderEnded(child) ? done : maximum(child.terms.quantity, done);
      return whole === counted ? sum : add(sum, subtract(whole, counted));
    },
    add(parent.executed, parent.busted ?? zero),
  );
}

/** When the youngest child that the state still holds was recorded; undefined: there is none. */
export function lastChildWallMs(state: EngineState, parent: ParentRow): WallMs | undefined {
  const last = childrenOf(state, parent).at(-1);
  return last === undefined ? undefined : latestAttempt(last).recordedWallMs;
}

/** The wish that these orders go, where it is not on record. */
export function cancelsOf(
  children: readonly OrderRow[],
  by: string,
  now: WallMs,
  word?: string,
): readonly JournalEvent[] {
  const reason = word === undefined ? {} : { reason: word };
  return children
    .filter((child) => child.cancel === undefined && !isOrderEnded(child))
    .map((child) => ({ kind: "cancel.requested", intent: child.id, by, ...reason, atWallMs: now }));
}

/** How children that take from the book are priced: `aggressionBps` through the far side, never beyond `limitPrice`. */
export interface TakingPrice {
  readonly side: "buy" | "sell";
  readonly aggressionBps: number;
  readonly limitPrice?: Decimal;
}

/** Limit of a child that takes, rounded away from paying more. */
export function childPrice(o: TakingPrice, basis: PriceBasis, tickSize: Decimal): Decimal {
  const { side, aggressionBps, limitPrice } = o;
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
