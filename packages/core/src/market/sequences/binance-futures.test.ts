/** The card of Binance futures. Frames are made by us in the documented form. */
import { describe, expect, test } from "vitest";
import { levelsOf } from "../book.ts";
import {
  binanceFuturesSequence,
  readBinanceFuturesDifference,
  readBinanceFuturesSnapshot,
  type BinanceFuturesHeld,
  type BinanceFuturesMark,
} from "./binance-futures.ts";
import { feedBook, newSequencedBook, type SequencedBook } from "./sequenced-book.ts";
import type { BookFrame, FrameVerdict } from "./venue-sequence.ts";

type Row = readonly [string, string];

function difference(pu: number, U: number, u: number, b: readonly Row[] = []): BookFrame<BinanceFuturesMark> {
  const E = 1_785_500_000_000 + u;
  const text = JSON.stringify({ e: "depthUpdate", E, T: E - 3, s: "BTCUSDT", U, u, pu, b, a: [] });
  const read = readBinanceFuturesDifference(JSON.parse(text));
  if (typeof read === "string") throw new TypeError(`${read}: ${text}`);
  return read.frame;
}

function snapshot(lastUpdateId: number): BookFrame<BinanceFuturesMark> {
  const answer = { lastUpdateId, E: 1, T: 1, bids: [["64999.90", "1.500"]], asks: [["65000.10", "0.700"]] };
  const read = readBinanceFuturesSnapshot(answer, 1_000);
  if (read === "bad") throw new TypeError(JSON.stringify(answer));
  return read;
}

const fresh = (): SequencedBook<BinanceFuturesMark, BinanceFuturesHeld> =>
  newSequencedBook(binanceFuturesSequence, { levelsMax: 1_000, bufferMax: 8 });
const gapOf = (verdict: FrameVerdict): string => (verdict.type === "gap" ? verdict.sentence : verdict.type);

describe("Binance futures", () => {
  test("1: a difference before any snapshot asks for one, and is kept", () => {
    const book = fresh();
    expect(gapOf(feedBook(book, difference(90, 95, 103)))).toBe("no snapshot is held");
    expect(book.buffer).toHaveLength(1);
  });

  test("2: the first difference is the one that contains the snapshot's id; those before are dropped", () => {
    const book = fresh();
    feedBook(book, difference(80, 82, 90, [["64999.90", "7.000"]]));
    feedBook(book, difference(90, 95, 103, [["64999.80", "3.000"]]));
    expect(feedBook(book, snapshot(100)).type).toBe("reset");
    expect(book.held).toEqual({ id: 103, isContinued: true });
    expect(levelsOf(book.book, "bids", 9)).toEqual([
      { price: "64999.9", quantity: "1.5" },
      { price: "64999.8", quantity: "3" },
    ]);
  });

  test("3: a first difference that ends at the snapshot's id is applied and changes nothing", () => {
    const book = fresh();
    feedBook(book, snapshot(100));
    expect(feedBook(book, difference(90, 95, 100)).type).toBe("apply");
    expect(book.held).toEqual({ id: 100, isContinued: true });
  });

  test("4: a first difference that names the snapshot's id as its previous one continues it, though ids are left out", () => {
    const book = fresh();
    feedBook(book, snapshot(100));
    expect(feedBook(book, difference(100, 107, 109)).type).toBe("apply");
  });

  test("5: a first difference beyond the snapshot is a gap", () => {
    const book = fresh();
    feedBook(book, snapshot(100));
    expect(gapOf(feedBook(book, difference(103, 105, 109)))).toContain("update 103 came before this one");
    expect([book.phase, book.buffer.length]).toEqual(["void", 1]);
  });

  test("6: each further one names the last, whatever its first id", () => {
    const book = fresh();
    feedBook(book, snapshot(100));
    feedBook(book, difference(90, 95, 103));
    expect(feedBook(book, difference(103, 110, 118)).type).toBe("apply");
    expect(feedBook(book, difference(118, 119, 119)).type).toBe("apply");
  });

  test("7: a hole between two whose ids look close is a gap", () => {
    const book = fresh();
    feedBook(book, snapshot(100));
    feedBook(book, difference(90, 95, 103));
    expect(gapOf(feedBook(book, difference(104, 105, 108)))).toBe(
      "update 104 came before this one and is not held: 103 is",
    );
    expect([book.phase, book.held]).toEqual(["void", undefined]);
  });

  test("8: once continued, one that merely reaches over what is held is no proof: its previous one is missing", () => {
    const book = fresh();
    feedBook(book, snapshot(100));
    feedBook(book, difference(90, 95, 103));
    expect(feedBook(book, difference(99, 101, 110)).type).toBe("gap");
  });

  test("9: an old one is ignored, also the very last", () => {
    const book = fresh();
    feedBook(book, snapshot(100));
    feedBook(book, difference(90, 95, 103));
    feedBook(book, difference(103, 110, 118));
    expect(feedBook(book, difference(103, 110, 118)).type).toBe("ignore");
    expect(feedBook(book, difference(90, 95, 103)).type).toBe("ignore");
  });

  test("10: a snapshot that is no newer than what is held changes nothing", () => {
    const book = fresh();
    feedBook(book, snapshot(100));
    feedBook(book, difference(90, 95, 103));
    expect(feedBook(book, snapshot(102)).type).toBe("ignore");
    expect(book.held).toEqual({ id: 103, isContinued: true });
  });

  test("11: a broken message is bad", () => {
    const good = { e: "depthUpdate", s: "BTCUSDT", U: 5, u: 6, pu: 4, b: [], a: [] };
    expect(readBinanceFuturesDifference({ ...good, e: "aggTrade" })).toBe("other");
    for (const broken of [{ pu: undefined }, { pu: 6 }, { U: 7 }, { u: null }, { b: 1 }, { s: 1 }]) {
      expect(readBinanceFuturesDifference({ ...good, ...broken })).toBe("bad");
    }
  });
});
