/** The messages of Binance's futures as their documents show them, and what is none of them. */
import { id } from "@baton/core";
import type { SymbolId } from "@baton/core";
import { describe, expect, test } from "vitest";
import { documentedFrames } from "../testing/corpus.ts";
import { parseUsdmFrame } from "./frames.ts";
import { contractCode } from "./symbols.ts";

const [difference = "", trade = "", ticker = "", yes = "", list = "", no = "", other = ""] =
  documentedFrames("binanceusdm");

describe("a message of Binance's futures", () => {
  test("about a book names the one before it, and its time", () => {
    expect(parseUsdmFrame(difference)).toMatchObject({
      ...{ type: "book", stream: "btcusdt@depth@100ms", updateId: 390_497_878, sentWallMs: 1_571_889_248_277 },
      frame: {
        kind: "difference",
        mark: { firstId: 390_497_796, lastId: 390_497_878, previousId: 390_497_794 },
        asks: [
          ["7405.96", "3.340"],
          ["7406.63", "0.000"],
        ],
      },
    });
    expect(parseUsdmFrame(difference.replace('"pu":390497794,', "")).type).toBe("bad");
    expect(parseUsdmFrame(difference.replace('"E":1571889248277,', "")).type).toBe("bad");
    expect(parseUsdmFrame(difference.replace('"0.002"', '"-0.002"')).type).toBe("bad");
  });

  test("with a trade counts by the aggregate's id, not by those of the trades in it", () => {
    expect(parseUsdmFrame(trade)).toEqual({
      ...{ type: "trade", stream: "btcusdt@aggTrade" },
      trade: { id: 424_951, price: "9643.5", quantity: "2", taker: "buy", tradedWallMs: 1_591_677_940_934 },
    });
    expect(parseUsdmFrame(trade.replace('"a":424951', '"a":"x"')).type).toBe("bad");
    expect(parseUsdmFrame(trade.replace('"p":"9643.5"', '"p":"0"')).type).toBe("bad");
    expect(parseUsdmFrame(trade.replace('{"stream":"btcusdt@aggTrade","data":', "").replace(/\}$/, "")).type).toBe(
      "bad",
    );
  });

  test("with best prices has their number", () => {
    expect(parseUsdmFrame(ticker)).toMatchObject({
      ...{ type: "ticker", stream: "bnbusdt@bookTicker" },
      ticker: { updateId: 400_900_217 },
    });
    expect(parseUsdmFrame(ticker.replace('"b":"25.35190000"', '"b":"0"'))).toMatchObject({ ticker: undefined });
    expect(parseUsdmFrame(ticker.replace('"b":"25.35190000"', '"b":"26"')).type).toBe("bad");
  });

  test("that answers names the request; what else is told is nothing to us", () => {
    expect(parseUsdmFrame(yes)).toEqual({ type: "acknowledged", id: 1 });
    expect(parseUsdmFrame(list)).toEqual({ type: "listed", id: 3, streams: ["btcusdt@aggTrade"] });
    expect(parseUsdmFrame(no)).toMatchObject({ type: "refused", id: 4 });
    expect(parseUsdmFrame(other)).toEqual({ type: "ignored" });
  });
});

test("a perpetual contract and one with a delivery date have different codes", () => {
  const codes = ["BTC/USDT:USDT", "BTC/USDT:USDT-260925", "BTC/USDC:USDC"].map((one) =>
    contractCode(id<SymbolId>(one)),
  );
  expect(codes).toEqual(["BTCUSDT", "BTCUSDT_260925", "BTCUSDC"]);
});
