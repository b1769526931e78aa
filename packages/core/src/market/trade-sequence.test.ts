import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assert } from "../assert.ts";
import { decimal } from "../decimal.ts";
import type { SymbolId } from "../ids.ts";
import { id } from "../ids.ts";
import { monoMs, wallMs } from "../time.ts";
import type { MarketTrade, TradeEvent, TradeSequence, VenueLast } from "./trade-sequence.ts";
import {
  addTrade,
  beginTradesAfter,
  expireHole,
  flagHole,
  missingTrades,
  newTradeSequence,
  venueHasTrades,
} from "./trade-sequence.ts";

const symbol = id<SymbolId>("BTC/USDT");
const trade = (number: number, source: "stream" | "repair" = "stream", atMs = number * 10): MarketTrade => ({
  symbol,
  id: number,
  price: decimal("5"),
  quantity: decimal("1"),
  taker: "buy",
  tradedWallMs: wallMs(atMs),
  source,
});
const sequence = (rules = {}): TradeSequence =>
  newTradeSequence(symbol, { holdMs: 1_000, heldMax: 100, repairMax: 1_000, ...rules });
const told = (events: readonly TradeEvent[]): readonly string[] =>
  events.map((event) => {
    if (event.type === "trade") return `${event.trade.id}`;
    return event.type === "hole" ? `hole ${event.fromId}-${event.toId}` : "restart";
  });
const now = monoMs(0);
const has = (lastId: number): VenueLast => ({ id: lastId, breaks: 0 });

describe("trades", () => {
  test("have no unflagged hole and come once, in order (any loss, doubling, order, repair and patience)", () => {
    const input = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({ type: fc.constant("stream" as const), skip: fc.constantFrom(1, 1, 1, 1, 2, 4, -2, 9) }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          type: fc.constant("repair" as const),
          most: fc.integer({ min: 1, max: 5 }),
          late: fc.integer({ min: 0, max: 2 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ type: fc.constant("ahead" as const), by: fc.integer({ min: 1, max: 5 }) }) },
      {
        weight: 1,
        arbitrary: fc.record({ type: fc.constant("pass" as const), ms: fc.integer({ min: 100, max: 900 }) }),
      },
      { weight: 1, arbitrary: fc.record({ type: fc.constant("give-up" as const) }) },
    );
    fc.assert(
      fc.property(fc.array(input, { maxLength: 80 }), (inputs) => {
        const s = sequence({ heldMax: 6, repairMax: 30 });
        const events: TradeEvent[] = [];
        let at = 100;
        let nowMs = 0;
        for (const one of inputs) {
          if (one.type === "stream") {
            at = Math.max(90, at + one.skip);
            events.push(...addTrade(s, trade(at), monoMs(nowMs)));
          } else if (one.type === "repair") {
            const missing = missingTrades(s);
            if (missing === undefined) continue;
            const from = missing.fromId + one.late;
            for (let each = from; each <= Math.min(missing.toId, from + one.most); each += 1) {
              events.push(...addTrade(s, trade(each, "repair"), monoMs(nowMs)));
            }
            if (one.late > 0 && missingTrades(s)?.fromId === missing.fromId) events.push(...flagHole(s, "gone"));
          } else if (one.type === "ahead")
            events.push(...venueHasTrades(s, has((s.lastId ?? 100) + one.by), monoMs(nowMs)));
          else if (one.type === "pass") events.push(...expireHole(s, monoMs((nowMs += one.ms))));
          else events.push(...flagHole(s, "given up"));
          expect(s.held.size).toBeLessThanOrEqual(6);
        }
        let last: number | undefined;
        for (const event of events) {
          if (event.type === "restart") throw new Error("no id was ever given to a later trade");
          const [from, to] = event.type === "hole" ? [event.fromId, event.toId] : [event.trade.id, event.trade.id];
          assert(last === undefined || from === last + 1, "each id follows the last one");
          assert(to >= from, "a hole is not empty");
          last = to;
        }
        // Nothing waits without a hole in front of it that somebody is asked to fill.
        assert(s.held.size === 0 || missingTrades(s) !== undefined, "nothing waits for nothing");
      }),
      { numRuns: 2_000 },
    );
  });

  test("that the stream left out are awaited, and told in their place when a repair brings them", () => {
    const s = sequence();
    expect(told(addTrade(s, trade(7), now))).toEqual(["7"]);
    expect(told(addTrade(s, trade(10), now))).toEqual([]);
    expect(missingTrades(s)).toEqual({ fromId: 8, toId: 9 });
    expect(told(addTrade(s, trade(8, "repair"), now))).toEqual(["8"]);
    expect(told(addTrade(s, trade(9, "repair"), now))).toEqual(["9", "10"]);
    expect(s).toMatchObject({ repaired: 2, flagged: 0, hole: undefined });
  });

  test("that no repair brings in time are flagged, and delivery goes on", () => {
    const s = sequence();
    addTrade(s, trade(7), now);
    addTrade(s, trade(10), now);
    expect(told(expireHole(s, monoMs(999)))).toEqual([]);
    expect(told(expireHole(s, monoMs(1_000)))).toEqual(["hole 8-9", "10"]);
    expect(s.flagged).toBe(2);
    expect(told(addTrade(s, trade(8, "repair"), now))).toEqual([]);
  });

  test("that were missed while nothing was connected are found without waiting for the next one", () => {
    const s = sequence();
    addTrade(s, trade(7), now);
    expect(told(venueHasTrades(s, has(9), now))).toEqual([]);
    expect(missingTrades(s)).toEqual({ fromId: 8, toId: 9 });
  });

  test("that are too many to repair are flagged at once", () => {
    const s = sequence();
    addTrade(s, trade(7), now);
    expect(told(addTrade(s, trade(5_000), now))).toEqual(["hole 8-4999", "5000"]);
  });

  test("that wait for others are bounded: each hole before them is flagged until few enough are left", () => {
    const s = sequence({ heldMax: 2 });
    addTrade(s, trade(7), now);
    venueHasTrades(s, has(8), now);
    for (const number of [11, 12]) expect(told(addTrade(s, trade(number), now))).toEqual([]);
    expect(told(addTrade(s, trade(13), now))).toEqual(["hole 8-8", "hole 9-10", "11", "12", "13"]);
  });

  test("whose ids begin anew start a new sequence, and say so", () => {
    const s = sequence();
    addTrade(s, trade(70), now);
    expect(told(addTrade(s, trade(1, "stream", 99_999), now))).toEqual(["restart", "1"]);
    expect(told(addTrade(s, trade(2, "stream", 99_999), now))).toEqual(["2"]);
  });

  test("before the first of our own begin where the venue says it is", () => {
    const s = sequence();
    beginTradesAfter(s, 41);
    expect(told(addTrade(s, trade(43), now))).toEqual([]);
    expect(missingTrades(s)).toEqual({ fromId: 42, toId: 42 });
  });
});
