/** The dead man's switch over terms: who sets it, when, who takes it back, and what its cancels mean. */
import { decimal } from "@baton/core";
import type { Config, MaintenanceWindow, SwitchPolicy, VenueOrder } from "@baton/core";
import { expect, test } from "vitest";
import { DeskRig, rigConfig } from "../testing/desk-rig.ts";
import { ScriptedVenue } from "../testing/scripted-venue.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

function armed(policy: SwitchPolicy, maintenance: readonly MaintenanceWindow[] = []): Config {
  const config = rigConfig();
  return {
    ...config,
    venues: config.venues.map((venue) => ({ ...venue, deadMansSwitch: { policy, timeoutMs: 8_000 }, maintenance })),
  };
}

function withSwitch(): ScriptedVenue {
  const venue = new ScriptedVenue();
  venue.hasSwitch = true;
  return venue;
}

async function leading(policy: SwitchPolicy, venue: ScriptedVenue = withSwitch()): Promise<DeskRig> {
  const rig = new DeskRig({ config: armed(policy), venue }).lead(1);
  await pass(50);
  return rig;
}

function cancelAtVenue(rig: DeskRig): void {
  const [order] = rig.venue.orders.values();
  const cancelled: VenueOrder = { ...(order as VenueOrder), status: "cancelled" };
  rig.venue.orders.set(cancelled.clientOrderId, cancelled);
  rig.venue.tell({ kind: "order", order: cancelled, source: "stream" });
}

test("it is set again four times within its countdown, and by policy none never", async () => {
  const rig = await leading("arm-on-lead");
  await pass(8_000);
  expect(rig.venue.switchTimes).toEqual([8_000, 8_000, 8_000, 8_000, 8_000]);
  expect((await leading("none")).venue.switchTimes).toEqual([]);
});

test("a new leader sets it before anything else, and the one before it does so no more", async () => {
  const first = await leading("arm-on-lead");
  const intent = first.order();
  await pass(50);
  first.desk.cancel(intent, "trader");
  first.desk.end();
  const before = first.venue.sent.length;
  const next = new DeskRig({ config: armed("arm-on-lead"), journal: first.journal, venue: first.venue, node: "b" });
  next.commit();
  next.lead(2);
  await pass(20_000);
  const since = first.venue.sent.slice(before);
  expect(since[0]).toMatchObject({ kind: "switch", epoch: 2 });
  expect(since.every((sent) => sent.epoch === 2)).toBe(true);
});

test("it is taken back only in an orderly end without a successor, and by arm-always never", async () => {
  const onLead = await leading("arm-on-lead");
  await onLead.desk.disarmSwitches();
  await pass(20_000);
  expect(onLead.venue.switchTimes.at(-1)).toBe(0);
  const always = await leading("arm-always");
  await always.desk.disarmSwitches();
  expect(always.venue.switchTimes).not.toContain(0);
  const unclean = await leading("arm-on-lead");
  unclean.desk.end();
  await pass(20_000);
  expect(unclean.venue.switchTimes).not.toContain(0);
});

test("without a permit it is not set, and that is told before it cancels", async () => {
  const rig = await leading("arm-on-lead");
  const set = rig.venue.switchTimes.length;
  rig.deadlineMonoMs = 0;
  await pass(4_500);
  expect(rig.venue.switchTimes).toHaveLength(set);
  expect(rig.warnings).toMatchObject([expect.stringContaining("switch.not-set") as string]);
});

test("what it cancelled is understood as the venue's cancel; while it was set in time a cancel is somebody's hand", async () => {
  const fired = await leading("arm-on-lead");
  fired.order({ price: decimal("99.5") });
  await pass(15_000);
  fired.venue.isReachable = false;
  await pass(9_000);
  cancelAtVenue(fired);
  await pass(100);
  expect(fired.ask()).toMatchObject({ kind: "recorded" });
  const quiet = await leading("arm-on-lead");
  quiet.order({ price: decimal("99.5") });
  await pass(15_000);
  cancelAtVenue(quiet);
  await pass(100);
  expect(quiet.ask()).toMatchObject({ refusal: { code: "kill-account" } });
});

/** Maintenance that begins in so many seconds and lasts so many, on virtual time. */
function planned(inSeconds: number, forSeconds: number): MaintenanceWindow {
  const instant = (seconds: number): string =>
    new Date(Math.ceil(Date.now() / 1_000 + seconds) * 1_000).toISOString().replace(".000Z", "Z");
  return { from: instant(inSeconds), until: instant(inSeconds + forSeconds) };
}

test.each(["arm-on-lead", "arm-always"] as const)(
  "by policy %s it is off from a minute before planned maintenance to its end, and then set again",
  async (policy) => {
    const config = armed(policy, [planned(90, 60)]);
    const rig = new DeskRig({ config, venue: withSwitch() }).lead(1);
    await pass(29_000);
    expect(rig.venue.switchTimes).not.toContain(0);
    await pass(4_000);
    expect(rig.venue.switchTimes.at(-1)).toBe(0);
    const settings = rig.venue.switchTimes.length;
    await pass(110_000);
    expect(rig.venue.switchTimes).toHaveLength(settings);
    await pass(20_000);
    expect(rig.venue.switchTimes.slice(settings)).toContain(8_000);
    expect(rig.warnings).toEqual([]);
  },
);

test("one that cannot be taken back before maintenance is told, and tried until it is off", async () => {
  const config = armed("arm-on-lead", [planned(90, 60)]);
  const rig = new DeskRig({ config, venue: withSwitch() }).lead(1);
  await pass(25_000);
  rig.venue.isReachable = false;
  await pass(10_000);
  expect(rig.warnings).toContainEqual(expect.stringContaining("switch.not-off"));
  rig.venue.isReachable = true;
  const before = rig.venue.switchTimes.length;
  await pass(5_000);
  expect(rig.venue.switchTimes.slice(before)).toEqual([0]);
});
