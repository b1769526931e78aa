/**
 * What anybody may ask about the futures market, in its words. The mark price is the middle of the book, the index price
 * the last trade's; funding has a rate and a next time, and is never paid.
 */
import {
  askedAggregates,
  askedTrades,
  bestPrices,
  bookOf,
  commonMarketCalls,
  klinesOf,
  statisticsOf,
  levelRows,
  perSymbol,
  tickerWeight,
} from "../calls/market.ts";
import { checkedSymbol, tradedSymbol } from "../calls/naming.ts";
import { badRequest } from "../gateway/api-error.ts";
import type { Call, Desk, PublicScope } from "../gateway/call.ts";
import type { AggregateTrade } from "../market/trade-tape.ts";
import type { Trade } from "../matching/order.ts";
import type { Margin } from "./margin.ts";
import { shortText, stepText } from "./numbers.ts";
import { rulesOf } from "./order-bodies.ts";
import { size } from "./positions.ts";

const EIGHT_HOURS_MS = 8 * 3_600_000;
const FUNDING_RATE = "0.00010000";
const DEPTHS = [5, 10, 20, 50, 100, 500, 1_000];

/** All public market calls; open interest is what the accounts of one exchange hold. */
export function marketCalls(margin: Margin): readonly Call[] {
  const call = (name: string, weight: Call["weight"], run: (scope: PublicScope) => unknown): Call => ({
    name,
    kind: "public",
    weight,
    run,
  });
  const each = (answer: (desk: Desk, symbol: string) => object) => (scope: PublicScope) => perSymbol(scope, { answer });
  return [
    ...commonMarketCalls,
    call("depth", (parameters) => depthWeight(Number(parameters.peek("limit") ?? 500)), depth),
    call(
      "trades.recent",
      () => 5,
      (scope) => askedTrades(scope).map(tradeRow),
    ),
    call(
      "trades.historical",
      () => 20,
      (scope) => askedTrades(scope).map(tradeRow),
    ),
    call(
      "trades.aggregate",
      () => 20,
      (scope) => askedAggregates(scope).map(aggregateRow),
    ),
    call("ticker.book", tickerWeight(2, 5), each(bookTicker)),
    call("ticker.price", tickerWeight(1, 2), each(priceTicker)),
    call("ticker.24hr", tickerWeight(1, 40), each(dayTicker)),
    call(
      "premiumIndex",
      tickerWeight(1, 10),
      each((desk, symbol) => premiumIndex(desk, margin, symbol)),
    ),
    call(
      "fundingRate",
      () => 1,
      (scope) => fundingHistory(scope, margin),
    ),
    call("continuousKlines", () => 5, continuousKlines),
    call(
      "indexPriceKlines",
      () => 5,
      (scope) => klinesOf(scope, pairOf(scope)),
    ),
    call("fundingInfo", () => 0, fundingInfo),
    call(
      "openInterest",
      () => 1,
      (scope) => openInterest(scope, margin),
    ),
  ];
}

/** Every contract here is a perpetual one. */
function continuousKlines(scope: PublicScope): unknown {
  const type = scope.parameters.required("contractType");
  const pair = pairOf(scope);
  if (type !== "PERPETUAL")
    throw badRequest(-1102, "Mandatory parameter 'contractType' was not sent, was empty/null, or malformed.");
  return klinesOf(scope, pair);
}

/** A pair has the name of its perpetual contract. */
function pairOf(scope: PublicScope): string {
  return checkedSymbol(scope.desk, scope.parameters.required("pair"));
}

/** The middle of the book; the last price while a side is empty. */
export function markPrice(desk: Desk, symbol: string): bigint {
  const { bid, ask } = bestPrices(desk, symbol);
  if (bid === undefined || ask === undefined) return desk.floor.engine.lastPrice(symbol);
  return (bid.price + ask.price) / 2n;
}

/** When funding would be paid next, and at what rate. */
export function funding(nowMs: number): { readonly rate: string; readonly nextMs: number } {
  return { rate: FUNDING_RATE, nextMs: (Math.floor(nowMs / EIGHT_HOURS_MS) + 1) * EIGHT_HOURS_MS };
}

/** 24 hour statistics of one symbol. */
export function dayTicker(desk: Desk, symbol: string): Readonly<Record<string, string | number>> {
  const day = statisticsOf(desk, symbol);
  const { tickSize, stepSize } = rulesOf(desk, symbol);
  const nowMs = desk.now();
  return {
    symbol,
    priceChange: shortText(day.last - day.open),
    priceChangePercent: day.changePercent,
    weightedAvgPrice: shortText(day.average),
    lastPrice: stepText(day.last, tickSize),
    lastQty: stepText(day.lastQuantity, stepSize),
    openPrice: stepText(day.open, tickSize),
    highPrice: stepText(day.high, tickSize),
    lowPrice: stepText(day.low, tickSize),
    volume: stepText(day.volume, stepSize),
    quoteVolume: shortText(day.quoteVolume),
    openTime: nowMs - 86_400_000,
    closeTime: nowMs,
    firstId: day.firstTradeId,
    lastId: day.lastTradeId,
    count: day.trades,
  };
}

