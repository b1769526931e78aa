/**
 * The market streams: who listens to what, and what is told when. Trades, aggregate trades and the best prices go out
 * at once; book differences are collected and told each 100 ms and each second, numbered so that a reader of Binance's
 * rules can join them to a snapshot (the first update of a window follows the last of the one before); partial books,
 * candles and tickers go out by the same two beats.
 */
import { amountText } from "../amounts.ts";
import { bookTicker, dayTicker, levelRows } from "../calls/market-data.ts";
import type { Desk } from "../gateway/call.ts";
import type { Step } from "../market/trading-floor.ts";
import { intervals } from "../market/trade-tape.ts";
import type { LevelChange } from "../matching/book.ts";
import type { StreamConnection } from "./connection.ts";
import { aggregateMessage, klineMessage, miniTickerMessage, tickerMessage, tradeMessage } from "./payloads.ts";

/** One connection's way of being told: raw, or wrapped with the stream's name. */
export interface Listener {
  readonly connection: StreamConnection;
  isCombined: boolean;
  readonly streams: Set<string>;
}

/** Differences of one book since the last message of one beat. */
interface Window {
  firstUpdateId: number;
  lastUpdateId: number;
  readonly bids: Map<bigint, bigint>;
  readonly asks: Map<bigint, bigint>;
}

const FAST_MS = 100;
const BEATS_PER_SECOND = 10;

/** All market streams of one exchange. */
export class MarketStreams {
  readonly #desk: Desk;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #fast = new Map<string, Window>();
  readonly #slow = new Map<string, Window>();
  readonly #best = new Map<string, string>();
  readonly #timer: NodeJS.Timeout;
  #beat = 0;

  constructor(desk: Desk) {
    this.#desk = desk;
    this.#timer = setInterval(() => this.#tick(), FAST_MS);
  }

  /** Starts a stream for a listener. Names that mean nothing are kept and never told anything, as Binance does. */
  subscribe(listener: Listener, stream: string): void {
    listener.streams.add(stream);
    const present = this.#listeners.get(stream);
    if (present === undefined) this.#listeners.set(stream, new Set([listener]));
    else present.add(listener);
  }

  /** Ends a stream for a listener. */
  unsubscribe(listener: Listener, stream: string): void {
    listener.streams.delete(stream);
    const present = this.#listeners.get(stream);
    present?.delete(listener);
    if (present?.size === 0) this.#listeners.delete(stream);
  }

  /** Tells what a step of the floor changed. */
  publish(step: Step): void {
    const books = new Set<string>();
    const firstAggregate = new Map<string, number>();
    for (const event of step.events) {
      if (event.kind === "level") {
        books.add(event.symbol);
        collect(this.#fast, event);
        collect(this.#slow, event);
      } else if (event.kind === "traded") {
        const { trade } = event;
        this.#tell(streamName(trade.symbol, "trade"), trade.symbol, () => tradeMessage(trade, step.nowMs), [
          trade.tradeId,
        ]);
        if (!firstAggregate.has(trade.symbol)) firstAggregate.set(trade.symbol, trade.tradeId);
      }
    }
    for (const [symbol, tradeId] of firstAggregate) this.#tellAggregates(symbol, tradeId, step.nowMs);
    for (const symbol of books) this.#tellBest(symbol);
  }

