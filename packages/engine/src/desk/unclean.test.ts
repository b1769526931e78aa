import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DeskRig } from "../testing/desk-rig.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: new Date("2026-06-01T00:00:00Z") });
});
afterEach(() => {
  vi.useRealTimers();
});

test("after an unclean failover nothing is ordered before the venue's orders and trades were read", async () => {
  const rig = new DeskRig();
  rig.venue.isRecoveryHeld = true;
  rig.lead(1, "unclean");
  await vi.advanceTimersByTimeAsync(50);
  expect(rig.desk.whyNotReady(rig.venue.id)).toBe(
    "its orders and trades have not been read since the unclean failover",
  );
  rig.venue.recovered();
  expect(rig.desk.whyNotReady(rig.venue.id)).toBeUndefined();
});

test("any other takeover orders at once", async () => {
  const rig = new DeskRig();
  rig.venue.isRecoveryHeld = true;
  rig.lead(1, "pre-emption");
  await vi.advanceTimersByTimeAsync(50);
  expect(rig.desk.whyNotReady(rig.venue.id)).toBeUndefined();
});
