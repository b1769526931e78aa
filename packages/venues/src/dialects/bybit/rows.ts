/** Bybit's rows, which its REST interface and its stream write alike. */
import type { Decimal, VenueOrder } from "@baton/core";
import type { VenueTrade } from "../../venue.ts";
import type { SymbolOf } from "../dialect.ts";
import { amount, at, text } from "../json.ts";
import { orderReader, tradeReader } from "../rows.ts";
import { timedTradeId } from "../trade-ids.ts";

/** The market that Baton trades there. */
export const category = "spot";

/** An order. */
export const readOrder: (row: unknown, symbolOf: SymbolOf) => VenueOrder | undefined = orderReader({
  venueOrderId: "orderId",
  clientOrderId: "orderLinkId",
  symbol: "symbol",
  side: "side",
  quantity: "qty",
  executed: "cumExecQty",
  price: "price",
  status: "orderStatus",
  statuses: {
    New: "open",
    Untriggered: "open",
    Triggered: "open",
    PartiallyFilled: "partially-filled",
    Filled: "filled",
    PartiallyFilledCanceled: "cancelled",
    Cancelled: "cancelled",
    Deactivated: "cancelled",
    Rejected: "rejected",
  },
  isAlwaysNamed: false,
});

/** An execution. */
export const readTrade: (row: unknown, symbolOf: SymbolOf) => VenueTrade | undefined = tradeReader({
  tradeId: (venueTradeId, _symbol, tradedMs) => timedTradeId(tradedMs, venueTradeId),
  venueTradeId: "execId",
  venueOrderId: "orderId",
  clientOrderId: "orderLinkId",
  symbol: "symbol",
  side: "side",
  price: "execPrice",
  quantity: "execQty",
  fee: (row) => amount(row["execFee"]),
  feeCurrency: (row) => row["feeCurrency"],
  isMaker: (row) => row["isMaker"] === true,
  tradedMs: "execTime",
});

/** A currency with all that the account has of it. */
export function readBalance(row: unknown): readonly [string, Decimal] | undefined {
  const currency = text(at(row, "coin"));
  const total = amount(at(row, "walletBalance"));
  return currency === undefined || total === undefined ? undefined : [currency, total];
}
