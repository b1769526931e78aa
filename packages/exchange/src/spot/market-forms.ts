/** The spot venue's market streams: which there are, how often, and their messages in its words. */
import { amountText } from "../amounts.ts";
import { averageOfFiveMinutes, levelRows } from "../calls/market.ts";
import type { Desk } from "../gateway/call.ts";
import { intervals } from "../market/trade-tape.ts";
import type { MarketForms, Periodic } from "../streams/market-streams.ts";
import { bookTicker, dayTicker, openOf, windowTicker } from "./tickers.ts";

const SECOND_MS = 1_000;

/** The windows of `<symbol>@ticker_<window>`. */
const windows = [
  ["1h", 3_600_000],
  ["4h", 4 * 3_600_000],
  ["1d", 24 * 3_600_000],
] as const;

/** All of them. */
export const spotMarketForms: MarketForms = {
  trade: (trade, nowMs) => ({
    e: "trade",
    E: nowMs,
    s: trade.symbol,
    t: trade.tradeId,
    p: amountText(trade.price),
    q: amountText(trade.quantity),
    T: trade.atMs,
    m: trade.isBuyerMaker,
    M: true,
  }),
  aggregate: (_desk, symbol, one, nowMs) => ({
    e: "aggTrade",
    E: nowMs,
    s: symbol,
    a: one.id,
    p: amountText(one.price),
    q: amountText(one.quantity),
    f: one.firstTradeId,
    l: one.lastTradeId,
    T: one.atMs,
    m: one.isBuyerMaker,
    M: true,
  }),
  best: (desk, best) => {
    const { bidPrice, bidQty, askPrice, askQty } = bookTicker(desk, best.symbol);
    return { u: best.updateId, s: best.symbol, b: bidPrice, B: bidQty, a: askPrice, A: askQty };
  },
  difference: (_desk, difference, nowMs) => ({
    e: "depthUpdate",
    E: nowMs,
    s: difference.symbol,
    U: difference.firstUpdateId,
    u: difference.lastUpdateId,
    b: rows(difference.bids),
    a: rows(difference.asks),
  }),
  differences: [
    { name: "depth@100ms", everyMs: 100 },
    { name: "depth", everyMs: SECOND_MS },
  ],
  perSymbol: [
    ...[5, 10, 20].flatMap((levels): Periodic[] => [
      { name: `depth${levels}@100ms`, everyMs: 100, make: (desk, symbol) => partial(desk, symbol, levels) },
      { name: `depth${levels}`, everyMs: SECOND_MS, make: (desk, symbol) => partial(desk, symbol, levels) },
    ]),
    ...[...intervals.keys()].map((interval): Periodic => ({
      name: `kline_${interval}`,
      everyMs: interval === "1s" ? SECOND_MS : 2 * SECOND_MS,
      make: (desk, symbol, nowMs) => klineMessage(desk, symbol, interval, nowMs),
    })),
    { name: "ticker", everyMs: SECOND_MS, make: tickerMessage },
    { name: "miniTicker", everyMs: SECOND_MS, make: miniTickerMessage },
    { name: "avgPrice", everyMs: SECOND_MS, make: averageMessage },
    ...windows.map(([name, lengthMs]): Periodic => ({
      name: `ticker_${name}`,
      everyMs: SECOND_MS,
      make: (desk, symbol, nowMs) => windowMessage(desk, symbol, { name, lengthMs, nowMs }),
    })),
  ],
  ofAll: [
    { name: "!ticker@arr", everyMs: SECOND_MS, make: tickerMessage },
    { name: "!miniTicker@arr", everyMs: SECOND_MS, make: miniTickerMessage },
    ...windows.map(([name, lengthMs]): Periodic => ({
      name: `!ticker_${name}@arr`,
      everyMs: SECOND_MS,
      make: (desk, symbol, nowMs) => windowMessage(desk, symbol, { name, lengthMs, nowMs }),
    })),
  ],
};

