import { expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import { id } from "../ids.ts";
import type { SymbolId } from "../ids.ts";
import type { TradeEvent } from "../market/trade-sequence.ts";
import { wallMs } from "../time.ts";
import { emptyTape, newestTrade, noteTrade, profileOf, tapeKept, volumeAfter } from "./volume-tape.ts";
import type { VolumeTape } from "./volume-tape.ts";

const symbol = id<SymbolId>("BTC/USDT");

function trade(number: number, quantity: string, at = number * 10): TradeEvent {
  const of = { symbol, id: number, price: decimal("100"), quantity: decimal(quantity), tradedWallMs: wallMs(at) };
  return { type: "trade", trade: { ...of, taker: "buy", source: "stream" } };
}

function tapeOf(...events: readonly TradeEvent[]): VolumeTape {
  const tape = emptyTape();
  for (const event of events) noteTrade(tape, event);
  return tape;
}

test("what traded after a trade is counted up to the newest, and nothing twice", () => {
  const tape = tapeOf(trade(7, "1"), trade(8, "0.5"));
  expect(volumeAfter(tape, 6)).toEqual({ lastTradeId: 8, volume: "1.5" });
  expect(volumeAfter(tape, 7)).toEqual({ lastTradeId: 8, volume: "0.5" });
  expect(volumeAfter(tape, 8)).toBeUndefined();
  noteTrade(tape, trade(9, "2"));
  expect(volumeAfter(tape, 8)).toEqual({ lastTradeId: 9, volume: "2" });
});

test("a tape that began later, or has a hole, counts less and never more", () => {
  const tape = tapeOf(trade(10, "1"), { type: "hole", symbol, fromId: 11, toId: 12, reason: "lost" }, trade(13, "1"));
  expect(volumeAfter(tape, 3)).toEqual({ lastTradeId: 13, volume: "2" });
  expect(volumeAfter(tape, 11)).toEqual({ lastTradeId: 13, volume: "1" });
});

test("a tape that is behind the one before counts nothing until it has caught up", () => {
  expect(volumeAfter(tapeOf(trade(5, "1")), 9)).toBeUndefined();
  expect(volumeAfter(emptyTape(), 9)).toBeUndefined();
});

test("ids that begin anew are counted from their beginning", () => {
  const tape = tapeOf(trade(90, "1"), { type: "restart", symbol, lastId: 90 }, trade(1, "2"), trade(2, "3"));
  expect(volumeAfter(tape, 88)).toEqual({ lastTradeId: 2, volume: "5", isRestart: true });
  expect(volumeAfter(tape, 1)).toEqual({ lastTradeId: 2, volume: "3" });
  expect(newestTrade(tape)).toBe(2);
});

test("old trades leave the tape, and what came after them is still the same", () => {
  const tape = emptyTape();
  for (let number = 1; number <= 2 * tapeKept; number += 1) noteTrade(tape, trade(number, "0.1"));
  expect(tape.ids).toHaveLength(tapeKept);
  expect(volumeAfter(tape, 2 * tapeKept - 10)?.volume).toBe("1");
  expect(volumeAfter(tape, 1)?.volume).toBe(decimal(`${tapeKept / 10}`));
});

test("a profile is the volume of each part of the time before, and there is none of a time that was not seen", () => {
  const tape = tapeOf(trade(1, "9", 1_000), trade(2, "1", 1_500), trade(3, "2", 1_999), trade(4, "4", 2_500));
  expect(profileOf(tape, { nowWallMs: 3_000, durationMs: 2_000, parts: 2 })).toEqual(["3", "4"]);
  expect(profileOf(tape, { nowWallMs: 3_000, durationMs: 2_001, parts: 2 })).toBeUndefined();
  expect(profileOf(tape, { nowWallMs: 9_000, durationMs: 2_000, parts: 2 })).toBeUndefined();
});
