/**
 * How a doubt ends. An order that was neither accepted nor refused is looked for at the venue; found with the same terms,
 * it is adopted. Not found proves nothing until the proof time: until then the request may still be under way, within
 * its validity, in the venue's engine, or not yet visible to queries (I10). After it three things are asked anew, and
 * only all three together are a proof: the query by id, the list of open orders, and the trades since. An inherited
 * attempt without a journaled send time may have been sent until the old leader's right had ended for sure.
 *
 * Everything here is a function of the order, the evidence so far and the time; the shell asks what it is told to ask.
 * For operators: `baton orders show`, `baton orders resolve`.
 */
import { compare } from "../decimal.ts";
import type { DoubtResolved } from "../formats/order-events.ts";
import type { ClientOrderId, IntentId, VenueOrderId } from "../ids.ts";
import { wallMs } from "../time.ts";
import type { WallMs } from "../time.ts";
import { venueOrderKey } from "./indexes.ts";
import { isUnsettled, latestAttempt } from "./order-row.ts";
import type { OrderRow } from "./order-row.ts";
import type { QueryOutcome, VenueOrder } from "./outcome.ts";
import type { EngineState } from "./state.ts";
import type { OrderTerms } from "./terms.ts";

/** The bounds that a proof rests on. */
export interface DoubtPolicy {
  /** How long the venue may take from its validity check to an order that queries can see. */
  readonly processingBoundMs: number;
  /** How far the venue's query path may lag behind its engine. */
  readonly queryLagMs: number;
  /** Between the sender's, the resolver's and the venue's clock, all together. */
  readonly clockErrorMs: number;
  /** The widest validity that any leader signs; counts where no send time is known. */
  readonly validityMaxMs: number;
}

/** A doubt to be ended. */
export interface Doubt {
  readonly intent: IntentId;
  readonly attempt: number;
  readonly clientOrderId: ClientOrderId;
  readonly terms: OrderTerms;
  /** It was not sent before: trades since then can be its. */
  readonly sinceWallMs: WallMs;
  /** Not found proves something only when asked later than this. */
  readonly proofWallMs: WallMs;
  /** What the proof time is made of, for people. */
  readonly reckoning: string;
  readonly isInherited: boolean;
}

/** A trade of the account as the venue lists it. */
export interface TradeSeen {
  readonly venueOrderId: VenueOrderId;
  readonly clientOrderId?: string;
}

/** The three questions, each asked at or after `askedWallMs`; `unavailable` says why there is no answer. */
export interface FinalEvidence {
  readonly askedWallMs: WallMs;
  readonly query: QueryOutcome;
  readonly openOrders: readonly VenueOrder[] | { readonly unavailable: string };
  /** Trades of the order's symbol since `doubt.sinceWallMs`, after `unexplainedTrades`. */
  readonly unexplained: readonly VenueOrderId[] | { readonly unavailable: string };
}

/** When two lists of a market were asked for, and how far back their trades reach. */
export interface ListsAsked {
  readonly askedWallMs: WallMs;
  readonly sinceWallMs: WallMs;
}

/** What was asked so far and what came of it; kept by the shell, started by `beginDoubt`. */
export interface DoubtProgress {
  readonly startedWallMs: WallMs;
  readonly asked: number;
  readonly lastAskedWallMs?: WallMs;
  readonly found?: VenueOrder;
  readonly final?: FinalEvidence;
}

/** What to do about a doubt now. */
export type DoubtStep =
  /** Ask by client order id at that time (or at once when it has passed); `noteQuery` what comes back. */
  | { readonly kind: "query"; readonly atWallMs: WallMs }
  /** Ask all three questions at that time; `noteFinal` what comes back. */
  | { readonly kind: "ask-all"; readonly atWallMs: WallMs }
  /** Record it; see `resolutionEvent`. */
  | { readonly kind: "resolved"; readonly resolution: DoubtResolved["resolution"] }
  /** The venue has another order under our id: stop new risk and call a person. */
  | { readonly kind: "mismatch"; readonly order: VenueOrder; readonly sentence: string };

/** Since when a doubt is looked for, in ms: soon, and then less and less often. */
const queryScheduleMs: readonly number[] = [200, 500, 1_000, 2_000, 5_000];
const queryEveryMs = 5_000;
const finalEveryMs = 1_000;
/**
 * So many doubts are asked about at that pace. More of them share the venue's allowance: all but the first and the last
 * questions are put off in proportion, so that a storm of doubts leaves room for what else has to be asked and cancelled.
 */