function depth(scope: PublicScope): unknown {
  const { desk, parameters } = scope;
  const symbol = tradedSymbol(scope);
  const limit = parameters.whole("limit") ?? 500;
  parameters.finish();
  if (!DEPTHS.includes(limit)) throw badRequest(-4021, `${limit} is not valid depth limit.`);
  const book = bookOf(scope, symbol);
  const nowMs = desk.now();
  return {
    lastUpdateId: book.lastUpdateId,
    E: nowMs,
    T: nowMs,
    bids: levelRows(book.bids, limit, shortText),
    asks: levelRows(book.asks, limit, shortText),
  };
}

function bookTicker(desk: Desk, symbol: string): object {
  const { bid, ask, updateId } = bestPrices(desk, symbol);
  return {
    symbol,
    bidPrice: shortText(bid?.price ?? 0n),
    bidQty: shortText(bid?.total ?? 0n),
    askPrice: shortText(ask?.price ?? 0n),
    askQty: shortText(ask?.total ?? 0n),
    time: desk.now(),
    lastUpdateId: updateId,
  };
}

function priceTicker(desk: Desk, symbol: string): object {
  return { symbol, price: shortText(desk.floor.engine.lastPrice(symbol)), time: desk.now() };
}

function premiumIndex(desk: Desk, margin: Margin, symbol: string): object {
  const nowMs = desk.now();
  const { rate, nextMs } = funding(nowMs);
  const index = shortText(desk.floor.engine.lastPrice(symbol));
  return {
    symbol,
    markPrice: shortText(margin.mark(symbol)),
    indexPrice: index,
    estimatedSettlePrice: index,
    lastFundingRate: rate,
    interestRate: FUNDING_RATE,
    nextFundingTime: nextMs,
    time: nowMs,
  };
}

function fundingHistory(scope: PublicScope, margin: Margin): unknown {
  const { desk, parameters } = scope;
  const named = parameters.text("symbol");
  const startMs = parameters.time("startTime") ?? 0;
  const endMs = parameters.time("endTime") ?? Infinity;
  const limit = parameters.limit(100, 1_000);
  parameters.finish();
  const last = funding(desk.now()).nextMs - EIGHT_HOURS_MS;
  const times = Array.from({ length: 3 }, (_unused, index) => last - (2 - index) * EIGHT_HOURS_MS);
  return desk.floor.engine
    .instruments()
    .filter((one) => named === undefined || one.symbol === named)
    .flatMap(({ symbol }) =>
      times.map((fundingTime) => ({
        symbol,
        fundingRate: FUNDING_RATE,
        fundingTime,
        markPrice: shortText(margin.mark(symbol)),
      })),
    )
    .filter((one) => one.fundingTime >= startMs && one.fundingTime <= endMs)
    .slice(-limit);
}

function fundingInfo(scope: PublicScope): unknown {
  scope.parameters.finish();
  return scope.desk.floor.engine.instruments().map(({ symbol }) => ({
    symbol,
    adjustedFundingRateCap: "0.02000000",
    adjustedFundingRateFloor: "-0.02000000",
    fundingIntervalHours: 8,
    disclaimer: false,
  }));
}

function openInterest(scope: PublicScope, margin: Margin): unknown {
  const symbol = tradedSymbol(scope);
  scope.parameters.finish();
  let held = 0n;
  for (const quantity of margin.held(symbol)) held += size(quantity);
  return { symbol, openInterest: shortText(held / 2n), time: scope.desk.now() };
}

function tradeRow(trade: Trade): object {
  return {
    id: trade.tradeId,
    price: shortText(trade.price),
    qty: shortText(trade.quantity),
    quoteQty: shortText(trade.quote),
    time: trade.atMs,
    isBuyerMaker: trade.isBuyerMaker,
  };
}

function aggregateRow(one: AggregateTrade): object {
  return {
    a: one.id,
    p: shortText(one.price),
    q: shortText(one.quantity),
    f: one.firstTradeId,
    l: one.lastTradeId,
    T: one.atMs,
    m: one.isBuyerMaker,
  };
}

function depthWeight(limit: number): number {
  if (limit <= 50) return 2;
  if (limit <= 100) return 5;
  return limit <= 500 ? 10 : 20;
}
