/**
 * Which events may not be applied to a state, and why: the invariants of the tables as one gate. The leader asks before
 * it records (a refused event was never written, the code says what to do instead), `apply.ts` asserts the same on every
 * node. Guarded here: no id, key, trade or slice twice (I9, I11, I13); a next attempt only after proof (I10); facts that
 * contradict proven ones are refused, so that they are looked at by a person and not merged by a machine.
 */
import { assertNever } from "../assert.ts";
import { compare, isPositive, zero } from "../decimal.ts";
import { decimal } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import { fixedSlices, isScheduled } from "../formats/algorithms.ts";
import type { AlgorithmParameters } from "../formats/algorithms.ts";
import type { EpochOpened, JournalEvent } from "../formats/events.ts";
import type {
  AttemptAnswered,
  AttemptRecorded,
  DoubtResolved,
  FillBusted,
  FillRecorded,
  IntentRecorded,
  ReplaceRequested,
} from "../formats/order-events.ts";
import type {
  ParentAmended,
  ParentEnded,
  ParentPaused,
  ParentRecorded,
  ParentResumed,
  ParentTriggered,
  VolumeCounted,
} from "../formats/parent-events.ts";
import { disabledBy } from "../risk/controls.ts";
import { killOn } from "../risk/kill.ts";
import type { KillSubject } from "../risk/kill.ts";
import { isNumberOf, isOfLostHistory } from "./numbering.ts";
import { isOrderEnded, isReissuable, isReplacing, isUnsettled, latestAttempt, takenOf } from "./order-row.ts";
import type { OrderRow } from "./order-row.ts";
import { successorRefusal } from "./replacement.ts";
import { fillKey, isLaterTrade, marketKey, requestKeyOf, subjectOf } from "./state.ts";
import type { EngineState, ParentRow } from "./state.ts";
import type { OrderTerms } from "./terms.ts";

/** The attempt number has six bits in the client order id. */
export const attemptsMax = 63;
/** The slice number has twelve bits in the client order id. */
export const slicesMax = 4_095;

const one = decimal(1);

/** A stable code when applying `event` would break an invariant, else undefined. Cheap: a few look-ups. */
export function refusalOf(state: EngineState, event: JournalEvent): string | undefined {
  switch (event.kind) {
    case "epoch.opened":
      return epochRefusal(state, event);
    case "baseline.taken":
      return state.baselines.get(event.venue)?.baseline === undefined ? undefined : "baseline-known";
    case "intent.recorded":
      return intentRefusal(state, event);
    case "attempt.recorded":
      return attemptRefusal(state, event);
    case "attempt.answered":
      return answerRefusal(state, event);
    case "doubt.resolved":
      return resolutionRefusal(state, event);
    case "intent.ended":
      return endRefusal(state.orders.get(event.intent));
    case "order.updated": {
      const order = state.orders.get(event.intent);
      if (order === undefined) return "intent-unknown";
      return attemptNumberRefusal(order, event.attempt) ?? acceptanceRefusal(order);
    }
    case "order.ended": {
      const order = state.orders.get(event.intent);
      if (order === undefined) return "intent-unknown";
      if (isOrderEnded(order)) return "order-ended";
      return order.venueOrderId === undefined ? "order-not-accepted" : attemptNumberRefusal(order, event.attempt);
    }
    case "fill.recorded":
      return fillRefusal(state, event);
    case "fill.busted":
      return bustRefusal(state, event);
    case "cancel.requested": {
      const order = state.orders.get(event.intent);
      if (order === undefined) return "intent-unknown";
      if (isOrderEnded(order)) return "order-ended";
      return order.cancel === undefined ? undefined : "cancel-known";
    }
    case "replace.requested":
      return replaceRefusal(state, event);
    case "replace.ended": {
      const order = state.orders.get(event.intent);
      if (order === undefined) return "intent-unknown";
      return isReplacing(order) ? undefined : "replace-settled";
    }
    case "parent.recorded":
      return parentRefusal(state, event);
    case "slice.skipped":
      return sliceRefusal(state, event);
    case "parent.ended":
      return parentEndRefusal(state, event);
    case "volume.counted":
      return countRefusal(state, event);
    case "parent.paused":
    case "parent.resumed":
    case "parent.amended":
    case "parent.triggered":
      return directionRefusal(state.parents.get(event.parent), event);
    case "risk.day-opened":
      return event.day > (state.engine.riskDay?.day ?? -1) ? undefined : "day-known";
    case "control.switched": {
      const isOff = disabledBy(state.engine, event.control, event.subject) !== undefined;
      return isOff === event.enabled ? undefined : "control-known";
    }
    case "kill.set":
    case "orphan.found":
    case "drift.found":
    case "strategy.advanced":
    case "strategy.switched":
      return undefined;
    case "operation.noted":
      return event.request !== undefined && state.keys.has(requestKeyOf(event.request)) ? "key-known" : undefined;
    default:
      return assertNever(event, "event");
  }
}

