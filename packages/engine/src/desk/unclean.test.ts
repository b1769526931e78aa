import { expect, test } from "vitest";
import { DeskRig } from "../testing/desk-rig.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

test("after an unclean failover nothing is ordered before the venue's orders and trades were read", async () => {
  const rig = new DeskRig();
  rig.venue.isRecoveryHeld = true;
  rig.lead(1, "unclean");
  await pass(50);
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
  await pass(50);
  expect(rig.desk.whyNotReady(rig.venue.id)).toBeUndefined();
});
