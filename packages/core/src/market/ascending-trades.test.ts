/** Trades whose ids rise without following each other: what a break means, and how the venue's history mends it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import type { SymbolId } from "../ids.ts";
import { id } from "../ids.ts";
import { monoMs, wallMs } from "../time.ts";
import type { MarketTrade, TradeEvent, TradeSequence, VenueLast } from "./trade-sequence.ts";
import { addTrade, breakTrades, expireHole, fillHole, newTradeSequence, venueHasTrades } from "./trade-sequence.ts";

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
const history = (...ids: readonly number[]): readonly MarketTrade[] => ids.map((number) => trade(number, "repair"));
const sequence = (): TradeSequence =>
  newTradeSequence(symbol, { holdMs: 1_000, heldMax: 100, repairMax: 10 }, "ascending");
const told = (events: readonly TradeEvent[] | undefined): readonly string[] | undefined =>
  events?.map((event) => {
    if (event.type === "trade") return `${event.trade.id}`;
    return event.type === "hole" ? `hole ${event.fromId}-${event.toId}` : "restart";
  });
const now = monoMs(0);
const add = (s: TradeSequence, ...ids: readonly number[]): readonly string[] | undefined =>
  told(ids.flatMap((number) => addTrade(s, trade(number), now)));

describe("trades with ascending ids", () => {
  test("pass with any distance between them, each once", () => {
    const s = sequence();
    expect(add(s, 5, 9, 1_000, 9, 1_000, 1_001)).toEqual(["5", "9", "1000", "1001"]);
    expect(s).toMatchObject({ duplicates: 2, holes: 0, flagged: 0 });
  });

  test("after a break wait until the history has shown what lies between", () => {
    const s = sequence();
    add(s, 5, 9);
    breakTrades(s);
    expect(add(s, 30, 31)).toEqual([]);
    // An answer from before the first of them shows nothing.
    expect(fillHole(s, history(5, 9, 20))).toBeUndefined();
    expect(told(fillHole(s, history(5, 9, 20, 25, 30)))).toEqual(["20", "25", "30", "31"]);
    expect(s).toMatchObject({ isBroken: false, hole: undefined, repaired: 2, flagged: 0 });
    expect(add(s, 40)).toEqual(["40"]);
  });

  test("are told as a hole where the history begins after the last that was told", () => {
    const s = sequence();
    add(s, 9);
    breakTrades(s);
    add(s, 30);
    expect(told(fillHole(s, history(20, 25, 30)))).toEqual(["hole 10-19", "20", "25", "30"]);
    expect(s.flagged).toBe(1);
  });

  test("are whole when the history shows that nothing lies between", () => {
    const s = sequence();
    add(s, 9);
    breakTrades(s);
    expect(add(s, 10)).toEqual(["10"]);
    breakTrades(s);
    add(s, 30);
    expect(told(fillHole(s, history(9, 10, 30)))).toEqual(["30"]);
    breakTrades(s);
    expect(venueHasTrades(s, { id: 30, breaks: s.breaks }, now)).toEqual([]);
    expect(add(s, 50)).toEqual(["50"]);
  });

  test("are not taken for whole because of an answer that was asked for before the break", () => {
    const s = sequence();
    add(s, 9);
    const asked = { id: 9, breaks: s.breaks };
    breakTrades(s);
    expect(venueHasTrades(s, asked, now)).toEqual([]);
    expect(add(s, 30)).toEqual([]);
    expect(told(fillHole(s, history(9, 20, 30)))).toEqual(["20", "30"]);
  });

  test("that the venue has and the stream has not shown are fetched, and what comes meanwhile waits for them", () => {
    const s = sequence();
    add(s, 9);
    breakTrades(s);
    expect(venueHasTrades(s, { id: 20, breaks: s.breaks }, now)).toEqual([]);
    expect(add(s, 15, 22)).toEqual([]);
    expect(told(fillHole(s, history(9, 12, 15, 20)))).toEqual(["12", "15", "20", "22"]);
    expect(s.duplicates).toBe(1);
  });

  test("are told as a hole when nobody brings them in time, and then go on", () => {
    const s = sequence();
    add(s, 9);
    breakTrades(s);
    add(s, 30);
    expect(told(expireHole(s, monoMs(999)))).toEqual([]);
    expect(told(expireHole(s, monoMs(1_000)))).toEqual(["hole 10-29", "30"]);
    expect(add(s, 33)).toEqual(["33"]);
  });

  test("that are missed once more while a hole is open widen it up to the next that comes", () => {
    const s = sequence();
    add(s, 9);
    breakTrades(s);
    add(s, 30, 31);
    breakTrades(s);
    expect(add(s, 50)).toEqual([]);
    expect(fillHole(s, history(9, 20, 30))).toBeUndefined();
    expect(told(fillHole(s, history(9, 20, 30, 31, 40, 50)))).toEqual(["20", "30", "31", "40", "50"]);
    breakTrades(s);
    add(s, 60);
    breakTrades(s);
    add(s, 70);
    expect(told(expireHole(s, monoMs(1_000)))).toEqual(["hole 51-59", "60", "hole 61-69", "70"]);
  });

  test("that come behind a later one are flagged once, and no beginning of new ids", () => {
    const s = sequence();
    add(s, 5, 9);
    expect(told(addTrade(s, trade(7, "stream", 95), now))).toEqual(["hole 7-7"]);
    expect(add(s, 7)).toEqual([]);
    expect(s).toMatchObject({ restarts: 0, flagged: 1, duplicates: 1 });
  });

  test("begin anew where a lower id is of a much later time", () => {
    const s = sequence();
    add(s, 5, 900);
    expect(told(addTrade(s, trade(1, "stream", 9_000 + 60_001), now))).toEqual(["restart", "1"]);
    expect(add(s, 4)).toEqual(["4"]);
  });

  test("rise, and of the venue's none is left out unflagged (any ids, breaks, loss between breaks, and history)", () => {
    const steps = fc.array(
      fc.record({
        distance: fc.integer({ min: 1, max: 5 }),
        isLost: fc.boolean(),
        breaks: fc.constantFrom(false, false, false, true),
        reach: fc.constantFrom(0, 0, 3, 40),
        passMs: fc.constantFrom(0, 0, 600),
        asks: fc.boolean(),
        answers: fc.boolean(),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const s = sequence();
        const truth: number[] = [];
        const events: TradeEvent[] = [];
        let nowMs = 0;
        let isDown = false;
        // Questions about the venue's last trade, answered when it pleases the network.
        const asked: VenueLast[] = [];
        for (const { distance, isLost, breaks, reach, passMs, asks, answers } of all) {
          const number = (truth.at(-1) ?? 0) + distance;
          truth.push(number);
          nowMs += passMs;
          if (breaks) breakTrades(s);
          // What is lost is lost between a break and the next that comes.
          isDown = (isDown || breaks) && isLost;
          if (!isDown) events.push(...addTrade(s, trade(number), monoMs(nowMs)));
          if (asks && !isDown) asked.push({ id: number, breaks: s.breaks });
          const answer = answers ? asked.shift() : undefined;
          if (answer !== undefined) events.push(...venueHasTrades(s, answer, monoMs(nowMs)));
          if (s.hole !== undefined && reach > 0) {
            const newest = truth.slice(-reach).map((one) => trade(one, "repair"));
            events.push(...(fillHole(s, newest) ?? []));
          }
          events.push(...expireHole(s, monoMs(nowMs)));
        }
        const ids = events.flatMap((event) => (event.type === "trade" ? [event.trade.id] : []));
        expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b));
        const isCovered = (number: number): boolean =>
          ids.includes(number) ||
          events.some((event) => event.type === "hole" && number >= event.fromId && number <= event.toId);
        const [first = Infinity, last = -Infinity] = [ids[0], ids.at(-1)];
        expect(truth.filter((number) => number >= first && number <= last && !isCovered(number))).toEqual([]);
      }),
    );
  });
});
