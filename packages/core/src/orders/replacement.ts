/**
 * Replacing an order that rests: it is taken back, and once it is proved to have ended, what is left of the new quantity
 * is placed as an order of its own. Decided here: may this order be replaced, what comes next of a replacement, and which
 * successor its journal may take. The next step follows from the journaled rows alone, so that a takeover in any state
 * goes on. Never two of them are open at once (the successor is refused while the first has not ended), and the two
 * together never execute more than was wanted: what the first executed is subtracted, also when it was executed while its
 * cancel was on its way (I9, I12). Decision 23 says why no venue's own replace is used.
 */
import { compare, isPositive, subtract } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { IntentRecorded, ReplaceEnded } from "../formats/order-events.ts";
import { refused } from "../risk/refusal-codes.ts";
import type { Refusal } from "../risk/refusal-codes.ts";
import type { Sequence } from "../ids.ts";
import type { WallMs } from "../time.ts";
import { withoutShareOf } from "./indexes.ts";
import { isOfLostHistory } from "./numbering.ts";
import { isOrderEnded, isReplacing, takenOf } from "./order-row.ts";
import type { OrderRow } from "./order-row.ts";
import type { EngineRow, EngineState } from "./state.ts";
import type { OrderTerms } from "./terms.ts";

/** The figures that are to change; what is left out stays. `quantity` is the whole, with what is executed already. */
export interface ReplaceChange {
  readonly quantity?: Decimal;
  readonly price?: Decimal;
}

/** What is wanted in the place of an order. `rest`: the order that would come, were it proved gone now. */
export interface Replacement {
  readonly quantity: Decimal;
  readonly price: Decimal;
  readonly rest: OrderTerms;
}

/** What comes next of a replacement. */
export type ReplacementStep =
  /** Nothing: it has its successor, or will have none, or was never wanted. */
  | { readonly kind: "settled" }
  /** The order may still be at the venue, or come to it: its cancel goes on. */
  | { readonly kind: "wait" }
  /** It is gone for good: risk is asked, then its successor is recorded. */
  | { readonly kind: "place"; readonly terms: OrderTerms; readonly sendWithinMs: number }
  /** Record `replace.ended` with this reason. */
  | { readonly kind: "end"; readonly reason: ReplaceEndReason };

/** Why nothing comes in the place of an order; `risk: CODE` beside these. */
export type ReplaceEndReason =
  | "executed" // as much as was wanted, before it could be taken back
  | "order-rejected" // the venue never took it: nothing was there to be replaced
  | "order-expired" // the venue ended it by its own rules
  | "order-not-sent" // it ended unsent, and not because it was taken back
  | "history-lost" // the history that was given up since may have placed what comes in its place
  | "too-late" // its end was proved after `sendWithinMs`
  | "cancelled"; // somebody took the wish back, or a kill did

const sentences: Readonly<Record<ReplaceEndReason, string>> = {
  executed: "it was executed before it could be taken back, so nothing comes in its place",
  "order-rejected": "the venue refused it, so there was nothing to replace",
  "order-expired": "the venue let it expire, so nothing comes in its place",
  "order-not-sent": "it was never sent, so there was nothing to replace",
  "history-lost":
    "what comes in its place may have been placed in the history that was lost, so nothing comes; see what the venue holds",
  "too-late":
    "it was gone only after sendWithinMs had passed, so nothing came in its place; place it anew if it is still wanted",
  cancelled: "the wish was taken back, so nothing comes in its place",
};

/** Why nothing came in the place of an order, for a person. `reason`: as `replace.ended` has it. */
export function replaceEndText(reason: string): string {
  return Object.hasOwn(sentences, reason)
    ? sentences[reason as ReplaceEndReason]
    : `it was taken back, and what should come in its place was refused (${reason}): nothing rests now`;
}

