/** Kraken's messages as its documents show them, and what is none of them. */
import { feedBook, krakenSequence, levelsOf, newSequencedBook } from "@baton/core";
import type { Book, BookFrame, FrameVerdict, KrakenMark } from "@baton/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { microsecondsOf } from "../frame-fields.ts";
import { documentedFrames } from "../testing/corpus.ts";
import { parseKrakenFrame } from "./frames.ts";

const [
  snapshot = "",
  update = "",
  trades = "",
  answer = "",
  left = "",
  unknown = "",
  already = "",
  pong = "",
  heartbeat = "",
  status = "",
  other = "",
] = documentedFrames("kraken");

describe("a message of Kraken", () => {
  test("about a book has its checksum, its digits with their zeros, and its time to the microsecond", () => {
    expect(parseKrakenFrame(snapshot)).toMatchObject({
      // The time of a snapshot is that of the book's last change, which may be long ago: nothing was late.
      ...{ type: "book", stream: "book:BTC/USD", updateId: 1_785_663_000_000_417, sentWallMs: undefined },
      frame: { kind: "snapshot", mark: { checksum: 3_310_070_434, decimals: { price: 1, quantity: 8 } } },
    });
    expect(parseKrakenFrame(update)).toMatchObject({
      ...{ type: "book", stream: "book:BTC/USD", updateId: 1_785_663_000_112_233, sentWallMs: 1_785_663_000_112.233 },
      frame: {
        kind: "difference",
        bids: [
          ["45283.4", "0.00000000"],
          ["45275.9", "0.00870000"],
        ],
        asks: [["45285.2", "0.25000000"]],
      },
    });
    const withoutTime = update.replace(/,"timestamp":"[^"]*"/, "");
    expect(parseKrakenFrame(withoutTime)).toMatchObject({ type: "book", updateId: undefined, sentWallMs: undefined });
    expect(parseKrakenFrame(update.replace("2026-08-02T", "")).type).toBe("bad");
  });

  /** The ten levels a side are the worked example of Kraken's guide to the checksum, and so is their checksum. */
  test("about a book is proved by the checksum that Kraken's own example has, and a digit that is wrong is disproved", () => {
    const fed = (...texts: readonly string[]): { book: Book; verdicts: readonly FrameVerdict["type"][] } => {
      const sequenced = newSequencedBook(krakenSequence({ depth: 10 }), { levelsMax: 10, bufferMax: 8 });
      const verdicts = texts.map((text) => {
        const read = parseKrakenFrame(text);
        if (read.type !== "book") throw new TypeError(`${read.type}: ${text}`);
        return feedBook(sequenced, read.frame as BookFrame<KrakenMark>).type;
      });
      return { book: sequenced.book, verdicts };
    };
    const { book, verdicts } = fed(snapshot, update);
    expect(verdicts).toEqual(["reset", "apply"]);
    expect(levelsOf(book, "bids", 99).at(-1)).toEqual({ price: "45275.9", quantity: "0.0087" });
    expect(levelsOf(book, "asks", 99)).toHaveLength(10);
    expect(fed(snapshot.replace("0.03310103", "0.03310104")).verdicts).toEqual(["gap"]);
    expect(fed(snapshot, update.replace("0.25000000", "0.25000001")).verdicts).toEqual(["reset", "gap"]);
  });

  test("with trades tells each with its digits", () => {
    const stream = "trade:BTC/USD";
    const tradedWallMs = 1_785_663_001_123;
    const one = { id: 70_412_001, price: "45283.5", quantity: "0.00000001", taker: "sell", tradedWallMs };
    const two = { id: 70_412_002, price: "45285.2", quantity: "0.04", taker: "buy", tradedWallMs };
    expect(parseKrakenFrame(trades)).toEqual({
      type: "several",
      frames: [one, two].map((trade) => ({ type: "trade", stream, trade })),
    });
  });

  test.each([
    ["without an id", '"trade_id":70412002', '"trade_id":-7'],
    ["with an amount that is a text of another kind", "45285.2", "1e5"],
    ["of nothing", "0.04000000", "0"],
    ["of no time", "2026-08-02T09:30:01.123471Z", "09:30:01.123471Z"],
    ["of no side", '"buy"', '"none"'],
  ])("with a trade %s is bad as a whole", (_, from, to) => {
    expect(trades).toContain(from);
    expect(parseKrakenFrame(trades.replace(from, to)).type).toBe("bad");
  });

  test("that answers names the stream it answers for; what stands already is acknowledged", () => {
    expect(parseKrakenFrame(answer)).toEqual({ type: "acknowledged", id: 3, streams: ["book:BTC/USD"] });
    expect(parseKrakenFrame(left)).toEqual({ type: "acknowledged", id: 4, streams: ["trade:BTC/USD"] });
    expect(parseKrakenFrame(unknown)).toEqual({ type: "refused", id: 5, why: "Currency pair not supported X/Y" });
    expect(parseKrakenFrame(already)).toEqual({
      ...{ type: "acknowledged", id: 6, streams: ["book:BTC/USD", "trade:BTC/USD"] },
    });
    expect(parseKrakenFrame(pong)).toEqual({ type: "beat" });
    expect(parseKrakenFrame(answer.replace('"req_id":3', '"req_id":"3"')).type).toBe("bad");
  });

  test("that only says that it lives, or what we did not ask for, is nothing to us", () => {
    for (const text of [heartbeat, status, other]) expect(parseKrakenFrame(text)).toEqual({ type: "ignored" });
  });

  test("of whatever bytes never throws", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constantFrom("null", "[]", "{}", '{"channel":"book","data":[null]}'),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(parseKrakenFrame(text).type).toBeTypeOf("string");
      }),
    );
    expect(parseKrakenFrame('{"channel":"trade","data":[null]}').type).toBe("bad");
    expect(parseKrakenFrame('{"method":"subscribe","req_id":1,"success":true,"result":null}').type).toBe("bad");
  });

  test("has its time to the microsecond", () => {
    expect(microsecondsOf("2026-08-02T09:30:01.123456Z")).toBe(1_785_663_001_123_456);
    expect(microsecondsOf("2026-08-02T09:30:01Z")).toBe(1_785_663_001_000_000);
    expect(microsecondsOf("2026-08-02 09:30:01")).toBeUndefined();
    expect(microsecondsOf("2026-99-02T09:30:01Z")).toBeUndefined();
  });
});
