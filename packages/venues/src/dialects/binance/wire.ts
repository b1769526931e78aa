/**
 * Binance's JSON to Baton's words and back: orders, trades, balances, instrument rules and limits. Amounts stay the
 * venue's decimal strings; a body that does not have the documented shape gives undefined, never a guess.
 */
import {
  add,
  decimal,
  id,
  isZero,
  wallMs,
  type Decimal,
  type InstrumentRules,
  type OrderTerms,
  type SymbolId,
  type TradeId,
  type VenueOrder,
  type VenueOrderId,
  type VenueOrderStatus,
} from "@baton/core";
import type { VenueTrade } from "../../venue.ts";
import type { RateLimits, SymbolOf } from "../dialect.ts";
import { amount, idText, isRecord, sideOf, type Json } from "../json.ts";

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
  };
  if (terms.type === "market" || terms.price === undefined) return { ...common, type: "MARKET" };
  // Spot has a type of its own for post only, futures a time in force.
  if (terms.timeInForce === "GTX" && !isPerpetual) return { ...common, type: "LIMIT_MAKER", price: terms.price };
  return { ...common, type: "LIMIT", price: terms.price, timeInForce: terms.timeInForce };
}

/** An order as `RESULT`, query and open-orders answers describe it. */
export function parseOrder(value: unknown, symbolOf: SymbolOf): VenueOrder | undefined {
  if (!isRecord(value)) return undefined;
  const order = value as {
    readonly [key in "orderId" | "clientOrderId" | "origClientOrderId" | "symbol" | "side" | "status"]?: unknown;
  } & { readonly origQty?: unknown; readonly executedQty?: unknown; readonly price?: unknown };
  const venueOrderId = idText(order.orderId);
  const status = typeof order.status === "string" ? statusOf(order.status) : undefined;
  const symbol = typeof order.symbol === "string" ? symbolOf(order.symbol) : undefined;
  const side = sideOf(order.side);
  // In the answer to a cancel `clientOrderId` names the cancel and `origClientOrderId` the order.
  const clientOrderId = order.origClientOrderId ?? order.clientOrderId;
  const quantity = amount(order.origQty);
  const executed = amount(order.executedQty);
  const price = amount(order.price);
  if (venueOrderId === undefined || status === undefined || symbol === undefined || side === undefined)
    return undefined;
  if (typeof clientOrderId !== "string" || quantity === undefined || executed === undefined) return undefined;
  return {
    venueOrderId: id<VenueOrderId>(venueOrderId),
    clientOrderId,
    symbol,
    side,
    status,
    quantity,
    executed,
    ...(price === undefined || isZero(price) ? {} : { price }),
  };
}

/** A trade of `myTrades` (spot: `isBuyer`) or `userTrades` (futures: `buyer`). */
export function parseTrade(value: unknown, symbolOf: SymbolOf): VenueTrade | undefined {
  if (!isRecord(value)) return undefined;
  const trade = value as { readonly [key in TradeField]?: unknown };
  const tradeId = idText(trade.id);
  const venueOrderId = idText(trade.orderId);
  const symbol = typeof trade.symbol === "string" ? symbolOf(trade.symbol) : undefined;
  const price = amount(trade.price);
  const quantity = amount(trade.qty);
  const fee = amount(trade.commission);
  if (tradeId === undefined || venueOrderId === undefined || symbol === undefined) return undefined;
  if (price === undefined || quantity === undefined || fee === undefined) return undefined;
  const isBuyer = trade.isBuyer ?? trade.buyer;
  if (typeof trade.time !== "number" || typeof isBuyer !== "boolean") return undefined;
  return {
    tradeId: id<TradeId>(tradeId),
    symbol,
    venueOrderId: id<VenueOrderId>(venueOrderId),
    side: isBuyer ? "buy" : "sell",
    price,
    quantity,
    fee,
    feeCurrency: typeof trade.commissionAsset === "string" ? trade.commissionAsset : "",
    isMaker: (trade.isMaker ?? trade.maker) === true,
    tradedWallMs: wallMs(trade.time),
  };
}
type TradeField =
  | "id"
  | "orderId"
  | "symbol"
  | "price"
  | "qty"
  | "commission"
  | "commissionAsset"
  | "time"
  | "isBuyer"
  | "isMaker"
  | "buyer"
  | "maker";

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

/** The status word of an order or execution report. */
export function statusOf(status: string): VenueOrderStatus | undefined {
  switch (status) {
    case "NEW":
    case "PENDING_NEW":
    case "PENDING_CANCEL":
      return "open";
    case "PARTIALLY_FILLED":
      return "partially-filled";
    case "FILLED":
      return "filled";
    case "CANCELED":
      return "cancelled";
    case "EXPIRED":
    case "EXPIRED_IN_MATCH":
      return "expired";
    case "REJECTED":
      return "rejected";
    default:
      return undefined;
  }
}
