import { expect, test } from "vitest";
import { DeskRig } from "../testing/desk-rig.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

test("an order that was committed before the first deadline was confirmed is sent when it is", async () => {
  const rig = new DeskRig().lead(1);
  await pass(50);
  rig.deadlineMonoMs = 0;
  const intent = rig.order();
  await pass(120);
  expect(rig.venue.placed).toEqual([]);
  rig.deadlineMonoMs = Number.MAX_SAFE_INTEGER;
  await pass(120);
  expect(rig.row(intent).status).toBe("new");
  expect(rig.venue.placed).toHaveLength(1);
});

test("an order that finds no permit in all its time ends as not sent", async () => {
  const rig = new DeskRig().lead(1);
  await pass(50);
  rig.deadlineMonoMs = 0;
  const intent = rig.order({ sendWithinMs: 300 });
  await pass(1_000);
  rig.deadlineMonoMs = Number.MAX_SAFE_INTEGER;
  await pass(1_000);
  expect(rig.row(intent)).toMatchObject({ status: "not-sent", endReason: "expired" });
  expect(rig.venue.placed).toEqual([]);
});
