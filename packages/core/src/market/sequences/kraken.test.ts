/** The card of Kraken v2. Frames are made by us in the documented form; their checksums by zlib, not by our own code. */
import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { levelsOf } from "../book.ts";
import { crc32 } from "./crc32.ts";
import { krakenDigits, krakenSequence, readKrakenBook, type KrakenHeld, type KrakenMark } from "./kraken.ts";
import { feedBook, newSequencedBook, type SequencedBook } from "./sequenced-book.ts";
import type { BookFrame, FrameVerdict } from "./venue-sequence.ts";

type Row = readonly [price: string, quantity: string];
type Sides = { readonly bids: readonly Row[]; readonly asks: readonly Row[] };

/** The ten best of both sides, as Kraken would write them, under zlib's checksum. */
function checksumOf({ bids, asks }: Sides): number {
  const digits = (text: string): string => text.replace(".", "").replace(/^0+/, "");
  const all = [...asks.slice(0, 10), ...bids.slice(0, 10)];
  return zlibCrc32(all.map(([price, quantity]) => digits(price) + digits(quantity)).join(""));
}

/** Written by hand and not by JSON.stringify: Kraken sends numbers with all their zeros. */
function textOf(type: "snapshot" | "update", { bids, asks }: Sides, checksum: number, at = 0): string {
  const rows = (side: readonly Row[]): string =>
    `[${side.map(([price, quantity]) => `{"price":${price},"qty":${quantity}}`).join(",")}]`;
  const timestamp = `2026-08-02T09:30:${`${at}`.padStart(2, "0")}.123456Z`;
  return `{"channel":"book","type":"${type}","data":[{"symbol":"BTC/USD","bids":${rows(bids)},"asks":${rows(asks)},"checksum":${checksum},"timestamp":"${timestamp}"}]}`;
}

function frame(type: "snapshot" | "update", sides: Sides, checksum: number, at = 0): BookFrame<KrakenMark> {
  const read = readKrakenBook(textOf(type, sides, checksum, at));
  if (typeof read === "string") throw new TypeError(read);
  expect(read.symbol).toBe("BTC/USD");
  return read.frame;
}

/** Ten levels a side: 45283.5, 45283.4, … and 45285.2, 45285.3, … */
const whole: Sides = {
  bids: Array.from({ length: 10 }, (_, at): Row => [(45_283.5 - at / 10).toFixed(1), "0.10000000"]),
  asks: Array.from({ length: 10 }, (_, at): Row => [(45_285.2 + at / 10).toFixed(1), "0.00100000"]),
};
const start = (at = 0): BookFrame<KrakenMark> => frame("snapshot", whole, checksumOf(whole), at);

const fresh = (depth = 10): SequencedBook<KrakenMark, KrakenHeld> =>
  newSequencedBook(krakenSequence({ depth }), { levelsMax: 1_000, bufferMax: 8 });
const gapOf = (verdict: FrameVerdict): string => (verdict.type === "gap" ? verdict.sentence : verdict.type);

