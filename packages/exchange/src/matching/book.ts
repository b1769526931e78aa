/**
 * One symbol's book: price levels, best first, and in each level the resting orders in the order of their arrival. It
 * knows only ids, prices and remaining quantities; who owns an order and what a trade costs is decided elsewhere.
 * Every change of a level counts one update id, which is what Binance's diff streams number.
 */
import { assert } from "@baton/core";
import type { Side } from "./order.ts";

/** One price; `queue` is insertion-ordered, so its first entry has time priority. */
export interface Level {
  readonly price: bigint;
  /** What is shown. */
  total: bigint;
  /** What icebergs keep back; it trades as well. */
  hidden: bigint;
  readonly queue: Map<number, bigint>;
}

/** An iceberg: how much of it is shown at a time, and how much is not shown yet. */
interface Iceberg {
  readonly peak: bigint;
  hidden: bigint;
}

/** A level after a change; total 0 means that it is gone. */
export interface LevelChange {
  readonly kind: "level";
  readonly symbol: string;
  readonly side: Side;
  readonly price: bigint;
  readonly total: bigint;
  readonly updateId: number;
  /** Where one change stands for several updates (a mirrored book): the first of them. */
  readonly firstUpdateId?: number;
}

/** The two sides of one market. */
export class Book {
  readonly symbol: string;
  /** Highest first. */
  readonly bids: Level[] = [];
  /** Lowest first. */
  readonly asks: Level[] = [];
  /** Number of the last change; starts at 1 so that a snapshot of an empty book has one. */
  lastUpdateId = 1;
  readonly #icebergs = new Map<number, Iceberg>();
  readonly #changed: (change: LevelChange) => void;

  constructor(symbol: string, changed: (change: LevelChange) => void) {
    this.symbol = symbol;
    this.#changed = changed;
  }

  /** The levels that orders of `side` rest on. */
  levels(side: Side): readonly Level[] {
    return side === "BUY" ? this.bids : this.asks;
  }

  /** The levels that an incoming order of `side` trades with. */
  facing(side: Side): readonly Level[] {
    return side === "BUY" ? this.asks : this.bids;
  }

  /** True when an order of `side` at `limit` (undefined: any price) may trade at `price`. */
  crosses(side: Side, limit: bigint | undefined, price: bigint): boolean {
    return limit === undefined || (side === "BUY" ? price <= limit : price >= limit);
  }

  /** What an incoming order could trade at once: quantity and quote cost, up to `quantity`. */
  reachable(side: Side, limit: bigint | undefined, quantity: bigint): bigint {
    let found = 0n;
    for (const level of this.facing(side)) {
      if (found >= quantity || !this.crosses(side, limit, level.price)) break;
      found += level.total + level.hidden;
    }
    return found < quantity ? found : quantity;
  }

  /** Puts an order at the end of its level's queue; of an iceberg no more than `peak` is shown. */
  rest(order: {
    readonly side: Side;
    readonly orderId: number;
    readonly price: bigint;
    readonly quantity: bigint;
    readonly peak?: bigint;
  }): void {
    const { side, orderId, price, quantity, peak = quantity } = order;
    assert(quantity > 0n, "a resting order has something left");
    const shown = peak < quantity ? peak : quantity;
    const levels = side === "BUY" ? this.bids : this.asks;
    const index = this.#find(side, price);
    let level = levels[index];
    if (level === undefined || level.price !== price) {
      level = { price, total: 0n, hidden: 0n, queue: new Map() };
      levels.splice(index, 0, level);
    }
    assert(!level.queue.has(orderId), "an order rests once");
    level.queue.set(orderId, shown);
    level.total += shown;
    if (shown < quantity) {
      this.#icebergs.set(orderId, { peak, hidden: quantity - shown });
      level.hidden += quantity - shown;
    }
    this.#tell(side, level);
  }

  /**
   * Takes `quantity` off what a resting order shows, without touching its priority; at nothing left it leaves the book, or
   * an iceberg shows its next part, behind the others.
   */
  reduce(side: Side, orderId: number, price: bigint, quantity: bigint): void {
    const level = this.#level(side, price);
    const left = (level.queue.get(orderId) ?? 0n) - quantity;
    assert(left >= 0n, "no more is taken from an order than it shows");
    level.total -= quantity;
    if (left > 0n) level.queue.set(orderId, left);
    else {
      level.queue.delete(orderId);
      this.#showMore(level, orderId);
    }
    this.#changedLevel(side, level);
  }

  /** Takes a resting order out, with all that it hides. */
  remove(side: Side, orderId: number, price: bigint): void {
    const level = this.#level(side, price);
    const shown = level.queue.get(orderId);
    assert(shown !== undefined, "a resting order is on its level");
    level.queue.delete(orderId);
    level.total -= shown;
    level.hidden -= this.#icebergs.get(orderId)?.hidden ?? 0n;
    this.#icebergs.delete(orderId);
    this.#changedLevel(side, level);
  }

  #showMore(level: Level, orderId: number): void {
    const iceberg = this.#icebergs.get(orderId);
    if (iceberg === undefined) return;
    const shown = iceberg.peak < iceberg.hidden ? iceberg.peak : iceberg.hidden;
    iceberg.hidden -= shown;
    if (iceberg.hidden === 0n) this.#icebergs.delete(orderId);
    level.hidden -= shown;
    level.total += shown;
    level.queue.set(orderId, shown);
  }

  #level(side: Side, price: bigint): Level {
    const level = (side === "BUY" ? this.bids : this.asks)[this.#find(side, price)];
    assert(level !== undefined && level.price === price, "a resting order has a level");
    return level;
  }

  #changedLevel(side: Side, level: Level): void {
    if (level.queue.size === 0) {
      assert(level.total === 0n && level.hidden === 0n, "an empty level holds nothing");
      (side === "BUY" ? this.bids : this.asks).splice(this.#find(side, level.price), 1);
    }
    this.#tell(side, level);
  }

  #tell(side: Side, level: Level): void {
    this.lastUpdateId += 1;
    this.#changed({
      kind: "level",
      symbol: this.symbol,
      side,
      price: level.price,
      total: level.total,
      updateId: this.lastUpdateId,
    });
  }

  /** Index of the level at `price`, or where it would stand. */
  #find(side: Side, price: bigint): number {
    const levels = side === "BUY" ? this.bids : this.asks;
    let low = 0;
    let high = levels.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = (levels[middle] as Level).price;
      if (side === "BUY" ? at > price : at < price) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
