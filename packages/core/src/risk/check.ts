/**
 * May this order be recorded? Asked on the speculative state before every intent and before every next attempt, so that
 * orders on their way never share headroom. Decided on worst case (I12): everything open or in doubt on the order's own
 * side counts as filled, nothing on the other side counts as relief, and the order rate is counted from the journal,
 * so that a takeover gives nobody a fresh allowance. A price is compared with a fresh market or not at all (I18).
 * Cancels are never asked here.
 */
import { absolute, add, compare, decimal, isMultipleOf, isPositive, maximum, multiply, subtract } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { IntentId } from "../ids.ts";
import { noExposure, recentAttempts } from "../orders/indexes.ts";
import type { Exposure } from "../orders/indexes.ts";
import { marketKey } from "../orders/state.ts";
import type { EngineState } from "../orders/state.ts";
import type { InstrumentRules, OrderTerms, PriceBasis } from "../orders/terms.ts";
import { zero } from "../decimal.ts";
import type { WallMs } from "../time.ts";
import type { RiskLimits } from "./limits.ts";
import { refused } from "./refusal-codes.ts";
import type { Refusal } from "./refusal-codes.ts";

/** The top of the book when it is fresh, or why there is none. */
export type MarketView =
  { readonly kind: "fresh"; readonly basis: PriceBasis } | { readonly kind: "stale"; readonly why: string };

/** What an order is checked against. */
export interface RiskContext {
  /** The venue's rules for the symbol; undefined: the venue does not list it. */
  readonly rules: InstrumentRules | undefined;
  readonly limits: RiskLimits;
  readonly market: MarketView;
  /** How far the venue's time is known, ± ms; undefined: not yet. */
  readonly clockErrorMs: number | undefined;
  readonly nowWallMs: WallMs;
  /** The intent whose next attempt this is: its own share of the exposure is not counted twice. */
  readonly reissued?: IntentId;
}

/** Why the order may not be recorded, the first reason found; undefined: it may. */
export function checkRisk(state: EngineState, terms: OrderTerms, context: RiskContext): Refusal | undefined {
  const { rules } = context;
  if (state.engine.kill.level !== "off") return refused("kill-cluster", { by: state.engine.kill.by });
  if (rules === undefined) return refused("unknown-symbol", { symbol: terms.symbol });
  return (
    ruleRefusal(terms, rules) ??
    clockRefusal(context) ??
    sizeRefusal(terms, context) ??
    collarRefusal(terms, context) ??
    exposureRefusal(state, terms, context) ??
    rateRefusal(state, context) ??
    doubtRefusal(state, terms, context)
  );
}

/** The venue's own rules: it would refuse the order, after we had recorded and sent it. */
function ruleRefusal(terms: OrderTerms, rules: InstrumentRules): Refusal | undefined {
  const { quantity, price, type } = terms;
  if (!isPositive(quantity) || (type === "limit") !== (price !== undefined)) return refused("terms-malformed");
  if (!isMultipleOf(quantity, rules.lotSize)) return refused("lot-size", { quantity, lotSize: rules.lotSize });
  if (compare(quantity, rules.quantityMin) < 0) return refused("quantity-min", { quantity, min: rules.quantityMin });
  if (compare(quantity, rules.quantityMax) > 0) return refused("quantity-max", { quantity, max: rules.quantityMax });
  if (price === undefined) return undefined;
  if (!isPositive(price)) return refused("terms-malformed", { price });
  if (!isMultipleOf(price, rules.tickSize)) return refused("tick-size", { price, tickSize: rules.tickSize });
  const notional = multiply(price, quantity);
  return compare(notional, rules.notionalMin) < 0
    ? refused("notional-min", { notional, min: rules.notionalMin })
    : undefined;
}

function clockRefusal({ clockErrorMs, limits }: RiskContext): Refusal | undefined {
  if (clockErrorMs === undefined) return refused("clock-error", { known: "not yet" });
  return clockErrorMs > limits.clockErrorMaxMs
    ? refused("clock-error", { errorMs: clockErrorMs, maxMs: limits.clockErrorMaxMs })
    : undefined;
}

