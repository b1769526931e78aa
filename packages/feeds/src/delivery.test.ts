/** What the queues do with a listener's time, on a clock that only the listener moves. */
import type { SymbolId, TradeEvent } from "@baton/core";
import { decimal, id, wallMs } from "@baton/core";
import { describe, expect, test } from "vitest";
import { openDelivery } from "./delivery.ts";

const symbol = id<SymbolId>("BTC/USDT");
const tradeOf = (tradeId: number): TradeEvent => ({
  type: "trade",
  trade: {
    ...{ symbol, id: tradeId, price: decimal("1"), quantity: decimal("1"), taker: "buy" },
    ...{ tradedWallMs: wallMs(0), source: "stream" },
  },
});

/** Hands 1,000 trades to a listener; says how many it was told in each turn, and how often the clock was read. */
function tellThousand(listen: (told: number, move: (byMs: number) => void, close: () => void) => void): {
  readonly turns: readonly number[];
  readonly looks: number;
} {
  let [nowMs, looks, told] = [0, 0, 0];
  const due: (() => void)[] = [];
  const delivery = openDelivery<never, never>({
    tradesMax: 10_000,
    nowMs: () => {
      looks += 1;
      return nowMs;
    },
    soon: (act) => {
      due.push(act);
      return () => undefined;
    },
    readTop: () => undefined,
    again: () => Promise.resolve([]),
  });
  delivery.trades.add(() => {
    told += 1;
    listen(
      told,
      (byMs) => (nowMs += byMs),
      () => delivery.close(),
    );
  });
  for (let tradeId = 1; tradeId <= 1_000; tradeId += 1) delivery.trade(tradeOf(tradeId), nowMs);
  looks = 0;
  const turns: number[] = [];
  for (let act = due.shift(); act !== undefined; act = due.shift()) {
    const before = told;
    act();
    turns.push(told - before);
  }
  return { turns, looks };
}

describe("the queues of a feed", () => {
  test("give the sockets their turn after each trade of a listener that takes longer than a slice", () => {
    const { turns } = tellThousand((_told, move) => move(50));
    expect(turns).toEqual(Array.from({ length: 1_000 }, () => 1));
  });

  test("look at the clock after each trade of a listener that takes a millisecond, and end the slice in time", () => {
    const { turns } = tellThousand((_told, move) => move(1));
    expect(turns).toEqual(Array.from({ length: 250 }, () => 4));
  });

  test("look at the clock once for many trades while the listener is quick", () => {
    const { turns, looks } = tellThousand(() => undefined);
    expect(turns).toEqual([1_000]);
    expect(looks).toBeLessThan(50);
  });

  test("hold up the sockets for no more than one stretch when a quick listener becomes slow", () => {
    const { turns } = tellThousand((told, move) => move(told > 500 ? 1 : 0));
    expect(Math.max(...turns.slice(1))).toBe(4);
    expect(turns[0]).toBeLessThanOrEqual(500 + 64);
  });

  test("tell nothing more once a listener has closed them", () => {
    let last = 0;
    const { turns } = tellThousand((told, _move, close) => {
      last = told;
      if (told === 10) close();
    });
    expect(last).toBe(10);
    expect(turns).toEqual([10]);
  });

  test("tell the next listener nothing either when the one before it has closed them", () => {
    const due: (() => void)[] = [];
    const delivery = openDelivery<never, never>({
      tradesMax: 10,
      nowMs: () => 0,
      soon: (act) => {
        due.push(act);
        return () => undefined;
      },
      readTop: () => undefined,
      again: () => Promise.resolve([]),
    });
    const told: string[] = [];
    delivery.trades.add(() => {
      told.push("first");
      delivery.close();
    });
    delivery.trades.add(() => told.push("second"));
    delivery.trade(tradeOf(1), 0);
    for (const act of due) act();
    expect(told).toEqual(["first"]);
  });
});
