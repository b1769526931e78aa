import { describe, expect, test } from "vitest";
import { KnownKeys } from "./known-keys.ts";
import { fingerprintOf } from "./store/fingerprint.ts";
import type { KeysTold } from "./store/messages.ts";

const hour = 3_600_000;
const now = 1_700_000_000_000;

function told(keys: readonly string[], over: Partial<KeysTold> = {}): KeysTold {
  const fingerprints = Float64Array.from(keys, fingerprintOf);
  return { file: 0, upTo: 100, fingerprints, newestWallMs: now, isWhole: true, ...over };
}

function names(count: number, prefix = "desk|k"): readonly string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}-${at}`);
}

function known(): KnownKeys {
  return new KnownKeys(() => now);
}

describe("a key that was told", () => {
  test("is held, whatever else is, and hardly one that was not", () => {
    const keys = known();
    const all = names(100_000);
    for (let at = 0; at < all.length; at += 4_000) keys.heard(told(all.slice(at, at + 4_000)));
    expect(keys.size).toBe(100_000);
    expect(all.filter((key) => !keys.mayHold(key, 100))).toEqual([]);
    expect(names(100_000, "desk|other").filter((key) => keys.mayHold(key, 100)).length).toBeLessThan(3);
  });

  test("twice stands once", () => {
    const keys = known();
    for (let again = 0; again < 3; again += 1) keys.heard(told(["desk|k"]));
    expect(keys.size).toBe(1);
  });

  test("goes with its table once all of that are too old, by the newest key's time and by the clock here", () => {
    const keys = known();
    keys.heard(told(names(32_768), { newestWallMs: now - 26 * hour }));
    keys.heard(told(["desk|late"]));
    expect(keys.mayHold("desk|k-7", 100)).toBe(false);
    expect([keys.mayHold("desk|late", 100), keys.size]).toEqual([true, 1]);
  });

  test("stays where only one of the two clocks says that it is too old", () => {
    const stamped = known();
    stamped.heard(told(names(32_768)));
    stamped.heard(told(["desk|years ahead"], { newestWallMs: now + 10_000 * hour }));
    expect(stamped.mayHold("desk|k-7", 100)).toBe(true);
    const here = new KnownKeys(() => now + 10_000 * hour);
    here.heard(told(names(32_768)));
    here.heard(told(["desk|late"]));
    expect(here.mayHold("desk|k-7", 100)).toBe(true);
  });
});

describe("any key may have been used", () => {
  test("before all that the file holds have been told", () => {
    const keys = known();
    expect(keys.mayHold("desk|new", 0)).toBe(true);
    keys.heard(told(["desk|k"], { isWhole: false }));
    expect(keys.mayHold("desk|new", 0)).toBe(true);
    keys.heard(told([]));
    expect(keys.mayHold("desk|new", 0)).toBe(false);
  });

  test("after the last record up to which they were told", () => {
    const keys = known();
    keys.heard(told([]));
    expect([keys.mayHold("desk|new", 100), keys.mayHold("desk|new", 101)]).toEqual([false, true]);
    keys.heard(told([], { isWhole: false, upTo: 101 }));
    expect(keys.mayHold("desk|new", 101)).toBe(false);
  });

  test("once another file has taken the place of the one that was told of, also by late word of the old one", () => {
    const keys = known();
    keys.heard(told(["desk|old"]));
    keys.restart();
    keys.heard(told(["desk|old"]));
    expect(keys.mayHold("desk|new", 0)).toBe(true);
    keys.heard(told(["desk|k"], { file: 1 }));
    expect(["desk|new", "desk|old", "desk|k"].map((key) => keys.mayHold(key, 100))).toEqual([false, false, true]);
  });
});
