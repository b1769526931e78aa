/**
 * When a person may end a doubt, and when not. Evidence goes first: before the proof time the venue may still take or show
 * the order, and where its answers are enough they end the doubt without anybody. What is left is a venue that cannot say
 * (it does not answer, forgot the order, shows a trade that nobody can attribute, or is configured no more) or that has
 * another order under our id. Then an operator's word is recorded with name and reason (I10). For operators:
 * `baton orders resolve`.
 */
import { assertNever } from "../assert.ts";
import { compare, isPositive, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { DoubtResolved } from "../formats/order-events.ts";
import type { VenueOrderId } from "../ids.ts";
import type { WallMs } from "../time.ts";
import { isUnsettled } from "./order-row.ts";
import type { OrderRow } from "./order-row.ts";
import type { VenueOrder } from "./outcome.ts";
import { nextDoubtStep } from "./resolution.ts";
import type { Doubt, DoubtProgress, FinalEvidence } from "./resolution.ts";

/** What an operator found out about an order, by other ways than ours. */
export type OperatorFinding =
  | { readonly as: "not-accepted" }
  | {
      readonly as: "accepted";
      readonly venueOrderId: VenueOrderId;
      readonly status: "open" | "filled" | "cancelled" | "expired";
      /** What the venue executed of it; its trades are journaled when the venue shows them. */
      readonly executed: Decimal;
    };

/** Why an operator's word is not taken: a stable code and a sentence. */
export interface OperatorRefusal {
  readonly code:
    | "not-in-doubt"
    | "too-early"
    | "evidence-at-hand"
    | "contradicts-venue"
    | "finding-malformed"
    // Of `denial.ts`.
    | "order-ended"
    | "not-accepted-yet"
    | "not-denied"
    | "venue-silent";
  readonly sentence: string;
}

/** What is known when an operator asks. `progress` is absent where nobody here can ask the venue. */
export interface DoubtKnown {
  readonly order: OrderRow;
  readonly doubt: Doubt | undefined;
  readonly progress: DoubtProgress | undefined;
}

/** The fact to record for an operator's word, or why it is refused. */
export function operatorResolution(
  known: DoubtKnown,
  finding: OperatorFinding,
  operator: { readonly by: string; readonly reason: string },
  now: WallMs,
): DoubtResolved | OperatorRefusal {
  const { order, doubt, progress } = known;
  if (doubt === undefined || !isUnsettled(order)) {
    return { code: "not-in-doubt", sentence: `${order.id} is ${order.status}: there is no doubt to end` };
  }
  const refusal = findingRefusal(order, finding) ?? evidenceRefusal(doubt, progress, finding, now);
  if (refusal !== undefined) return refusal;
  const word = `${operator.by}: ${operator.reason}`;
  const resolution: DoubtResolved["resolution"] =
    finding.as === "accepted"
      ? { kind: "accepted", order: orderOf(doubt, finding) }
      : { kind: "not-accepted", proof: `${word}; ${gapsText(progress?.final)}` };
  return {
    kind: "doubt.resolved",
    intent: doubt.intent,
    attempt: doubt.attempt,
    resolution,
    by: "operator",
    word,
    atWallMs: now,
  };
}

function findingRefusal(order: OrderRow, finding: OperatorFinding): OperatorRefusal | undefined {
  if (finding.as === "not-accepted") return undefined;
  const { executed, status } = finding;
  const { quantity } = order.terms;
  const isTooMuch = compare(executed, quantity) > 0 || compare(executed, zero) < 0;
  if (!isTooMuch && (status !== "filled" || compare(executed, quantity) === 0)) return undefined;
  const sentence = `${status} with ${executed} executed is not an end of an order of ${quantity}`;
  return { code: "finding-malformed", sentence };
}

/** What the venue can still prove is left to the venue. */
function evidenceRefusal(
  doubt: Doubt,
  progress: DoubtProgress | undefined,
  finding: OperatorFinding,
  now: WallMs,
): OperatorRefusal | undefined {
  if (now <= doubt.proofWallMs) {
    const leftMs = doubt.proofWallMs - now;
    const sentence = `the venue may still take or show ${doubt.intent} for ${leftMs} ms (${doubt.reckoning}); until then nobody can know`;
    return { code: "too-early", sentence };
  }
  if (progress === undefined) return undefined;
  const step = nextDoubtStep(doubt, progress, now);
  switch (step.kind) {
    case "resolved":
      return {
        code: "evidence-at-hand",
        sentence: `the venue has answered about ${doubt.intent}; its word is recorded`,
      };
    case "mismatch": {
      const isSame = finding.as === "accepted" && finding.venueOrderId === step.order.venueOrderId;
      return isSame ? undefined : { code: "contradicts-venue", sentence: step.sentence };
    }
    case "query":
    case "ask-all": {
      const { final } = progress;
      if (final !== undefined && final.askedWallMs > doubt.proofWallMs) return undefined;
      const sentence = `the venue is being asked about ${doubt.intent}, for the first time since that can prove anything; ask again in a moment`;
      return { code: "evidence-at-hand", sentence };
    }
    default:
      return assertNever(step, "doubt step");
  }
}

function orderOf(doubt: Doubt, finding: Extract<OperatorFinding, { readonly as: "accepted" }>): VenueOrder {
  const { terms, clientOrderId } = doubt;
  const { venueOrderId, executed, status } = finding;
  return {
    venueOrderId,
    clientOrderId,
    symbol: terms.symbol,
    side: terms.side,
    status: status === "open" && isPositive(executed) ? "partially-filled" : status,
    quantity: terms.quantity,
    ...(terms.price !== undefined && { price: terms.price }),
    executed,
  };
}

/** Why the venue's answers were no proof, for the record. */
function gapsText(final: FinalEvidence | undefined): string {
  if (final === undefined) return "nobody here could ask the venue";
  const gaps = [
    final.query.kind === "unavailable" ? `its order could not be read (${final.query.cause})` : "",
    "unavailable" in final.openOrders ? `open orders could not be read (${final.openOrders.unavailable})` : "",
    "unavailable" in final.unexplained
      ? `trades could not be read (${final.unexplained.unavailable})`
      : final.unexplained.length > 0
        ? `trades of ${final.unexplained.join(", ")} are nobody's`
        : "",
  ].filter((gap) => gap !== "");
  return gaps.join("; ") || "the venue had no proof";
}
