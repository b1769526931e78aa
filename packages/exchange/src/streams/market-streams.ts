/**
 * The market streams: who listens to what, and what is told when. Trades, aggregate trades and the best prices go out
 * at once; book differences are collected in windows, one for each speed that the venue offers, numbered so that a
 * reader of its rules can join them to a snapshot; everything else (partial books, candles, tickers, mark prices) goes
 * out by its own beat. Which streams there are and what their messages say is the venue's: `MarketForms`.
 */
import { bestPrices, type BestPrices } from "../calls/market.ts";
import type { Desk } from "../gateway/call.ts";
import type { Step } from "../market/trading-floor.ts";
import type { AggregateTrade } from "../market/trade-tape.ts";
import type { LevelChange } from "../matching/book.ts";
import type { Trade } from "../matching/order.ts";
import type { StreamConnection } from "./connection.ts";

/** What a book changed in one window of one stream. */
export interface Difference {
  readonly symbol: string;
  readonly firstUpdateId: number;
  readonly lastUpdateId: number;
  /** The last update id of the window before; one less than the first of all. */
  readonly previousUpdateId: number;
  readonly bids: ReadonlyMap<bigint, bigint>;
  readonly asks: ReadonlyMap<bigint, bigint>;
}

/** A stream that goes out by a beat: `name` for a symbol's (after its `@`), or whole for one of all symbols. */
export interface Periodic {
  readonly name: string;
  readonly everyMs: number;
  /** Undefined: nothing to tell yet. */
  readonly make: (desk: Desk, symbol: string, nowMs: number) => object | undefined;
}

/** A venue's market streams. Each message is made once, and only when somebody listens. */
export interface MarketForms {
  readonly trade: (trade: Trade, nowMs: number) => object;
  readonly aggregate: (desk: Desk, symbol: string, one: AggregateTrade, nowMs: number) => object;
  readonly best: (desk: Desk, best: BestPrices, nowMs: number) => object;
  readonly difference: (desk: Desk, difference: Difference, nowMs: number) => object;
  /** The difference streams: what follows the `@`, and how often. */
  readonly differences: readonly { readonly name: string; readonly everyMs: number }[];
  readonly perSymbol: readonly Periodic[];
  /** Streams about all symbols: one message with a list. */
  readonly ofAll: readonly Periodic[];
}

/** One connection's way of being told: raw, or wrapped with the stream's name. */
export interface Listener {
  readonly connection: StreamConnection;
  isCombined: boolean;
  readonly streams: Set<string>;
}

interface Window {
  readonly firstUpdateId: number;
  lastUpdateId: number;
  readonly bids: Map<bigint, bigint>;
  readonly asks: Map<bigint, bigint>;
}

/** One difference stream of all symbols. */
interface Windows {
  readonly name: string;
  readonly everyMs: number;
  readonly open: Map<string, Window>;
  /** Per symbol: the last update id that was told. */
  readonly told: Map<string, number>;
}

const BEAT_MS = 50;

/** All market streams of one exchange. */
export class MarketStreams {
  readonly #desk: Desk;
  readonly #forms: MarketForms;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #windows: readonly Windows[];
  readonly #best = new Map<string, string>();
  readonly #timer: NodeJS.Timeout;
  #beat = 0;

