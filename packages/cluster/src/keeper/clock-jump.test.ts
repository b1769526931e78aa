import { expect, test } from "vitest";
import { ClockJump } from "./clock-jump.ts";

function clocks(...looks: { mono: number; wall: number }[]): ClockJump {
  return new ClockJump(() => looks.shift() ?? { mono: 0, wall: 0 });
}

test("a suspended machine shows as a wall clock that ran on alone", () => {
  const jump = clocks({ mono: 0, wall: 0 }, { mono: 20, wall: 20 }, { mono: 40, wall: 5_040 });
  expect(jump.sinceLast()).toBeUndefined();
  expect(jump.sinceLast()).toBe(5_000);
});

test("a wall clock set back is a jump too", () => {
  expect(clocks({ mono: 0, wall: 1_000 }, { mono: 20, wall: 700 }).sinceLast()).toBe(-320);
});

test("a long pause of the thread in which both clocks ran is no jump", () => {
  expect(clocks({ mono: 0, wall: 0 }, { mono: 60_000, wall: 60_010 }).sinceLast()).toBeUndefined();
});

test("slewing by a little at every look never adds up to a jump", () => {
  const looks = Array.from({ length: 100 }, (_, i) => ({ mono: i * 20, wall: i * 25 }));
  const jump = clocks(...looks);
  for (let i = 1; i < 100; i++) expect(jump.sinceLast()).toBeUndefined();
});
