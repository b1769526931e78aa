import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { monoMs, venueProfiles, wallMs, type Clock, type Lane } from "@baton/core";
import { RateBudget } from "./rate-budget.ts";

/** Virtual time: one clock moves the timers, the monotonic clock and the venue's. */
const startMs = 1_800_000_000_000 - (1_800_000_000_000 % 60_000);
let clock: Clock;
let budget: RateBudget;
let granted: string[];

beforeEach(() => {
  vi.useFakeTimers({ now: startMs });
  clock = { mono: () => monoMs(Date.now() - startMs), wall: () => wallMs(Date.now()) };
  budget = new RateBudget(clock, () => Date.now(), venueProfiles.binance.limits);
  budget.setLimits({ weight: 100, orders: 5 });
  granted = [];
});
afterEach(() => {
  budget.close();
  vi.useRealTimers();
});

function ask(name: string, lane: Lane, weight: number, orders = 0, forMs = 120_000): void {
  void budget
    .take(lane, { weight, orders }, monoMs(clock.mono() + forMs))
    .then((isGranted) => granted.push(isGranted ? name : `${name} refused`));
}
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe("the rate budget", () => {
  it("grants at once while there is room", async () => {
    ask("a", "new", 10, 1);
    await pass(0);
    expect(granted).toEqual(["a"]);
    expect(budget.ratio()).toBeCloseTo(0.8); // one of five orders
  });

  it("keeps 30 % of the weight from new orders, for cancel and resolve", async () => {
    ask("new", "new", 70);
    ask("more", "new", 1);
    ask("cancel", "reserved", 30);
    await pass(0);
    expect(granted).toEqual(["new", "cancel"]);
    await pass(60_000);
    expect(granted).toEqual(["new", "cancel", "more"]);
  });

  it("lets what only reduces pass all that opens, and leaves it room that they cannot use", async () => {
    budget.setLimits({ weight: 100, orders: 10 });
    for (let order = 1; order <= 12; order += 1) ask(`o${order}`, "new", 1, 1);
    ask("stop", "ahead", 1, 1);
    await pass(0);
    expect(granted).toEqual([...Array.from({ length: 9 }, (_, order) => `o${order + 1}`), "stop"]);
    ask("next stop", "ahead", 1, 1);
    await pass(10_000);
    expect(granted.slice(10)).toEqual(["next stop", "o10", "o11", "o12"]);
  });

  it("begins anew with the venue's window, not a minute after the first request", async () => {
    await pass(50_000);
    ask("full", "reserved", 100);
    ask("next", "reserved", 1);
    await pass(9_000);
    expect(granted).toEqual(["full"]);
    await pass(1_000);
    expect(granted).toEqual(["full", "next"]);
  });

  it("is not spent on who has given up meanwhile: who comes after has the place", async () => {
    for (let order = 1; order <= 5; order += 1) ask(`o${order}`, "new", 1, 1);
    const withdrawal = new AbortController();
    const cost = { weight: 1, orders: 1 };
    for (let order = 0; order < 10; order += 1)
      void budget.take("new", cost, monoMs(clock.mono() + 120_000), withdrawal.signal).then(() => granted.push("gone"));
    await pass(0);
    withdrawal.abort();
    ask("after", "new", 1, 1);
    await pass(10_000);
    expect(granted).toEqual(["o1", "o2", "o3", "o4", "o5", "after"]);
    await pass(60_000);
    expect(granted).not.toContain("gone");
    expect(budget.ratio()).toBe(1);
  });

  it("counts new orders by ten seconds, and cancels not at all", async () => {
    for (let order = 1; order <= 6; order += 1) ask(`o${order}`, "new", 1, 1);
    ask("cancel", "reserved", 1);
    await pass(0);
    expect(granted).toEqual(["o1", "o2", "o3", "o4", "o5", "cancel"]);
    await pass(10_000);
    expect(granted.at(-1)).toBe("o6");
  });

  it("believes the venue's headers when they count more than we did", async () => {
    budget.correct({ "x-mbx-used-weight-1m": "99", "x-mbx-order-count-10s": "5" });
    expect(budget.ratio()).toBe(0);
    ask("read", "reserved", 2);
    ask("order", "new", 1, 1);
    await pass(0);
    expect(granted).toEqual([]);
    await pass(60_000);
    expect(granted).toEqual(["read", "order"]);
  });

  it("sends a waiter away as soon as it is certain that its time will not suffice", async () => {
    ask("full", "reserved", 100);
    ask("hasty", "new", 1, 1, 2_000);
    await pass(0);
    expect(granted).toEqual(["full", "hasty refused"]);
  });

  it("sends nothing while frozen, cancels neither", async () => {
    budget.freeze(3_000);
    ask("cancel", "reserved", 1);
    ask("short", "reserved", 1, 0, 1_000);
    await pass(2_900);
    expect(granted).toEqual([]);
    await pass(200);
    expect(granted).toEqual(["cancel", "short refused"]);
  });

  it("serves cancels before new orders that waited longer", async () => {
    budget.freeze(1_000);
    ask("order", "new", 1, 1);
    ask("cancel", "reserved", 1);
    await pass(1_000);
    expect(granted).toEqual(["cancel", "order"]);
  });

  it("refuses everyone once closed", async () => {
    budget.freeze(1_000);
    ask("waiting", "new", 1);
    budget.close();
    ask("late", "new", 1);
    await pass(0);
    expect(granted).toEqual(["waiting refused", "late refused"]);
  });
});
