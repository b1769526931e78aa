/** What one market printed: its recent trades, their aggregates per incoming order and price, and its candles. Bounded. */
import { amountText } from "../amounts.ts";
import type { Trade } from "../matching/order.ts";

/** Consecutive trades of one incoming order at one price. */
export interface AggregateTrade {
  readonly id: number;
  readonly price: bigint;
  quantity: bigint;
  readonly firstTradeId: number;
  lastTradeId: number;
  readonly atMs: number;
  readonly isBuyerMaker: boolean;
  readonly takerOrderId: number;
}

/** One candle; amounts in 1e-8. */
export interface Candle {
  readonly openMs: number;
  readonly closeMs: number;
  readonly open: bigint;
  high: bigint;
  low: bigint;
  close: bigint;
  volume: bigint;
  quoteVolume: bigint;
  trades: number;
  takerBuyVolume: bigint;
  takerBuyQuote: bigint;
  readonly firstTradeId: number;
  lastTradeId: number;
}

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Binance's candle intervals and their length; the month is the one without a fixed length. */
export const intervals: ReadonlyMap<string, number> = new Map([
  ["1s", SECOND],
  ["1m", MINUTE],
  ["3m", 3 * MINUTE],
  ["5m", 5 * MINUTE],
  ["15m", 15 * MINUTE],
  ["30m", 30 * MINUTE],
  ["1h", HOUR],
  ["2h", 2 * HOUR],
  ["4h", 4 * HOUR],
  ["6h", 6 * HOUR],
  ["8h", 8 * HOUR],
  ["12h", 12 * HOUR],
  ["1d", DAY],
  ["3d", 3 * DAY],
  ["1w", 7 * DAY],
  ["1M", 0],
]);

const TRADES_KEPT = 100_000;
const CANDLES_KEPT = 2_000;
/** 1970-01-05 was the first Monday. */
const FIRST_MONDAY = 4 * DAY;

/** One symbol's tape. */
export class TradeTape {
  readonly trades: Trade[] = [];
  readonly aggregates: AggregateTrade[] = [];
  readonly #candles = new Map<string, Candle[]>([...intervals.keys()].map((interval) => [interval, []]));
  #lastAggregateId = 0;

  /** Adds a trade; ids come in order. */
  add(trade: Trade): void {
    keep(this.trades, trade, TRADES_KEPT);
    const last = this.aggregates.at(-1);
    if (last !== undefined && last.takerOrderId === trade.takerOrderId && last.price === trade.price) {
      last.quantity += trade.quantity;
      last.lastTradeId = trade.tradeId;
    } else {
      this.#lastAggregateId += 1;
      keep(
        this.aggregates,
        {
          id: this.#lastAggregateId,
          price: trade.price,
          quantity: trade.quantity,
          firstTradeId: trade.tradeId,
          lastTradeId: trade.tradeId,
          atMs: trade.atMs,
          isBuyerMaker: trade.isBuyerMaker,
          takerOrderId: trade.takerOrderId,
        },
        TRADES_KEPT,
      );
    }
    for (const [interval, candles] of this.#candles) addToCandles(candles, interval, trade);
  }

  /** Candles of one interval, oldest first. */
  candles(interval: string): readonly Candle[] {
    return this.#candles.get(interval) ?? [];
  }

  /** What has been since a time, from the minute candles. */
  since(fromMs: number): Candle | undefined {
    const recent = this.candles("1m").filter((one) => one.closeMs > fromMs);
    const first = recent[0];
    if (first === undefined) return undefined;
    const all: Candle = { ...first };
    for (const one of recent.slice(1)) {
      if (one.high > all.high) all.high = one.high;
      if (one.low < all.low) all.low = one.low;
      all.close = one.close;
      all.volume += one.volume;
      all.quoteVolume += one.quoteVolume;
      all.trades += one.trades;
      all.lastTradeId = one.lastTradeId;
    }
    return all;
  }
}

/** A candle as `klines` answers it. */
export function candleRow(candle: Candle): readonly (string | number)[] {
  return [
    candle.openMs,
    amountText(candle.open),
    amountText(candle.high),
    amountText(candle.low),
    amountText(candle.close),
    amountText(candle.volume),
    candle.closeMs,
    amountText(candle.quoteVolume),
    candle.trades,
    amountText(candle.takerBuyVolume),
    amountText(candle.takerBuyQuote),
    "0",
  ];
}

function addToCandles(candles: Candle[], interval: string, trade: Trade): void {
  const takerBuy = trade.isBuyerMaker ? 0n : trade.quantity;
  const takerBuyQuote = trade.isBuyerMaker ? 0n : trade.quote;
  const last = candles.at(-1);
  if (last !== undefined && trade.atMs <= last.closeMs) {
    if (trade.price > last.high) last.high = trade.price;
    if (trade.price < last.low) last.low = trade.price;
    last.close = trade.price;
    last.volume += trade.quantity;
    last.quoteVolume += trade.quote;
    last.trades += 1;
    last.takerBuyVolume += takerBuy;
    last.takerBuyQuote += takerBuyQuote;
    last.lastTradeId = trade.tradeId;
    return;
  }
  const [openMs, closeMs] = bounds(interval, trade.atMs);
  keep(
    candles,
    {
      openMs,
      closeMs,
      open: trade.price,
      high: trade.price,
      low: trade.price,
      close: trade.price,
      volume: trade.quantity,
      quoteVolume: trade.quote,
      trades: 1,
      takerBuyVolume: takerBuy,
      takerBuyQuote,
      firstTradeId: trade.tradeId,
      lastTradeId: trade.tradeId,
    },
    CANDLES_KEPT,
  );
}

function bounds(interval: string, atMs: number): [number, number] {
  const length = intervals.get(interval) ?? MINUTE;
  if (length === 0) {
    const date = new Date(atMs);
    const openMs = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
    return [openMs, Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1) - 1];
  }
  const start = interval === "1w" ? FIRST_MONDAY : 0;
  const openMs = start + Math.floor((atMs - start) / length) * length;
  return [openMs, openMs + length - 1];
}

/** Appends, and drops the oldest tenth when there are too many. */
function keep<T>(list: T[], item: T, most: number): void {
  list.push(item);
  if (list.length > most * 1.1) list.splice(0, list.length - most);
}