const companyAtPace = 16;

/** The doubt about an order's latest attempt; undefined when there is none that evidence could end (yet). */
export function doubtOf(order: OrderRow, policy: DoubtPolicy): Doubt | undefined {
  if (order.status !== "in-doubt" || !isUnsettled(order)) return undefined;
  const attempt = latestAttempt(order);
  const { stamp, inheritedSendByWallMs } = attempt;
  // Without a stamp the leader's own answer or the end of its right bounds the sending; with one, it is known.
  const sentBy = stamp?.sentWallMs ?? earlier(answeredInDoubt(order), inheritedSendByWallMs);
  if (sentBy === undefined) return undefined;
  const validityMs = stamp?.validityMs ?? policy.validityMaxMs;
  const bounds = [validityMs, policy.clockErrorMs, policy.processingBoundMs, policy.queryLagMs];
  return {
    intent: order.id,
    attempt: attempt.number,
    clientOrderId: attempt.clientOrderId,
    terms: order.terms,
    sinceWallMs: wallMs(attempt.recordedWallMs - policy.clockErrorMs),
    proofWallMs: wallMs(bounds.reduce((sum, each) => sum + each, sentBy)),
    reckoning:
      `${stamp === undefined ? "sent by" : "sent at"} ${sentBy} + validity ${validityMs} + clock error ` +
      `${policy.clockErrorMs} + processing ${policy.processingBoundMs} + query lag ${policy.queryLagMs} ms`,
    isInherited: inheritedSendByWallMs !== undefined,
  };
}

/** Nothing asked yet. */
export function beginDoubt(now: WallMs): DoubtProgress {
  return { startedWallMs: now, asked: 0 };
}

/** The answer to a `query`. */
export function noteQuery(progress: DoubtProgress, askedWallMs: WallMs, outcome: QueryOutcome): DoubtProgress {
  return {
    ...progress,
    asked: progress.asked + 1,
    lastAskedWallMs: askedWallMs,
    ...(outcome.kind === "found" && { found: outcome.order }),
  };
}

/** The answers to an `ask-all`. */
export function noteFinal(progress: DoubtProgress, final: FinalEvidence): DoubtProgress {
  return { ...noteQuery(progress, final.askedWallMs, final.query), final };
}

/**
 * Whether lists that were asked for on behalf of another doubt are evidence about this one too. However long ago that was:
 * what the venue had not taken by the proof time it never takes. Lists that have failed to prove it once are no use again.
 */
export function serves(lists: ListsAsked, doubt: Doubt, progress: DoubtProgress): boolean {
  const before = Math.max(doubt.proofWallMs, progress.final?.askedWallMs ?? 0);
  return lists.askedWallMs > before && lists.sinceWallMs <= doubt.sinceWallMs;
}

/** What to do next about a doubt. `company`: how many are open, this one among them. */
export function nextDoubtStep(doubt: Doubt, progress: DoubtProgress, now: WallMs, company = 1): DoubtStep {
  const found = progress.found ?? openOrderOf(doubt, progress.final);
  if (found !== undefined) {
    const difference = differenceOf(doubt.terms, found);
    if (difference === undefined) return { kind: "resolved", resolution: { kind: "accepted", order: found } };
    const sentence = `${doubt.intent}: the venue's order ${found.venueOrderId} under our id ${doubt.clientOrderId} differs: ${difference}`;
    return { kind: "mismatch", order: found, sentence };
  }
  const proof = proofOf(doubt, progress.final);
  if (proof !== undefined) return { kind: "resolved", resolution: { kind: "not-accepted", proof } };
  if (now > doubt.proofWallMs) {
    const hasFinal = progress.final !== undefined && progress.final.askedWallMs > doubt.proofWallMs;
    const at = hasFinal ? Math.max(now, progress.final.askedWallMs + finalEveryMs) : now;
    return { kind: "ask-all", atWallMs: wallMs(at) };
  }
  const next = nextQueryWallMs(doubt, progress, Math.max(1, company / companyAtPace));
  return next > doubt.proofWallMs
    ? { kind: "ask-all", atWallMs: wallMs(doubt.proofWallMs + 1) }
    : { kind: "query", atWallMs: wallMs(Math.max(now, next)) };
}

