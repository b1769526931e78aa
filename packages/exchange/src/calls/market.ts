/** What both venues answer about the market in the same form: liveness, time, candles; and the reading behind the rest. */
import { amountText, notional, ONE } from "../amounts.ts";
import { badRequest, invalid, missing, unknownMarket } from "../gateway/api-error.ts";
import type { Call, Desk, PublicScope } from "../gateway/call.ts";
import type { Level } from "../matching/book.ts";
import type { PastBook } from "../market/book-memory.ts";
import { candleRow, intervals, type AggregateTrade } from "../market/trade-tape.ts";
import type { Trade } from "../matching/order.ts";
import { checkedSymbol, tradedSymbol } from "./naming.ts";

const DAY_MS = 86_400_000;
/** Spot allows 1,000 and futures 1,500: asking for more is no error at either, and gets the most. */
const KLINES_MAX = 1_500;

/** `ping`, `time` and `klines`. */
export const commonMarketCalls: readonly Call[] = [
  { name: "ping", kind: "public", weight: () => 1, run: (scope) => done(scope, {}) },
  { name: "time", kind: "public", weight: () => 1, run: (scope) => done(scope, { serverTime: scope.desk.now() }) },
  { name: "klines", kind: "public", weight: () => 2, run: klines },
  { name: "uiKlines", kind: "public", weight: () => 2, run: klines },
];

/** The first `limit` levels as price and quantity texts. */
export function levelRows(
  levels: readonly Pick<Level, "price" | "total">[],
  limit: number,
  text: (value: bigint) => string = amountText,
): [string, string][] {
  return levels.slice(0, limit).map((level) => [text(level.price), text(level.total)]);
}

/** The book of a symbol as it is, or as old as a fault makes the answer. */
export function bookOf(scope: PublicScope, symbol: string): PastBook {
  const { floor, mono } = scope.desk;
  if (!floor.isKnown(symbol)) throw unknownMarket();
  return scope.lagMs === 0 ? floor.publicBook(symbol) : floor.pastBook(symbol).at(mono() - scope.lagMs);
}

/** The best levels of one symbol, and the update id they are as of. */
export interface BestPrices {
  readonly symbol: string;
  readonly bid: Pick<Level, "price" | "total"> | undefined;
  readonly ask: Pick<Level, "price" | "total"> | undefined;
  readonly updateId: number;
}

/** The best levels as they are now. */
export function bestPrices(desk: Desk, symbol: string): BestPrices {
  const book = desk.floor.publicBook(symbol);
  return { symbol, bid: book.bids[0], ask: book.asks[0], updateId: book.lastUpdateId };
}

/** What a symbol did in a time, in 1e-8. */
export interface Statistics {
  readonly open: bigint;
  readonly last: bigint;
  readonly lastQuantity: bigint;
  readonly high: bigint;
  readonly low: bigint;
  readonly volume: bigint;
  readonly quoteVolume: bigint;
  readonly average: bigint;
  /** In percent, three places. */
  readonly changePercent: string;
  readonly firstTradeId: number;
  readonly lastTradeId: number;
  readonly trades: number;
}

/** What the last 24 hours of a symbol were, or the time from `fromMs` on. */
export function statisticsOf(desk: Desk, symbol: string, fromMs: number = desk.now() - DAY_MS): Statistics {
  const last = desk.floor.engine.lastPrice(symbol);
  const tape = desk.floor.tape(symbol);
  const day = tape.since(fromMs);
  const open = day?.open ?? last;
  const trade = tape.trades.at(-1);
  return {
    open,
    last,
    lastQuantity: trade?.quantity ?? 0n,
    high: day?.high ?? last,
    low: day?.low ?? last,
    volume: day?.volume ?? 0n,
    quoteVolume: day?.quoteVolume ?? 0n,
    average: day === undefined || day.volume === 0n ? last : (day.quoteVolume * ONE) / day.volume,
    changePercent: (Number(((last - open) * 100_000n) / open) / 1_000).toFixed(3),
    firstTradeId: day?.firstTradeId ?? -1,
    lastTradeId: trade?.tradeId ?? -1,
    trades: day?.trades ?? 0,
  };
}

/** The trades that `limit` and `fromId` ask for. */
export function askedTrades(scope: PublicScope): readonly Trade[] {
  const symbol = tradedSymbol(scope);
  const limit = scope.parameters.limit(500, 1_000);
  const fromId = scope.parameters.whole("fromId");
  scope.parameters.finish();
  return window(scope.desk.floor.tape(symbol).trades, (trade) => trade.tradeId, fromId, limit);
}

/** The aggregate trades that `limit`, `fromId`, `startTime` and `endTime` ask for. */
export function askedAggregates(scope: PublicScope): readonly AggregateTrade[] {
  const symbol = tradedSymbol(scope);
  const limit = scope.parameters.limit(500, 1_000);
  const fromId = scope.parameters.whole("fromId");
  const startMs = scope.parameters.time("startTime");
  const endMs = scope.parameters.time("endTime") ?? Infinity;
  scope.parameters.finish();
  const { aggregates } = scope.desk.floor.tape(symbol);
  if (fromId !== undefined || (startMs === undefined && endMs === Infinity)) {
    return window(aggregates, (one) => one.id, fromId, limit);
  }
  const inside = aggregates.filter((one) => one.atMs >= (startMs ?? 0) && one.atMs <= endMs);
  return startMs === undefined ? inside.slice(-limit) : inside.slice(0, limit);
}

