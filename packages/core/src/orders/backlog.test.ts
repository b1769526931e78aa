import { describe, expect, test } from "vitest";
import { isPassingRefusal } from "../risk/refusal-codes.ts";
import { backlogLimits, whyOverloaded } from "./backlog.ts";
import type { BacklogAsker, Waiting } from "./backlog.ts";

const none: Waiting = { orders: 0, oldestMs: 0 };
const codeOf = (waiting: Waiting, within: number, asker: BacklogAsker, ahead = none): string | undefined =>
  whyOverloaded({ ...waiting, ahead }, within, asker)?.code;

describe("an order beside a backlog", () => {
  test.each<[BacklogAsker, number, number]>([
    ["client", 2_000, 500],
    ["client", 60_000, 15_000],
    ["strategy", 2_000, 1_000],
  ])(
    "of a %s that has %i ms is refused from the instant at which the oldest has waited %i",
    (asker, within, waitMs) => {
      expect(codeOf({ orders: 1, oldestMs: waitMs - 0.1 }, within, asker)).toBeUndefined();
      expect(codeOf({ orders: 1, oldestMs: waitMs }, within, asker)).toBe("overloaded");
    },
  );

  test.each<[BacklogAsker, number]>([
    ["client", 1_000],
    ["strategy", 2_000],
  ])("of a %s is the last one or one too many by count", (asker, ordersMax) => {
    expect(backlogLimits[asker].ordersMax).toBe(ordersMax);
    expect(codeOf({ orders: ordersMax - 1, oldestMs: 0 }, 2_000, asker)).toBeUndefined();
    expect(codeOf({ orders: ordersMax, oldestMs: 0 }, 2_000, asker)).toBe("overloaded");
  });

  test("that has little time is not refused for a wait that it can bear, and is for one that it cannot", () => {
    expect(codeOf({ orders: 1, oldestMs: 99 }, 300, "client")).toBeUndefined();
    expect(codeOf({ orders: 1, oldestMs: 100 }, 300, "client")).toBe("overloaded");
    expect(codeOf({ orders: 1, oldestMs: 49 }, 50, "client")).toBeUndefined();
    expect(codeOf({ orders: 1, oldestMs: 50 }, 50, "client")).toBe("overloaded");
  });

  test("that only reduces is not held against a crowd, whatever waits of it and for how long", () => {
    expect(codeOf({ orders: 3_000, oldestMs: 60_000 }, 2_000, "reduces")).toBeUndefined();
    expect(
      codeOf({ orders: 3_000, oldestMs: 60_000 }, 2_000, "reduces", { orders: 999, oldestMs: 999 }),
    ).toBeUndefined();
  });

  test("that only reduces is held against those of its kind: by count, and by half of its time, of which no more counts than the usual", () => {
    const crowd = { orders: 3_000, oldestMs: 60_000 };
    expect(codeOf(crowd, 2_000, "reduces", { orders: 1_000, oldestMs: 0 })).toBe("overloaded");
    expect(codeOf(crowd, 2_000, "reduces", { orders: 1, oldestMs: 1_000 })).toBe("overloaded");
    expect(codeOf(crowd, 60_000, "reduces", { orders: 1, oldestMs: 1_000 })).toBe("overloaded");
    expect(codeOf(crowd, 300, "reduces", { orders: 1, oldestMs: 150 })).toBe("overloaded");
    expect(codeOf(crowd, 300, "reduces", { orders: 1, oldestMs: 149 })).toBeUndefined();
  });

  test("is never refused where nothing waits", () => {
    for (const within of [1, 50, 2_000, 60_000]) {
      expect(codeOf({ orders: 0, oldestMs: 0 }, within, "client")).toBeUndefined();
    }
  });

  test.each([
    [{ orders: 1_000, oldestMs: 3 }, 250],
    [{ orders: 40, oldestMs: 612.4 }, 612],
    [{ orders: 40, oldestMs: 30_000 }, 1_000],
  ])("%o: is told to ask again after %i ms, and may pass then", (backlog, retryAfterMs) => {
    const refusal = whyOverloaded({ ...backlog, ahead: none }, 2_000, "client");
    expect(refusal?.facts).toMatchObject({ waiting: backlog.orders, retryAfterMs });
    expect(refusal !== undefined && isPassingRefusal(refusal)).toBe(true);
  });
});
