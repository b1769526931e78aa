/**
 * When an operator may end an order that its venue took and denies now: a paper exchange that was started again, a test
 * network that was emptied, a venue that lost it. No evidence tells how such an order ended, so nothing ends it by itself, and
 * until somebody does it counts in every limit. Nobody's word is enough either: the venue is asked right then, and only while
 * all its answers deny the order is the word taken, with these answers on record (I10). One that it shows open again is an
 * orphan, and is taken back. For operators: `baton orders resolve --ended`.
 */
import type { OrderEnded } from "../formats/order-events.ts";
import type { TradeId } from "../ids.ts";
import { wallMs } from "../time.ts";
import type { WallMs } from "../time.ts";
import type { OperatorRefusal } from "./operator-resolution.ts";
import { isOrderEnded, latestAttempt } from "./order-row.ts";
import type { OrderRow } from "./order-row.ts";
import type { QueryOutcome, VenueOrder } from "./outcome.ts";
import { sendByWallMs } from "./placement.ts";
import type { DoubtPolicy } from "./resolution.ts";

/** What the venue said about one order, each asked at or after `askedWallMs`; `unavailable` says why there is no answer. */
export interface DenialEvidence {
  readonly askedWallMs: WallMs;
  readonly query: QueryOutcome;
  /** Of the order's symbol. */
  readonly openOrders: readonly VenueOrder[] | { readonly unavailable: string };
  /** Trades of this very order that the journal lacks. */
  readonly untold: readonly TradeId[] | { readonly unavailable: string };
}

/** Why the venue need not be asked at all; undefined: it must be. */
export function askingRefusal(
  order: OrderRow,
  policy: Omit<DoubtPolicy, "validityMaxMs">,
  now: WallMs,
): OperatorRefusal | undefined {
  const { id, status, venueOrderId } = order;
  if (isOrderEnded(order)) return { code: "order-ended", sentence: `${id} is ${status}: it has ended already` };
  if (venueOrderId === undefined) {
    const sentence = `${id} is ${status}: its venue is not known to have taken it, so it is accepted or not-accepted that must be said of it`;
    return { code: "not-accepted-yet", sentence };
  }
  const leftMs = shownByWallMs(order, policy) - now;
  if (leftMs < 0) return undefined;
  const sentence = `the venue took ${id} a moment ago, and its reads may be behind for ${leftMs} ms: until then it denies nothing`;
  return { code: "too-early", sentence };
}

/** The fact to record for an operator's word that a denied order has ended, or why it is refused. */
export function denialEnding(
  order: OrderRow,
  evidence: DenialEvidence,
  operator: { readonly by: string; readonly reason: string },
  policy: Omit<DoubtPolicy, "validityMaxMs">,
): OrderEnded | OperatorRefusal {
  const { askedWallMs, query, openOrders, untold } = evidence;
  const refusal = askingRefusal(order, policy, askedWallMs) ?? answersRefusal(order, evidence);
  if (refusal !== undefined) return refusal;
  const listed = "unavailable" in openOrders ? 0 : openOrders.length;
  const trades = "unavailable" in untold ? "" : "; no trade of it that is not on record";
  const { number, clientOrderId } = latestAttempt(order);
  return {
    kind: "order.ended",
    intent: order.id,
    attempt: number,
    evidence: `${clientOrderId} (${order.venueOrderId}) was asked for at ${askedWallMs}: ${query.kind}; not among ${listed} open orders${trades}`,
    by: "operator",
    word: `${operator.by}: ${operator.reason}`,
    atWallMs: askedWallMs,
  };
}

function answersRefusal(order: OrderRow, evidence: DenialEvidence): OperatorRefusal | undefined {
  const { query, openOrders, untold } = evidence;
  if (query.kind === "found") return notDenied(`the venue knows ${order.id}: it is ${query.order.status} there`);
  const silent = [query.kind === "unavailable" ? query.cause : "", silenceOf(openOrders), silenceOf(untold)].filter(
    Boolean,
  );
  if (silent.length > 0) {
    return { code: "venue-silent", sentence: `the venue cannot be asked about ${order.id} now: ${silent.join("; ")}` };
  }
  const { clientOrderId } = latestAttempt(order);
  const isIts = (open: VenueOrder): boolean =>
    open.clientOrderId === clientOrderId || open.venueOrderId === order.venueOrderId;
  if (!("unavailable" in openOrders) && openOrders.some(isIts)) {
    return notDenied(`the venue has ${order.id} among its open orders`);
  }
  if ("unavailable" in untold || untold.length === 0) return undefined;
  return notDenied(`the venue lists trades of ${order.id} that are not on record yet (${untold.join(", ")})`);
}

function notDenied(sentence: string): OperatorRefusal {
  return { code: "not-denied", sentence };
}

function silenceOf(answer: object): string {
  return "unavailable" in answer ? String(answer.unavailable) : "";
}

/** From when on a venue that has the order must show it: its word that it took it, and the bounds of its reads. */
function shownByWallMs(order: OrderRow, policy: Omit<DoubtPolicy, "validityMaxMs">): WallMs {
  const { answeredWallMs, resolution, inheritedSendByWallMs } = latestAttempt(order);
  const takenBy = resolution?.atWallMs ?? answeredWallMs ?? inheritedSendByWallMs ?? sendByWallMs(order);
  return wallMs(takenBy + policy.processingBoundMs + policy.queryLagMs + policy.clockErrorMs);
}
