/** What anybody may ask about the spot market, in its words. */
import { amountText } from "../amounts.ts";
import {
  askedAggregates,
  askedTrades,
  averageOfFiveMinutes,
  bookOf,
  commonMarketCalls,
  dayOf,
  levelRows,
  perSymbol,
  tickerWeight,
} from "../calls/market.ts";
import { tradedSymbol } from "../calls/naming.ts";
import type { Call, Desk, PublicScope } from "../gateway/call.ts";
import type { AggregateTrade } from "../market/trade-tape.ts";
import type { Trade } from "../matching/order.ts";

/** All public market calls. */
export const marketCalls: readonly Call[] = [
  ...commonMarketCalls,
  {
    name: "depth",
    kind: "public",
    weight: (parameters) => depthWeight(Number(parameters.peek("limit") ?? 100)),
    run: depth,
  },
  { name: "trades.recent", kind: "public", weight: () => 25, run: recentTrades },
  { name: "trades.historical", kind: "public", weight: () => 25, run: recentTrades },
  { name: "trades.aggregate", kind: "public", weight: () => 4, run: aggregateTrades },
  { name: "ticker.book", kind: "public", weight: tickerWeight(2, 4), run: (scope) => perSymbol(scope, bookTicker) },
  { name: "ticker.price", kind: "public", weight: tickerWeight(2, 4), run: (scope) => perSymbol(scope, priceTicker) },
  { name: "ticker.24hr", kind: "public", weight: tickerWeight(2, 80), run: (scope) => perSymbol(scope, dayTicker) },
  { name: "avgPrice", kind: "public", weight: () => 2, run: averagePrice },
  { name: "systemStatus", kind: "public", weight: () => 1, run: systemStatus },
];

/** 24 hour statistics of one symbol. */
export function dayTicker(desk: Desk, symbol: string): Readonly<Record<string, string | number>> {
  const day = dayOf(desk, symbol);
  const nowMs = desk.now();
  const book = bookTicker(desk, symbol);
  return {
    symbol,
    priceChange: amountText(day.last - day.open),
    priceChangePercent: day.changePercent,
    weightedAvgPrice: amountText(day.average),
    prevClosePrice: amountText(day.open),
    lastPrice: amountText(day.last),
    lastQty: amountText(day.lastQuantity),
    bidPrice: book.bidPrice,
    bidQty: book.bidQty,
    askPrice: book.askPrice,
    askQty: book.askQty,
    openPrice: amountText(day.open),
    highPrice: amountText(day.high),
    lowPrice: amountText(day.low),
    volume: amountText(day.volume),
    quoteVolume: amountText(day.quoteVolume),
    openTime: nowMs - 86_400_000,
    closeTime: nowMs,
    firstId: day.firstTradeId,
    lastId: day.lastTradeId,
    count: day.trades,
  };
}

/** Best prices of one symbol. */
export function bookTicker(
  desk: Desk,
  symbol: string,
): {
  readonly symbol: string;
  readonly bidPrice: string;
  readonly bidQty: string;
  readonly askPrice: string;
  readonly askQty: string;
} {
  const book = desk.floor.publicBook(symbol);
  const [bid, ask] = [book.bids[0], book.asks[0]];
  return {
    symbol,
    bidPrice: amountText(bid?.price ?? 0n),
    bidQty: amountText(bid?.total ?? 0n),
    askPrice: amountText(ask?.price ?? 0n),
    askQty: amountText(ask?.total ?? 0n),
  };
}

function depth(scope: PublicScope): unknown {
  const symbol = tradedSymbol(scope);
  const limit = scope.parameters.limit(100, 5_000);
  scope.parameters.finish();
  const book = bookOf(scope, symbol);
  return { lastUpdateId: book.lastUpdateId, bids: levelRows(book.bids, limit), asks: levelRows(book.asks, limit) };
}

function recentTrades(scope: PublicScope): unknown {
  return askedTrades(scope).map(tradeRow);
}

function aggregateTrades(scope: PublicScope): unknown {
  return askedAggregates(scope).map(aggregateRow);
}

function averagePrice(scope: PublicScope): unknown {
  const symbol = tradedSymbol(scope);
  scope.parameters.finish();
  return { mins: 5, price: amountText(averageOfFiveMinutes(scope.desk, symbol)), closeTime: scope.desk.now() };
}

/** `GET /sapi/v1/system/status`: what ahead of a maintenance says nothing, and during one is not answered. */
function systemStatus(scope: PublicScope): unknown {
  scope.parameters.finish();
  return { status: 0, msg: "normal" };
}

function priceTicker(desk: Desk, symbol: string): object {
  return { symbol, price: amountText(desk.floor.engine.lastPrice(symbol)) };
}

function tradeRow(trade: Trade): object {
  return {
    id: trade.tradeId,
    price: amountText(trade.price),
    qty: amountText(trade.quantity),
    quoteQty: amountText(trade.quote),
    time: trade.atMs,
    isBuyerMaker: trade.isBuyerMaker,
    isBestMatch: true,
  };
}

function aggregateRow(one: AggregateTrade): object {
  return {
    a: one.id,
    p: amountText(one.price),
    q: amountText(one.quantity),
    f: one.firstTradeId,
    l: one.lastTradeId,
    T: one.atMs,
    m: one.isBuyerMaker,
    M: true,
  };
}

function depthWeight(limit: number): number {
  if (limit <= 100) return 5;
  if (limit <= 500) return 25;
  return limit <= 1_000 ? 50 : 250;
}
