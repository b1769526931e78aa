/** OKX's messages as its documents show them, and what is none of them. */
import { describe, expect, test } from "vitest";
import { documentedFrames } from "../testing/corpus.ts";
import { parseOkxFrame } from "./frames.ts";

const [
  snapshot = "",
  update = "",
  quiet = "",
  trade = "",
  answer = "",
  error = "",
  notice = "",
  other = "",
  pong = "",
] = documentedFrames("okx");

describe("a message of OKX", () => {
  test("about a book has its ids, and its time for what orders two connections", () => {
    expect(parseOkxFrame(snapshot)).toMatchObject({
      ...{ type: "book", stream: "books:BTC-USDT", updateId: 1_597_026_383_085_000, sentWallMs: undefined },
      frame: { kind: "snapshot", mark: { seqId: 123_456, prevSeqId: -1 } },
    });
    expect(parseOkxFrame(update)).toMatchObject({
      ...{ type: "book", sentWallMs: 1_597_026_383_185 },
      frame: { kind: "difference", mark: { seqId: 123_457, prevSeqId: 123_456 } },
    });
    expect(parseOkxFrame(quiet)).toMatchObject({ type: "book", frame: { kind: "beat" } });
  });

  test("with trades tells each with its digits", () => {
    expect(parseOkxFrame(trade)).toEqual({
      type: "several",
      frames: [
        {
          ...{ type: "trade", stream: "trades:BTC-USDT" },
          trade: {
            ...{ id: 130_639_474, price: "42219.9", quantity: "0.12060306", taker: "buy" },
            tradedWallMs: 1_630_048_897_897,
          },
        },
      ],
    });
    expect(parseOkxFrame(trade.replace('"px":"42219.9"', '"px":"0"')).type).toBe("bad");
    expect(parseOkxFrame(trade.replace('"130639474"', '"x"')).type).toBe("bad");
  });

  test("that answers names the request and its stream; a notice is the connection's end", () => {
    expect(parseOkxFrame(answer)).toEqual({ type: "acknowledged", id: 1_512, streams: ["trades:BTC-USDT"] });
    expect(parseOkxFrame(error)).toMatchObject({ type: "refused", id: 1_513 });
    expect(parseOkxFrame(notice).type).toBe("shutdown");
    expect(parseOkxFrame(other)).toEqual({ type: "ignored" });
    expect(parseOkxFrame(pong)).toEqual({ type: "beat" });
    expect(parseOkxFrame(answer.replace('"id":"1512",', "")).type).toBe("bad");
  });

  test("of a snapshot that is called a difference is bad: a few levels must not replace a book", () => {
    expect(parseOkxFrame(snapshot.replace("snapshot", "update")).type).toBe("bad");
  });
});
