import { expect, test } from "vitest";
import { monoMs } from "../time.ts";
import { b, c } from "./told.ts";
import { yieldTo } from "./yield.ts";

const says = (node: typeof b, reachesVenue: boolean, saidMonoMs = 9_900) => ({
  node,
  reachesVenue,
  saidMonoMs: monoMs(saidMonoMs),
});
const lost = (ms: number) => ({ now: monoMs(10_000), yieldMs: 1_000, ownLostSinceMonoMs: monoMs(10_000 - ms) });

test("a leader without a venue session yields to a standby that has one, after yieldMs", () => {
  expect(yieldTo({ ...lost(999), standbys: [says(b, true)] })).toBeUndefined();
  expect(yieldTo({ ...lost(1_000), standbys: [says(c, false), says(b, true)] })).toBe(b);
});

test("a leader that reaches the venue stays", () => {
  expect(yieldTo({ ...lost(0), ownLostSinceMonoMs: undefined, standbys: [says(b, true)] })).toBeUndefined();
});

test("where nobody reaches the venue nothing moves, and an old word is no word", () => {
  expect(yieldTo({ ...lost(5_000), standbys: [says(b, false), says(c, true, 7_000)] })).toBeUndefined();
  expect(yieldTo({ ...lost(5_000), standbys: [] })).toBeUndefined();
});
