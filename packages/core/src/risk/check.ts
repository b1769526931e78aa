/**
 * May this order be recorded? Asked on the speculative state before every intent and before every next attempt, so that
 * orders on their way never share headroom. Decided on worst case (I12): everything open or in doubt on the order's own
 * side counts as filled, nothing on the other side counts as relief, and the order rate is counted from the journal,
 * so that a takeover gives nobody a fresh allowance. What counts orders leaves room for those that only reduce a position
 * (`reducing.ts`). A price is compared with a fresh market or not at all (I18).
 * Cancels are never asked here. Two refusals are more than a no: `repeated-execution` and `loss-limit` switch their
 * subject off, which the caller records (`switchingEvent`).
 */
import { absolute, add, compare, decimal, isMultipleOf, isPositive, maximum, multiply, subtract } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { JournalEvent } from "../formats/events.ts";
import { id } from "../ids.ts";
import type { IntentId, ParentId } from "../ids.ts";
import { noExposure, recentAttempts, recentCancels, recentWishes, wishKey } from "../orders/indexes.ts";
import type { Exposure } from "../orders/indexes.ts";
import { whyNoNumber } from "../orders/numbering.ts";
import { marketKey } from "../orders/state.ts";
import type { EngineState } from "../orders/state.ts";
import type { InstrumentRules, OrderTerms, PriceBasis } from "../orders/terms.ts";
import { zero } from "../decimal.ts";
import type { WallMs } from "../time.ts";
import { disabledBy } from "./controls.ts";
import { currenciesOf, needOf, reservedOf } from "./funds.ts";
import { killOn } from "./kill.ts";
import type { RiskLimits } from "./limits.ts";
import { isReducing, dayLossOf } from "./loss.ts";
import type { Marks } from "./loss.ts";
import { isContract, marginOf } from "./margin.ts";
import type { MarketView } from "./market-view.ts";
import { refused } from "./refusal-codes.ts";
import type { Refusal } from "./refusal-codes.ts";
import { amountFor, countFor, purposeOf } from "./reducing.ts";
import type { OrderPurpose } from "./reducing.ts";

/** What an order is checked against. */
export interface RiskContext {
  /** The venue's rules for the symbol; undefined: the venue does not list it. */
  readonly rules: InstrumentRules | undefined;
  readonly limits: RiskLimits;
  readonly market: MarketView;
  /** How far the venue's time is known, ± ms; undefined: not yet. */
  readonly clockErrorMs: number | undefined;
  readonly nowWallMs: WallMs;
  /** Who wants it: a principal, a strategy, a parent order. Absent: nobody that could be killed or switched off. */
  readonly by?: string;
  /** Who wanted the parent. */
  readonly parentBy?: string;
  /** The markets of all symbols; absent: the day's result is not asked for. */
  readonly marks?: Marks;
  /** What the account holds of a currency, free and locked, by the venue's word or the journal's; absent: not asked. */
  readonly funds?: (currency: string) => Decimal;
  /** The intent whose next attempt this is: its own share of the exposure is not counted twice. */
  readonly reissued?: IntentId;
  /** Whether the venue has reduce-only orders; absent: it has none. */
  readonly hasReduceOnly?: boolean;
}

/** Why the order may not be recorded, the first reason found; undefined: it may. */
export function checkRisk(state: EngineState, terms: OrderTerms, context: RiskContext): Refusal | undefined {
  const { rules } = context;
  const stopped = stopRefusal(state, terms, context);
  if (stopped !== undefined) return stopped;
  const unnumbered = context.reissued === undefined ? whyNoNumber(state.engine) : undefined;
  if (unnumbered !== undefined) return unnumbered;
  if (rules === undefined) return refused("unknown-symbol", { symbol: terms.symbol });
  return (
    ruleRefusal(terms, rules) ??
    reduceOnlyRefusal(state, terms, context) ??
    clockRefusal(context) ??
    sizeRefusal(terms, context) ??
    collarRefusal(terms, context) ??
    exposureRefusal(state, terms, context) ??
    fundsRefusal(state, terms, context) ??
    rateRefusal(state, terms, context) ??
    repeatRefusal(state, terms, context) ??
    lossRefusal(state, terms, context) ??
    doubtRefusal(state, terms, context)
  );
}