  constructor(desk: Desk, forms: MarketForms) {
    this.#desk = desk;
    this.#forms = forms;
    this.#windows = forms.differences.map((one) => ({ ...one, open: new Map(), told: new Map() }));
    this.#timer = setInterval(() => this.#tick(), BEAT_MS);
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
    for (const event of step.market) {
      if (event.kind === "level") {
        books.add(event.symbol);
        for (const windows of this.#windows) collect(windows, event);
      } else if (event.kind === "traded") {
        const { trade } = event;
        const ids = [trade.tradeId];
        this.#tell(ofSymbol(trade.symbol, "trade"), trade.symbol, () => this.#forms.trade(trade, step.nowMs), ids);
        if (!firstAggregate.has(trade.symbol)) firstAggregate.set(trade.symbol, trade.tradeId);
      }
    }
    for (const [symbol, tradeId] of firstAggregate) this.#tellAggregates(symbol, tradeId, step.nowMs);
    for (const symbol of books) this.#tellBest(symbol, step.nowMs);
  }

  /** Stops the beats. */
  close(): void {
    clearInterval(this.#timer);
  }

  #tellAggregates(symbol: string, sinceTradeId: number, nowMs: number): void {
    const name = ofSymbol(symbol, "aggTrade");
    if (!this.#listeners.has(name)) return;
    const { aggregates } = this.#desk.floor.tape(symbol);
    const start = aggregates.findLastIndex((one) => one.lastTradeId < sinceTradeId) + 1;
    for (const one of aggregates.slice(start)) {
      const ids = [one.firstTradeId, one.lastTradeId];
      this.#tell(name, symbol, () => this.#forms.aggregate(this.#desk, symbol, one, nowMs), ids);
    }
  }

  #tellBest(symbol: string, nowMs: number): void {
    const name = ofSymbol(symbol, "bookTicker");
    if (!this.#listeners.has(name) && !this.#listeners.has("!bookTicker")) return;
    const best = bestPrices(this.#desk, symbol);
    const text = [best.bid?.price, best.bid?.total, best.ask?.price, best.ask?.total].join(" ");
    if (this.#best.get(symbol) === text) return;
    this.#best.set(symbol, text);
    const make = (): object => this.#forms.best(this.#desk, best, nowMs);
    this.#tell(name, symbol, make);
    this.#tell("!bookTicker", symbol, make);
  }

  #tick(): void {
    this.#beat += 1;
    const nowMs = this.#desk.now();
    const symbols = this.#desk.floor.engine.instruments().map((one) => one.symbol);
    for (const windows of this.#windows) {
      if (this.#isDue(windows.everyMs)) for (const symbol of symbols) this.#tellDifference(windows, symbol, nowMs);
    }
    for (const one of this.#forms.perSymbol) {
      if (!this.#isDue(one.everyMs)) continue;
      for (const symbol of symbols) {
        this.#tell(ofSymbol(symbol, one.name), symbol, () => one.make(this.#desk, symbol, nowMs));
      }
    }
    for (const one of this.#forms.ofAll) {
      if (!this.#isDue(one.everyMs)) continue;
      this.#tell(one.name, undefined, () =>
        symbols.map((symbol) => one.make(this.#desk, symbol, nowMs)).filter((message) => message !== undefined),
      );
    }
  }

  #isDue(everyMs: number): boolean {
    return this.#beat % Math.round(everyMs / BEAT_MS) === 0;
  }

  #tellDifference(windows: Windows, symbol: string, nowMs: number): void {
    const window = windows.open.get(symbol);
    if (window === undefined) return;
    windows.open.delete(symbol);
    const previousUpdateId = windows.told.get(symbol) ?? window.firstUpdateId - 1;
    windows.told.set(symbol, window.lastUpdateId);
    const make = (): object => this.#forms.difference(this.#desk, { symbol, previousUpdateId, ...window }, nowMs);
    this.#tell(ofSymbol(symbol, windows.name), symbol, make, [window.firstUpdateId, window.lastUpdateId]);
  }

  /** Makes a message once and sends it to all who listen; makes nothing when nobody does. */
  #tell(name: string, symbol: string | undefined, make: () => object | undefined, ids?: readonly number[]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return;
    const message = make();
    if (message === undefined) return;
    const raw = JSON.stringify(message);
    for (const listener of listeners) {
      const text = listener.isCombined ? `{"stream":"${name}","data":${raw}}` : raw;
      listener.connection.publish(text, { stream: name, symbol, ids });
    }
  }
}

function ofSymbol(symbol: string, suffix: string): string {
  return `${symbol.toLowerCase()}@${suffix}`;
}

function collect(windows: Windows, change: LevelChange): void {
  let window = windows.open.get(change.symbol);
  if (window === undefined) {
    const firstUpdateId = change.firstUpdateId ?? change.updateId;
    window = { firstUpdateId, lastUpdateId: change.updateId, bids: new Map(), asks: new Map() };
    windows.open.set(change.symbol, window);
  }
  window.lastUpdateId = change.updateId;
  (change.side === "BUY" ? window.bids : window.asks).set(change.price, change.total);
}
