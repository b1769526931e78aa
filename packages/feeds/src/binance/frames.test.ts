import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseFrame } from "./frames.ts";

const of = (frame: unknown): ReturnType<typeof parseFrame> => parseFrame(JSON.stringify(frame));
const depth = {
  e: "depthUpdate",
  E: 1_700_000_000_000,
  s: "BTCUSDT",
  U: 157,
  u: 160,
  b: [["0.0024", "10"]],
  a: [["0.0026", "0.00000000"]],
};
const trade = {
  e: "trade",
  E: 1_700_000_000_001,
  s: "BTCUSDT",
  t: 12345,
  p: "0.00100000",
  q: "100.50",
  T: 1_700_000_000_000,
  m: true,
  M: true,
};
const ticker = { u: 400900217, s: "BNBUSDT", b: "25.35190000", B: "31.21000000", a: "25.36520000", A: "40.66000000" };

describe("a frame", () => {
  test("of the venue's documentation is read as documented", () => {
    expect(of({ stream: "btcusdt@depth@100ms", data: depth })).toEqual({
      type: "difference",
      stream: "btcusdt@depth@100ms",
      difference: { firstId: 157, lastId: 160, bids: [["0.0024", "10"]], asks: [["0.0026", "0.00000000"]] },
      sentWallMs: 1_700_000_000_000,
    });
    expect(of({ stream: "btcusdt@trade", data: trade })).toEqual({
      type: "trade",
      stream: "btcusdt@trade",
      trade: { id: 12345, price: "0.001", quantity: "100.5", taker: "sell", tradedWallMs: 1_700_000_000_000 },
    });
    expect(of({ stream: "bnbusdt@bookTicker", data: ticker })).toMatchObject({
      type: "ticker",
      ticker: { updateId: 400900217, bid: 25.3519, askQuantity: 40.66 },
    });
    expect(of({ result: null, id: 7 })).toEqual({ type: "acknowledged", id: 7 });
    expect(of({ result: ["btcusdt@trade"], id: 7 })).toEqual({ type: "listed", id: 7, streams: ["btcusdt@trade"] });
    expect(of({ error: { code: 2, msg: "Invalid request" }, id: 7 })).toEqual({
      type: "refused",
      id: 7,
      why: "2 Invalid request",
    });
    expect(of({ code: 3, msg: "Invalid JSON", id: 7 })).toMatchObject({ type: "refused", why: "Invalid JSON" });
    expect(of({ event: { e: "serverShutdown", E: 1 } })).toMatchObject({ type: "shutdown" });
    expect(of({ stream: "!x", data: { e: "kline" } })).toEqual({ type: "ignored" });
  });

  test("with an empty side of the book has no ticker", () => {
    expect(of({ stream: "x@bookTicker", data: { ...ticker, b: "0.00000000", B: "0.00000000" } })).toMatchObject({
      type: "ticker",
      ticker: undefined,
    });
  });

  test.each<[string, unknown]>([
    ["an id that is no integer", { ...depth, u: 160.5 }],
    ["an id beyond what a number can hold", { ...depth, u: 2 ** 60 }],
    ["ids in the wrong order", { ...depth, U: 161 }],
    ["a level without a quantity", { ...depth, b: [["5"]] }],
    ["a level in numbers", { ...depth, b: [[5, 6]] }],
    ["a negative quantity", { ...depth, a: [["5", "-6"]] }],
    ["a price of zero", { ...depth, a: [["0.000", "6"]] }],
    ["an exponent", { ...depth, a: [["5e3", "6"]] }],
    ["a trade of nothing", { ...trade, q: "0" }],
    ["a trade without a taker", { ...trade, m: "yes" }],
    ["a trade with a negative id", { ...trade, t: -4 }],
    ["a ticker that is crossed", { ...ticker, b: "26" }],
    ["no data", null],
    ["data that is a list", [1]],
  ])("with %s is bad", (_, data) => {
    expect(of({ stream: "s", data })).toMatchObject({ type: "bad" });
  });

  test("never throws, whatever the text, and is bad unless it has a documented shape", () => {
    const damaged = fc
      .record({ frame: fc.constantFrom(depth, trade, ticker), cut: fc.nat(250), by: fc.string({ maxLength: 5 }) })
      .map(({ frame, cut, by }) => {
        const text = JSON.stringify({ stream: "s", data: frame });
        return text.slice(0, cut) + by + text.slice(cut + by.length);
      });
    const known = ["trade", "difference", "ticker", "acknowledged", "refused", "shutdown", "ignored", "bad"];
    const readable = fc.property(fc.oneof(damaged, fc.string(), fc.json({ maxDepth: 6 })), (text) =>
      known.includes(parseFrame(text).type),
    );
    expect(fc.check(readable, { numRuns: 3_000 }).failed).toBe(false);
  });
});
