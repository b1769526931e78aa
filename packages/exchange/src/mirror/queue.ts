/**
 * How much of a live trade a resting paper order would have had: the queue rule of paper trading, and it is conservative.
 *
 * - An order that comes to rest stands behind everything that the live venue quotes at its price at that moment.
 * - Only live trades at that very price make the queue before it shorter. A quote that becomes smaller does not: whoever
 *   left may have stood behind.
 * - A live trade at a worse price has gone through the order: it fills it, whatever stood before it.
 * - No live trade fills more than its own quantity, over all paper orders together, in price–time order.
 *
 * Pure but for the queue that it keeps.
 */
import type { Level } from "../matching/book.ts";
import type { Side } from "../matching/order.ts";

/** A trade of the live venue, amounts in 1e-8. */
export interface LivePrint {
  readonly price: bigint;
  readonly quantity: bigint;
  /** The side that was resting. */
  readonly restingSide: Side;
}

/** The queue before each resting paper order of one market. */
export class PaperQueue {
  /** Quantity of the live venue that stands before an order. */
  readonly #ahead = new Map<number, bigint>();

  /** True for an order that has joined. */
  has(orderId: number): boolean {
    return this.#ahead.has(orderId);
  }

  /** An order has come to rest at a level where the live venue quotes `quoted`; `before` are the paper orders there already. */
  join(orderId: number, quoted: bigint, before: Iterable<number>): void {
    // Nobody who came earlier can have more before him than who comes now.
    for (const earlier of before) {
      const ahead = this.#ahead.get(earlier);
      if (ahead !== undefined && ahead > quoted) this.#ahead.set(earlier, quoted);
    }
    this.#ahead.set(orderId, quoted);
  }

  /** An order no longer rests. */
  leave(orderId: number): void {
    this.#ahead.delete(orderId);
  }

  /** What stands before an order. */
  ahead(orderId: number): bigint {
    return this.#ahead.get(orderId) ?? 0n;
  }

  /**
   * How much of a print the paper orders on `levels` (the resting side, best first) get; the queue moves on. In price–time
   * order that much fills exactly those who have it coming, because who came earlier never has more before him.
   */
  print({ price, quantity, restingSide }: LivePrint, levels: readonly Level[]): bigint {
    let left = quantity;
    let filled = 0n;
    for (const level of levels) {
      if (restingSide === "BUY" ? level.price < price : level.price > price) break;
      if (level.price === price) return filled + this.#atPrice(level, left);
      const part = level.total < left ? level.total : left;
      filled += part;
      left -= part;
    }
    return filled;
  }

  #atPrice(level: Level, printed: bigint): bigint {
    let filled = 0n;
    for (const [orderId, rest] of level.queue) {
      const ahead = this.ahead(orderId);
      this.#ahead.set(orderId, ahead > printed ? ahead - printed : 0n);
      const beyond = printed - ahead - filled;
      if (beyond > 0n) filled += beyond < rest ? beyond : rest;
    }
    return filled;
  }
}
