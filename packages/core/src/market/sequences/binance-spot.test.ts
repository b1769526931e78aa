/** The card of Binance spot. Frames are made by us in the documented form. */
import { describe, expect, test } from "vitest";
import { levelsOf } from "../book.ts";
import { binanceSpotSequence, readBinanceSpotDifference, readBinanceSpotSnapshot } from "./binance-spot.ts";
import { feedBook, newSequencedBook, type SequencedBook } from "./sequenced-book.ts";
import type { BinanceSpotHeld, BinanceSpotMark } from "./binance-spot.ts";
import type { BookFrame, FrameVerdict } from "./venue-sequence.ts";

type Row = readonly [string, string];

function difference(U: number, u: number, b: readonly Row[] = [], a: readonly Row[] = []): BookFrame<BinanceSpotMark> {
  const text = JSON.stringify({ e: "depthUpdate", E: 1_785_500_000_000 + u, s: "BTCUSDT", U, u, b, a });
  const read = readBinanceSpotDifference(JSON.parse(text));
  if (typeof read === "string") throw new TypeError(`${read}: ${text}`);
  expect(read.symbol).toBe("BTCUSDT");
  return read.frame;
}

function snapshot(lastUpdateId: number, limit = 1_000): BookFrame<BinanceSpotMark> {
  const bids = [
    ["64999.90000000", "1.50000000"],
    ["64999.80000000", "0.25000000"],
  ];
  const answer = { lastUpdateId, bids, asks: [["65000.10000000", "0.70000000"]] };
  const read = readBinanceSpotSnapshot(answer, limit);
  if (read === "bad") throw new TypeError(JSON.stringify(answer));
  return read;
}

const fresh = (): SequencedBook<BinanceSpotMark, BinanceSpotHeld> =>
  newSequencedBook(binanceSpotSequence, { levelsMax: 1_000, bufferMax: 3 });
const gapOf = (verdict: FrameVerdict): string => (verdict.type === "gap" ? verdict.sentence : verdict.type);

