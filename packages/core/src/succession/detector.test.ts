import { expect, test } from "vitest";
import { id } from "../ids.ts";
import type { BootId } from "../ids.ts";
import { monoMs } from "../time.ts";
import type { Rhythm } from "./detector.ts";
import { heard, silenceAllowedMs, stalledBy } from "./detector.ts";
import { Told, a, b, bootOf, kinds, leaderRecord, viewOf } from "./told.ts";

/** A link on which each second has this longest gap, among many short ones. */
function link(worsts: readonly number[]): Rhythm | undefined {
  let rhythm: Rhythm | undefined;
  let now = 0;
  for (const worst of [0, ...worsts]) {
    const end = now + 1_000;
    now += worst;
    rhythm = heard(rhythm, bootOf(a), monoMs(now));
    for (; now < end; now += 5) rhythm = heard(rhythm, bootOf(a), monoMs(now));
  }
  return rhythm;
}

function allowed(rhythm: Rhythm | undefined, timing: { silenceMs?: number; silenceMaxMs?: number } = {}): number {
  const { state } = new Told(b);
  const limits = { silenceMs: 1_000, silenceMaxMs: 3_000, ...timing };
  return Math.round(silenceAllowedMs({ ...state, timing: { ...state.timing, ...limits }, rhythm }));
}

test("an even link is judged by the floor, however short its gaps", () => {
  expect(allowed(undefined)).toBe(1_000);
  expect(allowed(link(Array.from({ length: 30 }, () => 50)))).toBe(1_000);
});

test("an uneven link is given more time, up to the ceiling, and less again once it is even", () => {
  const uneven = Array.from({ length: 30 }, (_, n) => (n % 3 === 0 ? 900 : 60));
  const patient = allowed(link(uneven));
  expect(patient).toBeGreaterThan(1_500);
  expect(patient).toBeLessThan(3_000);
  expect(allowed(link(uneven), { silenceMaxMs: 1_200 })).toBe(1_200);
  expect(allowed(link([...uneven, ...Array.from({ length: 40 }, () => 50)]))).toBe(1_000);
});

test("one long gap among a minute of short ones is soon forgotten", () => {
  const once = [...Array.from({ length: 30 }, () => 50), 900];
  expect(allowed(link(once))).toBeGreaterThan(1_000);
  expect(allowed(link([...once, ...Array.from({ length: 10 }, () => 50)]))).toBe(1_000);
});

test("what a leader's first second was like is no rhythm: it was taking over then, and others started beside it", () => {
  const takingOver = [700, ...Array.from({ length: 7 }, () => 50)];
  expect(takingOver.map((_, n) => allowed(link(takingOver.slice(0, n + 1))))).toEqual(takingOver.map(() => 1_000));
  // One that goes on like that is believed from its second one on.
  expect(allowed(link([900, 900]))).toBeGreaterThan(1_500);
});

test("load does not make a leader look silent: only the longest gap of a second counts", () => {
  // 200 signs a second and one pause of 400 ms in each: the mean gap would say 5 ms.
  expect(allowed(link(Array.from({ length: 20 }, () => 400)), { silenceMs: 300 })).toBeGreaterThan(400);
});

test("without a ceiling the silence is a constant", () => {
  const { state } = new Told(b);
  expect(silenceAllowedMs({ ...state, rhythm: link(Array.from({ length: 30 }, (_, n) => (n % 2) * 900)) })).toBe(1_000);
});

test("another leader's rhythm is learned anew", () => {
  const rhythm = heard(link([900, 50, 900]), id<BootId>("other"), monoMs(9_000));
  expect(rhythm).toMatchObject({ of: "other", usualWorstMs: 0, deviationMs: 0 });
});

test("a standby that stood still itself does not take the leader for silent", () => {
  const told = new Told(b, { promised: { epochMax: 1, vow: undefined } });
  const ledByA = viewOf({ revision: 10, epoch: 1, version: 2, leader: leaderRecord(a, 1) });
  told.see(ledByA);
  told.tell({ kind: "heard", from: a, boot: bootOf(a), epoch: 1 });
  for (let at = 0; at <= 400; at += 20) told.tickAt(at);
  expect(told.tickAt(5_400)).toEqual([]);
  expect(told.see(ledByA)).toEqual([]);
  // From there on it listens, and hears nothing: 400 ms before the stall and 600 after it.
  for (let at = 5_420; at < 6_000; at += 20) expect(told.tickAt(at)).toEqual([]);
  expect(kinds(told.tickAt(6_000))).toEqual(["read"]);
});

test("only who stands by is given that time", () => {
  const { state } = new Told(b);
  const candidate = stalledBy({ ...state, tickedMonoMs: monoMs(0) }, monoMs(50));
  expect(candidate.role).toEqual(state.role);
});
