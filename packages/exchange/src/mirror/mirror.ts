/**
 * An exchange that mirrors a live venue: its public market follows that venue's, and paper orders meet it. Here the parts
 * are joined and it is decided when a market is live: a snapshot and the stream have met, and the stream has spoken
 * within the bound. When that ends (a hole, a cut, silence) the market is stale: nothing fills, no order is taken, and it
 * is said, in the audit and to whoever asks.
 */
import { fullJitterMs, type BookOutcome } from "@baton/core";
import type { AuditLog } from "../audit/audit-log.ts";
import { notional, units } from "../amounts.ts";
import type { MarketEvent, TradingFloor } from "../market/trading-floor.ts";
import type { Trade } from "../matching/order.ts";
import { LiveLine, type LiveTrade } from "./live-line.ts";
import { liveSnapshot, type MirrorOptions } from "./live-venue.ts";
import { MirroredBook, type LiveDifference } from "./mirrored-book.ts";
import { PaperMarket } from "./paper-market.ts";

/** How one mirrored market stands. */
export interface MirrorState {
  readonly symbol: string;
  readonly state: "live" | "stale";
  /** Of the live venue; 0 while stale. */
  readonly updateId: number;
  /** Why it is stale. */
  readonly why?: string;
}

interface Market {
  readonly symbol: string;
  readonly book: MirroredBook;
  isLive: boolean;
  why: string;
  /** When the book's stream last spoke; trades are no proof that the book is fresh. */
  heardMonoMs: number;
  /** Snapshots that could not be used, in a row. */
  failures: number;
  isFetching: boolean;
}

const BEAT_MS = 100;
const STALE_AFTER_MS = 5_000;
const retry = { baseMs: 200, capMs: 5_000 };

/** The mirror of one venue. */
export class LiveMirror {
  readonly paper: PaperMarket;
  readonly #options: MirrorOptions;
  readonly #floor: TradingFloor;
  readonly #audit: AuditLog;
  readonly #markets: ReadonlyMap<string, Market>;
  readonly #line: LiveLine;
  readonly #beat: NodeJS.Timeout;
  #isOpen = false;
  #isClosed = false;

  constructor(options: MirrorOptions, parts: { readonly floor: TradingFloor; readonly audit: AuditLog }) {
    this.#options = options;
    this.#floor = parts.floor;
    this.#audit = parts.audit;
    this.#markets = new Map(options.symbols.map((symbol) => [symbol, newMarket(symbol)]));
    this.paper = new PaperMarket({
      engine: parts.floor.engine,
      books: new Map([...this.#markets].map(([symbol, { book }]) => [symbol, book])),
      isLive: (symbol) => this.#markets.get(symbol)?.isLive === true,
    });
    parts.floor.mirrorBy(this.paper);
    this.#line = new LiveLine(options, {
      opened: () => {
        this.#isOpen = true;
        for (const market of this.#markets.values()) this.#join(market);
      },
      cut: (why) => {
        this.#isOpen = false;
        for (const market of this.#markets.values()) this.#lose(market, why);
      },
      difference: (symbol, difference) => this.#difference(symbol, difference),
      trade: (symbol, trade) => this.#trade(symbol, trade),
    });
    this.#beat = setInterval(() => this.#notice(), BEAT_MS);
  }

  /** Each market's state. */
  states(): readonly MirrorState[] {
    return [...this.#markets.values()].map(({ symbol, isLive, why, book }) =>
      isLive ? { symbol, state: "live", updateId: book.updateId } : { symbol, state: "stale", updateId: 0, why },
    );
  }

  /** Ends it. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#beat);
    this.#line.close();
  }

  #difference(symbol: string, difference: LiveDifference): void {
    const market = this.#markets.get(symbol);
    if (market === undefined) return;
    market.heardMonoMs = performance.now();
    const before = market.book.updateId;
    const outcome = market.book.difference(difference);
    this.#judge(market, outcome);
    if (outcome.type !== "applied") return;
    this.#floor.tell(levelsOf(symbol, difference, before + 1));
    this.#floor.run((nowMs) => this.paper.quotesMoved(symbol, nowMs));
  }

  #trade(symbol: string, trade: LiveTrade): void {
    const market = this.#markets.get(symbol);
    if (market === undefined) return;
    this.#floor.tell([{ kind: "traded", trade: publicTrade(symbol, trade) }]);
    this.#floor.run((nowMs) => this.paper.printed(symbol, trade, nowMs));
  }

  /** What an outcome means for the market. */
  #judge(market: Market, outcome: BookOutcome): void {
    switch (outcome.type) {
      case "aligned":
      case "applied":
        this.#enliven(market);
        return;
      case "broken":
        this.#lose(market, outcome.sentence);
        this.#join(market);
        return;
      case "too-old":
        market.failures += 1;
        this.#joinLater(market);
        return;
      case "buffered":
      case "loaded":
      case "old":
    }
  }

  /** Asks for a snapshot, one at a time, until one joins the stream. */
  #join(market: Market): void {
    if (market.isFetching) return;
    market.isFetching = true;
    void liveSnapshot(this.#options, market.symbol).then(
      (snapshot) => {
        market.isFetching = false;
        if (this.#isClosed || !this.#isOpen) return;
        const outcome = market.book.snapshot(snapshot);
        if (outcome.type !== "too-old") market.failures = 0;
        this.#judge(market, outcome);
      },
      (error: unknown) => {
        market.isFetching = false;
        market.failures += 1;
        market.why = error instanceof Error ? error.message : String(error);
        this.#joinLater(market);
      },
    );
  }

  #joinLater(market: Market): void {
    const waitMs = fullJitterMs(retry, market.failures, Math.random());
    setTimeout(() => {
      if (!this.#isClosed && this.#isOpen && !market.book.isAligned) this.#join(market);
    }, waitMs).unref();
  }

  #enliven(market: Market): void {
    if (market.isLive) return;
    market.isLive = true;
    this.#audit.append({ type: "mirror-live", symbol: market.symbol, updateId: market.book.updateId });
    // What has come to stand beyond paper orders while nothing was known trades with them now.
    this.#floor.run((nowMs) => this.paper.quotesMoved(market.symbol, nowMs));
  }

