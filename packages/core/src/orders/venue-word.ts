/**
 * What the venue's word on one order means, however it came: over the account stream, by a sweep, as the answer to a cancel or
 * a query. The same word may come several times and late, so what says nothing new is nothing; what contradicts a proof is
 * for a person, and what is not ours is remembered as foreign. Invariants I9, I10, I11.
 */
import { compare } from "../decimal.ts";
import type { OrderUpdated } from "../formats/order-events.ts";
import type { WallMs } from "../time.ts";
import { executedBy, isOrderEnded, isUnsettled, latestAttempt } from "./order-row.ts";
import type { OrderRow } from "./order-row.ts";
import type { VenueOrder } from "./outcome.ts";
import type { EngineState } from "./state.ts";

/** What is to be done about it. */
export type VenueWord =
  /** No order of ours has this id: its trades are no trace of one of ours. */
  | { readonly kind: "foreign" }
  /** It tells of an attempt that was proved never to have been accepted: the proof was wrong. */
  | { readonly kind: "absent-attempt"; readonly order: OrderRow }
  /** Its fate was open: evidence, held against its terms before it ends the doubt. */
  | { readonly kind: "evidence"; readonly order: OrderRow }
  /** Its request is still under way and gets an answer of its own, after which this may be news. */
  | { readonly kind: "early"; readonly order: OrderRow }
  /** It says no more than the journal knows. */
  | { readonly kind: "known" }
  /** To be recorded. */
  | { readonly kind: "update"; readonly event: OrderUpdated };

/** What the venue's word on an order means now. */
export function venueWord(state: EngineState, told: VenueOrder, now: WallMs): VenueWord {
  const known = state.indexes.byClientOrderId.get(told.clientOrderId as never);
  const order = known === undefined ? undefined : state.orders.get(known.intent);
  if (order === undefined) return { kind: "foreign" };
  const { clientOrderId, number } = latestAttempt(order);
  if (clientOrderId !== told.clientOrderId) return { kind: "absent-attempt", order };
  if (isUnsettled(order)) return { kind: order.status === "in-doubt" ? "evidence" : "early", order };
  if (!isNews(order, told)) return { kind: "known" };
  return {
    kind: "update",
    event: { kind: "order.updated", intent: order.id, attempt: number, order: told, atWallMs: now },
  };
}

/** Whether the venue's word says more than the row knows. */
function isNews(order: OrderRow, told: VenueOrder): boolean {
  const isMore = compare(executedBy(order, told), order.executed) > 0;
  if (isOrderEnded(order)) return isMore;
  const isEnd = told.status !== "open" && told.status !== "partially-filled";
  return isEnd || isMore;
}
