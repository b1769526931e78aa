/** Binance's symbol filters: which price, quantity and notional an order may have. Pure; the reference price is given. */
import { notional, ONE } from "../amounts.ts";
import type { Instrument } from "./instrument.ts";
import type { OrderType, Side } from "./order.ts";

/** The filters that may refuse. `NOTIONAL` is the smallest and the largest value, the others are as Binance names them. */
export type FilterName =
  "PRICE_FILTER" | "PERCENT_PRICE_BY_SIDE" | "LOT_SIZE" | "MARKET_LOT_SIZE" | "NOTIONAL" | "MAX_NUM_ORDERS";

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
}

/** The name of the first filter that refuses, or undefined. `reference` is the last price; `open` counts the account's open orders. */
export function refusingFilter(
  rules: Instrument,
  terms: FilteredTerms,
  context: { readonly reference: bigint; readonly open: number },
): FilterName | undefined {
  const { price, quantity, type } = terms;
  if (type !== "MARKET") {
    if (price < rules.minPrice || price > rules.maxPrice || price % rules.tickSize !== 0n) return "PRICE_FILTER";
    if (!isNearReference(rules, terms, context.reference)) return "PERCENT_PRICE_BY_SIDE";
  }
  const isInQuote = type === "MARKET" && quantity === 0n;
  if (!isInQuote) {
    if (quantity < rules.minQuantity || quantity > rules.maxQuantity || quantity % rules.stepSize !== 0n) {
      return "LOT_SIZE";
    }
    if (type === "MARKET" && quantity > rules.maxMarketQuantity) return "MARKET_LOT_SIZE";
  }
  const value = isInQuote ? terms.quoteQuantity : notional(type === "MARKET" ? context.reference : price, quantity);
  const isTooSmall = value < rules.minNotional && terms.reducesOnly !== true;
  if (isTooSmall || (type !== "MARKET" && value > rules.maxNotional)) return "NOTIONAL";
  if (context.open >= rules.maxOrders) return "MAX_NUM_ORDERS";
  return undefined;
}

function isNearReference(rules: Instrument, terms: FilteredTerms, reference: bigint): boolean {
  const [down, up] =
    terms.side === "BUY"
      ? [rules.bidMultiplierDown, rules.bidMultiplierUp]
      : [rules.askMultiplierDown, rules.askMultiplierUp];
  return terms.price * ONE >= reference * down && terms.price * ONE <= reference * up;
}