function epochRefusal(state: EngineState, event: EpochOpened): string | undefined {
  const { epoch, nextIntent, nextParent } = state.engine;
  if (event.epoch <= epoch) return "epoch-not-newer";
  if (event.numbersFrom !== undefined && event.numbersFrom < Math.max(nextIntent, nextParent)) return "numbers-known";
  const { unsettled } = state.indexes;
  const listed = new Set(event.inDoubt);
  const isComplete = listed.size === unsettled.size && [...listed].every((intent) => unsettled.has(intent));
  return isComplete ? undefined : "doubt-list-differs";
}

function intentRefusal(state: EngineState, event: IntentRecorded): string | undefined {
  const number = numberOf("i", event.intent);
  if (number === undefined) return "id-malformed";
  if (number < state.engine.nextIntent) return "intent-known";
  if (!isNumberOf(state.engine.epoch, number)) return "numbers-used-up";
  if (state.indexes.byClientOrderId.has(event.clientOrderId)) return "client-order-id-known";
  if (event.request !== undefined && state.keys.has(requestKeyOf(event.request))) return "key-known";
  if (!areTermsWhole(event.terms)) return "terms-malformed";
  if ((event.parent === undefined) !== (event.slice === undefined)) return "slice-unknown";
  const parent = event.parent === undefined ? undefined : state.parents.get(event.parent);
  const stopped = stopRefusal(state, { ...event.terms, by: event.by, parentBy: parent?.by });
  if (stopped !== undefined) return stopped;
  if (event.replaces !== undefined) return successorRefusal(state.orders.get(event.replaces), event);
  if (event.parent === undefined || event.slice === undefined) return undefined;
  if (parent !== undefined && !mayBegin(parent)) return "parent-paused";
  return sliceRefusal(state, { parent: event.parent, slice: event.slice });
}

/** A pause bars every slice, but for the ways out of a position whose stop was reached after a loss (decision 32). */
function mayBegin({ paused, triggered }: ParentRow): boolean {
  return paused === undefined || (paused.loss !== undefined && triggered !== undefined);
}

/** New risk of somebody who is killed, or whom a control has switched off. */
function stopRefusal(state: EngineState, subject: KillSubject): string | undefined {
  const kill = killOn(state.engine.kill, subject);
  if (kill !== undefined) return `kill-${kill.level}`;
  const isOff = [subject.by, subject.parentBy ?? subject.by].some(
    (by) => disabledBy(state.engine, "repeated-execution", by) !== undefined,
  );
  return isOff ? "disabled" : undefined;
}