function averageMessage(desk: Desk, symbol: string, nowMs: number): object {
  const average = averageOfFiveMinutes(desk, symbol);
  const lastMs = desk.floor.tape(symbol).trades.at(-1)?.atMs ?? nowMs;
  return { e: "avgPrice", E: nowMs, s: symbol, i: "5m", w: amountText(average), T: lastMs };
}

function windowMessage(
  desk: Desk,
  symbol: string,
  { name, lengthMs, nowMs }: { readonly name: string; readonly lengthMs: number; readonly nowMs: number },
): object {
  const one = windowTicker(desk, symbol, openOf(nowMs, lengthMs));
  return {
    e: `${name}Ticker`,
    E: nowMs,
    s: symbol,
    p: one["priceChange"],
    P: one["priceChangePercent"],
    o: one["openPrice"],
    h: one["highPrice"],
    l: one["lowPrice"],
    c: one["lastPrice"],
    w: one["weightedAvgPrice"],
    v: one["volume"],
    q: one["quoteVolume"],
    O: one["openTime"],
    C: one["closeTime"],
    F: one["firstId"],
    L: one["lastId"],
    n: one["count"],
  };
}

/** `<symbol>@kline_<interval>`, the same on both venues; undefined before the first trade. */
export function klineMessage(desk: Desk, symbol: string, interval: string, nowMs: number): object | undefined {
  const candle = desk.floor.tape(symbol).candles(interval).at(-1);
  if (candle === undefined) return undefined;
  return {
    e: "kline",
    E: nowMs,
    s: symbol,
    k: {
      t: candle.openMs,
      T: candle.closeMs,
      s: symbol,
      i: interval,
      f: candle.firstTradeId,
      L: candle.lastTradeId,
      o: amountText(candle.open),
      c: amountText(candle.close),
      h: amountText(candle.high),
      l: amountText(candle.low),
      v: amountText(candle.volume),
      n: candle.trades,
      x: nowMs > candle.closeMs,
      q: amountText(candle.quoteVolume),
      V: amountText(candle.takerBuyVolume),
      Q: amountText(candle.takerBuyQuote),
      B: "0",
    },
  };
}

function partial(desk: Desk, symbol: string, levels: number): object {
  const book = desk.floor.publicBook(symbol);
  return {
    lastUpdateId: book.lastUpdateId,
    bids: levelRows(book.bids, levels),
    asks: levelRows(book.asks, levels),
  };
}

function tickerMessage(desk: Desk, symbol: string, nowMs: number): object {
  const day = dayTicker(desk, symbol);
  return {
    e: "24hrTicker",
    E: nowMs,
    s: symbol,
    p: day["priceChange"],
    P: day["priceChangePercent"],
    w: day["weightedAvgPrice"],
    x: day["prevClosePrice"],
    c: day["lastPrice"],
    Q: day["lastQty"],
    b: day["bidPrice"],
    B: day["bidQty"],
    a: day["askPrice"],
    A: day["askQty"],
    o: day["openPrice"],
    h: day["highPrice"],
    l: day["lowPrice"],
    v: day["volume"],
    q: day["quoteVolume"],
    O: day["openTime"],
    C: day["closeTime"],
    F: day["firstId"],
    L: day["lastId"],
    n: day["count"],
  };
}

function miniTickerMessage(desk: Desk, symbol: string, nowMs: number): object {
  const day = dayTicker(desk, symbol);
  return {
    e: "24hrMiniTicker",
    E: nowMs,
    s: symbol,
    c: day["lastPrice"],
    o: day["openPrice"],
    h: day["highPrice"],
    l: day["lowPrice"],
    v: day["volume"],
    q: day["quoteVolume"],
  };
}

function rows(side: ReadonlyMap<bigint, bigint>): [string, string][] {
  return [...side].map(([price, total]) => [amountText(price), amountText(total)]);
}
