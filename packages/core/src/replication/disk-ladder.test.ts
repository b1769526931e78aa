import { expect, test } from "vitest";
import {
  diskLevel,
  diskSentence,
  diskUsedShare,
  mayHoldReserve,
  mayTakeRiskOnDisk,
  reserveSize,
} from "./disk-ladder.ts";
import type { DiskFacts, DiskLevel } from "./disk-ladder.ts";

const disk = (used: number, more: Partial<DiskFacts> = {}): DiskFacts => ({
  totalBytes: 1_000,
  freeBytes: 1_000 - used,
  reusableBytes: 0,
  isReserveReleased: false,
  ...more,
});

test("the rungs of a filling disk, each left only two points below where it was entered", () => {
  const walk = [500, 849, 850, 919, 920, 905, 899, 835, 829].reduce<DiskLevel[]>(
    (levels, used) => [...levels, diskLevel(levels.at(-1) ?? "ok", disk(used))],
    [],
  );
  expect(walk).toEqual(["ok", "ok", "filling", "filling", "no-new-risk", "no-new-risk", "filling", "filling", "ok"]);
});

test("a released reserve is the last rung, whatever the disk says", () => {
  expect(diskLevel("ok", disk(100, { isReserveReleased: true }))).toBe("reserve");
  expect(diskLevel("reserve", disk(950))).toBe("no-new-risk");
});

test("what pruning freed inside the file counts as free", () => {
  expect(diskUsedShare(disk(950, { reusableBytes: 300 }))).toBeCloseTo(0.65);
  expect(diskLevel("no-new-risk", disk(950, { reusableBytes: 300 }))).toBe("ok");
  expect(diskUsedShare(disk(0, { totalBytes: 0, freeBytes: 0 }))).toBe(0);
});

test("new risk passes on the two lower rungs only, and each rung above the first says so", () => {
  expect((["ok", "filling", "no-new-risk", "reserve"] as const).map(mayTakeRiskOnDisk)).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(diskSentence("ok", 0.1)).toBeUndefined();
  expect(diskSentence("no-new-risk", 0.9345)).toContain("93.4 % full: no new risk");
});

test("the reserve is never more than a sixteenth of the disk, and is made where four times as much is free", () => {
  expect(reserveSize(64, 10_000)).toBe(64);
  expect(reserveSize(64, 160)).toBe(10);
  expect(mayHoldReserve(40, 10)).toBe(true);
  expect(mayHoldReserve(39, 10)).toBe(false);
});
