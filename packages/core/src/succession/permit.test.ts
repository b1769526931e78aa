import { expect, test } from "vitest";
import { monoMs } from "../time.ts";
import { deadlineOf, issuePermit } from "./permit.ts";

const ground = { role: "leader", epoch: 3, isEpochOpen: true, isHeld: false } as const;

test("a leader of an open epoch has a permit until the deadline, and not at it (I2)", () => {
  expect(issuePermit(ground, monoMs(100), monoMs(99.999))).toMatchObject({ epoch: 3, deadlineMonoMs: 100 });
  expect(issuePermit(ground, monoMs(100), monoMs(100))).toBeUndefined();
  expect(issuePermit(ground, monoMs(0), monoMs(1))).toBeUndefined();
});

test("a held leader has none, nor has one whose epoch is not open", () => {
  expect(issuePermit({ ...ground, isHeld: true }, monoMs(100), monoMs(1))).toBeUndefined();
  expect(issuePermit({ ...ground, isEpochOpen: false }, monoMs(100), monoMs(1))).toBeUndefined();
});

test("the deadline counts from the earlier of keepalive and confirmation, by when they were sent", () => {
  const times = { grantedTtlMs: 2_000, marginMs: 300 };
  expect(deadlineOf({ sentMonoMs: monoMs(1_000), confirmedSentMonoMs: monoMs(1_400), ...times })).toBe(2_700);
  expect(deadlineOf({ sentMonoMs: monoMs(1_400), confirmedSentMonoMs: monoMs(1_000), ...times })).toBe(2_700);
});
