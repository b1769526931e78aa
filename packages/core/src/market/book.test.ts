import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assert } from "../assert.ts";
import type { PackedLevels, RawLevel } from "./book.ts";
import {
  applyLevels,
  bestKeysOf,
  bestOf,
  hasBest,
  keepLevels,
  levelsOf,
  loadLevels,
  newBook,
  packBook,
} from "./book.ts";
import { priceKey } from "./price-key.ts";

const packed = (levels: readonly RawLevel[]): PackedLevels => ({
  values: Float64Array.from(levels.flatMap(([price, quantity]) => [priceKey(price), priceKey(quantity)])),
  count: levels.length,
});

/** Prices near the top and far from it, quantities of which some remove. */
const changes = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 400 }), fc.constantFrom("0.00000000", "0", "1.5", "0.00000001", "12345.67")),
  { maxLength: 60 },
);

describe("a book", () => {
  test("holds what a plain map would, sorted, however its levels come (texts or keys, any order, any number)", () => {
    fc.assert(
      fc.property(fc.array(changes, { minLength: 1, maxLength: 20 }), fc.boolean(), (rounds, isPacked) => {
        const book = newBook(1_000);
        const truth = { bids: new Map<number, string>(), asks: new Map<number, string>() };
        for (const [round, some] of rounds.entries()) {
          const which = round % 2 === 0 ? "bids" : "asks";
          const levels = some.map(([tick, quantity]): RawLevel => [`${tick}.50`, quantity]);
          applyLevels(book, which, isPacked ? packed(levels) : levels);
          for (const [tick, quantity] of some) {
            if (Number(quantity) === 0) truth[which].delete(tick);
            else truth[which].set(tick, quantity);
          }
          const sign = which === "bids" ? -1 : 1;
          const wanted = [...truth[which]].toSorted(([a], [b]) => sign * (a - b)).map(([tick, q]) => `${tick}.5:${q}`);
          const held = levelsOf(book, which, 1_000).map(({ price, quantity }) => `${price}:${quantity}`);
          assert(held.join() === wanted.join(), `${which} are those of the map`);
          const keys = bestKeysOf(book, which);
          assert(
            keys?.price === (wanted[0] === undefined ? undefined : priceKey(wanted[0].split(":")[0] ?? "")),
            "best",
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  test("forgets its worst levels once there are twice as many as it may keep, and knows where its knowledge ends", () => {
    const book = newBook(10);
    for (let tick = 1; tick <= 21; tick += 1) applyLevels(book, "bids", [[`${tick}`, "1"]]);
    expect(levelsOf(book, "bids", 100).map(({ price }) => price)).toEqual(
      Array.from({ length: 10 }, (_, at) => `${21 - at}`),
    );
    expect(book.bids.horizon).toBe(12);
  });

  test("lends itself to another book, with the end of its knowledge", () => {
    const book = newBook(10);
    loadLevels(book, {
      bids: [
        ["5", "1"],
        ["4", "2"],
      ],
      asks: [["6", "3"]],
      limit: 2,
    });
    const other = newBook(10);
    loadLevels(other, packBook(book));
    expect([bestOf(other, "bids"), bestOf(other, "asks")]).toEqual([
      { price: "5", quantity: "1" },
      { price: "6", quantity: "3" },
    ]);
    expect([other.bids.horizon, other.asks.horizon]).toEqual([4, -6]);
  });

  test("keeps a copy of what it is lent, so that the lender may write it again", () => {
    const lent = packed([["5", "1"]]);
    const kept = keepLevels(lent);
    lent.values[0] = 7;
    const book = newBook(10);
    applyLevels(book, "bids", kept);
    expect(bestOf(book, "bids")?.price).toBe("5");
  });

  test("tells whether its best levels are those of another answer, whatever lies behind them", () => {
    const book = newBook(10);
    const bids: RawLevel[] = [
      ["5.0", "1"],
      ["4", "2"],
    ];
    loadLevels(book, { bids, asks: [["6", "3"]], limit: Infinity });
    const isBest = (ours: readonly RawLevel[], asks: readonly RawLevel[] = [["6", "3.00"]]): boolean =>
      hasBest(book, { bids: ours, asks });
    expect(isBest([["5", "1.0"]])).toBe(true);
    expect(isBest(bids)).toBe(true);
    expect(isBest([["5", "1.1"]])).toBe(false);
    expect(isBest([["4", "2"]])).toBe(false);
    expect(isBest([...bids, ["3", "1"]])).toBe(false);
    expect(isBest(bids, [])).toBe(false);
  });
});
