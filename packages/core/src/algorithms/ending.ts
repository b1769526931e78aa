/**
 * How parent orders end: when nothing waits any more and no child is alive, with a reason that follows from the record. A
 * parent that was cancelled or killed says so in its slices: what waited is skipped for that reason, and where slices come
 * one by one, the one that will not come is. So a successor never goes on with what somebody stopped.
 */
import { fixedSlices } from "../formats/algorithms.ts";
import type { JournalEvent } from "../formats/events.ts";
import type { ParentEnded } from "../formats/parent-events.ts";
import { refusalOf } from "../orders/refusal.ts";
import type { EngineState, ParentRow } from "../orders/state.ts";
import type { WallMs } from "../time.ts";
import { cancelsOf, openChildren, skippedSlice, waits } from "./child.ts";
import type { ParentStep } from "./child.ts";

/** Why a parent was stopped from outside. */
export type StopReason = "cancelled" | "killed";

/** The reason on record, undefined while nobody stopped it. */
export function stoppedFor(parent: ParentRow): StopReason | undefined {
  const reasons = parent.slices.map((slice) => (slice.kind === "skipped" ? slice.reason : ""));
  if (reasons.includes("killed")) return "killed";
  return reasons.includes("cancelled") ? "cancelled" : undefined;
}

/** The end, once no child is alive; until then it waits for them. */
export function endOf(
  state: EngineState,
  parent: ParentRow,
  now: WallMs,
  end: { readonly reason?: ParentEnded["reason"]; readonly detail?: string } = {},
): ParentStep {
  if (openChildren(state, parent).length > 0) return waits(`${parent.id} ends when its last child has ended`);
  const reason = stoppedFor(parent) ?? end.reason ?? "done";
  const detail = end.detail === undefined ? "" : ` (${end.detail})`;
  return {
    events: [
      {
        kind: "parent.ended",
        parent: parent.id,
        reason,
        ...(end.detail !== undefined && { detail: end.detail }),
        atWallMs: now,
      },
    ],
    wakeAtWallMs: undefined,
    sentence: `${parent.id} ${reason}: executed ${parent.executed} of ${parent.algorithm.quantity}${detail}`,
  };
}

/** Nothing more is begun: its waiting slices, or the next one, are recorded as not executed. */
export function stopSlices(
  state: EngineState,
  parent: ParentRow,
  reason: StopReason,
  now: WallMs,
  word?: string,
): ParentStep {
  if (stoppedFor(parent) !== undefined) return endOf(state, parent, now);
  const isFixed = fixedSlices(parent.algorithm) !== undefined;
  const events = isFixed
    ? parent.slices.flatMap((slice, index) =>
        slice.kind === "waiting" ? [skippedSlice(parent, index + 1, reason, now, word)] : [],
      )
    : [skippedSlice(parent, parent.slices.length + 1, reason, now, word)];
  if (events.length === 0) return endOf(state, parent, now);
  return { events, wakeAtWallMs: now, sentence: `${parent.id}: ${events.length} slices are not executed: ${reason}` };
}

/** A cancelled (or killed) parent: nothing more is begun, its open children are asked to go. */
export function stopParent(
  state: EngineState,
  parent: ParentRow,
  stop: { readonly reason: StopReason; readonly by: string; readonly word?: string },
  now: WallMs,
): readonly JournalEvent[] {
  const cancels = cancelsOf(openChildren(state, parent), stop.by, now, stop.word);
  return [...stopSlices(state, parent, stop.reason, now, stop.word).events, ...cancels].filter(
    (event) => event.kind === "parent.ended" || refusalOf(state, event) === undefined,
  );
}
