import { decimal, id, wallMs } from "@baton/core";
import type { JournalEvent } from "@baton/core";
import { describe, expect, test } from "vitest";
import { events, recorded, rules, run, t0, times, venue } from "./sample-run.ts";

test("an intent that names no price, or one that was too old, is convicted, a further attempt like the first", () => {
  const priced = { ...times, staleAfterMs: 2_000 };
  const basis = (ageMs: number): object => ({
    basis: { feed: "f", updateId: 1, ageMs, bid: decimal("99"), ask: decimal("100") },
  });
  const aged = (ageMs: number, intent = "i-3"): readonly JournalEvent[] =>
    events.map((event) =>
      event.kind === "intent.recorded" ? { ...event, ...basis(event.intent === intent ? ageMs : 5) } : event,
    );
  expect(rules({ times: priced, events })).toEqual(["priced-fresh"]);
  expect(rules({ times: priced, events: aged(2_000) })).toEqual([]);
  expect(rules({ times: priced, events: aged(2_001) })).toEqual(["priced-fresh"]);
  const again = (more: object): JournalEvent => ({
    ...{ kind: "attempt.recorded", intent: id("i-2"), attempt: 2, clientOrderId: id("c2-2") },
    ...{ atWallMs: wallMs(t0 + 1_250), ...more },
  });
  const inserted = (attempt: JournalEvent): readonly JournalEvent[] => [...aged(5), attempt];
  expect(rules({ times: priced, events: inserted(again(basis(2_001))) })).toEqual(["priced-fresh"]);
  expect(rules({ times: priced, events: inserted(again({})) })).toEqual(["priced-fresh"]);
  expect(rules({ times: priced, events: inserted(again(basis(7))) })).toEqual([]);
});

describe("beside the exchange's own prices, an order", () => {
  const priced = { ...times, staleAfterMs: 2_000 };
  const price = (at: number, updateId: number, bid: string, ask: string): Record<string, unknown> => ({
    ...{ type: "price", at, symbol: "BTCUSDT", updateId, bid, ask },
  });
  /** 99/100 from update 10 on, 98/99 from update 20 on, which came 50 ms into the run. */
  const shown = [...venue, price(0, 10, "99.0", "100.0"), price(50, 20, "98", "99")];
  /** All others are decided on what the exchange has. */
  const told = (updateId: number, bid: string, ask: string, at = 1_050): readonly JournalEvent[] =>
    events.map((event) => {
      if (event.kind !== "intent.recorded") return event;
      const own = { feed: "f", ageMs: 5, updateId: 20, bid: decimal("98"), ask: decimal("99") };
      if (event.intent !== "i-3") return { ...event, basis: own };
      return recorded(3, "c3", at, { basis: { ...own, updateId, bid: decimal(bid), ask: decimal(ask) } });
    });
  const of = (list: readonly JournalEvent[], more: readonly Record<string, unknown>[] = []): readonly string[] =>
    rules({ times: priced, events: list, venue: [...shown, ...more] });

  test("that was decided on what it had at that update passes, whatever lies between two updates", () => {
    expect(of(told(20, "98", "99"))).toEqual([]);
    expect(of(told(27, "98", "99"))).toEqual([]);
    expect(of(told(19, "99", "100"))).toEqual([]);
  });

  test("that was decided on a book with a hole in it, which showed another price, is convicted", () => {
    expect(of(told(20, "98.5", "99"))).toEqual(["priced-fresh"]);
    expect(of(told(20, "98", "99.5"))).toEqual(["priced-fresh"]);
    expect(of(told(20, "99", "100"))).toEqual(["priced-fresh"]);
    const { findings } = run({ times: priced, events: told(20, "99", "100"), venue: shown });
    expect(findings[0]?.sentence).toBe("i-3 was decided on 99/100 at update 20, where the exchange had 98/99");
  });

  test("that was decided on a price long replaced is convicted, however young its engine thought it", () => {
    // Replaced at 50: 2,000 for its age, 50 between clocks, 1,000 to be read.
    expect(of(told(10, "99", "100", 3_100))).toEqual([]);
    expect(of(told(10, "99", "100", 3_101))).toEqual(["priced-fresh"]);
    // Nothing has replaced it: a quiet market is no old one.
    expect(of(told(20, "98", "99", 19_000))).toEqual([]);
  });

  test("of another market, or from before the first price on record, is not judged by it", () => {
    expect(of(told(9, "1", "2"))).toEqual([]);
    const others = [...venue, { ...price(0, 10, "1", "2"), symbol: "ETHUSDT" }];
    expect(rules({ times: priced, events: told(20, "98", "99"), venue: others })).toEqual([]);
  });
});
