/**
 * The life of one order: what each fact makes of its row. Facts arrive in any order (a fill before the answer, an old
 * update after a new one), so nothing here goes backwards: the executed quantity only grows, the venue's last word on
 * the end stays, acceptance once known stays known. Which facts may not follow on which is decided in `refusal.ts`.
 */
import { assert, assertNever } from "../assert.ts";
import { add, compare, isPositive, maximum, multiply, subtract, zero } from "../decimal.ts";
import type {
  AttemptAnswered,
  AttemptRecorded,
  CancelRequested,
  DoubtResolved,
  FillRecorded,
  IntentRecorded,
  ReplaceEnded,
  ReplaceRequested,
} from "../formats/order-events.ts";
import type { Epoch, IntentId, NodeId, Sequence } from "../ids.ts";
import type { WallMs } from "../time.ts";
import { deniedReason, executedBy, isComplete, isOrderEnded, isUnsettled, latestAttempt } from "./order-row.ts";
import type { AttemptOutcome, AttemptRow, OrderRow, OrderStanding, ReplaceRow } from "./order-row.ts";
import type { PlaceOutcome, VenueOrder } from "./outcome.ts";

/** Who recorded an attempt, and where. */
export interface RecordedBy {
  readonly sequence: Sequence;
  readonly epoch: Epoch;
  readonly node: NodeId | "";
}

/** A new intent with its first attempt. */
export function intentRow(event: IntentRecorded, recorded: RecordedBy): OrderRow {
  return {
    id: event.intent,
    terms: event.terms,
    by: event.by,
    ...(event.request !== undefined && { request: event.request }),
    ...(event.parent !== undefined && { parent: event.parent }),
    ...(event.slice !== undefined && { slice: event.slice }),
    ...(event.replaces !== undefined && { replaces: event.replaces }),
    sendWithinMs: event.sendWithinMs,
    recordedWallMs: event.atWallMs,
    sequence: recorded.sequence,
    attempts: [attemptRow(1, event, recorded)],
    status: "pending-new",
    executed: zero,
    filled: zero,
    executedQuote: zero,
  };
}

/** The same intent under its next attempt. */
export function reissued(order: OrderRow, event: AttemptRecorded, recorded: RecordedBy): OrderRow {
  return {
    ...order,
    attempts: [...order.attempts, attemptRow(event.attempt, event, recorded)],
    status: "pending-new",
  };
}

/** A later epoch began while the fate of its latest attempt was open. The first bound holds: nobody sends it after. */
export function inherited(order: OrderRow, inheritedSendByWallMs: WallMs): OrderRow {
  const attempt = latestAttempt(order);
  if (attempt.inheritedSendByWallMs !== undefined) return order;
  return { ...withAttempt(order, { ...attempt, inheritedSendByWallMs }), status: "in-doubt" };
}

/** The answer to its latest attempt. */
export function answered(order: OrderRow, event: AttemptAnswered): OrderRow {
  const { outcome, atWallMs } = event;
  const attempt: AttemptRow = {
    ...latestAttempt(order),
    outcome: outcomeRow(outcome),
    ...("stamp" in outcome && outcome.stamp !== undefined && { stamp: outcome.stamp }),
    answeredWallMs: atWallMs,
  };
  const told = withAttempt(order, attempt);
  switch (outcome.kind) {
    case "accepted":
      return updated(told, outcome.order, atWallMs);
    case "rejected":
      return { ...told, status: "rejected", endReason: outcome.code, endedWallMs: atWallMs };
    case "not-sent":
      // Not yet the end: the same leader may send it within its time, else it records the end.
      return isUnsettled(order) ? { ...told, status: "pending-new" } : told;
    case "duplicate":
    case "in-doubt":
      return isUnsettled(order) ? { ...told, status: "in-doubt" } : told;
    default:
      return assertNever(outcome, "outcome");
  }
}

/** Evidence ended its doubt. */
export function resolved(order: OrderRow, event: DoubtResolved): OrderRow {
  const { resolution, by, atWallMs } = event;
  const attempt = latestAttempt(order);
  if (resolution.kind === "accepted") {
    const told = withAttempt(order, { ...attempt, resolution: { kind: "accepted", by, atWallMs } });
    return updated(told, resolution.order, atWallMs);
  }
  const { proof } = resolution;
  return {
    ...withAttempt(order, { ...attempt, resolution: { kind: "not-accepted", by, proof, atWallMs } }),
    status: "pending-new",
  };
}

/** It will never be sent (again). */
export function ended(order: OrderRow, reason: string, atWallMs: WallMs): OrderRow {
  return { ...order, status: "not-sent", endReason: reason, endedWallMs: atWallMs };
}

/** Its venue has it no more, and an operator says so: it ended by nobody's wish, as one does whose time is over. */
export function denied(order: OrderRow, atWallMs: WallMs): OrderRow {
  return { ...order, status: "expired", endReason: deniedReason, endedWallMs: atWallMs };
}