/** The volume weighted price of the last five minutes. */
export function averageOfFiveMinutes(desk: Desk, symbol: string): bigint {
  const sinceMs = desk.now() - 300_000;
  let [volume, quote] = [0n, 0n];
  for (const trade of desk.floor.tape(symbol).trades) {
    if (trade.atMs < sinceMs) continue;
    volume += trade.quantity;
    quote += notional(trade.price, trade.quantity);
  }
  return volume === 0n ? desk.floor.engine.lastPrice(symbol) : (quote * ONE) / volume;
}

/** What a question for one, some or all symbols answers of each; `mini` names what is left of it for `type=MINI`. */
export interface PerSymbol {
  readonly answer: (desk: Desk, symbol: string) => object;
  readonly mini?: readonly string[];
  /** `symbol` or `symbols` has to be sent. */
  readonly needsSymbol?: boolean;
}

/** One answer for `symbol`, a list for `symbols` or for none. */
export function perSymbol(scope: PublicScope, { answer, mini, needsSymbol }: PerSymbol): unknown {
  const { desk, parameters } = scope;
  const symbol = parameters.text("symbol");
  const symbols = parameters.text("symbols");
  const type = mini === undefined ? "FULL" : parameters.choice("type", ["FULL", "MINI"], -1139, "Invalid ticker type.");
  const status = parameters.choice("symbolStatus", ["TRADING", "HALT", "BREAK"], -1122, "Invalid symbolStatus.");
  parameters.finish();
  if (symbol !== undefined && symbols !== undefined) {
    throw badRequest(-1128, "Combination of optional parameters invalid.");
  }
  if (needsSymbol === true && symbol === undefined && symbols === undefined) {
    throw badRequest(-1102, "Param 'symbol' or 'symbols' must be sent, but both were empty/null!");
  }
  const isWanted = (one: string): boolean => status === undefined || statusOf(desk, one) === status;
  const of = (one: string): object => {
    const whole = answer(desk, one);
    return type === "MINI" ? Object.fromEntries(Object.entries(whole).filter(([name]) => mini?.includes(name))) : whole;
  };
  if (symbol !== undefined) {
    const one = checkedSymbol(desk, symbol);
    if (!isWanted(one)) {
      throw badRequest(-1220, "The symbol's status does not match the requested symbolStatus.");
    }
    return of(one);
  }
  const wanted = symbols === undefined ? desk.floor.engine.instruments().map((one) => one.symbol) : symbolList(symbols);
  return wanted
    .map((one) => checkedSymbol(desk, one))
    .filter(isWanted)
    .map(of);
}

/** The symbols of a JSON list of texts; −1151 when one stands there twice. */
export function symbolList(text: string): readonly string[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    // Not JSON: answered below like any other malformed list.
  }
  if (!Array.isArray(list) || !list.every((one) => typeof one === "string")) throw missing("symbols");
  if (new Set(list).size < list.length) {
    throw badRequest(-1151, "Symbol is present multiple times in the list.");
  }
  return list;
}

/** A ticker's weight: for one symbol, and for all. */
export function tickerWeight(one: number, all: number): Call["weight"] {
  return (parameters) =>
    parameters.peek("symbol") === undefined && parameters.peek("symbols") === undefined ? all : one;
}

/** Whether a symbol trades: maintenance halts it or takes cancels only; a mirrored one breaks off while it is not known. */
export function statusOf(desk: Desk, symbol: string): "TRADING" | "HALT" | "CANCEL_ONLY" | "BREAK" {
  if (!desk.floor.isKnown(symbol)) return "BREAK";
  const fault = desk.faults.find("market", { symbol }, { names: ["maintenance"], modes: ["halt", "cancel-only"] });
  if (fault === undefined) return "TRADING";
  return fault.mode === "halt" ? "HALT" : "CANCEL_ONLY";
}

function done(scope: PublicScope, body: object): object {
  scope.parameters.finish();
  return body;
}

function klines(scope: PublicScope): unknown {
  return klinesOf(scope, tradedSymbol(scope));
}

/** The candles of a symbol that `interval`, `startTime`, `endTime` and `limit` ask for. */
export function klinesOf(scope: PublicScope, symbol: string): unknown {
  const interval = scope.parameters.required("interval");
  if (!intervals.has(interval)) throw badRequest(-1120, "Invalid interval.");
  const startMs = scope.parameters.time("startTime");
  const endMs = scope.parameters.time("endTime") ?? Infinity;
  const limit = scope.parameters.limit(500, KLINES_MAX);
  const zone = scope.parameters.text("timeZone");
  if (zone !== undefined && !/^[+-]?0{1,2}(:00)?$/.test(zone)) throw invalid("timeZone");
  scope.parameters.finish();
  const inside = scope.desk.floor
    .tape(symbol)
    .candles(interval)
    .filter((candle) => candle.openMs >= (startMs ?? 0) && candle.openMs <= endMs);
  return (startMs === undefined ? inside.slice(-limit) : inside.slice(0, limit)).map(candleRow);
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
