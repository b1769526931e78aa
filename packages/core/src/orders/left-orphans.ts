/**
 * Orders of ours at a venue that the journal does not know and that are left alone there (`doubt.orphans: leave`). Nobody asks
 * them back, so they may execute at any time, and what they execute is ours. So they count like every other open order, at
 * worst case, wherever risk is asked (I12): in limits, in what a balance still covers, in what is left of a position to
 * reduce; and a stop that waits since a loss takes them for exits that are being made already (`algorithms/exits.ts`).
 *
 * They are no rows: which of them are open is what the venue's latest list says, and before the first list of a term those
 * count that are on record. What they executed since that list is known by their trades. Decision 35.
 */
import { add, compare, maximum, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import { id } from "../ids.ts";
import type { SymbolId, VenueId } from "../ids.ts";
import { beside, venueOrderKey } from "./indexes.ts";
import type { VenueOrder } from "./outcome.ts";
import { marketKey } from "./state.ts";
import type { EngineState } from "./state.ts";

/** Those that were found at a venue and are left alone, whether they are open still or not. */
export function leftOnRecord(state: Pick<EngineState, "baselines">, venue: VenueId): readonly VenueOrder[] {
  const known = state.baselines.get(venue)?.orphans ?? [];
  return known.flatMap(({ action, order }) => (action === "leave" ? [order] : []));
}

/** The state as risk sees it: with what is open at the venues and left alone there. */
export function stateBeside(state: EngineState, left: ReadonlyMap<VenueId, readonly VenueOrder[]>): EngineState {
  const open = [...left].flatMap(([venue, orders]) =>
    orders.flatMap(({ symbol, side, price, ...order }) => {
      const rest = restOf(state, venue, { symbol, ...order });
      if (compare(rest, zero) <= 0) return [];
      return [{ market: marketKey(venue, id<SymbolId>(symbol)), side, rest, price: price ?? zero }];
    }),
  );
  return open.length === 0 ? state : { ...state, indexes: beside(state.indexes, open) };
}

/** What it may still execute: less what the list said, or what its trades say where they are more. */
function restOf(
  state: EngineState,
  venue: VenueId,
  order: Pick<VenueOrder, "symbol" | "venueOrderId" | "quantity" | "executed">,
): Decimal {
  const trades = state.indexes.unclaimed.get(venueOrderKey(venue, order.symbol, order.venueOrderId)) ?? [];
  const traded = [...trades].map((key) => {
    const fill = state.fills.get(key);
    return fill === undefined || fill.bustedWallMs !== undefined ? zero : fill.quantity;
  });
  return subtract(order.quantity, maximum(order.executed, traded.reduce(add, zero)));
}
