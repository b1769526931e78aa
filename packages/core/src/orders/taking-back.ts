/**
 * What is recorded when somebody takes an order or a parent back: a client, an operator, a kill. A wish on record stays as it
 * is. An order that is being replaced is being taken back already, also when it has ended meanwhile: what is taken back then
 * is what was to come in its place.
 */
import { stopParent } from "../algorithms/ending.ts";
import type { JournalEvent } from "../formats/events.ts";
import { id } from "../ids.ts";
import type { IntentId, ParentId } from "../ids.ts";
import type { WallMs } from "../time.ts";
import { isOrderEnded, isReplacing } from "./order-row.ts";
import { replaceEnded } from "./replacement.ts";
import { wasRecorded } from "./state.ts";
import type { EngineState } from "./state.ts";

/** What taking back comes to. */
export type TakingBack =
  /** To be recorded as one; none: it is wished already. */
  | { readonly kind: "record"; readonly events: readonly JournalEvent[] }
  | { readonly kind: "ended" }
  | { readonly kind: "unknown" };

/** `reason`: in the words of whoever asks. */
export function takingBack(
  state: EngineState,
  ref: string,
  asked: { readonly by: string; readonly reason?: string | undefined },
  now: WallMs,
): TakingBack {
  const { by, reason } = asked;
  const parent = state.parents.get(id<ParentId>(ref));
  if (parent !== undefined) {
    if (parent.status !== "working") return { kind: "ended" };
    const stop = { reason: "cancelled", by, ...(reason !== undefined && { word: reason }) } as const;
    return { kind: "record", events: stopParent(state, parent, stop, now) };
  }
  const order = state.orders.get(id<IntentId>(ref));
  if (order === undefined) return { kind: wasRecorded(state, ref) ? "ended" : "unknown" };
  if (isReplacing(order)) return { kind: "record", events: [replaceEnded(order, "cancelled", now, by)] };
  if (isOrderEnded(order)) return { kind: "ended" };
  if (order.cancel !== undefined) return { kind: "record", events: [] };
  const wish = { intent: order.id, by, ...(reason !== undefined && { reason }), atWallMs: now };
  return { kind: "record", events: [{ kind: "cancel.requested", ...wish }] };
}
