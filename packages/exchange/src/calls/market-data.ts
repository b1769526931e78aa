/** What anybody may ask about the market: time, book, trades, candles, tickers. */
import { amountText, notional, ONE } from "../amounts.ts";
import { badRequest, missing } from "../gateway/api-error.ts";
import type { Call, Desk, PublicScope } from "../gateway/call.ts";
import type { Level } from "../matching/book.ts";
import type { Trade } from "../matching/order.ts";
import { candleRow, intervals, type AggregateTrade } from "../market/trade-tape.ts";
import { checkedSymbol, tradedSymbol } from "./trading.ts";

/** All public market calls. */
export const marketCalls: readonly Call[] = [
  { name: "ping", kind: "public", weight: () => 1, run: (scope) => done(scope, {}) },
  { name: "time", kind: "public", weight: () => 1, run: (scope) => done(scope, { serverTime: scope.desk.now() }) },
  {
    name: "depth",
    kind: "public",
    weight: (parameters) => depthWeight(Number(parameters.peek("limit") ?? 100)),
    run: depth,
  },
  { name: "trades.recent", kind: "public", weight: () => 25, run: recentTrades },
  { name: "trades.historical", kind: "public", weight: () => 25, run: recentTrades },
  { name: "trades.aggregate", kind: "public", weight: () => 4, run: aggregateTrades },
  { name: "klines", kind: "public", weight: () => 2, run: klines },
  { name: "ticker.book", kind: "public", weight: tickerWeight(2, 4), run: (scope) => perSymbol(scope, bookTicker) },
  { name: "ticker.price", kind: "public", weight: tickerWeight(2, 4), run: (scope) => perSymbol(scope, priceTicker) },
  { name: "ticker.24hr", kind: "public", weight: tickerWeight(2, 80), run: (scope) => perSymbol(scope, dayTicker) },
  { name: "avgPrice", kind: "public", weight: () => 2, run: averagePrice },
];

/** The first `limit` levels as price and quantity texts. */
export function levelRows(levels: readonly Pick<Level, "price" | "total">[], limit: number): [string, string][] {
  return levels.slice(0, limit).map((level) => [amountText(level.price), amountText(level.total)]);
}

/** 24 hour statistics of one symbol. */
export function dayTicker(desk: Desk, symbol: string): Readonly<Record<string, string | number>> {
  const { engine } = desk.floor;
  const nowMs = desk.now();
  const last = engine.lastPrice(symbol);
  const tape = desk.floor.tape(symbol);
  const day = tape.day(nowMs);
  const open = day?.open ?? last;
  const trade = tape.trades.at(-1);
  const book = bookTicker(desk, symbol);
  return {
    symbol,
    priceChange: amountText(last - open),
    priceChangePercent: (Number(((last - open) * 100_000n) / open) / 1_000).toFixed(3),
    weightedAvgPrice: amountText(day === undefined || day.volume === 0n ? last : (day.quoteVolume * ONE) / day.volume),
    prevClosePrice: amountText(open),
    lastPrice: amountText(last),
    lastQty: amountText(trade?.quantity ?? 0n),
    bidPrice: book.bidPrice,
    bidQty: book.bidQty,
    askPrice: book.askPrice,
    askQty: book.askQty,
    openPrice: amountText(open),
    highPrice: amountText(day?.high ?? last),
    lowPrice: amountText(day?.low ?? last),
    volume: amountText(day?.volume ?? 0n),
    quoteVolume: amountText(day?.quoteVolume ?? 0n),
    openTime: nowMs - 86_400_000,
    closeTime: nowMs,
    firstId: day?.firstTradeId ?? -1,
    lastId: day?.lastTradeId ?? -1,
    count: day?.trades ?? 0,
  };
}

/** Best bid and ask of one symbol. */
export function bookTicker(
  desk: Desk,
  symbol: string,
): Readonly<Record<"symbol" | "bidPrice" | "bidQty" | "askPrice" | "askQty", string>> {
  const book = desk.floor.engine.book(symbol);
  const [bid, ask] = [book.bids[0], book.asks[0]];
  return {
    symbol,
    bidPrice: amountText(bid?.price ?? 0n),
    bidQty: amountText(bid?.total ?? 0n),
    askPrice: amountText(ask?.price ?? 0n),
    askQty: amountText(ask?.total ?? 0n),
  };
}

function done(scope: PublicScope, body: object): object {
  scope.parameters.finish();
  return body;
}

