/** Coinbase's messages as its documents show them, and what is none of them. */
import { describe, expect, test } from "vitest";
import { id } from "@baton/core";
import type { SymbolId } from "@baton/core";
import { documentedFrames } from "../testing/corpus.ts";
import { parseCoinbaseFrame } from "./frames.ts";
import { coinbaseProduct } from "./symbols.ts";

const [snapshot = "", update = "", trades = "", old = "", list = "", heartbeat = "", error = ""] =
  documentedFrames("coinbase");
const placeOf = (sequence: number): unknown =>
  expect.objectContaining({
    type: "place",
    frame: expect.objectContaining({ kind: "beat", mark: { sequence } }) as unknown,
  });

describe("a message of Coinbase", () => {
  test("about a book tells the book first and then its place to all of the connection", () => {
    const stream = "level2:BTC-USD";
    const of = (fields: object): unknown => expect.objectContaining({ type: "book", stream, ...fields });
    expect(parseCoinbaseFrame(snapshot)).toEqual({
      type: "several",
      frames: [of({ updateId: 1_675_974_770_714_964, sentWallMs: undefined }), placeOf(0)],
    });
    expect(parseCoinbaseFrame(update)).toEqual({
      type: "several",
      frames: [of({ sentWallMs: 1_675_974_770_814.964 }), placeOf(1)],
    });
  });

  test("with trades tells its place first, then the trades in their order, each with its taker", () => {
    const stream = "market_trades:ETH-USD";
    const made = (number: number, price: string, quantity: string, taker: string, ms: number): unknown => ({
      ...{ type: "trade", stream },
      trade: { id: number, price, quantity, taker, tradedWallMs: ms },
    });
    expect(parseCoinbaseFrame(trades)).toEqual({
      type: "several",
      frames: [
        placeOf(2),
        {
          type: "several",
          frames: [
            made(10_092_327, "1260.01", "0.3", "sell", 1_565_815_347_265),
            made(10_092_328, "1260.02", "0.1", "buy", 1_565_815_347_266),
          ],
        },
      ],
    });
  });

  test("with the trades that a subscription begins with is no news", () => {
    expect(parseCoinbaseFrame(old)).toEqual({ type: "several", frames: [placeOf(3), { type: "several", frames: [] }] });
  });

  test("that answers lists all that stands, and a heartbeat tells its place", () => {
    expect(parseCoinbaseFrame(list)).toEqual({
      type: "several",
      frames: [
        placeOf(4),
        {
          type: "standing",
          streams: ["heartbeats:", "level2:BTC-USD", "market_trades:BTC-USD", "market_trades:ETH-USD"],
        },
      ],
    });
    expect(parseCoinbaseFrame(heartbeat)).toEqual(placeOf(5));
    expect(parseCoinbaseFrame(error)).toEqual({ type: "refused", id: undefined, why: "rate limit exceeded" });
  });

  test("without its number is bad, so that the next one shows the gap", () => {
    expect(parseCoinbaseFrame(heartbeat.replace('"sequence_num":5,', "")).type).toBe("bad");
    expect(parseCoinbaseFrame(trades.replace('"0.3"', '"x"')).type).toBe("bad");
  });

  test("of a pair with USDC comes under the name of the pair with USD, whose book it shares", () => {
    const product = (text: string): string => coinbaseProduct(id<SymbolId>(text));
    expect(["BTC/USD", "BTC/USDC", "USDT/USDC", "EURC/USDC"].map(product)).toEqual([
      "BTC-USD",
      "BTC-USD",
      "USDT-USDC",
      "EURC-USDC",
    ]);
  });
});
