/** What a symbol did in a time and how it stands, in the spot venue's words: the last day, a trading day, a window, the best prices. */
import { amountText } from "../amounts.ts";
import { perSymbol, statisticsOf, tickerWeight } from "../calls/market.ts";
import { badRequest } from "../gateway/api-error.ts";
import type { Call, Desk } from "../gateway/call.ts";
import type { Parameters } from "../gateway/parameters.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** What `type=MINI` leaves of a ticker. */
const MINI = [
  "symbol",
  "openPrice",
  "highPrice",
  "lowPrice",
  "lastPrice",
  "volume",
  "quoteVolume",
  "openTime",
  "closeTime",
  "firstId",
  "lastId",
  "count",
];

type Row = Readonly<Record<string, string | number>>;

/** All calls of tickers. */
export const tickerCalls: readonly Call[] = [
  {
    name: "ticker.book",
    kind: "public",
    weight: tickerWeight(2, 4),
    run: (scope) => perSymbol(scope, { answer: bookTicker }),
  },
  {
    name: "ticker.price",
    kind: "public",
    weight: tickerWeight(2, 4),
    run: (scope) => perSymbol(scope, { answer: priceTicker }),
  },
  {
    name: "ticker.24hr",
    kind: "public",
    weight: tickerWeight(2, 80),
    run: (scope) => perSymbol(scope, { answer: dayTicker, mini: MINI }),
  },
  {
    name: "ticker.tradingDay",
    kind: "public",
    weight: eachFour,
    run: (scope) => {
      const zone = scope.parameters.text("timeZone") ?? "0";
      const offsetMs = offsetOf(zone);
      const nowMs = scope.desk.now() + offsetMs;
      const openMs = nowMs - (nowMs % DAY_MS) - offsetMs;
      const answer = (desk: Desk, symbol: string): Row => ({
        ...windowTicker(desk, symbol, openMs),
        closeTime: openMs + DAY_MS - 1,
      });
      return perSymbol(scope, { answer, mini: MINI, needsSymbol: true });
    },
  },
  {
    name: "ticker",
    kind: "public",
    weight: eachFour,
    run: (scope) => {
      const lengthMs = windowOf(scope.parameters.text("windowSize") ?? "1d");
      const answer = (desk: Desk, symbol: string): Row => windowTicker(desk, symbol, openOf(desk.now(), lengthMs));
      return perSymbol(scope, { answer, mini: MINI, needsSymbol: true });
    },
  },
];

/** 24 hour statistics of one symbol. */
export function dayTicker(desk: Desk, symbol: string): Row {
  const nowMs = desk.now();
  const day = statisticsOf(desk, symbol, nowMs - DAY_MS);
  const { bidPrice, bidQty, askPrice, askQty } = bookTicker(desk, symbol);
  return {
    ...windowTicker(desk, symbol, nowMs - DAY_MS),
    prevClosePrice: amountText(day.open),
    lastQty: amountText(day.lastQuantity),
    bidPrice,
    bidQty,
    askPrice,
    askQty,
  };
}

/** Statistics of one symbol from a time until now. */
export function windowTicker(desk: Desk, symbol: string, openMs: number): Row {
  const one = statisticsOf(desk, symbol, openMs);
  return {
    symbol,
    priceChange: amountText(one.last - one.open),
    priceChangePercent: one.changePercent,
    weightedAvgPrice: amountText(one.average),
    openPrice: amountText(one.open),
    highPrice: amountText(one.high),
    lowPrice: amountText(one.low),
    lastPrice: amountText(one.last),
    volume: amountText(one.volume),
    quoteVolume: amountText(one.quoteVolume),
    openTime: openMs,
    closeTime: desk.now(),
    firstId: one.firstTradeId,
    lastId: one.lastTradeId,
    count: one.trades,
  };
}

/** Where a window of so many ms opens: on a minute, at most one earlier than asked. */
export function openOf(nowMs: number, lengthMs: number): number {
  return Math.floor((nowMs - lengthMs) / MINUTE_MS) * MINUTE_MS;
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

function priceTicker(desk: Desk, symbol: string): Row {
  return { symbol, price: amountText(desk.floor.engine.lastPrice(symbol)) };
}

/** Four for each symbol, at most 200. */
function eachFour(parameters: Parameters): number {
  const commas = parameters.peek("symbols")?.match(/,/g)?.length ?? 0;
  return Math.min(200, 4 * (commas + 1));
}

/** The length of `1m` to `59m`, `1h` to `23h`, `1d` to `7d`. */
function windowOf(text: string): number {
  const match = /^(\d{1,2})([mhd])$/.exec(text);
  const count = Number(match?.[1]);
  const units: Readonly<Record<string, readonly [most: number, ms: number]>> = {
    m: [59, MINUTE_MS],
    h: [23, 60 * MINUTE_MS],
    d: [7, DAY_MS],
  };
  const unit = units[match?.[2] ?? ""];
  if (unit === undefined || count < 1 || count > unit[0]) {
    throw badRequest(-1130, "Data sent for parameter 'windowSize' is not valid.");
  }
  return count * unit[1];
}

/** How far a time zone is ahead of UTC: `8`, `-3`, `05:45`; −12:00 to +14:00. */
function offsetOf(text: string): number {
  const match = /^([+-]?)(\d{1,2})(?::(\d{2}))?$/.exec(text);
  const minutes = Number(match?.[2]) * 60 + Number(match?.[3] ?? 0);
  const signed = match?.[1] === "-" ? -minutes : minutes;
  if (match === null || Number(match[3] ?? 0) > 59 || signed < -12 * 60 || signed > 14 * 60) {
    throw badRequest(-1130, "Data sent for parameter 'timeZone' is not valid.");
  }
  return signed * MINUTE_MS;
}
