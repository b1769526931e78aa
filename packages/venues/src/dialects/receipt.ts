/** A placement that the venue answers by a receipt only: the order as it was sent, open, with the venue's id on it. */
import { id, zero, type OrderTerms, type VenueOrder, type VenueOrderId } from "@baton/core";
import type { OrderName, SymbolOf } from "./dialect.ts";

/** The order that a receipt stands for; undefined when it names none. What became of it is read afterwards. */
export function receiptOf(
  venueOrderId: string | undefined,
  order: OrderName,
  terms: OrderTerms,
  symbolOf: SymbolOf,
): VenueOrder | undefined {
  const symbol = symbolOf(order.symbol);
  if (venueOrderId === undefined || symbol === undefined) return undefined;
  return {
    venueOrderId: id<VenueOrderId>(venueOrderId),
    clientOrderId: order.clientOrderId,
    symbol,
    side: terms.side,
    status: "open",
    quantity: terms.quantity,
    executed: zero,
    ...(terms.price === undefined ? {} : { price: terms.price }),
  };
}