/**
 * The orders behind trades that could be the doubted one's: neither journaled as another order's nor under another
 * client order id. The shell asks the venue for the client order id of each where it can, and calls this again.
 */
export function unexplainedTrades(
  state: EngineState,
  doubt: Doubt,
  trades: readonly TradeSeen[],
): readonly VenueOrderId[] {
  const { venue, symbol } = doubt.terms;
  const orders = trades
    .filter((trade) => trade.clientOrderId === undefined || trade.clientOrderId === doubt.clientOrderId)
    .map((trade) => trade.venueOrderId)
    .filter((id) => !state.indexes.byVenueOrderId.has(venueOrderKey(venue, symbol, id)));
  return [...new Set(orders)];
}

/** The fact to record when a step says `resolved`. */
export function resolutionEvent(
  doubt: Doubt,
  resolution: DoubtResolved["resolution"],
  by: DoubtResolved["by"],
  now: WallMs,
): DoubtResolved {
  return {
    kind: "doubt.resolved",
    intent: doubt.intent,
    attempt: doubt.attempt,
    resolution,
    by,
    atWallMs: now,
  };
}

/** In what a venue's order differs from the terms it should have; undefined when it is that order. */
export function differenceOf(terms: OrderTerms, order: VenueOrder): string | undefined {
  if (order.symbol !== terms.symbol) return `symbol ${order.symbol}, not ${terms.symbol}`;
  if (order.side !== terms.side) return `side ${order.side}, not ${terms.side}`;
  if (compare(order.quantity, terms.quantity) !== 0) return `quantity ${order.quantity}, not ${terms.quantity}`;
  const isReduceOnly = terms.reduceOnly === true;
  if ((order.reduceOnly ?? isReduceOnly) !== isReduceOnly)
    return isReduceOnly ? "it is not reduce-only" : "it is reduce-only";
  const isSamePrice =
    terms.price === undefined
      ? order.price === undefined
      : order.price !== undefined && compare(order.price, terms.price) === 0;
  return isSamePrice ? undefined : `price ${order.price ?? "none"}, not ${terms.price ?? "none"}`;
}

/** The proof that the attempt was not accepted, in a sentence; undefined while anything is missing. */
function proofOf(doubt: Doubt, final: FinalEvidence | undefined): string | undefined {
  if (final === undefined || final.askedWallMs <= doubt.proofWallMs) return undefined;
  if (final.query.kind !== "not-found") return undefined;
  if ("unavailable" in final.openOrders || "unavailable" in final.unexplained) return undefined;
  if (final.unexplained.length > 0) return undefined;
  return (
    `${doubt.clientOrderId} was asked for at ${final.askedWallMs}, after its proof time ${doubt.proofWallMs} ` +
    `(${doubt.reckoning}): not found, not among ${final.openOrders.length} open orders, no trade since ` +
    `${doubt.sinceWallMs} that could be its`
  );
}

function openOrderOf(doubt: Doubt, final: FinalEvidence | undefined): VenueOrder | undefined {
  if (final === undefined || "unavailable" in final.openOrders) return undefined;
  return final.openOrders.find((order) => order.clientOrderId === doubt.clientOrderId);
}

function nextQueryWallMs(doubt: Doubt, progress: DoubtProgress, stretch: number): number {
  // What a predecessor left may long be visible: a successor asks at once.
  const done = doubt.isInherited ? progress.asked - 1 : progress.asked;
  if (done < 0) return progress.startedWallMs;
  const planned = queryScheduleMs[done];
  const slower = progress.asked === 0 ? 1 : stretch;
  if (planned !== undefined) return progress.startedWallMs + planned * slower;
  return (progress.lastAskedWallMs ?? progress.startedWallMs) + queryEveryMs * slower;
}

/** When its own leader had done with sending it: the time of an answer that leaves it in doubt. */
function answeredInDoubt(order: OrderRow): WallMs | undefined {
  const { outcome, answeredWallMs } = latestAttempt(order);
  return outcome?.kind === "in-doubt" || outcome?.kind === "duplicate" ? answeredWallMs : undefined;
}

function earlier(a: WallMs | undefined, b: WallMs | undefined): WallMs | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return wallMs(Math.min(a, b));
}