/** Killed, or switched off by a control. */
function stopRefusal(state: EngineState, terms: OrderTerms, context: RiskContext): Refusal | undefined {
  const { engine } = state;
  const by = context.by ?? "";
  const kill = killOn(engine.kill, { ...terms, by, parentBy: context.parentBy });
  if (kill !== undefined) return refused(`kill-${kill.level}`, { by: kill.by });
  if (engine.disabled === undefined || engine.disabled.length === 0) return undefined;
  const off =
    disabledBy(engine, "repeated-execution", by) ?? disabledBy(engine, "repeated-execution", context.parentBy ?? by);
  return off === undefined ? undefined : refused("disabled", { control: off.control, subject: off.subject });
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
  // What is left of a position may be worth less than any order has to be; to close it the venues make an exception.
  return terms.reduceOnly !== true && compare(notional, rules.notionalMin) < 0
    ? refused("notional-min", { notional, min: rules.notionalMin })
    : undefined;
}

/**
 * A reduce-only order is for what the position still has beside everything that could reduce it already, at worst case. The
 * venue counts the same way and would refuse more, after it was recorded and sent; or cut it to another order than the
 * one that was asked for.
 */
function reduceOnlyRefusal(state: EngineState, terms: OrderTerms, context: RiskContext): Refusal | undefined {
  if (terms.reduceOnly !== true) return undefined;
  const { venue, symbol, side, quantity } = terms;
  if (context.hasReduceOnly !== true) return refused("reduce-only-unsupported", { venue });
  if (isReducing(state, terms, context.reissued !== undefined)) return undefined;
  const market = marketKey(venue, symbol);
  const position = state.positions.get(market)?.quantity ?? zero;
  const { buyOpen, buyDoubt, sellOpen, sellDoubt } = state.indexes.exposure.get(market) ?? noExposure;
  const open = side === "buy" ? add(buyOpen, buyDoubt) : add(sellOpen, sellDoubt);
  return refused("reduce-only", { side, quantity, position, open });
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
  const purpose = (): OrderPurpose => purposeHere(state, terms, context);
  const worst = worstPosition(state, terms, context.reissued);
  if (compare(worst, limits.positionMax) > 0)
    return refused("position-limit", { worst: terms.side === "buy" ? worst : `-${worst}`, limit: limits.positionMax });
  const exposure = state.indexes.exposure.get(marketKey(terms.venue, terms.symbol)) ?? noExposure;
  const open = exposure.orders + (context.reissued === undefined ? 1 : 0);
  const { openOrdersMax } = limits;
  if (openOrdersMax !== undefined && open > openOrdersMax && open > countFor(openOrdersMax, purpose()))
    return refused("open-orders", { open, limit: openOrdersMax });
  if (limits.openNotionalMax === undefined || context.market.kind === "stale") return undefined;
  const own = context.reissued === undefined ? multiply(terms.quantity, limitOr(terms, context.market.basis)) : zero;
  const worth = add(add(exposure.buyNotional, exposure.sellNotional), own);
  return compare(worth, limits.openNotionalMax) > 0 && compare(worth, amountFor(limits.openNotionalMax, purpose())) > 0
    ? refused("open-notional", { worth, limit: limits.openNotionalMax })
    : undefined;
}

/** Enough of the currency that it takes, beside all that is open; its own earlier attempt is in there already. */
function fundsRefusal(state: EngineState, terms: OrderTerms, context: RiskContext): Refusal | undefined {
  const { funds, market } = context;
  if (funds === undefined || market.kind === "stale") return undefined;
  if (isContract(terms.symbol)) return marginRefusal(state, terms, context, funds);
  const { currency, amount } = needOf(terms, limitOr(terms, market.basis));
  const needed = context.reissued === undefined ? amount : zero;
  const free = subtract(funds(currency), reservedOf(state, terms.venue, currency));
  return compare(needed, free) > 0 ? refused("balance", { currency, needed, free }) : undefined;
}

/** Enough margin for all that the account's contracts could grow to; what can only reduce a position needs none. */
function marginRefusal(
  state: EngineState,
  terms: OrderTerms,
  { market, marks, reissued }: RiskContext,
  funds: (currency: string) => Decimal,
): Refusal | undefined {
  if (market.kind === "stale" || isReducing(state, terms, reissued !== undefined)) return undefined;
  const { venue, symbol } = terms;
  const currency = currenciesOf(symbol).quote;
  const notional = reissued === undefined ? multiply(terms.quantity, limitOr(terms, market.basis)) : zero;
  const markOf: Marks = (at, other) => {
    if (at === venue && other === symbol) return market;
    return marks?.(at, other) ?? { kind: "stale", why: "no market of it is known here" };
  };
  const margin = marginOf(state, { venue, currency }, markOf, { terms, notional });
  if (margin.kind === "stale") return refused("price-stale", { why: margin.why });
  const wallet = funds(currency);
  return compare(margin.amount, wallet) > 0
    ? refused("margin", { currency, needed: margin.amount, wallet })
    : undefined;
}

