import { expect, test } from "vitest";
import { monoMs } from "../time.ts";
import type { MonoMs } from "../time.ts";
import { b, c } from "./told.ts";
import { sightOf, yieldTo } from "./yield.ts";
import type { StandbySight } from "./yield.ts";

const says = (
  node: typeof b,
  reachesVenue: boolean,
  more: {
    readonly saidMonoMs?: number;
    readonly seesSinceMonoMs?: MonoMs | undefined;
    readonly reachesSinceMs?: number;
    readonly reachedMs?: number;
  } = {},
): StandbySight => ({
  node,
  reachesSinceMonoMs: reachesVenue ? monoMs(more.reachesSinceMs ?? 1_000) : undefined,
  reachedMonoMs: monoMs(more.reachedMs ?? 9_800),
  seesSinceMonoMs: "seesSinceMonoMs" in more ? more.seesSinceMonoMs : monoMs(1_000),
  saidMonoMs: monoMs(more.saidMonoMs ?? 9_900),
});
const times = { now: monoMs(10_000), yieldMs: 1_000, isFit: () => true };
const lost = (ms: number) => ({ ...times, ownLostSinceMonoMs: monoMs(10_000 - ms), ownBlindSinceMonoMs: undefined });
const blind = (ms: number) => ({ ...times, ownLostSinceMonoMs: undefined, ownBlindSinceMonoMs: monoMs(10_000 - ms) });

test("a leader without a venue session yields to a standby that has one, after yieldMs", () => {
  expect(yieldTo({ ...lost(999), standbys: [says(b, true)] })).toBeUndefined();
  expect(yieldTo({ ...lost(1_000), standbys: [says(c, false), says(b, true)] })).toEqual({ to: b, lacks: "venue" });
});

test("a leader that reaches the venue and sees its market stays", () => {
  const well = { ...times, ownLostSinceMonoMs: undefined, ownBlindSinceMonoMs: undefined };
  expect(yieldTo({ ...well, standbys: [says(b, true)] })).toBeUndefined();
});

test("where nobody reaches the venue nothing moves, and an old word is no word", () => {
  expect(yieldTo({ ...lost(5_000), standbys: [says(b, false), says(c, true, { saidMonoMs: 7_000 })] })).toBeUndefined();
  expect(yieldTo({ ...lost(5_000), standbys: [] })).toBeUndefined();
});

test("an answer from before the leader lost its own way says nothing of the venue now", () => {
  const answered = (reachedMs: number) => [says(b, true, { reachedMs })];
  expect(yieldTo({ ...lost(1_500), standbys: answered(8_500) })).toBeUndefined();
  expect(yieldTo({ ...lost(1_500), standbys: answered(8_501) })).toEqual({ to: b, lacks: "venue" });
});

test("when a venue answers again, a leader has yieldMs to hear of it after the first standby does", () => {
  const since = (reachesSinceMs: number) => [says(b, true, { reachesSinceMs })];
  expect(yieldTo({ ...lost(60_000), standbys: since(9_001) })).toBeUndefined();
  expect(yieldTo({ ...lost(60_000), standbys: since(9_000) })).toEqual({ to: b, lacks: "venue" });
});

test("of two standbys that reach the venue the one that sees the market gets the leadership, and one is better than none", () => {
  const unseeing = says(b, true, { seesSinceMonoMs: undefined });
  expect(yieldTo({ ...lost(1_000), standbys: [unseeing, says(c, true)] })).toEqual({ to: c, lacks: "venue" });
  expect(yieldTo({ ...lost(1_000), standbys: [unseeing] })).toEqual({ to: b, lacks: "venue" });
});

test("a leader without any fresh price yields to a standby that has prices and the venue, after yieldMs", () => {
  expect(yieldTo({ ...blind(999), standbys: [says(b, true)] })).toBeUndefined();
  expect(yieldTo({ ...blind(1_000), standbys: [says(b, false), says(c, true)] })).toEqual({ to: c, lacks: "market" });
});

test("where nobody sees the market nothing moves, nor on a word of a second ago", () => {
  const standbys = [says(b, true, { seesSinceMonoMs: undefined })];
  expect(yieldTo({ ...blind(60_000), standbys })).toBeUndefined();
  expect(yieldTo({ ...blind(60_000), standbys: [says(b, true, { saidMonoMs: 9_000 })] })).toBeUndefined();
});

test("when a venue comes back to everybody, a leader has yieldMs to see it after the first standby does", () => {
  const since = (ms: number) => [says(b, true, { seesSinceMonoMs: monoMs(ms) })];
  expect(yieldTo({ ...blind(60_000), standbys: since(9_001) })).toBeUndefined();
  expect(yieldTo({ ...blind(60_000), standbys: since(9_000) })).toEqual({ to: b, lacks: "market" });
});

test("a standby sees for as long as it says so without a gap; a build that does not say does not see", () => {
  const word = (seesMarket: boolean) => ({ node: b, reachesVenue: true, seesMarket });
  const first = sightOf(undefined, word(true), monoMs(1_000));
  const second = sightOf(first, word(true), monoMs(1_999));
  expect([first.seesSinceMonoMs, second.seesSinceMonoMs]).toEqual([1_000, 1_000]);
  expect(sightOf(second, word(true), monoMs(2_999)).seesSinceMonoMs).toBe(2_999);
  const blinded = sightOf(second, word(false), monoMs(2_000));
  expect(blinded.seesSinceMonoMs).toBeUndefined();
  expect(sightOf(blinded, word(true), monoMs(2_100)).seesSinceMonoMs).toBe(2_100);
});

test("a standby reaches the venue for as long as it says so, and tells how old its last answer is; an older build's word is an answer", () => {
  const word = (reachesVenue: boolean, reachedAgoMs?: number) => ({
    node: b,
    reachesVenue,
    reachedAgoMs,
    seesMarket: true,
  });
  const first = sightOf(undefined, word(true, 400), monoMs(1_000));
  expect(first).toMatchObject({ reachesSinceMonoMs: 1_000, reachedMonoMs: 600 });
  const second = sightOf(first, word(true, 900), monoMs(3_499));
  expect(second).toMatchObject({ reachesSinceMonoMs: 1_000, reachedMonoMs: 2_599 });
  expect(sightOf(second, word(true), monoMs(5_999))).toMatchObject({ reachesSinceMonoMs: 5_999, reachedMonoMs: 5_999 });
  const lostIt = sightOf(second, word(false, 2_000), monoMs(4_000));
  expect(lostIt.reachesSinceMonoMs).toBeUndefined();
  expect(sightOf(lostIt, word(true, 0), monoMs(4_100)).reachesSinceMonoMs).toBe(4_100);
});

test("of standbys that have what it lacks one that is fit is asked, and one that is not only where there is no other", () => {
  const unfit = (...nodes: readonly (typeof b)[]) => ({ isFit: (node: typeof b) => !nodes.includes(node) });
  const standbys = [says(b, true), says(c, true)];
  expect(yieldTo({ ...blind(1_000), ...unfit(b), standbys })).toEqual({ to: c, lacks: "market" });
  expect(yieldTo({ ...lost(1_000), ...unfit(b), standbys })).toEqual({ to: c, lacks: "venue" });
  expect(yieldTo({ ...blind(1_000), ...unfit(b, c), standbys })).toEqual({ to: b, lacks: "market" });
  const unseeing = [says(b, true), says(c, true, { seesSinceMonoMs: undefined })];
  expect(yieldTo({ ...lost(1_000), ...unfit(b), standbys: unseeing })).toEqual({ to: c, lacks: "venue" });
});
