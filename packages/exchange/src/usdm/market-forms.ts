/**
 * The futures venue's market streams: which there are, how often, and their messages in its words. A book difference
 * carries `pu`, the last update id of the one before: that, and not `U`, is what its readers join by.
 */
import { intervals } from "../market/trade-tape.ts";
import type { Desk } from "../gateway/call.ts";
import type { MarketForms, Periodic } from "../streams/market-streams.ts";
import { klineMessage } from "../spot/market-forms.ts";
import { dayTicker, funding } from "./market-data.ts";
import type { Margin } from "./margin.ts";
import { shortText } from "./numbers.ts";

/** All of them, with the mark prices of one exchange. */
export function usdmMarketForms(margin: Margin): MarketForms {
  const mark = (desk: Desk, symbol: string, nowMs: number): object => markMessage(desk, margin, symbol, nowMs);
  return {
    trade: (trade, nowMs) => ({
      e: "trade",
      E: nowMs,
      T: trade.atMs,
      s: trade.symbol,
      t: trade.tradeId,
      p: shortText(trade.price),
      q: shortText(trade.quantity),
      X: "MARKET",
      m: trade.isBuyerMaker,
    }),
    aggregate: (_desk, symbol, one, nowMs) => ({
      e: "aggTrade",
      E: nowMs,
      s: symbol,
      a: one.id,
      p: shortText(one.price),
      q: shortText(one.quantity),
      f: one.firstTradeId,
      l: one.lastTradeId,
      T: one.atMs,
      m: one.isBuyerMaker,
    }),
    best: (_desk, best, nowMs) => ({
      e: "bookTicker",
      u: best.updateId,
      E: nowMs,
      T: nowMs,
      s: best.symbol,
      b: shortText(best.bid?.price ?? 0n),
      B: shortText(best.bid?.total ?? 0n),
      a: shortText(best.ask?.price ?? 0n),
      A: shortText(best.ask?.total ?? 0n),
    }),
    difference: (_desk, difference, nowMs) => ({
      e: "depthUpdate",
      E: nowMs,
      T: nowMs,
      s: difference.symbol,
      U: difference.firstUpdateId,
      u: difference.lastUpdateId,
      pu: difference.previousUpdateId,
      b: rows(difference.bids),
      a: rows(difference.asks),
    }),
    differences: [
      { name: "depth@100ms", everyMs: 100 },
      { name: "depth", everyMs: 250 },
      { name: "depth@500ms", everyMs: 500 },
    ],
    perSymbol: [
      ...[5, 10, 20].flatMap((levels): Periodic[] => [
        { name: `depth${levels}@100ms`, everyMs: 100, make: partial(levels) },
        { name: `depth${levels}`, everyMs: 250, make: partial(levels) },
        { name: `depth${levels}@500ms`, everyMs: 500, make: partial(levels) },
      ]),
      ...[...intervals.keys()].map((interval): Periodic => ({
        name: `kline_${interval}`,
        everyMs: 250,
        make: (desk, symbol, nowMs) => klineMessage(desk, symbol, interval, nowMs),
      })),
      { name: "markPrice@1s", everyMs: 1_000, make: mark },
      { name: "markPrice", everyMs: 3_000, make: mark },
      { name: "ticker", everyMs: 2_000, make: tickerMessage },
      { name: "miniTicker", everyMs: 2_000, make: miniTickerMessage },
    ],
    ofAll: [
      { name: "!markPrice@arr@1s", everyMs: 1_000, make: mark },
      { name: "!markPrice@arr", everyMs: 3_000, make: mark },
      { name: "!ticker@arr", everyMs: 1_000, make: tickerMessage },
      { name: "!miniTicker@arr", everyMs: 1_000, make: miniTickerMessage },
    ],
  };
}

function markMessage(desk: Desk, margin: Margin, symbol: string, nowMs: number): object {
  const { rate, nextMs } = funding(nowMs);
  const index = shortText(desk.floor.engine.lastPrice(symbol));
  return {
    e: "markPriceUpdate",
    E: nowMs,
    s: symbol,
    p: shortText(margin.mark(symbol)),
    i: index,
    P: index,
    r: rate,
    T: nextMs,
  };
}

/** The futures venue tells the best levels in the form of a difference. */
function partial(levels: number): Periodic["make"] {
  return (desk, symbol, nowMs) => {
    const book = desk.floor.publicBook(symbol);
    const best = (side: typeof book.bids): [string, string][] =>
      side.slice(0, levels).map((level) => [shortText(level.price), shortText(level.total)]);
    return {
      e: "depthUpdate",
      E: nowMs,
      T: nowMs,
      s: symbol,
      U: book.lastUpdateId,
      u: book.lastUpdateId,
      pu: book.lastUpdateId - 1,
      b: best(book.bids),
      a: best(book.asks),
    };
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
    c: day["lastPrice"],
    Q: day["lastQty"],
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
  return [...side].map(([price, total]) => [shortText(price), shortText(total)]);
}
