/**
 * What takes risk away, and the room that is kept for it. The controls that count orders (how many were made lately, how
 * many are open and what they are worth, how many wait to leave) count all alike, so a crowd that opens positions could
 * use up what a stop needs to close one. So the mark that is configured is the one of what opens, and what can only reduce
 * a position may go some way beyond it, into room that nothing else ever gets. Baton's own ways out may go further still,
 * since a stop is not to wait for clients that reduce either. Every mark is a bound: no order is without one.
 *
 * Cancels are asked nowhere; a kill takes back and closes nothing, so it needs no order. Decision 33.
 */
import { add, decimal, multiply } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import { exitSideOf, hasLegs } from "../formats/algorithms.ts";
import type { ParentId } from "../ids.ts";
import type { OrderRow } from "../orders/order-row.ts";
import type { EngineState } from "../orders/state.ts";
import type { OrderTerms } from "../orders/terms.ts";
import { isReducing } from "./loss.ts";
import { isContract } from "./margin.ts";

/** What an order is for: to open or to reduce a position, or (a bracket's or OCO's take and stop) to get out of one. */
export type OrderPurpose = "opens" | "reduces" | "gets-out";

/** How many quarters of a mark each may go beyond it. */
const quartersBeyond: Readonly<Record<OrderPurpose, number>> = { opens: 0, reduces: 1, "gets-out": 2 };

/** What an order of these terms is for. `parent`: whose child it is. `isCounted`: it is among what is open already. */
export function purposeOf(
  state: EngineState,
  terms: OrderTerms,
  o: { readonly parent: ParentId | undefined; readonly isCounted: boolean },
): OrderPurpose {
  const parent = o.parent === undefined ? undefined : state.parents.get(o.parent);
  const isReduction = isReducing(state, terms, o.isCounted);
  if (parent === undefined || !hasLegs(parent.algorithm) || exitSideOf(parent.algorithm) !== terms.side)
    return isReduction ? "reduces" : "opens";
  // What a bracket gets out of it has got into itself; an OCO is what somebody says that it is.
  return parent.algorithm.name === "bracket" || isReduction || cannotOpen(terms) ? "gets-out" : "opens";
}

/**
 * True where the terms alone tell that an order opens nothing: a reduce-only one, or a spot sale, which is of what is held
 * (of what was bought before the journal began, too). An OCO that buys and has no short position to close is an entry.
 */
export function cannotOpen({ symbol, side, reduceOnly }: Pick<OrderTerms, "symbol" | "side" | "reduceOnly">): boolean {
  return reduceOnly === true || (side === "sell" && !isContract(symbol));
}

/** True when an order on record takes no risk, so that it leaves before those that do. */
export function isAhead(state: EngineState, { terms, parent }: Pick<OrderRow, "terms" | "parent">): boolean {
  // Also where the position has gone meanwhile: the venue makes nothing else of it.
  return terms.reduceOnly === true || purposeOf(state, terms, { parent, isCounted: true }) !== "opens";
}

/** How many an order of this purpose may find before it, where `count` is the mark of what opens. */
export function countFor(count: number, purpose: OrderPurpose): number {
  return count + quartersBeyond[purpose] * Math.ceil(count / 4);
}

/** The same of an amount. */
export function amountFor(amount: Decimal, purpose: OrderPurpose): Decimal {
  return multiply(amount, add(decimal(1), multiply(decimal(quartersBeyond[purpose]), decimal("0.25"))));
}
