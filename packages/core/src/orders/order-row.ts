/**
 * One order as the journal knows it: an intent, its attempts, and the venue's word on it. Decided here: which standings
 * there are and what each one means for the question "may it still be at the venue, or come to it?". At most the latest
 * attempt of an order can ever be at the venue (I9); the earlier ones were proved not accepted.
 */
import { assertNever } from "../assert.ts";
import { add, compare, maximum, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { ClientOrderId, Epoch, IntentId, NodeId, ParentId, Sequence, VenueOrderId } from "../ids.ts";
import type { WallMs } from "../time.ts";
import type { RequestKey } from "../formats/order-events.ts";
import type { NotSentReason, SendStamp } from "./outcome.ts";
import type { OrderTerms, PriceBasis } from "./terms.ts";

/**
 * Where an order stands. `pending-new` and `in-doubt` are before the venue's word, `new` to `rejected` are the venue's
 * word, `not-sent` is an intent that ended without ever having been accepted.
 */
export type OrderStanding =
  | "pending-new"
  | "in-doubt"
  | "new"
  | "partially-filled"
  | "filled"
  | "cancelled"
  | "expired"
  | "rejected"
  | "not-sent";

/** What is known of one attempt's answer; the terms of the answer itself are merged into the order. */
export type AttemptOutcome =
  | { readonly kind: "accepted" }
  | { readonly kind: "rejected"; readonly code: string; readonly message: string }
  | { readonly kind: "not-sent"; readonly reason: NotSentReason; readonly message: string }
  | { readonly kind: "duplicate"; readonly message: string }
  | { readonly kind: "in-doubt"; readonly cause: string };

/** How a doubt ended. */
export type AttemptResolution =
  | { readonly kind: "accepted"; readonly by: "venue" | "operator"; readonly atWallMs: WallMs }
  | {
      readonly kind: "not-accepted";
      readonly by: "venue" | "operator";
      readonly proof: string;
      readonly atWallMs: WallMs;
    };

/** One attempt to place an intent, under a client order id of its own. */
export interface AttemptRow {
  readonly number: number;
  readonly clientOrderId: ClientOrderId;
  /** The epoch and node that recorded it; nobody else ever sends it. Epoch 0: before the first epoch. */
  readonly epoch: Epoch;
  readonly node: NodeId | "";
  readonly sequence: Sequence;
  readonly recordedWallMs: WallMs;
  readonly basis?: PriceBasis;
  /** Set when a later epoch began while its fate was open: it may have been sent until then, and never after. */
  readonly inheritedSendByWallMs?: WallMs;
  readonly outcome?: AttemptOutcome;
  readonly stamp?: SendStamp;
  readonly answeredWallMs?: WallMs;
  readonly resolution?: AttemptResolution;
}

/** The wish to replace an order, and what came of it. */
export interface ReplaceRow {
  readonly quantity: Decimal;
  readonly price: Decimal;
  readonly by: string;
  readonly reason?: string;
  readonly atWallMs: WallMs;
  readonly sendWithinMs: number;
  /** Absent while it is under way. */
  readonly end?:
    | { readonly kind: "replaced"; readonly successor: IntentId }
    | { readonly kind: "given-up"; readonly reason: string };
}

/** An intent to place an order and all that became of it. */
export interface OrderRow {
  readonly id: IntentId;
  readonly terms: OrderTerms;
  readonly by: string;
  readonly request?: RequestKey;
  readonly parent?: ParentId;
  /** 1-based; present exactly with `parent`. */
  readonly slice?: number;
  readonly sendWithinMs: number;
  readonly recordedWallMs: WallMs;
  /** Of the event that recorded it. */
  readonly sequence: Sequence;
  /** Oldest first, never empty; only the last one can be at the venue. */
  readonly attempts: readonly AttemptRow[];
  readonly status: OrderStanding;
  /** Present once the venue is known to have accepted it, by an answer, an update, a query or a fill. */
  readonly venueOrderId?: VenueOrderId;
  /** The larger of the venue's cumulative figure, less what it took back, and the sum of the fills; see `executedBy`. */
  readonly executed: Decimal;
  /** Sum of the recorded fills: what positions know of it. */
  readonly filled: Decimal;
  /** Sum of its trades that the venue took back, if any: they count nowhere, and are not traded again. */
  readonly busted?: Decimal;
  /** Σ price × quantity of the recorded fills. */
  readonly executedQuote: Decimal;
  /** `sequence`: of the event that recorded the wish. */
  readonly cancel?: { readonly by: string; readonly atWallMs: WallMs; readonly sequence?: Sequence };
  /** Never without `cancel`. */
  readonly replace?: ReplaceRow;
  /** The order in whose place this one came. */
  readonly replaces?: IntentId;
  readonly endReason?: string;
  readonly endedWallMs?: WallMs;
  /** Of the event after which it had ended and all its fills were known; the oldest of these leave the tables first. */
  readonly closedSequence?: Sequence;
}

/** The last attempt: the only one that can be at the venue. */
export function latestAttempt(order: OrderRow): AttemptRow {
  return order.attempts[order.attempts.length - 1] as AttemptRow;
}

/**
 * What the venue's cumulative figure says that an order has executed. Whether that figure still has a trade that was taken
 * back no venue documents. A figure that could have it is read as one that has, since an order would otherwise miss that
 * trade for ever, in the limits and in what its parent holds; one that is too small for that has been lowered. It may be
 * older than trades that are told already (a list of orders is read before the list of trades): so it is held against what
 * was taken back alone, which is old by then, and never against those. After a bust this may be less than the truth until
 * the trades are told, and is never less than those that were.
 */
export function executedBy(
  order: Pick<OrderRow, "executed" | "busted">,
  { executed }: { readonly executed: Decimal },
): Decimal {
  const without = order.busted === undefined ? executed : subtract(executed, order.busted);
  return maximum(order.executed, compare(without, zero) >= 0 ? without : executed);
}

/** How much of it has traded, with what the venue took back afterwards: that is not to be traded again (decision 20). */
export function takenOf({ executed, busted }: Pick<OrderRow, "executed" | "busted">): Decimal {
  return busted === undefined ? executed : add(executed, busted);
}

/** True when nothing more can become of it, except that fills already made are still to be reported. */
export function isOrderEnded(order: { readonly status: OrderStanding }): boolean {
  switch (order.status) {
    case "pending-new":
    case "in-doubt":
    case "new":
    case "partially-filled":
      return false;
    case "filled":
    case "cancelled":
    case "expired":
    case "rejected":
    case "not-sent":
      return true;
    default:
      return assertNever(order.status, "order standing");
  }
}

/** Why an order ended that its venue denies, by an operator's word. */
export const deniedReason = "denied";

/** True when an operator ended it because its venue denied it: at the venue nothing may be left of it. */
export function isDenied(order: OrderRow): boolean {
  return order.venueOrderId !== undefined && order.endReason === deniedReason;
}

/** True while the fate of the latest attempt is open: not accepted, not refused, not proved absent. */
export function isUnsettled(order: OrderRow): boolean {
  if (order.status !== "pending-new" && order.status !== "in-doubt") return false;
  const attempt = latestAttempt(order);
  return attempt.resolution === undefined && !isWithdrawn(attempt);
}

/** True for an attempt that its own leader recorded as one that never left and never will. */
export function isWithdrawn({ outcome }: AttemptRow): boolean {
  return outcome?.kind === "not-sent" && outcome.reason === "withdrawn";
}

/** True when it has ended, the recorded fills are all that the venue executed of it, and nothing is to come in its place. */
export function isComplete(order: OrderRow): boolean {
  return isOrderEnded(order) && order.executed === order.filled && !isReplacing(order);
}

/** True while it is to be replaced and neither its successor is recorded nor that there will be none. */
export function isReplacing(order: OrderRow): boolean {
  return order.replace !== undefined && order.replace.end === undefined;
}

/** True when the latest attempt was proved not accepted, or withdrawn, and neither a next attempt nor the end is recorded. */
export function isReissuable(order: OrderRow): boolean {
  if (order.status !== "pending-new") return false;
  const attempt = latestAttempt(order);
  return attempt.resolution?.kind === "not-accepted" || isWithdrawn(attempt);
}
