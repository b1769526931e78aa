import { expect, test } from "vitest";
import { DeskRig } from "../testing/desk-rig.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

test.each(["unclean", "crash-release"] as const)(
  "while reconciliation is due nothing is ordered before the venue's orders and trades were read (%s)",
  async (reason) => {
    const rig = new DeskRig();
    rig.venue.isRecoveryHeld = true;
    rig.lead(1, reason, 2_000, true);
    await pass(50);
    expect(rig.desk.whyNotReady(rig.venue.id)).toBe(
      "its orders and trades have not been read since the unclean failover",
    );
    expect(rig.reconciled).toEqual([]);
    rig.venue.recovered();
    expect(rig.reconciled).toEqual([1]);
    expect(rig.desk.whyNotReady(rig.venue.id)).toBeUndefined();
  },
);

test("any other takeover orders at once", async () => {
  const rig = new DeskRig();
  rig.venue.isRecoveryHeld = true;
  rig.lead(1, "pre-emption");
  await pass(50);
  expect(rig.desk.whyNotReady(rig.venue.id)).toBeUndefined();
  expect(rig.reconciled).toEqual([]);
});
