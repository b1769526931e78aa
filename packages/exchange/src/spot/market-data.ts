/** What anybody may ask about the spot market, in its words. */
import { amountText } from "../amounts.ts";
import {
  askedAggregates,
  askedTrades,
  averageOfFiveMinutes,
  bookOf,
  commonMarketCalls,
  levelRows,
  statusOf,
} from "../calls/market.ts";
import { tradedSymbol } from "../calls/naming.ts";
import { badRequest } from "../gateway/api-error.ts";
import type { Call, PublicScope } from "../gateway/call.ts";
import type { AggregateTrade } from "../market/trade-tape.ts";
import type { Trade } from "../matching/order.ts";
import { tickerCalls } from "./tickers.ts";

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
  ...tickerCalls,
  { name: "avgPrice", kind: "public", weight: () => 2, run: averagePrice },
  { name: "systemStatus", kind: "public", weight: () => 1, run: systemStatus },
];

function depth(scope: PublicScope): unknown {
  const symbol = tradedSymbol(scope);
  const limit = scope.parameters.limit(100, 5_000);
  const statuses = ["TRADING", "HALT", "BREAK"] as const;
  const status = scope.parameters.choice("symbolStatus", statuses, -1122, "Invalid symbolStatus.");
  scope.parameters.finish();
  if (status !== undefined && statusOf(scope.desk, symbol) !== status) {
    throw badRequest(-1220, "The symbol's status does not match the requested symbolStatus.");
  }
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
  const { desk } = scope;
  const closeTime = desk.floor.tape(symbol).trades.at(-1)?.atMs ?? desk.now();
  return { mins: 5, price: amountText(averageOfFiveMinutes(desk, symbol)), closeTime };
}

/** `GET /sapi/v1/system/status`: what ahead of a maintenance says nothing, and during one is not answered. */
function systemStatus(scope: PublicScope): unknown {
  scope.parameters.finish();
  return { status: 0, msg: "normal" };
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