function attemptRefusal(state: EngineState, event: AttemptRecorded): string | undefined {
  const order = state.orders.get(event.intent);
  if (order === undefined) return "intent-unknown";
  if (isOrderEnded(order)) return "order-ended";
  if (!isReissuable(order)) return "not-proved-absent";
  if (event.attempt !== latestAttempt(order).number + 1) return "attempt-unknown";
  if (event.attempt > attemptsMax) return "attempts-used-up";
  if (isOfLostHistory(state.engine, latestAttempt(order))) return "history-lost";
  if (state.indexes.byClientOrderId.has(event.clientOrderId)) return "client-order-id-known";
  if (order.cancel !== undefined) return "cancel-requested";
  if (event.atWallMs > order.recordedWallMs + order.sendWithinMs) return "send-within-passed";
  return stopRefusal(state, subjectOf(state, order));
}

/** It stands on the wish to take the order back, which is the record right before it: no order is replaced that stays. */
function replaceRefusal(state: EngineState, event: ReplaceRequested): string | undefined {
  const order = state.orders.get(event.intent);
  if (order === undefined) return "intent-unknown";
  if (isOrderEnded(order)) return "order-ended";
  if (order.replace !== undefined) return "replace-known";
  if (order.cancel?.sequence !== state.applied) return "cancel-missing";
  if (order.parent !== undefined || order.terms.type !== "limit") return "not-replaceable";
  if (!isPositive(event.price) || !(event.sendWithinMs > 0)) return "terms-malformed";
  return compare(event.quantity, takenOf(order)) > 0 ? undefined : "amend-below-executed";
}

function answerRefusal(state: EngineState, event: AttemptAnswered): string | undefined {
  const order = state.orders.get(event.intent);
  if (order === undefined) return "intent-unknown";
  const refusal = attemptNumberRefusal(order, event.attempt);
  if (refusal !== undefined) return refusal;
  const attempt = latestAttempt(order);
  switch (event.outcome.kind) {
    case "accepted":
      return acceptanceRefusal(order);
    case "rejected":
      if (isEndedUnaccepted(order)) return "order-ended";
      return isUnsettled(order) ? undefined : "answer-contradicts";
    case "not-sent":
      if (isOrderEnded(order) && order.venueOrderId === undefined) return "order-ended";
      // Only the leader that recorded the attempt can know this, and not after it said that bytes may have left.
      if (attempt.inheritedSendByWallMs !== undefined) return "attempt-inherited";
      return isUnsettled(order) && attempt.stamp === undefined ? undefined : "answer-contradicts";
    case "duplicate":
    case "in-doubt":
      if (isEndedUnaccepted(order)) return "order-ended";
      return isReissuable(order) ? "doubt-settled" : undefined;
    default:
      return assertNever(event.outcome, "outcome");
  }
}

function resolutionRefusal(state: EngineState, event: DoubtResolved): string | undefined {
  const order = state.orders.get(event.intent);
  if (order === undefined) return "intent-unknown";
  const refusal = attemptNumberRefusal(order, event.attempt);
  if (refusal !== undefined) return refusal;
  if (event.resolution.kind === "accepted") return acceptanceRefusal(order);
  if (isOrderEnded(order) || !isUnsettled(order)) return "doubt-settled";
  // Before its answer is in doubt, its own leader may be about to send it: nothing proves anything then.
  return order.status === "in-doubt" ? undefined : "not-in-doubt";
}

/** The end of an intent needs proof that it is not at the venue: a not-sent answer or a resolution. */
function endRefusal(order: OrderRow | undefined): string | undefined {
  if (order === undefined) return "intent-unknown";
  if (isOrderEnded(order)) return "order-ended";
  if (order.venueOrderId !== undefined) return "order-accepted";
  if (isReissuable(order)) return undefined;
  if (order.status === "in-doubt") return "intent-in-doubt";
  return latestAttempt(order).outcome?.kind === "not-sent" ? undefined : "outcome-missing";
}