/** Whether, and by what, an order may be replaced. Risk and the venue's rules are asked about `rest` after this. */
export function replacementOf(order: OrderRow, change: ReplaceChange): Replacement | Refusal {
  const { terms } = order;
  const executed = takenOf(order);
  const why = whyNotReplaceable(order);
  if (why !== undefined || terms.price === undefined)
    return refused("order-state", { order: order.id, why: why ?? "" });
  const quantity = change.quantity ?? terms.quantity;
  const price = change.price ?? terms.price;
  if (compare(quantity, terms.quantity) === 0 && compare(price, terms.price) === 0)
    return refused("amend-malformed", { order: order.id, why: "these are its figures already" });
  if (compare(quantity, executed) <= 0) return refused("amend-too-small", { quantity, executed });
  return { quantity, price, rest: { ...terms, quantity: subtract(quantity, executed), price } };
}

/** What comes next of the replacement of an order; asked when it was recorded, and after each word about the order. */
export function nextReplacementStep(
  engine: Pick<EngineRow, "lossSequence">,
  order: OrderRow,
  now: WallMs,
): ReplacementStep {
  const { replace } = order;
  if (replace === undefined || !isReplacing(order)) return { kind: "settled" };
  if (!isOrderEnded(order)) return { kind: "wait" };
  if (isOfLostHistory(engine, wishOf(order))) return { kind: "end", reason: "history-lost" };
  const left = leftOf(order);
  if (typeof left === "string") return { kind: "end", reason: left };
  const sendWithinMs = replace.atWallMs + replace.sendWithinMs - now;
  return sendWithinMs > 0 ? { kind: "place", terms: left, sendWithinMs } : { kind: "end", reason: "too-late" };
}

/** The fact that nothing comes in its place. */
export function replaceEnded(order: OrderRow, reason: string, now: WallMs, by?: string): ReplaceEnded {
  return { kind: "replace.ended", intent: order.id, reason, ...(by !== undefined && { by }), atWallMs: now };
}

/** The state as risk sees it when it is asked, before an order is taken back, about what would come in its place. */
export function stateWithout(state: EngineState, order: OrderRow): EngineState {
  return { ...state, indexes: withoutShareOf(state.indexes, order) };
}

/** A stable code when an intent may not come in the place of `order`: one of the rules of `refusal.ts`. */
export function successorRefusal(order: OrderRow | undefined, event: IntentRecorded): string | undefined {
  if (order === undefined) return "intent-unknown";
  if (!isReplacing(order)) return "replace-settled";
  if (!isOrderEnded(order)) return "order-open";
  if (event.parent !== undefined) return "not-replaceable";
  const left = leftOf(order);
  return typeof left !== "string" && isSame(left, event.terms) ? undefined : "terms-differ";
}

/** The record of the wish; older ones say only when the order itself was recorded. */
function wishOf({ cancel, sequence }: OrderRow): { readonly sequence: Sequence } {
  return { sequence: cancel?.sequence ?? sequence };
}

/** What is left to place of an order that has ended, or why nothing is. */
function leftOf(order: OrderRow): OrderTerms | ReplaceEndReason {
  const { status, terms, replace, endReason } = order;
  switch (status) {
    case "filled":
      // Also where more was wanted than the order had: as with any venue's own replace, who is too late decides anew.
      return "executed";
    case "cancelled":
      break;
    case "not-sent":
      if (endReason === "cancelled") break;
      return "order-not-sent";
    case "rejected":
      return "order-rejected";
    default:
      return "order-expired";
  }
  if (replace === undefined) return "executed";
  const quantity = subtract(replace.quantity, takenOf(order));
  return isPositive(quantity) ? { ...terms, quantity, price: replace.price } : "executed";
}

function whyNotReplaceable(order: OrderRow): string | undefined {
  const { terms, parent, cancel, replace } = order;
  if (parent !== undefined) return `it is a child of ${parent}: amend that`;
  if (terms.type !== "limit") return "a market order does not rest";
  if (terms.timeInForce !== "GTC" && terms.timeInForce !== "GTX") return `${terms.timeInForce} does not rest`;
  if (replace !== undefined) return "it is being replaced already";
  return cancel === undefined ? undefined : "it is being taken back";
}

function isSame(a: OrderTerms, b: OrderTerms): boolean {
  return (Object.keys({ ...a, ...b }) as (keyof OrderTerms)[]).every((key) => a[key] === b[key]);
}
