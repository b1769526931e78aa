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
  total: bigint;
  readonly queue: Map<number, bigint>;
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
      found += level.total;
    }
    return found < quantity ? found : quantity;
  }

  /** Puts an order at the end of its level's queue. */
  rest(side: Side, orderId: number, price: bigint, quantity: bigint): void {
    assert(quantity > 0n, "a resting order has something left");
    const levels = side === "BUY" ? this.bids : this.asks;
    const index = this.#find(side, price);
    let level = levels[index];
    if (level === undefined || level.price !== price) {
      level = { price, total: 0n, queue: new Map() };
      levels.splice(index, 0, level);
    }
    assert(!level.queue.has(orderId), "an order rests once");
    level.queue.set(orderId, quantity);
    level.total += quantity;
    this.#tell(side, level);
  }

  /** Takes `quantity` off a resting order without touching its priority; at nothing left it leaves the book. */
  reduce(side: Side, orderId: number, price: bigint, quantity: bigint): void {
    const levels = side === "BUY" ? this.bids : this.asks;
    const index = this.#find(side, price);
    const level = levels[index];
    assert(level !== undefined && level.price === price, "a resting order has a level");
    const left = (level.queue.get(orderId) ?? 0n) - quantity;
    assert(left >= 0n, "no more is taken from an order than it has left");
    if (left === 0n) level.queue.delete(orderId);
    else level.queue.set(orderId, left);
    level.total -= quantity;
    if (level.queue.size === 0) {
      assert(level.total === 0n, "an empty level holds nothing");
      levels.splice(index, 1);
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
