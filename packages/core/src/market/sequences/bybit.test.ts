/** The card of Bybit v5. Frames are made by us in the documented form. */
import { describe, expect, test } from "vitest";
import { levelsOf } from "../book.ts";
import { bybitSequence, readBybitBook, type BybitHeld, type BybitMark } from "./bybit.ts";
import { feedBook, newSequencedBook, type SequencedBook } from "./sequenced-book.ts";
import type { BookFrame, FrameVerdict } from "./venue-sequence.ts";

type Row = readonly [string, string];

function message(
  type: "snapshot" | "delta",
  u: number,
  seq: number,
  b: readonly Row[] = [],
  a: readonly Row[] = [],
): BookFrame<BybitMark> {
  const ts = 1_785_500_000_000 + u;
  const text = JSON.stringify({
    topic: "orderbook.50.BTCUSDT",
    type,
    ts,
    data: { s: "BTCUSDT", b, a, u, seq },
    cts: ts - 4,
  });
  const read = readBybitBook(JSON.parse(text));
  if (typeof read === "string") throw new TypeError(`${read}: ${text}`);
  expect(read.symbol).toBe("BTCUSDT");
  return read.frame;
}

const snapshot = (u: number, seq: number, quantity = "1.500"): BookFrame<BybitMark> =>
  message("snapshot", u, seq, [["64999.90", quantity]], [["65000.10", "0.700"]]);
const delta = (u: number, seq: number, b: readonly Row[] = []): BookFrame<BybitMark> => message("delta", u, seq, b);

const fresh = (): SequencedBook<BybitMark, BybitHeld> =>
  newSequencedBook(bybitSequence, { levelsMax: 1_000, bufferMax: 8 });
const gapOf = (verdict: FrameVerdict): string => (verdict.type === "gap" ? verdict.sentence : verdict.type);

describe("Bybit", () => {
  test("1: a delta before any snapshot asks for one, and is not kept: the stream brings it in its place", () => {
    const book = fresh();
    expect(gapOf(feedBook(book, delta(501, 9_001)))).toBe("no snapshot is held");
    expect(book.buffer).toEqual([]);
  });

  test("2: a snapshot begins, and each delta is one further", () => {
    const book = fresh();
    expect(feedBook(book, snapshot(500, 9_000)).type).toBe("reset");
    expect(feedBook(book, delta(501, 9_004, [["64999.80", "2.000"]])).type).toBe("apply");
    expect(feedBook(book, delta(502, 9_004, [["64999.90", "0"]])).type).toBe("apply");
    expect(levelsOf(book.book, "bids", 9)).toEqual([{ price: "64999.8", quantity: "2" }]);
  });

  test("3: a hole is a gap and names what is missing", () => {
    const book = fresh();
    feedBook(book, snapshot(500, 9_000));
    expect(gapOf(feedBook(book, delta(503, 9_010)))).toBe("updates 501 to 502 are missing");
    expect([book.phase, book.held]).toEqual(["void", undefined]);
  });

  test("4: an old delta is lower in both numbers, and ignored", () => {
    const book = fresh();
    feedBook(book, snapshot(500, 9_000));
    feedBook(book, delta(501, 9_004));
    expect(feedBook(book, delta(501, 9_004)).type).toBe("ignore");
    expect(feedBook(book, delta(499, 8_990)).type).toBe("ignore");
  });

  test("5: a snapshot replaces everything, whenever it comes", () => {
    const book = fresh();
    feedBook(book, snapshot(500, 9_000));
    feedBook(book, delta(501, 9_004, [["64999.80", "2.000"]]));
    expect(feedBook(book, snapshot(507, 9_050, "4.000")).type).toBe("reset");
    expect(levelsOf(book.book, "bids", 9)).toEqual([{ price: "64999.9", quantity: "4" }]);
    expect(feedBook(book, delta(508, 9_051)).type).toBe("apply");
  });

  test("6: a restart: u is 1, and the snapshot replaces everything", () => {
    const book = fresh();
    feedBook(book, snapshot(500, 9_000));
    expect(feedBook(book, snapshot(1, 9_020, "3.000")).type).toBe("reset");
    expect(feedBook(book, delta(2, 9_021)).type).toBe("apply");
    expect(book.held).toEqual({ u: 2, seq: 9_021 });
  });

  test("7: after a restart whose snapshot was missed, low deltas are no old ones: they are a gap", () => {
    const book = fresh();
    feedBook(book, snapshot(500, 9_000));
    expect(gapOf(feedBook(book, delta(2, 9_021)))).toContain("have begun anew");
    expect(book.phase).toBe("void");
  });

  test("8: a delta with u 1 asks for a snapshot", () => {
    const book = fresh();
    feedBook(book, snapshot(500, 9_000));
    expect(gapOf(feedBook(book, delta(1, 9_021)))).toBe("the venue's update ids begin anew");
  });

  test("9: the repetition of a quiet market, same u and seq, confirms what is held", () => {
    const book = fresh();
    feedBook(book, snapshot(500, 9_000));
    expect(feedBook(book, snapshot(500, 9_000)).type).toBe("reset");
    expect(feedBook(book, delta(501, 9_001)).type).toBe("apply");
  });

  test("10: a snapshot that was made before what is held comes too late", () => {
    const book = fresh();
    feedBook(book, snapshot(500, 9_000));
    feedBook(book, delta(501, 9_004));
    expect(feedBook(book, snapshot(500, 9_000)).type).toBe("ignore");
    expect(book.held).toEqual({ u: 501, seq: 9_004 });
  });

  test("11: a delta that is next by u and earlier by seq is none", () => {
    const book = fresh();
    feedBook(book, snapshot(500, 9_000));
    expect(feedBook(book, delta(501, 8_000)).type).toBe("gap");
  });

  test("12: other topics and answers are something else, and broken messages are bad", () => {
    const data = { s: "BTCUSDT", b: [], a: [], u: 2, seq: 3 };
    const good = { topic: "orderbook.50.BTCUSDT", type: "delta", ts: 1, data };
    expect(readBybitBook({ success: true, ret_msg: "", op: "subscribe", conn_id: "1" })).toBe("other");
    expect(readBybitBook({ ...good, topic: "publicTrade.BTCUSDT" })).toBe("other");
    expect(readBybitBook({ ...good, type: "news" })).toBe("bad");
    for (const broken of [{ u: "2" }, { seq: undefined }, { b: [["1", "x"]] }, { a: undefined }, { s: 5 }]) {
      expect(readBybitBook({ ...good, data: { ...data, ...broken } })).toBe("bad");
    }
  });
});
