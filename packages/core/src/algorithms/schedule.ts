/**
 * TWAP and VWAP: slices at equal intervals, of equal size or in the proportions of a volume profile. Which slice is due,
 * what it asks for, and when the parent has ended is a function of the parent's journaled row and the time, so a leader
 * killed at any point is continued by the next one without a slice repeated or forgotten (I13): a slice is waiting until
 * its intent or its skipping is on record, its window is fixed by the parent's start and its pauses, and a window that
 * passed while nobody could trade is skipped, on record.
 *
 * Unfilled rests of earlier slices are not made up for. A slice in doubt keeps its quantity to itself: no other slice
 * ever takes it, so the parent's total is never exceeded, and the parent does not end before the doubt has. `doubt.block`
 * says whether slices beside it wait.
 */
import { assert } from "../assert.ts";
import {
  add,
  compare,
  decimal,
  divide,
  floorToStep,
  isPositive,
  minimum,
  multiply,
  subtract,
  zero,
} from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import { isScheduled } from "../formats/algorithms.ts";
import type { ScheduledParameters, TwapParameters, VwapParameters } from "../formats/algorithms.ts";
import type { JournalEvent } from "../formats/events.ts";
import type { DeploymentTag } from "../orders/client-order-id.ts";
import { slicesMax } from "../orders/refusal.ts";
import type { EngineState, ParentRow } from "../orders/state.ts";
import type { InstrumentRules, OrderTerms } from "../orders/terms.ts";
import { isPassingRefusal, refused } from "../risk/refusal-codes.ts";
import type { Refusal } from "../risk/refusal-codes.ts";
import { wallMs } from "../time.ts";
import type { WallMs } from "../time.ts";
import { childPrice, decideChild, isKilled, skippedSlice, takenBy, waits } from "./child.ts";
import type { ParentContext, ParentStep } from "./child.ts";
import { endOf, stoppedFor, stopSlices } from "./ending.ts";
import { countNow } from "./counting.ts";

/** When a slice may be recorded: from `opensWallMs` on and before `closesWallMs`. */
export interface SliceWindow {
  readonly opensWallMs: WallMs;
  readonly closesWallMs: WallMs;
}

/** A part of a schedule: how the slices from `fromSlice` on share `rest`. */
interface Share {
  readonly fromSlice: number;
  readonly rest: Decimal;
}

/** Why a scheduled parent cannot be accepted; undefined: it can. */
export function checkScheduled(parameters: ScheduledParameters, rules: InstrumentRules): Refusal | undefined {
  const { slices, quantity } = parameters;
  if (!Number.isSafeInteger(slices) || slices < 1 || slices > slicesMax)
    return refused("slices-out-of-range", { slices });
  if (!isPositive(quantity)) return refused("terms-malformed", { quantity });
  if (subtract(quantity, floorToStep(quantity, rules.lotSize)) !== "0")
    return refused("lot-size", { quantity, lotSize: rules.lotSize });
  return smallestRefusal(parameters, rules, { fromSlice: 1, rest: quantity });
}

/** Why the venue would not take the smallest of the slices; undefined: it would. A profile may have parts of nothing. */
export function smallestRefusal(
  parameters: ScheduledParameters,
  rules: InstrumentRules,
  share: Share,
): Refusal | undefined {
  const { limitPrice } = parameters;
  const parts = scheduleOf(parameters, rules, share);
  const real = parameters.name === "vwap" ? parts.filter((part) => isPositive(part)) : parts;
  const smallest = real.reduce(minimum, real[0] ?? zero);
  if (!isPositive(smallest) || compare(smallest, rules.quantityMin) < 0)
    return refused("slice-too-small", { slice: smallest, min: rules.quantityMin });
  if (limitPrice !== undefined && compare(multiply(smallest, limitPrice), rules.notionalMin) < 0)
    return refused("slice-too-small", { notional: multiply(smallest, limitPrice), min: rules.notionalMin });
  return undefined;
}

