/** The card of OKX. Frames are made by us in the documented form. */
import { describe, expect, test } from "vitest";
import { levelsOf } from "../book.ts";
import { okxSequence, readOkxBook, readOkxSnapshot, type OkxHeld, type OkxMark } from "./okx.ts";
import { feedBook, newSequencedBook, type SequencedBook } from "./sequenced-book.ts";
import type { BookFrame, FrameVerdict } from "./venue-sequence.ts";

type Row = readonly [string, string, string, string];

const startMs = 1_785_500_000_000;
const wrong = 0;

function message(
  action: "snapshot" | "update",
  ids: { readonly prevSeqId: number; readonly seqId: number },
  at: number,
  bids: readonly Row[] = [],
): BookFrame<OkxMark> {
  const asks = action === "snapshot" ? [["65000.1", "0.7", "0", "2"]] : [];
  // The checksum is 0 in every message since June 2026.
  const data = [{ asks, bids, ts: `${startMs + at}`, checksum: wrong, ...ids }];
  const text = JSON.stringify({ arg: { channel: "books", instId: "BTC-USDT" }, action, data });
  const read = readOkxBook(JSON.parse(text));
  if (typeof read === "string") throw new TypeError(`${read}: ${text}`);
  expect(read.symbol).toBe("BTC-USDT");
  return read.frame;
}

const first = (seqId = 10, at = 0): BookFrame<OkxMark> =>
  message("snapshot", { prevSeqId: -1, seqId }, at, [["64999.9", "1.5", "0", "4"]]);
const update = (prevSeqId: number, seqId: number, at: number, bids: readonly Row[] = []): BookFrame<OkxMark> =>
  message("update", { prevSeqId, seqId }, at, bids);

function fetched(seqId: number, at = 50): BookFrame<OkxMark> {
  const data = [
    { asks: [["65000.1", "0.7", "0", "2"]], bids: [["64999.9", "1.5", "0", "4"]], ts: `${startMs + at}`, seqId },
  ];
  const read = readOkxSnapshot({ code: "0", msg: "", data }, 400);
  if (read === "bad") throw new TypeError("bad");
  return read;
}

const fresh = (): SequencedBook<OkxMark, OkxHeld> => newSequencedBook(okxSequence, { levelsMax: 1_000, bufferMax: 8 });
const gapOf = (verdict: FrameVerdict): string => (verdict.type === "gap" ? verdict.sentence : verdict.type);

