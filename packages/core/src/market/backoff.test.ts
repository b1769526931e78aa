import { describe, expect, test } from "vitest";
import { assert } from "../assert.ts";
import { monoMs } from "../time.ts";
import { closeHost, fullBudget, fullJitterMs, takeAttempt } from "./backoff.ts";
import { causeOfClose, causeOfFailure } from "./feed-state.ts";

describe("waiting before the next attempt", () => {
  const rules = { baseMs: 250, capMs: 30_000 };

  test("is uniform between nothing and a bound that doubles up to the cap", () => {
    expect([0, 1, 2, 3, 10, 500].map((failures) => fullJitterMs(rules, failures, 0.5))).toEqual([
      125, 250, 500, 1_000, 15_000, 15_000,
    ]);
    expect(fullJitterMs(rules, 3, 0)).toBe(0);
  });

  test("never exceeds the budget of a host, however many lines ask", () => {
    const budgetRules = { attempts: 150, perMs: 300_000 };
    let budget = fullBudget(budgetRules, monoMs(0));
    const granted: number[] = [];
    for (let ms = 0; ms < 900_000; ms += 100) {
      const taken = takeAttempt(budget, budgetRules, monoMs(ms));
      budget = taken.budget;
      if (taken.deniedUntilMono === undefined) granted.push(ms);
      else assert(taken.deniedUntilMono > ms, "a denial names a later instant");
    }
    // The full bucket, and what runs in: in any five minutes at most the venue's own limit of 300.
    for (const start of [0, 100_000, 300_000, 600_000]) {
      expect(granted.filter((ms) => ms >= start && ms < start + 300_000).length).toBeLessThanOrEqual(300);
    }
    expect(granted.filter((ms) => ms >= 600_000).length).toBe(150);
  });
});

test("a host that named a time is not asked by anybody before it", () => {
  const budgetRules = { attempts: 10, perMs: 1_000 };
  const closed = closeHost(closeHost(fullBudget(budgetRules, monoMs(0)), monoMs(5_000)), monoMs(3_000));
  expect(takeAttempt(closed, budgetRules, monoMs(4_999)).deniedUntilMono).toBe(5_000);
  expect(takeAttempt(closed, budgetRules, monoMs(5_000)).deniedUntilMono).toBeUndefined();
});

describe("the cause of a lost connection", () => {
  test("is told from the close code and the age", () => {
    const causes = [1000, 1001, 1006, 1008, 1009, 1011, 1012, 4001].map((code) => causeOfClose({ code, ageMs: 5_000 }));
    expect(causes).toEqual([
      "closed",
      "maintenance",
      "reset",
      "policy",
      "bad-frame",
      "unavailable",
      "maintenance",
      "closed",
    ]);
    expect(causeOfClose({ code: 1006, ageMs: 24 * 3_600_000 })).toBe("age-cut");
    expect(causeOfClose({ code: 1001, ageMs: 3_600_000, cutAgeMs: 3_600_000 })).toBe("age-cut");
  });

  test.each<[Parameters<typeof causeOfClose>[0], string]>([
    [{ code: 1008, ageMs: 1, reason: "Too many requests" }, "rate-limit"],
    [{ code: 1008, ageMs: 1, reason: "Pong timeout" }, "idle-cut"],
    [{ code: 4004, ageMs: 1, reason: "No data received in 30s." }, "idle-cut"],
    [{ code: 1000, ageMs: 40_000, silentMs: 30_000, idleCutMs: 30_000 }, "idle-cut"],
    [{ code: 1000, ageMs: 40_000, silentMs: 30_000 }, "closed"],
    [{ code: 1008, ageMs: 1, reason: "Slow consumer" }, "slow-consumer"],
    [{ code: 1006, ageMs: 90_000, heldUpMs: 6_000 }, "slow-consumer"],
    [{ code: 1006, ageMs: 90_000, heldUpMs: 60 }, "reset"],
    [{ code: 1000, ageMs: 1, reason: "Scheduled maintenance" }, "maintenance"],
  ])("%j is %s", (facts, cause) => expect(causeOfClose(facts)).toBe(cause));

  test("is told from the status of a refused upgrade, or the system's code", () => {
    expect([429, 418, 403, 503, 502].map((status) => causeOfFailure({ status }))).toEqual([
      "rate-limit",
      "rate-limit",
      "policy",
      "maintenance",
      "unavailable",
    ]);
    expect(
      [
        "ENOTFOUND",
        "ECONNREFUSED",
        "ECONNRESET",
        "ETIMEDOUT",
        "DEPTH_ZERO_SELF_SIGNED_CERT",
        "WS_ERR_INVALID_UTF8",
      ].map((code) => causeOfFailure({ code })),
    ).toEqual(["dns", "refused", "reset", "timeout", "tls", "bad-frame"]);
  });
});