function sizeRefusal(terms: OrderTerms, { limits, market }: RiskContext): Refusal | undefined {
  const { quantity } = terms;
  if (compare(quantity, limits.orderQuantityMax) > 0)
    return refused("order-size", { quantity, limit: limits.orderQuantityMax });
  if (market.kind === "stale") return refused("price-stale", { why: market.why });
  const notional = multiply(quantity, worstPrice(terms, market.basis));
  return compare(notional, limits.orderNotionalMax) > 0
    ? refused("order-notional", { notional, limit: limits.orderNotionalMax })
    : undefined;
}

/** |price − middle| ≤ collar × middle, reckoned without division so that "at the limit" is exact. */
function collarRefusal(terms: OrderTerms, { limits, market }: RiskContext): Refusal | undefined {
  if (market.kind === "stale") return refused("price-stale", { why: market.why });
  const { bid, ask } = market.basis;
  if (!isPositive(bid) || compare(bid, ask) > 0)
    return refused("price-stale", { why: "the book is crossed", bid, ask });
  const price = terms.price ?? (terms.side === "buy" ? ask : bid);
  const twiceMiddle = add(bid, ask);
  const distance = multiply(absolute(subtract(multiply(price, decimal(2)), twiceMiddle)), decimal(10_000));
  return compare(distance, multiply(twiceMiddle, decimal(limits.collarBps))) > 0
    ? refused("price-collar", { price, bid, ask, collarBps: limits.collarBps })
    : undefined;
}

function exposureRefusal(state: EngineState, terms: OrderTerms, context: RiskContext): Refusal | undefined {
  const { limits } = context;
  const worst = worstPosition(state, terms, context.reissued);
  if (compare(worst, limits.positionMax) > 0)
    return refused("position-limit", { worst: terms.side === "buy" ? worst : `-${worst}`, limit: limits.positionMax });
  const market = marketKey(terms.venue, terms.symbol);
  const open = (state.indexes.exposure.get(market)?.orders ?? 0) + (context.reissued === undefined ? 1 : 0);
  return limits.openOrdersMax !== undefined && open > limits.openOrdersMax
    ? refused("open-orders", { open, limit: limits.openOrdersMax })
    : undefined;
}

/** How far the position could go on the order's own side, this order and all doubt filled: long for a buy, short for a sell. */
function worstPosition(state: EngineState, terms: OrderTerms, reissued: IntentId | undefined): Decimal {
  const market = marketKey(terms.venue, terms.symbol);
  const position = state.positions.get(market)?.quantity ?? zero;
  const exposure: Exposure = state.indexes.exposure.get(market) ?? noExposure;
  const pending =
    terms.side === "buy" ? add(exposure.buyOpen, exposure.buyDoubt) : add(exposure.sellOpen, exposure.sellDoubt);
  const held = terms.side === "buy" ? add(position, pending) : subtract(pending, position);
  return reissued === undefined ? add(held, terms.quantity) : held;
}

function rateRefusal(state: EngineState, { limits, nowWallMs }: RiskContext): Refusal | undefined {
  const { count, perMs } = limits.orderRate;
  const made = recentAttempts(state.indexes, nowWallMs, perMs);
  return made >= count ? refused("order-rate", { made, limit: count, perMs }) : undefined;
}

/** Doubt beside this order; the doubt about the order itself never comes here. */
function doubtRefusal(state: EngineState, terms: OrderTerms, { limits }: RiskContext): Refusal | undefined {
  if (limits.doubtBlock === "intent") return undefined;
  for (const intent of state.indexes.unsettled) {
    const order = state.orders.get(intent);
    if (order?.status !== "in-doubt" || order.terms.venue !== terms.venue) continue;
    if (limits.doubtBlock === "account" || order.terms.symbol === terms.symbol)
      return refused("doubt-blocked", { intent });
  }
  return undefined;
}

/** What one unit may cost or bring at most: a sell limit below the bid trades at the bid. */
function worstPrice(terms: OrderTerms, basis: PriceBasis): Decimal {
  const far = terms.side === "buy" ? basis.ask : basis.bid;
  if (terms.price === undefined) return far;
  return terms.side === "buy" ? terms.price : maximum(terms.price, far);
}
