/**
 * Who may send what, and what an answer leads to. An attempt is sent by the leader that recorded it and by nobody else,
 * as long as its fate is open, its time has not run out and nobody took it back; what a leader inherits is only resolved
 * (I6, I9). Each outcome class leads to one next step; the same step is reached after any crash, since it follows from
 * the journaled rows alone. Cancels of doubted orders stay armed until the order has ended or its doubt can be proved.
 */
import { assertNever } from "../assert.ts";
import type { JournalEvent } from "../formats/events.ts";
import type { AttemptAnswered, IntentEnded } from "../formats/order-events.ts";
import type { ClientOrderId, Epoch, IntentId, NodeId } from "../ids.ts";
import { wallMs } from "../time.ts";
import type { WallMs } from "../time.ts";
import { isOfLostHistory } from "./numbering.ts";
import { isOrderEnded, isReissuable, isUnsettled, latestAttempt } from "./order-row.ts";
import type { OrderRow } from "./order-row.ts";
import type { NotSentReason, PlaceOutcome } from "./outcome.ts";
import { killOn } from "../risk/kill.ts";
import { attemptsMax } from "./refusal.ts";
import { subjectOf } from "./state.ts";
import type { EngineState } from "./state.ts";

/** What follows on a journaled fact about an intent. */
export type PlacementStep =
  /** The venue's word is known: account events and cancels go on with it. */
  | { readonly kind: "settled" }
  /** Nothing left: the same attempt, the same id, may be sent again (not before `notBeforeWallMs`). */
  | { readonly kind: "send"; readonly notBeforeWallMs: WallMs }
  /** Look for it at the venue (`resolution.ts`). */
  | { readonly kind: "resolve" }
  /** Proved absent, or withdrawn: risk is asked again, then the next attempt is recorded. */
  | { readonly kind: "reissue"; readonly attempt: number }
  /** Record `intent.ended` with this reason. */
  | { readonly kind: "end"; readonly reason: string };

/** A pause before an attempt that no byte left of is tried again, so that a dead venue is not hammered. */
const sendAgainMs = 50;

/** Intents whose fate is unknown, oldest first: what `epoch.opened.inDoubt` lists; never sent by the successor. */
export function inheritedDoubts(state: EngineState): readonly IntentId[] {
  return inOrder(state, state.indexes.unsettled);
}

/** Intents proved absent or withdrawn that wait for their next attempt or their end, oldest first. */
export function reissuableIntents(state: EngineState): readonly IntentId[] {
  return inOrder(state, state.indexes.reissuable);
}

/** Orders that somebody wants gone and that are not gone, oldest first. */
export function armedCancels(state: EngineState): readonly IntentId[] {
  const open = [...state.indexes.open.values()].flatMap((orders) => [...orders]);
  return inOrder(
    state,
    open.filter((intent) => state.orders.get(intent)?.cancel !== undefined),
  );
}

/** The last time at which any attempt of it may be sent. */
export function sendByWallMs(order: OrderRow): WallMs {
  return wallMs(order.recordedWallMs + order.sendWithinMs);
}

/**
 * What is to be done about an intent now. `send` is for the leader of the attempt's own epoch, who remembers (in memory:
 * a crash ends its epoch) which attempts are in its hands unanswered; those are not handed over a second time.
 */
export function nextPlacementStep(state: EngineState, order: OrderRow, now: WallMs): PlacementStep {
  if (isOrderEnded(order) || order.venueOrderId !== undefined) return { kind: "settled" };
  const over = overReason(state, order, now);
  if (isReissuable(order)) {
    if (over !== undefined) return { kind: "end", reason: over };
    const { number, sequence } = latestAttempt(order);
    if (isOfLostHistory(state.engine, { sequence })) return { kind: "end", reason: "history-lost" };
    return number < attemptsMax
      ? { kind: "reissue", attempt: number + 1 }
      : { kind: "end", reason: "attempts-used-up" };
  }
  const { inheritedSendByWallMs, outcome, answeredWallMs } = latestAttempt(order);
  if (inheritedSendByWallMs !== undefined || order.status === "in-doubt") return { kind: "resolve" };
  if (outcome?.kind !== "not-sent") return { kind: "send", notBeforeWallMs: now };
  if (over !== undefined) return { kind: "end", reason: over };
  if (isFinal(outcome.reason)) return { kind: "end", reason: outcome.reason };
  // A permit that was missing may come back to the same term: the epoch opens before its first deadline is confirmed, and
  // a switchover that is given up goes on. Where it does not, the term is over, and a successor resolves the intent.
  return { kind: "send", notBeforeWallMs: wallMs((answeredWallMs ?? now) + sendAgainMs) };
}

/** True when a kill covers the order of this id; an order that the state does not know is nobody's to send. */
export function isOrderKilled(state: EngineState, clientOrderId: string): boolean {
  if (state.engine.kill.level === "off") return false;
  const known = state.indexes.byClientOrderId.get(clientOrderId as ClientOrderId);
  const order = known === undefined ? undefined : state.orders.get(known.intent);
  return order === undefined || killOn(state.engine.kill, subjectOf(state, order)) !== undefined;
}