describe("Kraken v2", () => {
  test("1: digits: no point, no zeros before, all zeros behind", () => {
    expect(krakenDigits("45285.2", 1) + krakenDigits("0.00100000", 8)).toBe("452852100000");
    expect(krakenDigits("45285.2", 1) + krakenDigits("0.001", 8)).toBe("452852100000");
    expect(krakenDigits("0.0512", 5)).toBe("5120");
    expect(krakenDigits("12", 4)).toBe("120000");
  });

  test("2: the CRC is the common one", () => {
    expect(crc32("123456789")).toBe(0xcb_f4_39_26);
    expect(crc32("")).toBe(0);
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9]{0,400}$/), (text) => {
        expect(crc32(text)).toBe(zlibCrc32(text));
      }),
    );
  });

  test("3: a snapshot with the right checksum begins; its digits keep their zeros", () => {
    const book = fresh();
    expect(feedBook(book, start()).type).toBe("reset");
    expect(book.held?.decimals).toEqual({ price: 1, quantity: 8 });
    expect(levelsOf(book.book, "asks", 1)).toEqual([{ price: "45285.2", quantity: "0.001" }]);
  });

  test("4: a snapshot with a wrong checksum is not believed", () => {
    const book = fresh();
    const right = checksumOf(whole);
    const wrong = (right ^ 1) >>> 0;
    expect(gapOf(feedBook(book, frame("snapshot", whole, wrong)))).toBe(`the checksum is ${right} and not ${wrong}`);
    expect([book.phase, levelsOf(book.book, "bids", 1)]).toEqual(["void", []]);
  });

  test("5: an update is applied and proved by its checksum", () => {
    const book = fresh();
    feedBook(book, start());
    const best: Row = ["45285.1", "0.50000000"];
    const after: Sides = { bids: whole.bids, asks: [best, ...whole.asks].slice(0, 10) };
    expect(feedBook(book, frame("update", { bids: [], asks: [best] }, checksumOf(after), 1)).type).toBe("apply");
    expect(levelsOf(book.book, "asks", 99)).toHaveLength(10);
  });

  test("6: what falls out of the window is dropped, and comes back only when it is told again", () => {
    const book = fresh();
    feedBook(book, start());
    const best: Row = ["45285.1", "0.50000000"];
    const pushed: Sides = { bids: whole.bids, asks: [best, ...whole.asks].slice(0, 10) };
    feedBook(book, frame("update", { bids: [], asks: [best] }, checksumOf(pushed), 1));
    const last: Row = ["45286.1", "0.00700000"];
    const back: Sides = { bids: whole.bids, asks: [...whole.asks.slice(0, 9), last] };
    const change: Sides = { bids: [], asks: [["45285.1", "0.00000000"], last] };
    expect(feedBook(book, frame("update", change, checksumOf(back), 2)).type).toBe("apply");
    expect(levelsOf(book.book, "asks", 99).at(-1)).toEqual({ price: "45286.1", quantity: "0.007" });
  });

  test("7: an update whose predecessor was lost is disproved", () => {
    const book = fresh();
    feedBook(book, start());
    const lost: Sides = { ...whole, bids: [["45283.5", "0.90000000"], ...whole.bids.slice(1)] };
    const after: Sides = { ...lost, asks: [["45285.2", "0.30000000"], ...whole.asks.slice(1)] };
    const verdict = feedBook(
      book,
      frame("update", { bids: [], asks: [["45285.2", "0.30000000"]] }, checksumOf(after), 2),
    );
    expect(gapOf(verdict)).toContain("the checksum is");
    expect([book.phase, book.held, book.gaps]).toEqual(["void", undefined, 1]);
  });

  test("8: after that only a snapshot counts", () => {
    const book = fresh();
    feedBook(book, start());
    feedBook(book, frame("update", { bids: [], asks: [["45285.2", "0.30000000"]] }, 1, 2));
    expect(gapOf(feedBook(book, frame("update", { bids: [], asks: [] }, checksumOf(whole), 3)))).toBe(
      "no snapshot is held",
    );
    expect(feedBook(book, start(4)).type).toBe("reset");
  });

  test("9: a corrupt quantity is found out", () => {
    const book = fresh();
    feedBook(book, start());
    const after: Sides = { ...whole, asks: [["45285.2", "0.30000000"], ...whole.asks.slice(1)] };
    expect(
      feedBook(book, frame("update", { bids: [], asks: [["45285.2", "0.30000001"]] }, checksumOf(after), 1)).type,
    ).toBe("gap");
  });

  test("10: a doubled update changes nothing, and one that was made earlier is old, a snapshot too", () => {
    const book = fresh();
    feedBook(book, start());
    const after: Sides = { ...whole, asks: [["45285.2", "0.30000000"], ...whole.asks.slice(1)] };
    const one = frame("update", { bids: [], asks: [["45285.2", "0.30000000"]] }, checksumOf(after), 5);
    expect(feedBook(book, one).type).toBe("apply");
    expect(feedBook(book, one).type).toBe("apply");
    expect(feedBook(book, frame("update", { bids: [], asks: [] }, checksumOf(whole), 3)).type).toBe("ignore");
    expect(feedBook(book, start()).type).toBe("ignore");
    expect(levelsOf(book.book, "asks", 1)).toEqual([{ price: "45285.2", quantity: "0.3" }]);
  });

  test("11: the instrument's decimal places count where a snapshot happens to show fewer", () => {
    const bare: Sides = { bids: [["45283", "1"]], asks: [["45285", "2"]] };
    const checksum = zlibCrc32("452850200000000452830100000000");
    const told = newSequencedBook(krakenSequence({ depth: 10, decimals: { price: 1, quantity: 8 } }), {
      levelsMax: 1_000,
      bufferMax: 8,
    });
    expect(feedBook(told, frame("snapshot", bare, checksum)).type).toBe("reset");
    expect(feedBook(fresh(), frame("snapshot", bare, checksum)).type).toBe("gap");
  });

  test("12: with a deeper subscription the ten best are proved and nothing below", () => {
    const book = fresh(25);
    const deep: Sides = { ...whole, asks: [...whole.asks, ["45299.0", "1.00000000"]] };
    feedBook(book, frame("snapshot", deep, checksumOf(deep)));
    const unseen = frame("update", { bids: [], asks: [["45299.0", "5.00000000"]] }, checksumOf(deep), 1);
    expect(feedBook(book, unseen).type).toBe("apply");
    expect(levelsOf(book.book, "asks", 99)).toHaveLength(11);
  });

  test("13: an update may leave out the side that it does not change", () => {
    const text = `{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","asks":[{"price":45285.2,"qty":0.00100000}],"checksum":7}]}`;
    expect(readKrakenBook(text)).toMatchObject({ frame: { bids: [], asks: [["45285.2", "0.00100000"]] } });
  });

  test("14: other channels are something else, and broken messages are bad", () => {
    expect(readKrakenBook('{"channel":"heartbeat"}')).toBe("other");
    expect(readKrakenBook('{"method":"subscribe","result":{"channel":"book"},"success":true}')).toBe("other");
    const good = textOf("update", { bids: [["1.0", "1.00"]], asks: [] }, 5);
    expect(typeof readKrakenBook(good)).toBe("object");
    for (const [from, to] of [
      ['"price":1.0', '"price":1e3'],
      ['"price":1.0', '"price":-1.0'],
      ['"price":1.0', '"price":"one"'],
      ['"qty":1.00', '"quantity":1.00'],
      ['"checksum":5', '"checksum":-5'],
      ['"checksum":5', '"sum":5'],
      ['"symbol":"BTC/USD"', '"symbol":1'],
      ['"type":"update"', '"type":"news"'],
      ["]}", "]"],
    ] as const) {
      expect(readKrakenBook(good.replace(from, to))).toBe("bad");
    }
  });
});
