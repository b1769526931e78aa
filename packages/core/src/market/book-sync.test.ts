import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assert } from "../assert.ts";
import type { BookDifference, BookSnapshot } from "./book-sync.ts";
import { addDifference, addSnapshot, newBookSync, spotSequence, voidBook } from "./book-sync.ts";
import type { RawLevel } from "./book.ts";
import { levelsOf } from "./book.ts";

/** A true book, as plain as can be: ticks → quantity. Bids lie below 100, asks above. */
type Truth = ReadonlyMap<number, number>;
interface Step {
  readonly difference: BookDifference;
  /** The book after it. */
  readonly truth: Truth;
}

const level = (price: number, quantity: number): RawLevel => [
  `${price}.50`,
  quantity === 0 ? "0.00000000" : `${quantity}.10`,
];
const sideOf = (truth: Truth, isBid: boolean): readonly RawLevel[] =>
  [...truth]
    .filter(([price]) => price < 100 === isBid)
    .toSorted(([a], [b]) => (isBid ? b - a : a - b))
    .map(([price, quantity]) => level(price, quantity));
const snapshotOf = (step: Step, limit = 1_000): BookSnapshot => ({
  lastId: step.difference.lastId,
  bids: sideOf(step.truth, true).slice(0, limit),
  asks: sideOf(step.truth, false).slice(0, limit),
  limit,
});
const shown = (levels: readonly RawLevel[]): readonly string[] =>
  levels.map(([price, quantity]) => `${price.replace(/0$/, "")}:${quantity.replace(/0$/, "")}`);

const changes = fc.array(
  fc.record({
    price: fc.oneof(fc.integer({ min: 80, max: 98 }), fc.integer({ min: 102, max: 120 })),
    quantity: fc.integer({ min: 0, max: 3 }),
  }),
  { minLength: 1, maxLength: 6 },
);

/** A venue's history: each difference spans as many ids as it has changes. */
const history: fc.Arbitrary<readonly Step[]> = fc.array(changes, { minLength: 4, maxLength: 30 }).map((all) => {
  let lastId = 500;
  const truth = new Map<number, number>([
    [99, 1],
    [101, 1],
  ]);
  return all.map((some) => {
    for (const { price, quantity } of some) {
      if (quantity === 0) truth.delete(price);
      else truth.set(price, quantity);
    }
    const firstId = lastId + 1;
    lastId += some.length;
    const of = (isBid: boolean): readonly RawLevel[] =>
      some.filter(({ price }) => price < 100 === isBid).map(({ price, quantity }) => level(price, quantity));
    return { difference: { firstId, lastId, bids: of(true), asks: of(false) }, truth: new Map(truth) };
  });
});

/** What reaches the feed: differences lost, doubled or late, snapshots old and new, and lost connections. */
const deliveries = fc.array(
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({ type: fc.constant("next" as const), skip: fc.constantFrom(0, 0, 0, 0, 0, 1, 2, -1, -3) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant("snapshot" as const),
        back: fc.integer({ min: 0, max: 4 }),
        limit: fc.constantFrom(1_000, 3),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("lost" as const) }) },
  ),
  { minLength: 5, maxLength: 60 },
);

