/** What a lagging venue answers is the book as it stood, to the level. */
import { expect, test } from "vitest";
import { seededRandom } from "../flow/random.ts";
import { Book } from "../matching/book.ts";
import { BookMemory, type PastBook } from "./book-memory.ts";

test("the book of any instant of the last half minute is the one that was", () => {
  const random = seededRandom("book-memory");
  const memory = new BookMemory();
  let nowMs = 1_000;
  const book = new Book("BTCUSDT", (change) => memory.add(change, nowMs));
  const truth: { readonly atMs: number; readonly book: PastBook }[] = [];
  const resting: { readonly id: number; readonly side: "BUY" | "SELL"; readonly price: bigint }[] = [];
  for (let step = 1; step <= 4_000; step += 1) {
    nowMs += 20;
    const gone = random.next() < 0.45 ? resting.splice(random.whole(resting.length), 1)[0] : undefined;
    if (gone === undefined) {
      const side = random.next() < 0.5 ? "BUY" : "SELL";
      const price = BigInt(side === "BUY" ? 100 - random.whole(20) : 101 + random.whole(20));
      resting.push({ id: step, side, price });
      book.rest({ side, orderId: step, price, quantity: 5n });
    } else {
      book.reduce(gone.side, gone.id, gone.price, 5n);
    }
    const levels = (side: readonly { price: bigint; total: bigint }[]): { price: bigint; total: bigint }[] =>
      side.map(({ price, total }) => ({ price, total }));
    truth.push({
      atMs: nowMs,
      book: { lastUpdateId: book.lastUpdateId, bids: levels(book.bids), asks: levels(book.asks) },
    });
  }
  const remembered = truth.filter(({ atMs }) => atMs >= nowMs - 29_000);
  expect(remembered.length).toBeGreaterThan(1_000);
  for (const one of remembered) expect(memory.at(one.atMs)).toEqual(one.book);
  // Longer ago than it remembers: the oldest it has, and never the present.
  expect(memory.at(0).lastUpdateId).toBeLessThan(remembered[0]?.book.lastUpdateId ?? 0);
});