function purposeHere(state: EngineState, terms: OrderTerms, { by, parentBy, reissued }: RiskContext): OrderPurpose {
  const parent = by === undefined || parentBy === undefined ? undefined : id<ParentId>(by);
  return purposeOf(state, terms, { parent, isCounted: reissued !== undefined });
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

/** Cancels have no bound that a further mark could be set by, so what only reduces is not asked for them. */
function rateRefusal(state: EngineState, terms: OrderTerms, context: RiskContext): Refusal | undefined {
  const { limits, nowWallMs } = context;
  const { count, perMs } = limits.orderRate;
  const made = recentAttempts(state.indexes, nowWallMs, perMs);
  if (made >= count && made >= countFor(count, purposeHere(state, terms, context)))
    return refused("order-rate", { made, limit: count, perMs });
  if (limits.cancelRate === undefined) return undefined;
  const { cancelRate } = limits;
  const cancels = recentCancels(state.indexes, nowWallMs, cancelRate.perMs);
  return cancels > cancelRate.count && purposeHere(state, terms, context) === "opens"
    ? refused("cancel-rate", { cancels, limit: cancelRate.count, perMs: cancelRate.perMs })
    : undefined;
}

/** The slices of a parent are alike by its schedule, and the next attempt of an intent is no new wish. */
function repeatRefusal(state: EngineState, terms: OrderTerms, context: RiskContext): Refusal | undefined {
  const { limits, by, parentBy, reissued, nowWallMs } = context;
  if (limits.repeatedExecution === undefined || by === undefined) return undefined;
  if (parentBy !== undefined || reissued !== undefined) return undefined;
  const { count, perMs } = limits.repeatedExecution;
  const repeated = recentWishes(state.indexes, wishKey(by, terms), nowWallMs, perMs);
  return repeated >= count ? refused("repeated-execution", { by, repeated, limit: count, perMs }) : undefined;
}

/** A loss stops what could lose more; what can only reduce a position passes. */
function lossRefusal(state: EngineState, terms: OrderTerms, context: RiskContext): Refusal | undefined {
  const { limits, marks, reissued } = context;
  const { quote } = currenciesOf(terms.symbol);
  const limit = limits.dayLossMax?.[quote];
  if (limit === undefined || marks === undefined || isReducing(state, terms, reissued !== undefined)) return undefined;
  const off = disabledBy(state.engine, "loss-limit", quote);
  if (off !== undefined) return refused("disabled", { control: off.control, subject: off.subject });
  const loss = dayLossOf(state, quote, marks);
  if (loss.kind === "stale") return refused("price-stale", { why: loss.why });
  return compare(loss.amount, limit) > 0 ? refused("loss-limit", { quote, loss: loss.amount, limit }) : undefined;
}

/** The fact that a refusal makes of its subject: who repeats, or whose losses are too large, stays off. */
export function switchingEvent(
  state: EngineState,
  refusal: Refusal,
  now: WallMs,
): Extract<JournalEvent, { readonly kind: "control.switched" }> | undefined {
  const { code, facts, sentence } = refusal;
  if (code !== "repeated-execution" && code !== "loss-limit") return undefined;
  const subject = String(code === "loss-limit" ? facts["quote"] : facts["by"]);
  if (disabledBy(state.engine, code, subject) !== undefined) return undefined;
  const event = { kind: "control.switched", control: code, subject, enabled: false, by: "risk" } as const;
  return { ...event, reason: sentence, atWallMs: now };
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

/** What one unit is reckoned at in open orders: the limit, or the far side for a market order. */
function limitOr(terms: OrderTerms, basis: PriceBasis): Decimal {
  return terms.price ?? (terms.side === "buy" ? basis.ask : basis.bid);
}

/** What one unit may cost or bring at most: a sell limit below the bid trades at the bid. */
function worstPrice(terms: OrderTerms, basis: PriceBasis): Decimal {
  const far = terms.side === "buy" ? basis.ask : basis.bid;
  if (terms.price === undefined) return far;
  return terms.side === "buy" ? terms.price : maximum(terms.price, far);
}
