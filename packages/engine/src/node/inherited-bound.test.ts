import { expect, test } from "vitest";
import { inheritedSendForMs } from "./inherited-bound.ts";

test.each(["crash-release", "switchover", "yield"] as const)(
  "after a %s of the leader right before nothing more is sent",
  (reason) => {
    expect(inheritedSendForMs({ reason, epoch: 3, opened: 2, ttlMs: 2_000 })).toBe(0);
  },
);

test.each(["pre-emption", "expired"] as const)("after a %s the old lease may live on", (reason) => {
  expect(inheritedSendForMs({ reason, epoch: 3, opened: 2, ttlMs: 2_000 })).toBe(2_000);
});

test("the death of a leader that never opened its epoch says nothing of the one it had pre-empted", () => {
  expect(inheritedSendForMs({ reason: "crash-release", epoch: 3, opened: 1, ttlMs: 2_000 })).toBe(2_000);
});