describe("a book kept from differences", () => {
  test("equals the venue's at its update id, or says that it is not known (any loss, doubling, order and snapshot)", () => {
    let believed = 0;
    fc.assert(
      fc.property(history, deliveries, (steps, inputs) => {
        const sync = newBookSync(spotSequence, 1_000, 8);
        let at = 0;
        for (const input of inputs) {
          if (input.type === "lost") voidBook(sync);
          else if (input.type === "snapshot") {
            const step = steps[Math.max(0, at - input.back)];
            if (step !== undefined) addSnapshot(sync, snapshotOf(step, input.limit));
          } else {
            at = Math.max(0, at + input.skip);
            const step = steps[at];
            if (step !== undefined) addDifference(sync, step.difference);
            at += 1;
          }
          if (sync.phase === "void") {
            assert(
              sync.updateId === 0 && levelsOf(sync.book, "bids", 1).length === 0,
              "what is not known is not shown",
            );
            continue;
          }
          const step = steps.find(({ difference }) => difference.lastId === sync.updateId);
          assert(step !== undefined, "a believed book stands at an update of the venue");
          believed += 1;
          for (const which of ["bids", "asks"] as const) {
            const truth = shown(sideOf(step.truth, which === "bids"));
            const held = levelsOf(sync.book, which, 1_000).map(({ price, quantity }) => `${price}:${quantity}`);
            const isWhole = sync.book[which].horizon === -Infinity;
            assert(!isWhole || held.join() === truth.join(), `${which} are the venue's`);
            // Beyond what a short snapshot showed, nothing is promised but that the best is right and no level is wrong.
            assert(held[0] === truth[0], `the best of the ${which} is the venue's`);
            assert(
              held.every((one) => truth.includes(one)),
              `each of the ${which} is one of the venue's`,
            );
          }
        }
      }),
      { numRuns: 2_000 },
    );
    expect(believed).toBeGreaterThan(5_000);
  });

  const empty = { bids: [], asks: [] };
  const aligned = (): ReturnType<typeof newBookSync> => {
    const sync = newBookSync(spotSequence, 1_000, 10);
    addDifference(sync, { firstId: 9, lastId: 12, ...empty });
    expect(addSnapshot(sync, { lastId: 10, bids: [["5.0", "1.0"]], asks: [["6.0", "1.0"]], limit: 100 }).type).toBe(
      "aligned",
    );
    return sync;
  };

  test("names the updates that are missing when one is left out", () => {
    const sync = aligned();
    const outcome = addDifference(sync, { firstId: 15, lastId: 16, ...empty });
    expect(outcome).toEqual({ type: "broken", sentence: "updates 13 to 14 are missing" });
    expect(sync).toMatchObject({ phase: "void", gaps: 1 });
  });

  test("continues from the difference that revealed the gap once a snapshot reaches it", () => {
    const sync = aligned();
    addDifference(sync, { firstId: 15, lastId: 16, bids: [["5.5", "2"]], asks: [] });
    expect(addSnapshot(sync, { lastId: 14, bids: [], asks: [], limit: 100 }).type).toBe("aligned");
    expect(sync.updateId).toBe(16);
    expect(levelsOf(sync.book, "bids", 1)).toEqual([{ price: "5.5", quantity: "2" }]);
  });

  test("asks again when the snapshot ends before the buffered differences begin", () => {
    const sync = newBookSync(spotSequence, 1_000, 10);
    addDifference(sync, { firstId: 20, lastId: 22, ...empty });
    expect(addSnapshot(sync, { lastId: 18, bids: [], asks: [], limit: 100 }).type).toBe("too-old");
    expect(sync.phase).toBe("void");
    expect(addSnapshot(sync, { lastId: 19, bids: [], asks: [], limit: 100 }).type).toBe("aligned");
  });

  test("is only loaded, not aligned, until the stream has continued its snapshot", () => {
    const sync = newBookSync(spotSequence, 1_000, 10);
    expect(addSnapshot(sync, { lastId: 18, bids: [], asks: [], limit: 100 }).type).toBe("loaded");
    expect(addDifference(sync, { firstId: 19, lastId: 19, ...empty }).type).toBe("aligned");
  });

  test("is not believed when it is crossed", () => {
    const sync = aligned();
    const outcome = addDifference(sync, { firstId: 13, lastId: 13, bids: [["6.00", "1"]], asks: [] });
    expect(outcome).toEqual({ type: "broken", sentence: "the book is crossed at update 13" });
    expect(sync).toMatchObject({ phase: "void", gaps: 0, distrusts: 1 });
  });

  test("is not believed when its best price has left the range that the snapshot showed", () => {
    const sync = newBookSync(spotSequence, 1_000, 10);
    addSnapshot(sync, {
      lastId: 10,
      bids: [
        ["5.0", "1"],
        ["4.0", "1"],
      ],
      asks: [["6.0", "1"]],
      limit: 2,
    });
    expect(
      addDifference(sync, {
        firstId: 11,
        lastId: 11,
        bids: [
          ["3.0", "1"],
          ["5.0", "0"],
        ],
        asks: [],
      }).type,
    ).toBe("aligned");
    expect(addDifference(sync, { firstId: 12, lastId: 12, bids: [["4.0", "0"]], asks: [] }).type).toBe("broken");
  });

  test("buffers no more than its bound, and finds out by the snapshot whether that mattered", () => {
    const sync = newBookSync(spotSequence, 1_000, 3);
    for (let id = 1; id <= 5; id += 1) addDifference(sync, { firstId: id, lastId: id, ...empty });
    expect(sync).toMatchObject({ overflowed: 2 });
    expect(sync.buffer).toHaveLength(3);
    expect(addSnapshot(sync, { lastId: 1, bids: [], asks: [], limit: 100 }).type).toBe("too-old");
    expect(addSnapshot(sync, { lastId: 2, bids: [], asks: [], limit: 100 }).type).toBe("aligned");
  });
});
