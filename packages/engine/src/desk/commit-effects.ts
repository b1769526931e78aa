/**
 * What each kind of record sets off once the wait set holds it: persist, tell the peers, then this. The record says which
 * part of the desk has something to do; what that part does is decided where it is. Invariants I3, I4, I6.
 */
import type { IntentId, JournalEvent } from "@baton/core";
import { cancelCause, reissuableIntents } from "@baton/core";
import type { DeskContext } from "./desk-context.ts";
import type { Parts } from "./parts.ts";

/** Runs the effects of a record of this term, in the turn in which its commit is known. */
export function runCommitEffects(event: JournalEvent, parts: Parts, context: DeskContext): void {
  const outcome = outcomeTold(event);
  if (outcome !== undefined) context.metrics.intents.inc({ outcome });
  if (event.kind === "attempt.answered") parts.accounts.answered(event.intent);
  switch (event.kind) {
    case "epoch.opened":
      return opened(parts, event.inDoubt);
    case "intent.recorded":
    case "attempt.recorded":
      return parts.placements.drive(event.intent);
    case "cancel.requested":
      return parts.cancels.arm(event.intent);
    case "replace.requested":
      return parts.replacements.drive(event.intent);
    case "parent.recorded":
    case "parent.resumed":
    case "parent.amended":
    case "parent.triggered":
      return parts.parents.wake(event.parent);
    case "kill.set":
      // A kill ends the parents that it covers, whatever they wait for.
      return parts.parents.wakeAll();
    case "attempt.answered":
    case "doubt.resolved":
    case "intent.ended":
    case "order.updated":
    case "order.ended":
    case "fill.recorded":
    case "fill.busted": {
      if (event.intent === undefined) return;
      // A trade taken back says nothing of who cancelled the rest of its order, perhaps hours ago: that was asked then.
      if (event.kind !== "fill.busted") judgeCancel(parts, event.intent);
      const order = parts.term.state.orders.get(event.intent);
      if (order?.replace !== undefined) parts.replacements.drive(order.id);
      return order?.parent === undefined ? undefined : parts.parents.wake(order.parent);
    }
    case "orphan.found":
      return parts.accounts.orphanCommitted(event);
    case "replace.ended":
    case "slice.skipped":
    case "parent.ended":
    case "parent.paused":
    case "volume.counted":
    case "control.switched":
    case "risk.day-opened":
    case "baseline.taken":
    case "drift.found":
    case "strategy.advanced":
    case "strategy.switched":
    case "operation.noted":
      return;
  }
}

/** The epoch is open: what is inherited is taken up, and the rest begins. */
function opened(parts: Parts, inDoubt: readonly IntentId[]): void {
  // Before anything else: a predecessor's countdown is running.
  parts.switches.begin();
  for (const intent of inDoubt) parts.doubts.begin(intent);
  for (const intent of reissuableIntents(parts.term.state)) parts.placements.drive(intent);
  parts.accounts.begin();
  parts.venueCancels.begin();
  // A predecessor may have ended between the kill and the last of its wishes to cancel.
  parts.kills.takeBackKilled();
  parts.cancels.armAll();
  parts.replacements.driveAll();
  parts.parents.begin();
  parts.days.begin();
}

/**
 * Where its venue cancelled it and nobody here asked for that: suspects somebody, or asks the account first. The committed
 * state says so, never what is only on its way: a leader that was replaced while it stood still reads next what its
 * successor took back, and does not know of the successor yet. It commits nothing of that.
 */
function judgeCancel(parts: Parts, intent: IntentId): void {
  const { committed } = parts.term;
  const order = committed.orders.get(intent);
  if (order === undefined) return;
  const cause = cancelCause(committed, order);
  if (cause === "stranger") parts.kills.cancelledUnasked(order);
  if (cause === "venue-perhaps") parts.venueCancels.take(order);
}

/** The word on an intent that an event is; an attempt of which no byte left is not one, since it may be sent again. */
function outcomeTold(event: JournalEvent): string | undefined {
  switch (event.kind) {
    case "intent.recorded":
      return "recorded";
    case "intent.ended":
      return "not-sent";
    case "attempt.answered":
      if (event.outcome.kind === "duplicate") return "in-doubt";
      return event.outcome.kind === "not-sent" ? undefined : event.outcome.kind;
    case "doubt.resolved":
      return event.resolution.kind === "accepted" ? "accepted" : undefined;
    default:
      return undefined;
  }
}