function fillRefusal(state: EngineState, event: FillRecorded): string | undefined {
  if (state.fills.has(fillKey(event.venue, event.symbol, event.tradeId))) return "fill-known";
  const before = state.baselines.get(event.venue)?.baseline?.lastTradeIds[event.symbol];
  if (before !== undefined && !isLaterTrade(event.tradeId, before)) return "fill-before-baseline";
  const forgotten = state.positions.get(marketKey(event.venue, event.symbol))?.forgottenTradeId;
  if (forgotten !== undefined && !isLaterTrade(event.tradeId, forgotten)) return "fill-forgotten";
  if (!isPositive(event.quantity) || compare(event.price, zero) < 0) return "fill-malformed";
  if (event.intent === undefined) return undefined;
  const order = state.orders.get(event.intent);
  if (order === undefined) return "intent-unknown";
  const { venue, symbol, side } = order.terms;
  return venue === event.venue && symbol === event.symbol && side === event.side ? undefined : "fill-mismatch";
}

/** Only a trade that is on record is taken back, and once. */
function bustRefusal(state: EngineState, event: FillBusted): string | undefined {
  const fill = state.fills.get(fillKey(event.venue, event.symbol, event.tradeId));
  if (fill === undefined) return "fill-unknown";
  if (fill.bustedWallMs !== undefined) return "fill-busted";
  return fill.intent === event.intent ? undefined : "fill-mismatch";
}

function parentRefusal(state: EngineState, event: ParentRecorded): string | undefined {
  const number = numberOf("p", event.parent);
  if (number === undefined) return "id-malformed";
  if (number < state.engine.nextParent) return "parent-known";
  if (!isNumberOf(state.engine.epoch, number)) return "numbers-used-up";
  if (event.request !== undefined && state.keys.has(requestKeyOf(event.request))) return "key-known";
  const { venue, symbol } = event.algorithm;
  return (
    parametersRefusal(event.algorithm, event.countFrom !== undefined) ??
    stopRefusal(state, { venue, symbol, by: event.by })
  );
}

/** What no parent may be asked for, whatever the venue's rules say. */
function parametersRefusal(algorithm: AlgorithmParameters, isCounting: boolean): string | undefined {
  if (!isPositive(algorithm.quantity)) return "parent-malformed";
  switch (algorithm.name) {
    case "twap":
    case "vwap": {
      const { slices, durationMs, participationMax } = algorithm;
      if (!Number.isSafeInteger(slices) || slices < 1 || slices > slicesMax) return "slices-out-of-range";
      if (!(durationMs > 0) || (participationMax !== undefined) !== isCounting) return "parent-malformed";
      const isProfiled = algorithm.name === "twap" || isProfile(algorithm.weights, slices);
      return isProfiled ? undefined : "parent-malformed";
    }
    case "pov": {
      const { participation, durationMs, intervalMs, sliceMin } = algorithm;
      const isShare = isPositive(participation) && compare(participation, one) <= 0;
      const isWhole = isShare && isCounting && durationMs > 0 && intervalMs > 0 && isPositive(sliceMin);
      return isWhole ? undefined : "parent-malformed";
    }
    case "iceberg":
      return isPositive(algorithm.display) && isPositive(algorithm.limitPrice) ? undefined : "parent-malformed";
    case "oco":
    case "bracket":
      return isPositive(algorithm.takePrice) && isPositive(algorithm.stopPrice) ? undefined : "parent-malformed";
    default:
      return assertNever(algorithm, "algorithm");
  }
}

function isProfile(weights: readonly Decimal[], slices: number): boolean {
  const isNone = weights.every((weight) => !isPositive(weight));
  return weights.length === slices && !isNone && weights.every((weight) => compare(weight, zero) >= 0);
}

/** Volume is counted once: each count begins at the trade where the one before ended. */
function countRefusal(state: EngineState, event: VolumeCounted): string | undefined {
  const parent = state.parents.get(event.parent);
  if (parent === undefined) return "parent-unknown";
  if (parent.status !== "working") return "parent-ended";
  if (parent.counted === undefined) return "parent-counts-nothing";
  if (compare(event.volume, zero) < 0) return "volume-malformed";
  if (event.isRestart === true) return undefined;
  return event.lastTradeId > parent.counted.lastTradeId ? undefined : "volume-known";
}

