/**
 * The market's own participants: per symbol one market maker with a ladder of quotes on each side, and takers. A fair
 * price wanders and is pulled back to where the market opened; the maker's quotes follow it slot by slot, takers hit
 * them, so that trades happen, books change and the price moves, all from one seed.
 *
 * Decided here: which order the market sends next. Nothing is sent here and no clock is read; `step` is called once per
 * event. A client's resting order that the fair price has passed is traded against like any other. Prices and sizes
 * come from floating-point dice and are rounded to ticks and steps before they become amounts.
 */
import { ONE } from "../amounts.ts";
import type { MatchingEngine } from "../matching/matching-engine.ts";
import type { Instrument } from "../matching/instrument.ts";
import type { Side } from "../matching/order.ts";
import { seededRandom, type Random } from "./random.ts";

/** The account of all of them; it owes what it likes. */
export const HOUSE = "house";

/** How lively the market is. */
export interface FlowOptions {
  readonly seed: string;
  /** Quotes on each side. */
  readonly depth: number;
  /** Quote currency that each quote is worth near the touch, e.g. 40_000. */
  readonly quoteNotional: number;
  /** Deviation of the fair price per step, in parts of the price. */
  readonly volatility: number;
}

/** What is used when nothing is said. */
export const usualFlow: Omit<FlowOptions, "seed"> = { depth: 24, quoteNotional: 40_000, volatility: 0.000_04 };

/** One symbol's participants. */
export class OrderFlow {
  readonly #engine: MatchingEngine;
  readonly #rules: Instrument;
  readonly #options: FlowOptions;
  readonly #random: Random;
  readonly #opening: number;
  readonly #tick: number;
  #fair: number;
  /** Order id in each slot of the ladder, nearest to the touch first; 0 where none was placed yet. */
  readonly #slots: { readonly BUY: number[]; readonly SELL: number[] };

  constructor(engine: MatchingEngine, rules: Instrument, options: FlowOptions) {
    this.#engine = engine;
    this.#rules = rules;
    this.#options = options;
    this.#random = seededRandom(`${options.seed}/${rules.symbol}`);
    this.#opening = Number(rules.openingPrice) / Number(ONE);
    this.#tick = Number(rules.tickSize) / Number(ONE);
    this.#fair = this.#opening;
    const none = Array.from({ length: options.depth }, () => 0);
    this.#slots = { BUY: [...none], SELL: [...none] };
  }

  /** The symbol that they trade. */
  get symbol(): string {
    return this.#rules.symbol;
  }

  /** Fills the ladder: at the opening, and again whenever clients have eaten more than half of a side. */
  fill(nowMs: number): void {
    for (let slot = 0; slot < this.#options.depth; slot += 1) {
      if (!this.#isQuoted("BUY", slot)) this.#quote("BUY", slot, nowMs);
      if (!this.#isQuoted("SELL", slot)) this.#quote("SELL", slot, nowMs);
    }
  }

  /** True when one side has fewer than half of its levels left. */
  isThin(): boolean {
    const book = this.#engine.book(this.#rules.symbol);
    return Math.min(book.bids.length, book.asks.length) < this.#options.depth / 2;
  }

  /** The next event of this market. */
  step(nowMs: number): void {
    const { volatility, depth } = this.#options;
    const pull = (this.#opening - this.#fair) * 0.002;
    this.#fair += pull + this.#fair * volatility * this.#random.normal();
    const side: Side = this.#random.next() < 0.5 ? "BUY" : "SELL";
    if (this.#random.next() < 0.3) {
      this.#take(side, nowMs);
      this.#requote(side === "BUY" ? "SELL" : "BUY", 0, nowMs);
      return;
    }
    // Squared, so that quotes near the touch move more often than those far away.
    this.#requote(side, Math.floor(this.#random.next() ** 2 * depth), nowMs);
  }

  #take(side: Side, nowMs: number): void {
    const share = 0.02 + 0.3 * this.#random.next() ** 3;
    this.#place(side, { type: "MARKET", price: 0n, size: share, nowMs });
  }

  #requote(side: Side, slot: number, nowMs: number): void {
    const old = this.#slots[side][slot] ?? 0;
    if (old !== 0) this.#engine.cancel(old, nowMs);
    this.#quote(side, slot, nowMs);
  }

  #quote(side: Side, slot: number, nowMs: number): void {
    const away = this.#fair * 0.000_05 * (1 + slot + 0.5 * this.#random.next());
    const raw = (side === "BUY" ? this.#fair - away : this.#fair + away) / this.#tick;
    const ticks = side === "BUY" ? Math.floor(raw) : Math.ceil(raw);
    const price = BigInt(Math.max(1, ticks)) * this.#rules.tickSize;
    this.#pullCrossed(side, price, nowMs);
    const size = (0.5 + this.#random.next()) * (1 + slot / 6);
    this.#slots[side][slot] = this.#place(side, { type: "LIMIT", price, size, nowMs });
  }

  /** The maker takes its own quotes out of the way instead of trading with itself. */
  #pullCrossed(side: Side, price: bigint, nowMs: number): void {
    const book = this.#engine.book(this.#rules.symbol);
    const facing = side === "BUY" ? "SELL" : "BUY";
    for (const [slot, orderId] of this.#slots[facing].entries()) {
      const order = orderId === 0 ? undefined : this.#engine.orders.byId(orderId);
      if (order === undefined || !book.crosses(side, price, order.price)) continue;
      this.#engine.cancel(orderId, nowMs);
      this.#slots[facing][slot] = 0;
    }
  }

  #isQuoted(side: Side, slot: number): boolean {
    const orderId = this.#slots[side][slot] ?? 0;
    return orderId !== 0 && this.#engine.orders.byId(orderId) !== undefined;
  }

  /** Places an order worth `size` × the usual quote; the id of what rests, 0 when nothing does. */
  #place(
    side: Side,
    what: { readonly type: "LIMIT" | "MARKET"; readonly price: bigint; readonly size: number; readonly nowMs: number },
  ): number {
    const step = this.#rules.stepSize;
    const coins = (this.#options.quoteNotional * what.size) / this.#fair;
    const quantity = BigInt(Math.max(1, Math.round((coins * Number(ONE)) / Number(step)))) * step;
    const placed = this.#engine.place(
      {
        account: HOUSE,
        symbol: this.#rules.symbol,
        side,
        type: what.type,
        timeInForce: "GTC",
        quantity,
        quoteQuantity: 0n,
        price: what.price,
        clientOrderId: HOUSE,
        selfTradePrevention: "NONE",
      },
      what.nowMs,
    );
    return placed.kind === "placed" && placed.order.isWorking ? placed.order.orderId : 0;
  }
}
