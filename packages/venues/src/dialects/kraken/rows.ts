/** Kraken's rows. REST keys each by its id and nests an order's terms under `descr`; times there are seconds. */
import { compare, type VenueOrder } from "@baton/core";
import type { VenueTrade } from "../../venue.ts";
import type { SymbolOf } from "../dialect.ts";
import { amount, at, isRecord, rfc3339Ms, type Json } from "../json.ts";
import { orderReader, tradeReader, working } from "../rows.ts";
import { timedTradeId } from "../trade-ids.ts";

const keyed = (entry: unknown): Json | undefined => {
  const row = at(entry, 1);
  return isRecord(row) ? { ...row, txid: at(entry, 0) } : undefined;
};

const readKeyedOrder = orderReader({
  venueOrderId: "txid",
  clientOrderId: "cl_ord_id",
  symbol: (row) => at(row, "descr", "pair"),
  side: (row) => at(row, "descr", "type"),
  quantity: "vol",
  executed: "vol_exec",
  price: (row) => at(row, "descr", "price"),
  status: "status",
  statuses: {
    pending: working,
    open: working,
    closed: (executed, quantity) => (compare(executed, quantity) === 0 ? "filled" : "cancelled"),
    canceled: "cancelled",
    expired: "expired",
  },
  isAlwaysNamed: false,
});

const readKeyedTrade = tradeReader({
  tradeId: (venueTradeId, _symbol, tradedMs) => timedTradeId(tradedMs, venueTradeId),
  venueTradeId: "txid",
  venueOrderId: "ordertxid",
  symbol: "pair",
  side: "type",
  price: "price",
  quantity: "vol",
  // Fees are taken in the quote currency unless an order asks otherwise, and ours never do.
  fee: (row) => amount(row["fee"]),
  isMaker: (row) => row["maker"] === true,
  tradedMs: ({ time }) => (typeof time === "number" ? Math.floor(time * 1_000) : undefined),
});

/** An order of a list, with its key. */
export function readOrder(entry: unknown, symbolOf: SymbolOf): VenueOrder | undefined {
  return readKeyedOrder(keyed(entry), symbolOf);
}

/** A trade of a list, with its key. */
export function readTrade(entry: unknown, symbolOf: SymbolOf): VenueTrade | undefined {
  return readKeyedTrade(keyed(entry), symbolOf);
}

/** The trade of an execution report, whose amounts are numbers: `parseExactly` gives their text. */
export const readToldTrade: (row: unknown, symbolOf: SymbolOf) => VenueTrade | undefined = tradeReader({
  tradeId: (venueTradeId, _symbol, tradedMs) => timedTradeId(tradedMs, venueTradeId),
  venueTradeId: "exec_id",
  venueOrderId: "order_id",
  clientOrderId: "cl_ord_id",
  symbol: "symbol",
  side: "side",
  price: "last_price",
  quantity: "last_qty",
  fee: (row) => amount(at(row, "fees", 0, "qty") ?? "0"),
  feeCurrency: (row) => at(row, "fees", 0, "asset"),
  isMaker: (row) => row["liquidity_ind"] === "m",
  tradedMs: (row) => rfc3339Ms(row["timestamp"]),
});

/** `XXBT`, `XBT` → BTC; `ZUSD` → USD. */
export function usualName(currency: string): string {
  const short = /^[XZ][A-Z]{3}$/.test(currency) ? currency.slice(1) : currency;
  return short === "XBT" ? "BTC" : short === "XDG" ? "DOGE" : short;
}
