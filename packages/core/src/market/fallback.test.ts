import { describe, expect, test } from "vitest";
import { monoMs } from "../time.ts";
import type { Fallback, ProviderWord } from "./fallback.ts";
import { fallbackRules, newFallback, stepFallback } from "./fallback.ts";

const word = (middle: number, quality: ProviderWord["quality"] = "live"): ProviderWord => ({ middle, quality });
/** Steps through words at times in ms and tells which provider was in use after each. */
const uses = (
  ...steps: readonly (readonly [atMs: number, first: ProviderWord | undefined, second: ProviderWord | undefined])[]
): readonly string[] => {
  let state: Fallback = newFallback;
  return steps.map(([atMs, first, second]) => {
    state = stepFallback(state, fallbackRules, { nowMono: monoMs(atMs), first, second });
    return state.use;
  });
};

describe("of two providers", () => {
  test("the first is used while it is fresh, whatever the second says", () => {
    expect(uses([0, word(100), word(90)], [10, word(100, "degraded"), undefined])).toEqual(["first", "first"]);
  });

  test("the second is used when the first is stale and its price is sane", () => {
    expect(
      uses([0, word(100), word(100.2)], [10, word(100, "stale"), word(100.2)], [20, undefined, word(99.7)]),
    ).toEqual(["first", "second", "second"]);
  });

  test("the second is refused outside the band, which widens with the age of the first's last word", () => {
    const second = word(100.6);
    expect(
      uses([0, word(100), second], [10, undefined, second], [1_999, undefined, second], [2_100, undefined, second]),
    ).toEqual(["first", "none", "none", "second"]);
  });

  test("nobody is used when the first has never spoken, or too long ago", () => {
    expect(uses([0, undefined, word(100)])).toEqual(["none"]);
    expect(uses([0, word(100), undefined], [60_001, undefined, word(100)])).toEqual(["first", "none"]);
  });

  test("the way back needs the first to be fresh without a break, and to agree", () => {
    const stale = word(100, "stale");
    expect(
      uses(
        [0, word(100), word(100)],
        [10, stale, word(100)],
        [1_000, word(100), word(100)],
        [9_000, stale, word(100)],
        [9_500, word(100), word(100)],
        [19_499, word(100), word(100)],
        [19_500, word(103), word(100)],
        [19_600, word(100.1), word(100)],
      ),
    ).toEqual(["first", "second", "second", "second", "second", "second", "second", "first"]);
  });

  test("the way back is immediate when the second is gone", () => {
    expect(uses([0, word(100), word(100)], [10, undefined, word(100)], [20, word(100), undefined])).toEqual([
      "first",
      "second",
      "first",
    ]);
  });
});