  /** Stops the beats. */
  close(): void {
    clearInterval(this.#timer);
  }

  #tellAggregates(symbol: string, sinceTradeId: number, nowMs: number): void {
    const name = streamName(symbol, "aggTrade");
    if (!this.#listeners.has(name)) return;
    const { aggregates } = this.#desk.floor.tape(symbol);
    const start = aggregates.findLastIndex((one) => one.lastTradeId < sinceTradeId) + 1;
    for (const one of aggregates.slice(start)) {
      this.#tell(name, symbol, () => aggregateMessage(symbol, one, nowMs), [one.firstTradeId, one.lastTradeId]);
    }
  }

  #tellBest(symbol: string): void {
    const name = streamName(symbol, "bookTicker");
    if (!this.#listeners.has(name)) return;
    const { bidPrice, bidQty, askPrice, askQty } = bookTicker(this.#desk, symbol);
    const best = `${bidPrice} ${bidQty} ${askPrice} ${askQty}`;
    if (this.#best.get(symbol) === best) return;
    this.#best.set(symbol, best);
    const u = this.#desk.floor.engine.book(symbol).lastUpdateId;
    this.#tell(name, symbol, () => ({ u, s: symbol, b: bidPrice, B: bidQty, a: askPrice, A: askQty }));
  }

  #tick(): void {
    this.#beat += 1;
    const isSecond = this.#beat % BEATS_PER_SECOND === 0;
    const nowMs = this.#desk.now();
    for (const { symbol } of this.#desk.floor.engine.instruments()) {
      this.#tellDifference(this.#fast, symbol, "depth@100ms", nowMs);
      this.#tellPartial(symbol, "@100ms");
      if (!isSecond) continue;
      this.#tellDifference(this.#slow, symbol, "depth", nowMs);
      this.#tellPartial(symbol, "");
      this.#tellCandles(symbol, nowMs);
      this.#tell(streamName(symbol, "ticker"), symbol, () => tickerMessage(dayTicker(this.#desk, symbol), nowMs));
      this.#tell(streamName(symbol, "miniTicker"), symbol, () =>
        miniTickerMessage(dayTicker(this.#desk, symbol), nowMs),
      );
    }
  }

  #tellDifference(windows: Map<string, Window>, symbol: string, suffix: string, nowMs: number): void {
    const window = windows.get(symbol);
    if (window === undefined) return;
    windows.delete(symbol);
    const ids = [window.firstUpdateId, window.lastUpdateId];
    const make = (): object => ({
      e: "depthUpdate",
      E: nowMs,
      s: symbol,
      U: window.firstUpdateId,
      u: window.lastUpdateId,
      b: rows(window.bids),
      a: rows(window.asks),
    });
    this.#tell(streamName(symbol, suffix), symbol, make, ids);
  }

  #tellPartial(symbol: string, suffix: string): void {
    for (const levels of [5, 10, 20]) {
      this.#tell(streamName(symbol, `depth${levels}${suffix}`), symbol, () => {
        const book = this.#desk.floor.engine.book(symbol);
        return {
          lastUpdateId: book.lastUpdateId,
          bids: levelRows(book.bids, levels),
          asks: levelRows(book.asks, levels),
        };
      });
    }
  }

  #tellCandles(symbol: string, nowMs: number): void {
    for (const interval of intervals.keys()) {
      if (interval !== "1s" && this.#beat % (2 * BEATS_PER_SECOND) !== 0) continue;
      const candle = this.#desk.floor.tape(symbol).candles(interval).at(-1);
      if (candle === undefined) continue;
      this.#tell(streamName(symbol, `kline_${interval}`), symbol, () => klineMessage(symbol, interval, candle, nowMs));
    }
  }

  /** Makes a message once and sends it to all who listen; makes nothing when nobody does. */
  #tell(name: string, symbol: string, make: () => object, ids?: readonly number[]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return;
    const raw = JSON.stringify(make());
    for (const listener of listeners) {
      const text = listener.isCombined ? `{"stream":"${name}","data":${raw}}` : raw;
      listener.connection.publish(text, { stream: name, symbol, ids });
    }
  }
}

function streamName(symbol: string, suffix: string): string {
  return `${symbol.toLowerCase()}@${suffix}`;
}

function collect(windows: Map<string, Window>, change: LevelChange): void {
  let window = windows.get(change.symbol);
  if (window === undefined) {
    window = { firstUpdateId: change.updateId, lastUpdateId: change.updateId, bids: new Map(), asks: new Map() };
    windows.set(change.symbol, window);
  }
  window.lastUpdateId = change.updateId;
  (change.side === "BUY" ? window.bids : window.asks).set(change.price, change.total);
}

function rows(side: ReadonlyMap<bigint, bigint>): [string, string][] {
  return [...side].map(([price, total]) => [amountText(price), amountText(total)]);
}
