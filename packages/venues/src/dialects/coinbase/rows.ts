/** Coinbase's rows: an order's terms are nested under the name of its kind, and fees are in the quote currency. */
import { amount, at, isRecord, rfc3339Ms, text, type Json } from "../json.ts";
import type { VenueOrder } from "@baton/core";
import type { VenueTrade } from "../../venue.ts";
import type { SymbolOf } from "../dialect.ts";
import { orderReader, tradeReader, working, type StatusOf } from "../rows.ts";
import { timedTradeId } from "../trade-ids.ts";

/** The status words of REST and of the stream. */
export const statuses: Readonly<Record<string, StatusOf>> = {
  PENDING: working,
  QUEUED: working,
  OPEN: working,
  CANCEL_QUEUED: working,
  EDIT_QUEUED: working,
  FILLED: "filled",
  CANCELLED: "cancelled",
  EXPIRED: "expired",
  FAILED: "rejected",
};

/** An order. */
export const readOrder: (row: unknown, symbolOf: SymbolOf) => VenueOrder | undefined = orderReader({
  venueOrderId: "order_id",
  clientOrderId: "client_order_id",
  symbol: "product_id",
  side: "side",
  quantity: (row) => at(termsIn(row), "base_size"),
  executed: "filled_size",
  price: (row) => at(termsIn(row), "limit_price"),
  status: "status",
  statuses,
  isAlwaysNamed: false,
});

/** A fill. */
export const readTrade: (row: unknown, symbolOf: SymbolOf) => VenueTrade | undefined = tradeReader({
  tradeId: (venueTradeId, _symbol, tradedMs) => timedTradeId(tradedMs, venueTradeId),
  venueTradeId: (row) => text(row["trade_id"]) ?? row["entry_id"],
  venueOrderId: "order_id",
  symbol: "product_id",
  side: "side",
  price: "price",
  // Ours are never in quote; another reading would be a wrong position.
  quantity: (row) => (row["size_in_quote"] === true ? undefined : row["size"]),
  fee: (row) => amount(row["commission"]),
  isMaker: (row) => row["liquidity_indicator"] === "MAKER",
  tradedMs: (row) => rfc3339Ms(row["trade_time"]),
});

function termsIn(row: Json): unknown {
  const configuration = row["order_configuration"];
  return isRecord(configuration) ? Object.values(configuration)[0] : undefined;
}