/** The window of slice n (1-based): the nth of `slices` equal parts of the parent's time, later by all its pauses. */
export function sliceWindow(parent: ParentRow, slice: number): SliceWindow {
  const { slices, durationMs } = scheduledOf(parent);
  assert(slice >= 1 && slice <= slices, `slice ${slice} is one of ${slices}`);
  const start = parent.startedWallMs + (parent.shiftMs ?? 0);
  const edge = (part: number): WallMs => wallMs(start + Math.floor((durationMs * part) / slices));
  return { opensWallMs: edge(slice - 1), closesWallMs: edge(slice) };
}

/** The quantities of the slices that have not been before the last amendment, in order. Their sum is what was left then. */
export function remainingSchedule(
  parent: ParentRow,
  rules: InstrumentRules,
): Share & { quantities: readonly Decimal[] } {
  const parameters = scheduledOf(parent);
  const { fromSlice, scheduled } = parent.schedule ?? { fromSlice: 1, scheduled: zero };
  const share = { fromSlice, rest: subtract(parameters.quantity, scheduled) };
  return { ...share, quantities: scheduleOf(parameters, rules, share) };
}

/** How the slices from `fromSlice` on share `rest`. */
export function scheduleOf(parameters: ScheduledParameters, rules: InstrumentRules, share: Share): readonly Decimal[] {
  return parameters.name === "twap" ? equalParts(parameters, rules, share) : profileParts(parameters, rules, share);
}

/** Equal parts in whole lots; the last takes the rest, so that the sum is the whole. */
function equalParts(parameters: TwapParameters, rules: InstrumentRules, { fromSlice, rest }: Share): Decimal[] {
  const count = parameters.slices - fromSlice + 1;
  const equal = floorToStep(divide(rest, decimal(count), 30), rules.lotSize);
  const last = subtract(rest, multiply(equal, decimal(count - 1)));
  return Array.from({ length: count }, (_, at) => (at < count - 1 ? equal : last));
}

/**
 * Parts in the proportions of the profile, in whole lots of the running sum, so that no rounding adds up. A part that the
 * venue would not take is carried over to the next; one at the end is added to the last that it takes.
 */
function profileParts(parameters: VwapParameters, rules: InstrumentRules, { fromSlice, rest }: Share): Decimal[] {
  const weights = parameters.weights.slice(fromSlice - 1);
  const total = weights.reduce(add, zero);
  const parts: Decimal[] = [];
  let weight = zero;
  let given = zero;
  let lastGiven = -1;
  for (const [at, each] of weights.entries()) {
    weight = add(weight, each);
    const isEnd = at === weights.length - 1;
    const share = isPositive(total) ? divide(multiply(rest, weight), total, 30) : zero;
    const due = subtract(isEnd ? rest : floorToStep(share, rules.lotSize), given);
    if (isPositive(due) && compare(due, rules.quantityMin) >= 0) {
      parts.push(due);
      lastGiven = at;
      given = add(given, due);
      continue;
    }
    parts.push(zero);
    if (isEnd && isPositive(due) && lastGiven >= 0) parts[lastGiven] = add(parts[lastGiven] ?? zero, due);
    else if (isEnd) parts[at] = due;
  }
  return parts;
}

/**
 * What to record for a working parent at `context.nowWallMs`. At most one intent comes of a step: record the events on
 * the same state that was asked, then ask again at the time it names.
 */
