import { describe, expect, test } from "vitest";
import type { LeadershipProfile } from "@baton/core";
import { validateTiming } from "./timing.ts";

describe("lease timing", () => {
  test.each<[LeadershipProfile, number, number, number]>([
    ["lan", 2_000, 250, 300],
    ["metro", 4_000, 500, 500],
    ["wan", 8_000, 1_000, 1_000],
  ])("of profile %s rides out an etcd election", (profile, ttlMs, keepaliveMs, marginMs) => {
    expect(() => validateTiming({ profile, ttlMs, keepaliveMs, marginMs })).not.toThrow();
  });

  test("that an election would outlive is refused with the TTL that fits", () => {
    expect(() => validateTiming({ profile: "metro", ttlMs: 2_000, keepaliveMs: 250, marginMs: 300 })).toThrow(
      expect.objectContaining({ code: "timing-refused", setting: "leadership.leaseTtlSeconds" }),
    );
    validateTiming({ profile: "metro", ttlMs: 3_000, keepaliveMs: 250, marginMs: 300 });
  });

  test("with too slow a keepalive is refused with the greatest interval that fits", () => {
    const timing = { profile: "lan", ttlMs: 2_000, marginMs: 300 } as const;
    expect(() => validateTiming({ ...timing, keepaliveMs: 800 })).toThrow(/keepaliveMs is 800.*at most 559/);
    validateTiming({ ...timing, keepaliveMs: 559 });
  });

  test("with a margin below the drift of two clocks is refused", () => {
    expect(() => validateTiming({ profile: "lan", ttlMs: 9_000, keepaliveMs: 250, marginMs: 100 })).toThrow(
      expect.objectContaining({ setting: "leadership.marginMs" }),
    );
  });
});