/** The venue's word on an accepted order. */
export function updated(order: OrderRow, venueOrder: VenueOrder, atWallMs: WallMs): OrderRow {
  const executed = executedBy(order, venueOrder);
  return standing(
    { ...order, venueOrderId: order.venueOrderId ?? venueOrder.venueOrderId, executed },
    statusOf(venueOrder),
    atWallMs,
  );
}

/** A trade of it, which is also proof that it was accepted. */
export function filledBy(order: OrderRow, fill: Omit<FillRecorded, "kind">): OrderRow {
  const filled = add(order.filled, fill.quantity);
  const next: OrderRow = {
    ...order,
    venueOrderId: order.venueOrderId ?? fill.venueOrderId,
    filled,
    executed: maximum(order.executed, filled),
    executedQuote: add(order.executedQuote, multiply(fill.price, fill.quantity)),
  };
  return standing(next, "partially-filled", fill.tradedWallMs);
}

/** A trade of it was taken back. An order that has ended is not open again: whoever still wants it places another. */
export function unfilledBy(order: OrderRow, fill: Omit<FillRecorded, "kind">): OrderRow {
  const filled = subtract(order.filled, fill.quantity);
  const executed = maximum(filled, subtract(order.executed, fill.quantity));
  const executedQuote = subtract(order.executedQuote, multiply(fill.price, fill.quantity));
  const busted = add(order.busted ?? zero, fill.quantity);
  const next: OrderRow = { ...order, filled, executed, executedQuote, busted };
  if (isOrderEnded(order)) return next;
  return { ...next, status: isPositive(executed) ? "partially-filled" : "new" };
}

/** Somebody wants it gone. The first wish stays on record. */
export function cancelAsked(order: OrderRow, event: CancelRequested, sequence: Sequence): OrderRow {
  return { ...order, cancel: { by: event.by, atWallMs: event.atWallMs, sequence } };
}

/** Somebody wants another in its place. */
export function replaceAsked(order: OrderRow, event: ReplaceRequested): OrderRow {
  const { kind: _kind, intent: _intent, ...replace } = event;
  return { ...order, replace };
}

/** Another has come in its place. */
export function replaced(order: OrderRow, successor: IntentId): OrderRow {
  return withReplaceEnd(order, { kind: "replaced", successor });
}

/** None will come. */
export function replaceOver(order: OrderRow, event: ReplaceEnded): OrderRow {
  return withReplaceEnd(order, { kind: "given-up", reason: event.reason });
}

/** Notes from which event on an order is complete; a late word of the venue can undo that. */
export function closing(order: OrderRow, sequence: Sequence): OrderRow {
  if (isComplete(order) === (order.closedSequence !== undefined)) return order;
  if (order.closedSequence === undefined) return { ...order, closedSequence: sequence };
  const { closedSequence: _closed, ...open } = order;
  return open;
}

/** The status that follows from what was known and what is told, with the executed quantity as already merged. */
function standing(order: OrderRow, told: OrderStanding, atWallMs: WallMs): OrderRow {
  const isWhole = compare(order.executed, order.terms.quantity) >= 0;
  if (isOrderEnded(order)) {
    // A fill that was told after the end can complete an order; nothing can open it again.
    const canComplete = order.status === "cancelled" || order.status === "expired";
    return canComplete && isWhole ? { ...order, status: "filled" } : order;
  }
  if (isWhole || told === "filled") return { ...order, status: "filled", endedWallMs: atWallMs };
  if (isOrderEnded({ status: told })) return { ...order, status: told, endedWallMs: atWallMs };
  return { ...order, status: isPositive(order.executed) ? "partially-filled" : "new" };
}

function statusOf(order: VenueOrder): OrderStanding {
  return order.status === "open" ? "new" : order.status;
}

function withReplaceEnd(order: OrderRow, end: NonNullable<ReplaceRow["end"]>): OrderRow {
  assert(order.replace !== undefined, `${order.id} was to be replaced`);
  return { ...order, replace: { ...order.replace, end } };
}

function withAttempt(order: OrderRow, attempt: AttemptRow): OrderRow {
  return { ...order, attempts: [...order.attempts.slice(0, -1), attempt] };
}

function attemptRow(number: number, event: IntentRecorded | AttemptRecorded, recorded: RecordedBy): AttemptRow {
  return {
    number,
    clientOrderId: event.clientOrderId,
    epoch: recorded.epoch,
    node: recorded.node,
    sequence: recorded.sequence,
    recordedWallMs: event.atWallMs,
    ...(event.basis !== undefined && { basis: event.basis }),
  };
}

function outcomeRow(outcome: PlaceOutcome): AttemptOutcome {
  switch (outcome.kind) {
    case "accepted":
      return { kind: "accepted" };
    case "rejected":
      return { kind: "rejected", code: outcome.code, message: outcome.message };
    case "not-sent":
      return { kind: "not-sent", reason: outcome.reason, message: outcome.message };
    case "duplicate":
      return { kind: "duplicate", message: outcome.message };
    case "in-doubt":
      return { kind: "in-doubt", cause: outcome.cause };
    default:
      return assertNever(outcome, "outcome");
  }
}