describe("OKX", () => {
  test("1: the stream's snapshot begins, and each update names the one before", () => {
    const book = fresh();
    expect(feedBook(book, first()).type).toBe("reset");
    expect(
      feedBook(
        book,
        update(10, 15, 100, [
          ["64999.9", "0", "0", "0"],
          ["64999.8", "2", "0", "1"],
        ]),
      ).type,
    ).toBe("apply");
    expect(feedBook(book, update(15, 16, 200)).type).toBe("apply");
    expect(levelsOf(book.book, "bids", 9)).toEqual([{ price: "64999.8", quantity: "2" }]);
  });

  test("2: nothing changed: no levels, both ids the held one, and the book is known to be current", () => {
    const book = fresh();
    feedBook(book, first());
    expect(feedBook(book, update(10, 10, 60_000)).type).toBe("apply");
    expect(feedBook(book, update(10, 15, 60_100)).type).toBe("apply");
  });

  test("3: nothing changed since an id that is not held: something was missed before", () => {
    const book = fresh();
    feedBook(book, first());
    expect(gapOf(feedBook(book, update(15, 15, 60_000)))).toBe("15 came before 15 and is not held: 10 is");
  });

  test("4: a reset to a lower id that names the held one continues; the next one continues it", () => {
    const book = fresh();
    feedBook(book, first(15));
    expect(feedBook(book, update(15, 3, 100, [["64999.7", "9", "0", "1"]])).type).toBe("apply");
    expect(book.held).toMatchObject({ seqId: 3 });
    expect(feedBook(book, update(3, 5, 200)).type).toBe("apply");
  });

  test("5: after a reset that was missed, updates with lower ids are no old ones: they are a gap", () => {
    const book = fresh();
    feedBook(book, first(15));
    expect(gapOf(feedBook(book, update(3, 5, 200)))).toBe("3 came before 5 and is not held: 15 is");
    expect(book.phase).toBe("void");
  });

  test("6: an update from before a reset that comes late is old, though it names what is held now", () => {
    const book = fresh();
    feedBook(book, first(10));
    feedBook(book, update(10, 15, 100));
    feedBook(book, update(15, 10, 200));
    expect(feedBook(book, update(10, 15, 100, [["64999.9", "8", "0", "1"]])).type).toBe("ignore");
    expect(levelsOf(book.book, "bids", 1)).toEqual([{ price: "64999.9", quantity: "1.5" }]);
  });

  test("7: a hole is a gap", () => {
    const book = fresh();
    feedBook(book, first());
    feedBook(book, update(10, 15, 100));
    expect(gapOf(feedBook(book, update(17, 18, 200)))).toBe("17 came before 18 and is not held: 15 is");
    expect([book.phase, book.gaps]).toEqual(["void", 1]);
  });

  test("8: an old one is ignored: made earlier, or one of those of the same millisecond", () => {
    const book = fresh();
    feedBook(book, first());
    feedBook(book, update(10, 15, 100));
    feedBook(book, update(15, 18, 100));
    expect(feedBook(book, update(10, 15, 100)).type).toBe("ignore");
    expect(feedBook(book, update(15, 18, 100)).type).toBe("ignore");
    expect(feedBook(book, update(8, 10, 50)).type).toBe("ignore");
    // Of the same millisecond and never seen: a reset was missed.
    expect(feedBook(book, update(3, 5, 100)).type).toBe("gap");
  });

  test("9: a new snapshot replaces everything; an old one that comes late does not", () => {
    const book = fresh();
    feedBook(book, first());
    feedBook(book, update(10, 15, 100));
    expect(feedBook(book, first(10, 0)).type).toBe("ignore");
    expect(feedBook(book, first(40, 300)).type).toBe("reset");
    expect(book.held).toMatchObject({ seqId: 40, isContinued: true });
  });

  test("10: a fetched snapshot is joined by the update that reaches over it; those before are dropped", () => {
    const book = fresh();
    expect(feedBook(book, update(5, 8, 0)).type).toBe("gap");
    feedBook(book, update(8, 12, 100, [["64999.8", "2", "0", "1"]]));
    expect(feedBook(book, fetched(10)).type).toBe("reset");
    expect([book.phase, book.held]).toEqual([
      "aligned",
      { seqId: 12, madeAtMs: startMs + 100, sameMs: [12], isContinued: true },
    ]);
    expect(levelsOf(book.book, "bids", 9)).toHaveLength(2);
  });

  test("11: a fetched snapshot from before the first kept update is a gap: fetch again", () => {
    const book = fresh();
    feedBook(book, update(12, 15, 100));
    expect(gapOf(feedBook(book, fetched(10)))).toBe("12 came before 15 and is not held: 10 is");
    expect(feedBook(book, fetched(12)).type).toBe("reset");
    expect(book.held).toMatchObject({ seqId: 15 });
  });

  test("12: the message that a fetched snapshot ends with is in it, whatever its time", () => {
    const book = fresh();
    feedBook(book, fetched(10));
    expect(feedBook(book, update(8, 10, 300)).type).toBe("ignore");
    expect(feedBook(book, update(10, 12, 400)).type).toBe("apply");
  });

  test("13: a fetched snapshot is no longer joined by reaching over it once it is continued", () => {
    const book = fresh();
    feedBook(book, fetched(10));
    feedBook(book, update(8, 12, 100));
    expect(feedBook(book, update(11, 14, 200)).type).toBe("gap");
  });

  test("14: a fetched snapshot from before a reset is not joined to what comes after it: low ids are no old ones", () => {
    const book = fresh();
    feedBook(book, update(15, 3, 100));
    expect(feedBook(book, fetched(15)).type).toBe("reset");
    expect(book.held).toMatchObject({ seqId: 3 });
    const late = fresh();
    feedBook(late, update(3, 5, 200));
    expect(gapOf(feedBook(late, fetched(15)))).toBe("3 came before 5 and is not held: 15 is");
  });

  test("15: a checksum, right, wrong or none, is not looked at", () => {
    const data = [{ asks: [], bids: [], ts: "1785500000000", checksum: -855_196_043, seqId: 2, prevSeqId: 1 }];
    const arg = { channel: "books", instId: "BTC-USDT" };
    expect(readOkxBook({ arg, action: "update", data })).toMatchObject({ frame: { mark: { seqId: 2, prevSeqId: 1 } } });
  });

  test("16: acknowledgements and other channels are something else, and broken messages are bad", () => {
    const arg = { channel: "books", instId: "BTC-USDT" };
    const one = { asks: [], bids: [], ts: "1785500000000", checksum: 0, seqId: 2, prevSeqId: 1 };
    expect(readOkxBook({ event: "subscribe", arg, connId: "a4d3ae55" })).toBe("other");
    expect(readOkxBook({ arg: { channel: "trades", instId: "BTC-USDT" }, data: [] })).toBe("other");
    for (const broken of [
      { seqId: undefined },
      { seqId: -1 },
      { prevSeqId: -2 },
      { prevSeqId: -1 },
      { ts: 1_785_500_000_000 },
      { ts: "soon" },
      { bids: [["1"]] },
      { asks: [[1, 2, "0", "1"]] },
    ]) {
      expect(readOkxBook({ arg, action: "update", data: [{ ...one, ...broken }] })).toBe("bad");
    }
    expect(readOkxBook({ arg, action: "snapshot", data: [one] })).toBe("bad");
    expect(readOkxBook({ arg, action: "update", data: [] })).toBe("bad");
    expect(readOkxSnapshot({ code: "50011", msg: "Too Many Requests", data: [] }, 400)).toBe("bad");
  });
});
