/** The queue rule of paper trading, case by case: bids at 100 and below, asks never needed. */
import { describe, expect, test } from "vitest";
import type { Level } from "../matching/book.ts";
import { PaperQueue } from "./queue.ts";

/** Levels of paper bids, best first: price, and each order's id and rest. */
function bids(...levels: readonly [price: bigint, orders: readonly (readonly [number, bigint])[]][]): Level[] {
  return levels.map(([price, orders]) => ({
    price,
    total: orders.reduce((sum, [, rest]) => sum + rest, 0n),
    hidden: 0n,
    queue: new Map(orders),
  }));
}

const sold = (price: bigint, quantity: bigint) => ({ price, quantity, restingSide: "BUY" as const });

describe("a resting paper order", () => {
  test("waits until what was quoted before it has traded, and then gets what is over", () => {
    const queue = new PaperQueue();
    queue.join(1, 10n, []);
    const book = bids([100n, [[1, 5n]]]);
    expect(queue.print(sold(100n, 6n), book)).toBe(0n);
    expect(queue.ahead(1)).toBe(4n);
    expect(queue.print(sold(100n, 6n), book)).toBe(2n);
    expect(queue.print(sold(100n, 1n), book)).toBe(1n);
  });

  test("is filled by a trade at a worse price, whatever stood before it, and by no more than was traded", () => {
    const queue = new PaperQueue();
    queue.join(1, 1_000n, []);
    expect(queue.print(sold(99n, 3n), bids([100n, [[1, 5n]]]))).toBe(3n);
  });

  test("is not touched by a trade at a better price", () => {
    const queue = new PaperQueue();
    queue.join(1, 0n, []);
    expect(queue.print(sold(101n, 50n), bids([100n, [[1, 5n]]]))).toBe(0n);
  });

  test("shares a trade with the other paper orders: better price first, then who came first", () => {
    const queue = new PaperQueue();
    queue.join(1, 0n, []);
    queue.join(2, 0n, []);
    queue.join(3, 0n, [2]);
    const book = bids(
      [101n, [[1, 4n]]],
      [
        100n,
        [
          [2, 4n],
          [3, 4n],
        ],
      ],
    );
    expect(queue.print(sold(100n, 10n), book)).toBe(10n);
    expect(queue.print(sold(100n, 20n), book)).toBe(12n);
  });

  test("has never more before it than one that came later", () => {
    const queue = new PaperQueue();
    queue.join(1, 10n, []);
    queue.join(2, 3n, [1]);
    expect(queue.ahead(1)).toBe(3n);
    // Of 8 the queue takes 3; the rest fills the first order, and the second only with what the first leaves.
    expect(
      queue.print(
        sold(100n, 8n),
        bids([
          100n,
          [
            [1, 4n],
            [2, 9n],
          ],
        ]),
      ),
    ).toBe(5n);
  });

  test("is forgotten when it leaves", () => {
    const queue = new PaperQueue();
    queue.join(1, 10n, []);
    queue.leave(1);
    expect(queue.has(1)).toBe(false);
  });
});