function depth(scope: PublicScope): unknown {
  const symbol = tradedSymbol(scope);
  const limit = scope.parameters.limit(100, 5_000);
  scope.parameters.finish();
  const { floor, mono } = scope.desk;
  const book = scope.lagMs === 0 ? floor.engine.book(symbol) : floor.pastBook(symbol).at(mono() - scope.lagMs);
  return { lastUpdateId: book.lastUpdateId, bids: levelRows(book.bids, limit), asks: levelRows(book.asks, limit) };
}

function recentTrades(scope: PublicScope): unknown {
  const symbol = tradedSymbol(scope);
  const limit = scope.parameters.limit(500, 1_000);
  const fromId = scope.parameters.whole("fromId");
  scope.parameters.finish();
  const { trades } = scope.desk.floor.tape(symbol);
  return window(trades, (trade) => trade.tradeId, fromId, limit).map(tradeRow);
}

function aggregateTrades(scope: PublicScope): unknown {
  const symbol = tradedSymbol(scope);
  const limit = scope.parameters.limit(500, 1_000);
  const fromId = scope.parameters.whole("fromId");
  const startMs = scope.parameters.whole("startTime");
  const endMs = scope.parameters.whole("endTime") ?? Infinity;
  scope.parameters.finish();
  const { aggregates } = scope.desk.floor.tape(symbol);
  if (fromId !== undefined || (startMs === undefined && endMs === Infinity)) {
    return window(aggregates, (one) => one.id, fromId, limit).map(aggregateRow);
  }
  const inside = aggregates.filter((one) => one.atMs >= (startMs ?? 0) && one.atMs <= endMs);
  return (startMs === undefined ? inside.slice(-limit) : inside.slice(0, limit)).map(aggregateRow);
}

function klines(scope: PublicScope): unknown {
  const symbol = tradedSymbol(scope);
  const interval = scope.parameters.required("interval");
  if (!intervals.has(interval)) throw badRequest(-1120, "Invalid interval.");
  const startMs = scope.parameters.whole("startTime");
  const endMs = scope.parameters.whole("endTime") ?? Infinity;
  const limit = scope.parameters.limit(500, 1_000);
  scope.parameters.ignore("timeZone");
  scope.parameters.finish();
  const inside = scope.desk.floor
    .tape(symbol)
    .candles(interval)
    .filter((candle) => candle.openMs >= (startMs ?? 0) && candle.openMs <= endMs);
  return (startMs === undefined ? inside.slice(-limit) : inside.slice(0, limit)).map(candleRow);
}

function averagePrice(scope: PublicScope): unknown {
  const symbol = tradedSymbol(scope);
  scope.parameters.finish();
  const nowMs = scope.desk.now();
  let [volume, quote] = [0n, 0n];
  for (const trade of scope.desk.floor.tape(symbol).trades) {
    if (trade.atMs < nowMs - 300_000) continue;
    volume += trade.quantity;
    quote += notional(trade.price, trade.quantity);
  }
  const price = volume === 0n ? scope.desk.floor.engine.lastPrice(symbol) : (quote * ONE) / volume;
  return { mins: 5, price: amountText(price), closeTime: nowMs };
}

function priceTicker(desk: Desk, symbol: string): object {
  return { symbol, price: amountText(desk.floor.engine.lastPrice(symbol)) };
}

/** One answer for `symbol`, a list for `symbols` or for none. */
function perSymbol(scope: PublicScope, answer: (desk: Desk, symbol: string) => unknown): unknown {
  const { desk, parameters } = scope;
  const symbol = parameters.text("symbol");
  const symbols = parameters.text("symbols");
  parameters.ignore("type", "symbolStatus");
  parameters.finish();
  if (symbol !== undefined) return answer(desk, checkedSymbol(desk, symbol));
  const asked = symbols === undefined ? undefined : symbolList(symbols);
  const wanted = asked ?? desk.floor.engine.instruments().map((one) => one.symbol);
  return wanted.map((one) => answer(desk, checkedSymbol(desk, one)));
}

/** The symbols of a JSON list of texts. */
export function symbolList(text: string): readonly string[] {
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.every((one) => typeof one === "string")) return list;
  } catch {
    // Not JSON: answered below like any other malformed list.
  }
  throw missing("symbols");
}

function window<T>(
  items: readonly T[],
  idOf: (item: T) => number,
  fromId: number | undefined,
  limit: number,
): readonly T[] {
  if (fromId === undefined) return items.slice(-limit);
  const first = items[0];
  // Ids have no hole, so the place of an id follows from the first one kept.
  const start = first === undefined ? 0 : Math.max(0, fromId - idOf(first));
  return items.slice(start, start + limit);
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

function tickerWeight(one: number, all: number): Call["weight"] {
  return (parameters) => (parameters.peek("symbol") === undefined ? all : one);
}
