/** What most tests of the desk begin with: one that leads and has its baseline, and the answers that leave an order open. */
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

/** No byte of it left: the venue could not be connected to. */
export function notSent(): PlaceOutcome {
  return { kind: "not-sent", reason: "connect-failed", message: "as scripted" };
}
