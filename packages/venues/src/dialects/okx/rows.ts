/** OKX's rows, which its REST interface and its stream write alike; of a fill only the fee has two names. */
import { isZero, negate, type Decimal, type VenueOrder } from "@baton/core";
import type { VenueTrade } from "../../venue.ts";
import type { SymbolOf } from "../dialect.ts";
import { amount, at, text } from "../json.ts";
import { orderReader, tradeReader, type TradeFields } from "../rows.ts";
import { timedTradeId } from "../trade-ids.ts";

/** An order. */
export const readOrder: (row: unknown, symbolOf: SymbolOf) => VenueOrder | undefined = orderReader({
  venueOrderId: "ordId",
  clientOrderId: "clOrdId",
  symbol: "instId",
  side: "side",
  quantity: "sz",
  executed: (row) => (row["accFillSz"] === "" ? "0" : row["accFillSz"]),
  price: "px",
  status: "state",
  statuses: {
    live: "open",
    partially_filled: "partially-filled",
    filled: "filled",
    canceled: "cancelled",
    mmp_canceled: "cancelled",
  },
  isAlwaysNamed: false,
});

const trade: Omit<TradeFields, "fee" | "feeCurrency"> = {
  tradeId: (venueTradeId, symbol, tradedMs) => timedTradeId(tradedMs, `${symbol} ${venueTradeId}`),
  venueTradeId: "tradeId",
  venueOrderId: "ordId",
  clientOrderId: "clOrdId",
  symbol: "instId",
  side: "side",
  price: "fillPx",
  quantity: "fillSz",
  isMaker: (row) => row["execType"] === "M",
  tradedMs: (row) => row["fillTime"] ?? row["ts"],
};

/** A fill as REST lists it. */
export const readTrade: (row: unknown, symbolOf: SymbolOf) => VenueTrade | undefined = tradeReader({
  ...trade,
  fee: (row) => lost(row["fee"]),
  feeCurrency: "feeCcy",
});

/** The fill in an order's row of the stream, whose `fee` is of all fills so far. */
export const readToldTrade: (row: unknown, symbolOf: SymbolOf) => VenueTrade | undefined = tradeReader({
  ...trade,
  fee: (row) => lost(row["fillFee"]),
  feeCurrency: "fillFeeCcy",
});

/** A currency with all that the account has of it. */
export function readBalance(row: unknown): readonly [string, Decimal] | undefined {
  const currency = text(at(row, "ccy"));
  const total = amount(at(row, "cashBal"));
  return currency === undefined || total === undefined ? undefined : [currency, total];
}

/** OKX writes what the account loses as negative. */
function lost(value: unknown): Decimal | undefined {
  const fee = amount(value);
  return fee === undefined || isZero(fee) ? fee : negate(fee);
}