  /** The book is not known any more. */
  #lose(market: Market, why: string): void {
    market.book.lose();
    this.#stale(market, why);
  }

  #stale(market: Market, why: string): void {
    market.why = why;
    if (!market.isLive) return;
    market.isLive = false;
    this.#audit.append({ type: "mirror-stale", symbol: market.symbol, cause: why });
  }

  /** A market that says nothing is not believed, though its connection looks well. */
  #notice(): void {
    const withinMs = this.#options.staleAfterMs ?? STALE_AFTER_MS;
    for (const market of this.#markets.values()) {
      const silentMs = performance.now() - market.heardMonoMs;
      if (market.isLive && silentMs > withinMs) this.#stale(market, `nothing was heard for ${Math.round(silentMs)} ms`);
    }
  }
}

function newMarket(symbol: string): Market {
  return {
    symbol,
    book: new MirroredBook(),
    isLive: false,
    why: "not connected yet",
    heardMonoMs: 0,
    failures: 0,
    isFetching: false,
  };
}

/** A difference as the public streams tell it: its numbers are the live venue's. */
function levelsOf(symbol: string, difference: LiveDifference, firstUpdateId: number): readonly MarketEvent[] {
  const sides = [
    ["BUY", difference.bids],
    ["SELL", difference.asks],
  ] as const;
  return sides.flatMap(([side, levels]) =>
    levels.map(([price, quantity]) => ({
      kind: "level" as const,
      symbol,
      side,
      price: units(price),
      total: units(quantity),
      updateId: difference.lastId,
      firstUpdateId,
    })),
  );
}

/** A live trade on the tape; who traded is not told, so one instant's trades of one side count as one incoming order's. */
function publicTrade(symbol: string, trade: LiveTrade): Trade {
  const nobody = { orderId: 0, account: "", commission: 0n, commissionAsset: "" };
  const isBuyerMaker = trade.restingSide === "BUY";
  return {
    tradeId: trade.tradeId,
    takerOrderId: trade.atMs * 2 + (isBuyerMaker ? 1 : 0),
    symbol,
    price: trade.price,
    quantity: trade.quantity,
    quote: notional(trade.price, trade.quantity),
    atMs: trade.atMs,
    isBuyerMaker,
    buyer: nobody,
    seller: nobody,
  };
}
