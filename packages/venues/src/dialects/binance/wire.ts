/**
 * Binance's JSON to Baton's words and back: orders, trades, balances, instrument rules and limits. Amounts stay the
 * venue's decimal strings; a body that does not have the documented shape gives undefined, never a guess.
 */
import {
  add,
  decimal,
  type Decimal,
  type InstrumentRules,
  type OrderTerms,
  type SymbolId,
  type VenueOrder,
  type VenueOrderStatus,
} from "@baton/core";
import type { VenueTrade } from "../../venue.ts";
import type { RateLimits, SymbolOf } from "../dialect.ts";
import { amount, isRecord, type Json } from "../json.ts";
import { orderReader, tradeReader } from "../rows.ts";
import { numberedTradeId } from "../trade-ids.ts";

/** The parameters of a new order, exactly as journaled: nothing is rounded on the way to the wire. */
export function orderParameters(
  symbol: string,
  clientOrderId: string,
  terms: OrderTerms,
  isPerpetual: boolean,
): Record<string, string> {
  const common = {
    symbol,
    side: terms.side.toUpperCase(),
    quantity: terms.quantity,
    newClientOrderId: clientOrderId,
    newOrderRespType: "RESULT",
    ...(terms.reduceOnly === true && { reduceOnly: "true" }),
  };
  if (terms.type === "market" || terms.price === undefined) return { ...common, type: "MARKET" };
  // Spot has a type of its own for post only, futures a time in force.
  if (terms.timeInForce === "GTX" && !isPerpetual) return { ...common, type: "LIMIT_MAKER", price: terms.price };
  return { ...common, type: "LIMIT", price: terms.price, timeInForce: terms.timeInForce };
}

/** The status words of orders and of execution reports. */
export const statuses: Readonly<Record<string, VenueOrderStatus>> = {
  NEW: "open",
  PENDING_NEW: "open",
  PENDING_CANCEL: "open",
  PARTIALLY_FILLED: "partially-filled",
  FILLED: "filled",
  CANCELED: "cancelled",
  EXPIRED: "expired",
  EXPIRED_IN_MATCH: "expired",
  REJECTED: "rejected",
};

/** An order as `RESULT`, query and open-orders answers describe it. */
export const parseOrder: (row: unknown, symbolOf: SymbolOf) => VenueOrder | undefined = orderReader({
  venueOrderId: "orderId",
  // In the answer to a cancel `clientOrderId` names the cancel and `origClientOrderId` the order.
  clientOrderId: (row) => row["origClientOrderId"] ?? row["clientOrderId"],
  symbol: "symbol",
  side: "side",
  quantity: "origQty",
  executed: "executedQty",
  price: "price",
  reduceOnly: "reduceOnly",
  status: "status",
  statuses,
  isAlwaysNamed: true,
});

/** A trade of `myTrades` (spot: `isBuyer`) or `userTrades` (futures: `buyer`). */
export const parseTrade: (row: unknown, symbolOf: SymbolOf) => VenueTrade | undefined = tradeReader({
  tradeId: numberedTradeId,
  venueTradeId: "id",
  venueOrderId: "orderId",
  symbol: "symbol",
  side: (row) => sideByFlag[String(row["isBuyer"] ?? row["buyer"])],
  price: "price",
  quantity: "qty",
  fee: (row) => amount(row["commission"]),
  feeCurrency: "commissionAsset",
  isMaker: (row) => (row["isMaker"] ?? row["maker"]) === true,
  tradedMs: "time",
});

const sideByFlag: Readonly<Record<string, "buy" | "sell">> = { true: "buy", false: "sell" };

/** A currency with free plus locked, of the spot account. */
export function parseBalance(row: unknown): readonly [string, Decimal] | undefined {
  if (!isRecord(row) || typeof row["asset"] !== "string") return undefined;
  const free = amount(row["free"]);
  const locked = amount(row["locked"]);
  return free === undefined || locked === undefined ? undefined : [row["asset"], add(free, locked)];
}

/** A currency with its wallet balance, of the futures account. */
export function parseWallet(row: unknown): readonly [string, Decimal] | undefined {
  if (!isRecord(row) || typeof row["asset"] !== "string") return undefined;
  const balance = amount(row["balance"]);
  return balance === undefined ? undefined : [row["asset"], balance];
}

/** The rules of one symbol from its `exchangeInfo` entry. */
export function parseRules(symbol: SymbolId, value: unknown): InstrumentRules | undefined {
  if (!isRecord(value) || !Array.isArray(value["filters"])) return undefined;
  if (typeof value["baseAsset"] !== "string" || typeof value["quoteAsset"] !== "string") return undefined;
  const filters = new Map<unknown, Json>();
  for (const filter of value["filters"] as unknown[]) if (isRecord(filter)) filters.set(filter["filterType"], filter);
  const lot = filters.get("LOT_SIZE");
  const tickSize = amount(filters.get("PRICE_FILTER")?.["tickSize"]);
  const lotSize = amount(lot?.["stepSize"]);
  const quantityMin = amount(lot?.["minQty"]);
  const quantityMax = amount(lot?.["maxQty"]);
  const notional = filters.get("NOTIONAL") ?? filters.get("MIN_NOTIONAL");
  if (tickSize === undefined || lotSize === undefined || quantityMin === undefined || quantityMax === undefined) {
    return undefined;
  }
  return {
    symbol,
    base: value["baseAsset"],
    quote: value["quoteAsset"],
    tickSize,
    lotSize,
    quantityMin,
    quantityMax,
    notionalMin: amount(notional?.["minNotional"] ?? notional?.["notional"]) ?? decimal("0"),
  };
}

/** The published limits of an `exchangeInfo` answer, as far as they are counted in these intervals. */
export function parseLimits(
  value: unknown,
  ordersPer: { readonly interval: string; readonly count: number },
): RateLimits {
  if (!isRecord(value) || !Array.isArray(value["rateLimits"])) return {};
  let limits: RateLimits = {};
  for (const row of value["rateLimits"] as unknown[]) {
    if (!isRecord(row)) continue;
    const { rateLimitType, interval, intervalNum, limit } = row as { readonly [key in string]?: unknown };
    if (typeof limit !== "number") continue;
    if (rateLimitType === "REQUEST_WEIGHT" && interval === "MINUTE" && intervalNum === 1)
      limits = { ...limits, weight: limit };
    const isOrders = rateLimitType === "ORDERS" && interval === ordersPer.interval && intervalNum === ordersPer.count;
    if (isOrders) limits = { ...limits, orders: limit };
  }
  return limits;
}