/** Why an intent's attempt may not be handed to the venue now; undefined: it may. Asked right before. */
export function sendRefusal(state: EngineState, order: OrderRow, now: WallMs): NotSentReason | undefined {
  const attempt = latestAttempt(order);
  if (!isUnsettled(order) || order.status === "in-doubt" || attempt.epoch !== state.engine.epoch) return "permit-ended";
  return overReason(state, order, now);
}

/** The facts to record for an answer: the answer, and the end of the intent where the answer is its end. */
export function answerEvents(
  state: EngineState,
  order: OrderRow,
  answer: Omit<AttemptAnswered, "kind" | "intent" | "attempt" | "atWallMs">,
  now: WallMs,
): readonly JournalEvent[] {
  const answered: AttemptAnswered = {
    kind: "attempt.answered",
    intent: order.id,
    attempt: latestAttempt(order).number,
    ...answer,
    atWallMs: now,
  };
  const reason = endReasonOf(state, order, answer.outcome, now);
  return reason === undefined ? [answered] : [answered, endedEvent(order.id, reason, now)];
}

/**
 * The facts with which a leader takes back what it has recorded and not sent, when it stops sending for a switchover. Only
 * it can know; without them its successor would have to prove of each that it never came to the venue. `out`: intents
 * whose request is in the hands of the venue's connection, which answers for itself. The caller sends none of the others
 * any more.
 */
export function withdrawals(
  state: EngineState,
  by: { readonly epoch: Epoch; readonly node: NodeId; readonly out: { has(intent: IntentId): boolean } },
  now: WallMs,
): readonly JournalEvent[] {
  const { epoch, node, out } = by;
  const outcome = { kind: "not-sent", reason: "withdrawn", message: "a switchover ended the sending" } as const;
  return inheritedDoubts(state)
    .map((intent) => state.orders.get(intent))
    .filter((order) => order?.status === "pending-new" && latestAttempt(order).epoch === epoch && !out.has(order.id))
    .flatMap((order) => (order === undefined ? [] : answerEvents(state, order, { epoch, node, outcome }, now)));
}

/** The fact that an intent will never be sent (again). */
export function endedEvent(intent: IntentId, reason: string, now: WallMs): IntentEnded {
  return { kind: "intent.ended", intent, reason, atWallMs: now };
}

/** When the next cancel request for an order is due; undefined: none (not wanted, ended, or a matter of proof only). */
export function nextCancelWallMs(
  order: OrderRow,
  sent: { readonly requests: number; readonly lastWallMs: WallMs } | undefined,
  proofWallMs: WallMs | undefined,
  now: WallMs,
): WallMs | undefined {
  if (order.cancel === undefined || isOrderEnded(order)) return undefined;
  if (order.venueOrderId === undefined) {
    // Before its answer there is nothing to cancel that could be told apart from a request still under way.
    if (order.status !== "in-doubt") return undefined;
    if (proofWallMs !== undefined && now > proofWallMs) return undefined;
  }
  if (sent === undefined) return now;
  const pauseMs = Math.min(100 * 2 ** Math.min(sent.requests, 10), 2_000);
  return wallMs(Math.max(now, sent.lastWallMs + pauseMs));
}

function endReasonOf(state: EngineState, order: OrderRow, outcome: PlaceOutcome, now: WallMs): string | undefined {
  if (outcome.kind !== "not-sent" || outcome.reason === "permit-ended") return undefined;
  if (!isUnsettled(order) || latestAttempt(order).inheritedSendByWallMs !== undefined) return undefined;
  if (isFinal(outcome.reason)) return outcome.reason;
  return overReason(state, order, now);
}

/** Why an intent's chance has passed. */
function overReason(state: EngineState, order: OrderRow, now: WallMs): "cancelled" | "killed" | "expired" | undefined {
  if (order.cancel !== undefined) return "cancelled";
  if (killOn(state.engine.kill, subjectOf(state, order)) !== undefined) return "killed";
  return now > sendByWallMs(order) ? "expired" : undefined;
}

/** True for reasons that another try within the intent's time would not change. */
function isFinal(reason: NotSentReason): boolean {
  switch (reason) {
    case "expired":
    case "killed":
    case "risk":
    case "cancelled":
    case "breaker-open":
      return true;
    case "permit-ended":
    case "validity-too-short":
    case "connect-failed":
    case "limiter":
    case "withdrawn":
      return false;
    default:
      return assertNever(reason, "not-sent reason");
  }
}

function inOrder(state: EngineState, intents: Iterable<IntentId>): readonly IntentId[] {
  const sequenceOf = (intent: IntentId): number => state.orders.get(intent)?.sequence ?? 0;
  return [...intents].toSorted((a, b) => sequenceOf(a) - sequenceOf(b));
}
