/** Bybit's messages as its documents show them, and what is none of them. */
import { describe, expect, test } from "vitest";
import { documentedFrames } from "../testing/corpus.ts";
import { bybitTradeId, parseBybitFrame } from "./frames.ts";

const [snapshot = "", delta = "", trades = "", answer = "", pong = "", refused = "", already = ""] =
  documentedFrames("bybit");

describe("a message of Bybit", () => {
  test("about a book has its numbers, and the time at which it was made", () => {
    expect(parseBybitFrame(snapshot)).toMatchObject({
      ...{ type: "book", stream: "orderbook.50.BTCUSDT", updateId: 7_961_638_724, sentWallMs: undefined },
      frame: { kind: "snapshot", mark: { u: 18_521_288, seq: 7_961_638_724 } },
    });
    expect(parseBybitFrame(delta)).toMatchObject({
      ...{ type: "book", updateId: 66_544_703_342, sentWallMs: 1_687_940_967_466 },
      frame: {
        kind: "difference",
        bids: [
          ["30247.20", "30.028"],
          ["30245.40", "0"],
        ],
      },
    });
  });

  test("with trades tells each by the part of its id that counts", () => {
    const one = { id: 36_455_162, price: "16578.5", quantity: "0.001", taker: "buy", tradedWallMs: 1_672_304_486_865 };
    const two = {
      id: 36_455_171,
      price: "16578.49",
      quantity: "0.00012",
      taker: "sell",
      tradedWallMs: 1_672_304_486_866,
    };
    const stream = "publicTrade.BTCUSDT";
    expect(parseBybitFrame(trades)).toEqual({
      type: "several",
      frames: [one, two].map((trade) => ({ type: "trade", stream, trade })),
    });
    expect(bybitTradeId("2290000000036455162")).toBeLessThan(bybitTradeId("2290000000036455163") ?? 0);
    expect(bybitTradeId("20f43950-d8dd-5b31-9112-a178eb6023af")).toBeUndefined();
  });

  test("with one trade that cannot be read is bad as a whole", () => {
    for (const broken of ['"p":"0"', '"p":"1e5"', '"p":16578.49', '"p":"-1"']) {
      expect(parseBybitFrame(trades.replace('"p":"16578.49"', broken)).type).toBe("bad");
    }
    expect(parseBybitFrame(trades.replace('"S":"Sell"', '"S":"None"')).type).toBe("bad");
  });

  test("that answers is about the request it names, or about the one topic that stands already", () => {
    expect(parseBybitFrame(answer)).toEqual({ type: "acknowledged", id: 3 });
    expect(parseBybitFrame(pong)).toEqual({ type: "beat" });
    expect(parseBybitFrame(refused)).toEqual({ type: "refused", id: 4, why: "args size >10" });
    expect(parseBybitFrame(already)).toEqual({
      ...{ type: "acknowledged", id: 5, streams: ["orderbook.50.BTCUSDT"], asksRest: true },
    });
    expect(parseBybitFrame(answer.replace('"3"', '""')).type).toBe("bad");
    expect(parseBybitFrame(refused.replace('"4"', '""'))).toMatchObject({ type: "refused", id: undefined });
  });
});