describe("Binance spot", () => {
  test("1: a difference before any snapshot asks for one, and is kept", () => {
    const book = fresh();
    expect(gapOf(feedBook(book, difference(101, 103)))).toBe("no snapshot is held");
    expect([book.phase, book.buffer.length]).toEqual(["void", 1]);
  });

  test("2: kept differences that the snapshot holds are dropped, the one that reaches over it is applied", () => {
    const book = fresh();
    feedBook(book, difference(101, 103, [["64999.90000000", "9.00000000"]]));
    feedBook(book, difference(104, 106, [["64999.70000000", "3.00000000"]]));
    expect(feedBook(book, snapshot(105)).type).toBe("reset");
    expect([book.phase, book.held]).toEqual(["aligned", { id: 106 }]);
    expect(levelsOf(book.book, "bids", 9)).toEqual([
      { price: "64999.9", quantity: "1.5" },
      { price: "64999.8", quantity: "0.25" },
      { price: "64999.7", quantity: "3" },
    ]);
  });

  test("3: a snapshot that ends before the kept differences begin is a gap: another one is needed", () => {
    const book = fresh();
    feedBook(book, difference(101, 103));
    feedBook(book, difference(104, 106));
    expect(gapOf(feedBook(book, snapshot(99)))).toBe("updates 100 to 100 are missing");
    expect([book.phase, book.buffer.length]).toEqual(["void", 2]);
    expect(feedBook(book, snapshot(100)).type).toBe("reset");
    expect(book.held).toEqual({ id: 106 });
  });

  test("4: a snapshot without a difference is believed, but not as continued by the stream", () => {
    const book = fresh();
    feedBook(book, snapshot(100));
    expect(book.phase).toBe("loaded");
    expect(feedBook(book, difference(101, 102)).type).toBe("apply");
    expect(book.phase).toBe("aligned");
  });

  test("5: the next difference begins one further", () => {
    const book = fresh();
    feedBook(book, snapshot(100));
    expect(feedBook(book, difference(101, 104, [], [["65000.10000000", "0.00000000"]])).type).toBe("apply");
    expect(feedBook(book, difference(105, 105, [], [["65000.20000000", "1.00000000"]])).type).toBe("apply");
    expect(levelsOf(book.book, "asks", 9)).toEqual([{ price: "65000.2", quantity: "1" }]);
  });

  test("6: one that overlaps what is held is applied, since levels are absolute", () => {
    const book = fresh();
    feedBook(book, snapshot(100));
    expect(feedBook(book, difference(98, 102)).type).toBe("apply");
    expect(book.held).toEqual({ id: 102 });
  });

  test("7: an old one is ignored, also the very last", () => {
    const book = fresh();
    feedBook(book, snapshot(100));
    feedBook(book, difference(101, 104));
    expect(feedBook(book, difference(101, 104)).type).toBe("ignore");
    expect(feedBook(book, difference(99, 100)).type).toBe("ignore");
  });

  test("8: a hole makes the book unknown and names what is missing", () => {
    const book = fresh();
    feedBook(book, snapshot(100));
    feedBook(book, difference(101, 104));
    expect(gapOf(feedBook(book, difference(107, 109)))).toBe("updates 105 to 106 are missing");
    expect([book.phase, book.held, book.gaps, levelsOf(book.book, "bids", 1)]).toEqual(["void", undefined, 1, []]);
  });

  test("9: after a hole the snapshot is joined to the difference that showed it", () => {
    const book = fresh();
    feedBook(book, snapshot(100));
    feedBook(book, difference(107, 109, [], [["65000.05000000", "2.00000000"]]));
    expect(feedBook(book, snapshot(106)).type).toBe("reset");
    expect(levelsOf(book.book, "asks", 1)).toEqual([{ price: "65000.05", quantity: "2" }]);
  });

  test("10: a snapshot that is no newer than what is held changes nothing", () => {
    const book = fresh();
    feedBook(book, snapshot(100));
    feedBook(book, difference(101, 104, [["64999.90000000", "2.00000000"]]));
    expect(feedBook(book, snapshot(103)).type).toBe("ignore");
    expect(levelsOf(book.book, "bids", 1)).toEqual([{ price: "64999.9", quantity: "2" }]);
  });

  test("11: a full buffer drops its oldest, and the snapshot finds out that they were needed", () => {
    const book = fresh();
    for (let id = 101; id <= 105; id += 1) feedBook(book, difference(id, id));
    expect([book.buffer.length, book.overflowed]).toEqual([3, 2]);
    expect(gapOf(feedBook(book, snapshot(101)))).toBe("updates 102 to 102 are missing");
    expect(feedBook(book, snapshot(102)).type).toBe("reset");
  });

  test("12: a crossed book is not believed", () => {
    const book = fresh();
    feedBook(book, snapshot(100));
    expect(gapOf(feedBook(book, difference(101, 101, [["65000.10000000", "1.00000000"]])))).toBe("the book is crossed");
    expect(book.phase).toBe("void");
  });

  test("13: a best price beyond what a cut snapshot has shown is not believed", () => {
    const book = fresh();
    feedBook(book, snapshot(100, 2));
    feedBook(book, difference(101, 101, [["64000.00000000", "1.00000000"]]));
    const gone: readonly Row[] = [
      ["64999.90000000", "0.00000000"],
      ["64999.80000000", "0.00000000"],
    ];
    expect(gapOf(feedBook(book, difference(102, 102, gone)))).toBe("the best price has left the snapshot's range");
  });

  test("14: what is no difference is something else, and a broken one is bad", () => {
    const good = { e: "depthUpdate", E: 1, s: "BTCUSDT", U: 1, u: 2, b: [["1.0", "2.0"]], a: [] };
    expect(readBinanceSpotDifference({ ...good, e: "trade" })).toBe("other");
    expect(readBinanceSpotDifference({ result: null, id: 1 })).toBe("other");
    for (const broken of [
      { U: 3 },
      { U: -1 },
      { u: 2.5 },
      { u: "2" },
      { u: 2 ** 60 },
      { s: undefined },
      { b: [["1.0"]] },
      { b: [["-1.0", "2.0"]] },
      { b: [[1, 2]] },
      { a: [["1e5", "1"]] },
      { a: {} },
      { a: [["0.00", "1"]] },
    ]) {
      expect(readBinanceSpotDifference({ ...good, ...broken })).toBe("bad");
    }
    expect(readBinanceSpotSnapshot({ lastUpdateId: 1, bids: [] }, 5)).toBe("bad");
    expect(readBinanceSpotSnapshot(null, 5)).toBe("bad");
  });
});