function directionRefusal(
  parent: ParentRow | undefined,
  event: ParentPaused | ParentResumed | ParentAmended | ParentTriggered,
): string | undefined {
  if (parent === undefined) return "parent-unknown";
  if (parent.status !== "working") return "parent-ended";
  switch (event.kind) {
    case "parent.paused": {
      const isNews = parent.paused === undefined || (event.cause !== undefined && parent.paused.loss === undefined);
      return isNews ? undefined : "parent-paused";
    }
    case "parent.resumed":
      return parent.paused === undefined ? "parent-not-paused" : undefined;
    case "parent.triggered":
      return parent.triggered === undefined ? undefined : "parent-triggered";
    case "parent.amended":
      return amendRefusal(parent, event);
    default:
      return assertNever(event, "direction of a parent");
  }
}

/** An amendment changes figures, never what is traded or how many slices there are. */
function amendRefusal(parent: ParentRow, event: ParentAmended): string | undefined {
  const { algorithm: before } = parent;
  const { algorithm: after, schedule } = event;
  const isSame = (["name", "venue", "symbol", "side"] as const).every((key) => before[key] === after[key]);
  if (!isSame || fixedSlices(before) !== fixedSlices(after)) return "parent-malformed";
  if ((schedule !== undefined) !== isScheduled(after)) return "parent-malformed";
  if (schedule !== undefined && compare(schedule.scheduled, after.quantity) > 0) return "amend-below-scheduled";
  return parametersRefusal(after, parent.counted !== undefined);
}

function sliceRefusal(
  state: EngineState,
  event: { readonly parent: ParentEnded["parent"]; readonly slice: number },
): string | undefined {
  const parent = state.parents.get(event.parent);
  if (parent === undefined) return "parent-unknown";
  if (parent.status !== "working") return "parent-ended";
  const slice = parent.slices[event.slice - 1];
  if (slice === undefined) {
    const isNext = fixedSlices(parent.algorithm) === undefined && event.slice === parent.slices.length + 1;
    return isNext && event.slice <= slicesMax ? undefined : "slice-unknown";
  }
  return slice.kind === "waiting" ? undefined : "slice-known";
}

/** A parent ends when each of its slices is on record, executed or not, and no child is still alive. */
function parentEndRefusal(state: EngineState, event: ParentEnded): string | undefined {
  const parent = state.parents.get(event.parent);
  if (parent === undefined) return "parent-unknown";
  if (parent.status !== "working") return "parent-ended";
  if (parent.slices.some((slice) => slice.kind === "waiting")) return "slices-waiting";
  for (const slice of parent.slices) {
    if (slice.kind !== "intent") continue;
    const child = state.orders.get(slice.intent);
    if (child !== undefined && !isOrderEnded(child)) return "children-open";
  }
  return undefined;
}

function attemptNumberRefusal(order: OrderRow, attempt: number): string | undefined {
  const latest = latestAttempt(order).number;
  if (attempt === latest) return undefined;
  return attempt < latest ? "attempt-superseded" : "attempt-unknown";
}

/** Word that the venue has it, against proof that it has not. */
function acceptanceRefusal(order: OrderRow): string | undefined {
  if (isEndedUnaccepted(order)) return "order-ended";
  return isReissuable(order) ? "answer-contradicts" : undefined;
}

function isEndedUnaccepted(order: OrderRow): boolean {
  return order.status === "rejected" || order.status === "not-sent";
}

function areTermsWhole(terms: OrderTerms): boolean {
  if (!isPositive(terms.quantity)) return false;
  return terms.type === "limit" ? terms.price !== undefined && isPositive(terms.price) : terms.price === undefined;
}

/** The number of an id such as `i-42`. */
function numberOf(prefix: "i" | "p", text: string): number | undefined {
  const match = /^([ip])-([1-9]\d{0,14})$/.exec(text);
  return match?.[1] === prefix ? Number(match[2]) : undefined;
}
