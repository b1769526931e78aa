/** Binance's symbol filters: which price, quantity and notional an order may have. Pure; the reference price is given. */
import { notional, ONE } from "../amounts.ts";
import type { Instrument } from "./instrument.ts";
import { isMarket, type OrderType, type Side } from "./order.ts";

/** The filters that may refuse. `NOTIONAL` is the smallest and the largest value, the others are as Binance names them. */
export type FilterName =
  | "PRICE_FILTER"
  | "PERCENT_PRICE_BY_SIDE"
  | "LOT_SIZE"
  | "MARKET_LOT_SIZE"
  | "NOTIONAL"
  | "ICEBERG_PARTS"
  | "MAX_NUM_ORDERS"
  | "MAX_NUM_ALGO_ORDERS"
  | "MAX_NUM_ICEBERG_ORDERS";

/** The most parts that an iceberg may come in, and the most conditional and iceberg orders of an account on a symbol. */
export const RARE_LIMITS = { icebergParts: 10, algoOrders: 5, icebergOrders: 10 } as const;

/** The terms that filters look at, amounts in 1e-8. */
export interface FilteredTerms {
  readonly side: Side;
  readonly type: OrderType;
  /** 0 when a market order is given in quote currency. */
  readonly quantity: bigint;
  readonly quoteQuantity: bigint;
  /** 0 for market orders. */
  readonly price: bigint;
  readonly reducesOnly?: boolean;
  readonly stopPrice?: bigint;
  readonly icebergQuantity?: bigint;
}

/** What the filters compare with. */
export interface FilterContext {
  /** The last price. */
  readonly reference: bigint;
  /** Orders that the account has open on the symbol: all, those that wait for a stop price, icebergs. */
  readonly open: number;
  readonly waiting: number;
  readonly icebergs: number;
}

/** The name of the first filter that refuses, or undefined. */
export function refusingFilter(
  rules: Instrument,
  terms: FilteredTerms,
  context: FilterContext,
): FilterName | undefined {
  const { price, quantity, stopPrice } = terms;
  const takesAnyPrice = isMarket(terms);
  if (stopPrice !== undefined && !isPrice(rules, stopPrice)) return "PRICE_FILTER";
  if (!takesAnyPrice) {
    if (!isPrice(rules, price)) return "PRICE_FILTER";
    if (!isNearReference(rules, terms, context.reference)) return "PERCENT_PRICE_BY_SIDE";
  }
  const isInQuote = takesAnyPrice && quantity === 0n;
  if (!isInQuote) {
    if (!isLot(rules, quantity)) return "LOT_SIZE";
    if (takesAnyPrice && quantity > rules.maxMarketQuantity) return "MARKET_LOT_SIZE";
  }
  const value = isInQuote ? terms.quoteQuantity : notional(takesAnyPrice ? context.reference : price, quantity);
  const isTooSmall = value < rules.minNotional && terms.reducesOnly !== true;
  if (isTooSmall || (!takesAnyPrice && value > rules.maxNotional)) return "NOTIONAL";
  return refusedIceberg(rules, terms, context) ?? refusedCount(rules, terms, context);
}

function refusedIceberg(rules: Instrument, terms: FilteredTerms, context: FilterContext): FilterName | undefined {
  const { icebergQuantity: shown, quantity } = terms;
  if (shown === undefined) return undefined;
  if (!isLot(rules, shown)) return "LOT_SIZE";
  if (quantity > shown * BigInt(RARE_LIMITS.icebergParts)) return "ICEBERG_PARTS";
  return context.icebergs >= RARE_LIMITS.icebergOrders ? "MAX_NUM_ICEBERG_ORDERS" : undefined;
}

function refusedCount(rules: Instrument, terms: FilteredTerms, context: FilterContext): FilterName | undefined {
  if (context.open >= rules.maxOrders) return "MAX_NUM_ORDERS";
  const isOneTooMany = terms.stopPrice !== undefined && context.waiting >= RARE_LIMITS.algoOrders;
  return isOneTooMany ? "MAX_NUM_ALGO_ORDERS" : undefined;
}

function isPrice(rules: Instrument, price: bigint): boolean {
  return price >= rules.minPrice && price <= rules.maxPrice && price % rules.tickSize === 0n;
}

function isLot(rules: Instrument, quantity: bigint): boolean {
  return quantity >= rules.minQuantity && quantity <= rules.maxQuantity && quantity % rules.stepSize === 0n;
}

function isNearReference(rules: Instrument, terms: FilteredTerms, reference: bigint): boolean {
  const [down, up] =
    terms.side === "BUY"
      ? [rules.bidMultiplierDown, rules.bidMultiplierUp]
      : [rules.askMultiplierDown, rules.askMultiplierUp];
  return terms.price * ONE >= reference * down && terms.price * ONE <= reference * up;
}
