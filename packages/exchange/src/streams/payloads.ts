/** Market stream messages in Binance's words. */
import { amountText } from "../amounts.ts";
import type { Trade } from "../matching/order.ts";
import type { AggregateTrade, Candle } from "../market/trade-tape.ts";

/** `<symbol>@trade` */
export function tradeMessage(trade: Trade, nowMs: number): object {
  return {
    e: "trade",
    E: nowMs,
    s: trade.symbol,
    t: trade.tradeId,
    p: amountText(trade.price),
    q: amountText(trade.quantity),
    T: trade.atMs,
    m: trade.isBuyerMaker,
    M: true,
  };
}

/** `<symbol>@aggTrade` */
export function aggregateMessage(symbol: string, one: AggregateTrade, nowMs: number): object {
  return {
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
  };
}

/** `<symbol>@kline_<interval>` */
export function klineMessage(symbol: string, interval: string, candle: Candle, nowMs: number): object {
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

/** `<symbol>@ticker`, from the answer of the REST ticker. */
export function tickerMessage(day: Readonly<Record<string, string | number>>, nowMs: number): object {
  return {
    e: "24hrTicker",
    E: nowMs,
    s: day["symbol"],
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

/** `<symbol>@miniTicker` */
export function miniTickerMessage(day: Readonly<Record<string, string | number>>, nowMs: number): object {
  return {
    e: "24hrMiniTicker",
    E: nowMs,
    s: day["symbol"],
    c: day["lastPrice"],
    o: day["openPrice"],
    h: day["highPrice"],
    l: day["lowPrice"],
    v: day["volume"],
    q: day["quoteVolume"],
  };
}
