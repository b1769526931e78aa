/** What most tests of the desk begin with: one that leads and has its baseline, and the answer that never came. */
import type { PlaceOutcome } from "@baton/core";
import { DeskRig } from "./desk-rig.ts";
import { stampNow } from "./scripted-venue.ts";
import { pass } from "./virtual-time.ts";

/** Leads epoch 1 and has its baseline. On virtual time. */
export async function leading(rig: DeskRig = new DeskRig()): Promise<DeskRig> {
  rig.lead(1);
  await pass(50);
  return rig;
}

/** Sent, and nobody knows what became of it. */
export function inDoubt(): PlaceOutcome {
  return { kind: "in-doubt", cause: "no answer", stamp: stampNow() };
}