export function stepScheduled(
  state: EngineState,
  parent: ParentRow,
  tag: DeploymentTag,
  context: ParentContext,
): ParentStep {
  const now = context.nowWallMs;
  if (isKilled(state, parent)) return stopSlices(state, parent, "killed", now);
  if (parent.paused !== undefined && stoppedFor(parent) === undefined) return waits(`${parent.id} is paused`);
  const events: JournalEvent[] = [];
  let sentence = "";
  for (const [index, row] of parent.slices.entries()) {
    if (row.kind !== "waiting") continue;
    const slice = index + 1;
    const { opensWallMs, closesWallMs } = sliceWindow(parent, slice);
    if (now >= closesWallMs) {
      events.push(skippedSlice(parent, slice, "window-passed", now));
      sentence = `${parent.id}: slice ${slice} was not executed, its window passed`;
      continue;
    }
    if (now < opensWallMs) {
      const next = `${parent.id}: slice ${slice} is due at ${opensWallMs}`;
      return { events, wakeAtWallMs: opensWallMs, sentence: sentence === "" ? next : sentence };
    }
    const child = childOf(state, parent, slice, tag, context, closesWallMs);
    // Whether it was placed, skipped or has to wait: the next look is due when its window closes and the next one opens.
    return { events: [...events, ...child.events], wakeAtWallMs: closesWallMs, sentence: child.sentence };
  }
  if (events.length > 0) return { events, wakeAtWallMs: now, sentence };
  return endOf(state, parent, now);
}

function childOf(
  state: EngineState,
  parent: ParentRow,
  slice: number,
  tag: DeploymentTag,
  context: ParentContext,
  closesWallMs: WallMs,
): { readonly events: readonly JournalEvent[]; readonly sentence: string } {
  const { market, rules, nowWallMs } = context;
  const name = `${parent.id}: slice ${slice}`;
  const parameters = scheduledOf(parent);
  const skip = (reason: string, why: string): { events: JournalEvent[]; sentence: string } => ({
    events: [skippedSlice(parent, slice, reason, nowWallMs)],
    sentence: `${name} was not executed: ${why}`,
  });
  if (market.kind === "stale") return { events: [], sentence: `${name} waits for a fresh price: ${market.why}` };
  if (rules === undefined) return skip("unknown-symbol", `the venue does not list ${parameters.symbol}`);
  const { fromSlice, quantities } = remainingSchedule(parent, rules);
  const scheduled = quantities[slice - fromSlice] ?? zero;
  if (scheduled === zero) return skip("nothing-scheduled", "the schedule has nothing for it");
  const room = roomFor(state, parent, context, rules);
  const quantity = room === undefined ? scheduled : minimum(scheduled, room.quantity);
  const isReduced = quantity !== scheduled;
  if (isReduced && compare(quantity, rules.quantityMin) < 0)
    return { events: [], sentence: `${name} waits for volume: its share allows ${quantity} of ${scheduled}` };
  const { venue, symbol, side } = parameters;
  const price = childPrice(parameters, market.basis, rules.tickSize);
  const terms: OrderTerms = { venue, symbol, side, type: "limit", quantity, price, timeInForce: "IOC" };
  const sendWithinMs = closesWallMs - nowWallMs;
  const child = decideChild(state, { parent, slice, terms, sendWithinMs, tag, context });
  if (child.kind === "recorded") return { ...child, events: [...(room?.events ?? []), ...child.events] };
  const { code, sentence } = child.refusal;
  const isTooSmallYet = isReduced && (code === "notional-min" || code === "quantity-min");
  if (isPassingRefusal(child.refusal) || isTooSmallYet)
    return { events: child.events, sentence: `${name} waits: ${sentence}` };
  const skipped = skip(code, sentence);
  return { ...skipped, events: [...child.events, ...skipped.events] };
}

/** What its share of the counted volume leaves for the next child; undefined: it has no limit on participation. */
function roomFor(
  state: EngineState,
  parent: ParentRow,
  context: ParentContext,
  rules: InstrumentRules,
): { readonly quantity: Decimal; readonly events: readonly JournalEvent[] } | undefined {
  const { participationMax } = scheduledOf(parent);
  if (participationMax === undefined) return undefined;
  const count = countNow(parent, context);
  const room = subtract(multiply(participationMax, count.volume), takenBy(state, parent));
  return { quantity: isPositive(room) ? floorToStep(room, rules.lotSize) : zero, events: count.events };
}

function scheduledOf(parent: ParentRow): ScheduledParameters {
  const { algorithm } = parent;
  assert(isScheduled(algorithm), `${parent.id} has a schedule`);
  return algorithm;
}
