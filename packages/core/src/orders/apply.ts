/**
 * What each event does to the state. Deterministic: the same events in the same order give the same rows on every node
 * (I19), from the event and the state alone. Whether an event may be applied at all is decided in `refusal.ts`; an event
 * that it passes is applied without fail, an event that it refuses ends the process here, since only a leader that did
 * not ask could have recorded it.
 */
import { assert, assertNever } from "../assert.ts";
import { negate, zero } from "../decimal.ts";
import type { DriftFound, JournalEvent, OrphanFound } from "../formats/events.ts";
import type { FillBusted, FillRecorded } from "../formats/order-events.ts";
import type { IntentId, ParentId, Sequence } from "../ids.ts";
import { fixedSlices } from "../formats/algorithms.ts";
import { switched } from "../risk/controls.ts";
import { driftKey } from "./drift.ts";
import { forget, forgetKeys } from "./forgetting.ts";
import { dropUnclaimed, indexOrder, noteAttempt, noteCancel, noteUnclaimed, venueOrderKey } from "./indexes.ts";
import {
  answered,
  cancelAsked,
  closing,
  denied,
  ended,
  filledBy,
  inherited,
  intentRow,
  reissued,
  replaceAsked,
  replaced,
  replaceOver,
  resolved,
  unfilledBy,
  updated,
} from "./order-life.ts";
import { followsOnLoss, numbersAfter } from "./numbering.ts";
import type { OrderRow } from "./order-row.ts";
import { besideLoss, bustedSlice, countedFor, directed, endedParent, filledSlice, withSlice } from "./parent-life.ts";
import { movePosition } from "./positions.ts";
import { refusalOf } from "./refusal.ts";
import { fillKey, idNumber, orphansKept, requestKeyOf } from "./state.ts";
import type { EngineState, FillRow, KeyRow, ParentRow, SliceRow, Touched } from "./state.ts";

/** Applies one event, the one that follows on `state.applied`, and names the rows that changed (one may be named twice). */
export function applyEvent(state: EngineState, sequence: Sequence, event: JournalEvent): readonly Touched[] {
  assert(sequence === state.applied + 1, `event ${sequence} follows on ${state.applied}`);
  const refusal = refusalOf(state, event);
  assert(refusal === undefined, `event ${sequence} (${event.kind}) can be applied: ${refusal}`);
  state.applied = sequence;
  const touched: Touched[] = [];
  apply(state, sequence, event, touched);
  const isOurTime = "atWallMs" in event;
  forget(state, { nowWallMs: isOurTime ? event.atWallMs : event.tradedWallMs, isOurTime }, touched);
  return touched;
}

function apply(state: EngineState, sequence: Sequence, event: JournalEvent, touched: Touched[]): void {
  switch (event.kind) {
    case "epoch.opened": {
      // What is open now may have been sent until then; the successor never sends it, it only learns its fate.
      for (const intent of state.indexes.unsettled)
        changeOrder(state, intent, (order) => inherited(order, event.inheritedSendByWallMs), touched);
      changeEngine(state, touched, {
        epoch: event.epoch,
        node: event.node,
        boot: event.boot,
        openedWallMs: event.atWallMs,
        inheritedSendByWallMs: event.inheritedSendByWallMs,
        ...numbersAfter(state.engine, event),
        ...(followsOnLoss(event) && { lossSequence: sequence }),
      });
      return;
    }
    case "baseline.taken": {
      const { kind: _kind, venue, ...baseline } = event;
      const known = state.baselines.get(venue);
      const drifts = known?.drifts === undefined ? {} : { drifts: known.drifts };
      state.baselines.set(venue, { venue, baseline, orphans: known?.orphans ?? [], ...drifts });
      touched.push({ table: "baselines", key: venue });
      return;
    }
    case "intent.recorded": {
      const { epoch, node } = state.engine;
      putOrder(state, undefined, intentRow(event, { sequence, epoch, node }), touched);
      noteAttempt(state.indexes, event.atWallMs);
      changeEngine(state, touched, { nextIntent: idNumber(event.intent) + 1 });
      if (event.request !== undefined)
        putKey(state, { ...event.request, ref: event.intent, atWallMs: event.atWallMs, sequence }, touched);
      if (event.parent !== undefined && event.slice !== undefined)
        setSlice(state, event.parent, event.slice, { kind: "intent", intent: event.intent }, touched);
      if (event.replaces !== undefined)
        changeOrder(state, event.replaces, (order) => replaced(order, event.intent), touched);
      return;
    }
    case "attempt.recorded": {
      const { epoch, node } = state.engine;
      changeOrder(state, event.intent, (order) => reissued(order, event, { sequence, epoch, node }), touched);
      noteAttempt(state.indexes, event.atWallMs);
      return;
    }
    case "attempt.answered":
      changeOrder(state, event.intent, (order) => answered(order, event), touched);
      return;
    case "doubt.resolved":
      changeOrder(state, event.intent, (order) => resolved(order, event), touched);
      return;
    case "intent.ended":
      changeOrder(state, event.intent, (order) => ended(order, event.reason, event.atWallMs), touched);
      return;
    case "order.updated":
      changeOrder(state, event.intent, (order) => updated(order, event.order, event.atWallMs), touched);
      return;
    case "order.ended":
      changeOrder(state, event.intent, (order) => denied(order, event.atWallMs), touched);
      return;
    case "fill.recorded":
      recordFill(state, sequence, event, touched);
      return;
    case "fill.busted":
      bustFill(state, sequence, event, touched);
      return;
    case "cancel.requested":
      changeOrder(state, event.intent, (order) => cancelAsked(order, event, sequence), touched);
      noteCancel(state.indexes, event.atWallMs);
      return;
    case "replace.requested":
      changeOrder(state, event.intent, (order) => replaceAsked(order, event), touched);
      return;
    case "replace.ended":
      changeOrder(state, event.intent, (order) => replaceOver(order, event), touched);
      return;
    case "parent.recorded": {
      const row: ParentRow = {
        id: event.parent,
        algorithm: event.algorithm,
        by: event.by,
        ...(event.request !== undefined && { request: event.request }),
        startedWallMs: event.atWallMs,
        sequence,
        slices: Array.from({ length: fixedSlices(event.algorithm) ?? 0 }, () => ({ kind: "waiting" })),
        status: "working",
        executed: zero,
        executedQuote: zero,
        ...(event.countFrom !== undefined && {
          counted: { lastTradeId: event.countFrom, volume: zero, atWallMs: event.atWallMs },
        }),
      };
      putParent(state, row, touched);
      changeEngine(state, touched, { nextParent: idNumber(event.parent) + 1 });
      if (event.request !== undefined)
        putKey(state, { ...event.request, ref: event.parent, atWallMs: event.atWallMs, sequence }, touched);
      return;
    }
    case "slice.skipped":
      setSlice(state, event.parent, event.slice, { kind: "skipped", reason: event.reason }, touched);
      return;
    case "parent.ended":
      changeParent(state, event.parent, (parent) => endedParent(parent, event, sequence), touched);
      state.indexes.endedParents.add(event.parent);
      return;
    case "volume.counted":
      changeParent(state, event.parent, (parent) => countedFor(parent, event), touched);
      return;
    case "parent.paused":
    case "parent.resumed":
    case "parent.amended":
    case "parent.triggered":
      changeParent(state, event.parent, (parent) => directed(parent, event, sequence), touched);
      return;
    case "kill.set": {
      const { level, by, reason, atWallMs, scopes } = event;
      const kill = { level, by, reason, atWallMs, ...(scopes !== undefined && { scopes }) };
      changeEngine(state, touched, { kill });
      return;
    }
    case "control.switched":
      changeEngine(state, touched, switched(state.engine, event));
      return;
    case "risk.day-opened":
      changeEngine(state, touched, { riskDay: { day: event.day, totals: event.totals } });
      return;
    case "orphan.found":
      noteOrphan(state, event, touched);
      return;
    case "drift.found":
      noteDrift(state, event, touched);
      return;
    case "strategy.advanced": {
      const known = state.strategies.get(event.strategy);
      const toldSequence = event.toldSequence ?? known?.toldSequence;
      state.strategies.set(event.strategy, {
        strategy: event.strategy,
        enabled: known?.enabled ?? true,
        reason: known?.reason ?? "",
        ...(known?.cause !== undefined && { cause: known.cause }),
        state: event.state,
        ...(toldSequence !== undefined && { toldSequence }),
        atWallMs: event.atWallMs,
      });
      touched.push({ table: "strategies", key: event.strategy });
      return;
    }
    case "strategy.switched": {
      const known = state.strategies.get(event.strategy);
      state.strategies.set(event.strategy, {
        strategy: event.strategy,
        enabled: event.enabled,
        reason: event.reason,
        ...(event.cause !== undefined && { cause: event.cause }),
        ...(known !== undefined && "state" in known && { state: known.state }),
        ...(known?.toldSequence !== undefined && { toldSequence: known.toldSequence }),
        atWallMs: event.atWallMs,
      });
      touched.push({ table: "strategies", key: event.strategy });
      return;
    }
    case "operation.noted":
      if (event.request !== undefined && event.ref !== undefined)
        putKey(state, { ...event.request, ref: event.ref, atWallMs: event.atWallMs, sequence }, touched);
      return;
    default:
      assertNever(event, "event");
  }
}

function changeOrder(
  state: EngineState,
  intent: IntentId,
  change: (order: OrderRow) => OrderRow,
  touched: Touched[],
): void {
  const before = state.orders.get(intent);
  assert(before !== undefined, "a changed order is known");
  putOrder(state, before, change(before), touched);
}

function putOrder(state: EngineState, before: OrderRow | undefined, changed: OrderRow, touched: Touched[]): void {
  const after = closing(changed, state.applied);
  state.orders.set(after.id, after);
  indexOrder(state.indexes, before, after);
  touched.push({ table: "orders", key: after.id });
  if (after.venueOrderId !== undefined && before?.venueOrderId === undefined) claimFills(state, after, touched);
}

/**
 * An order learns its number at the venue: trades that were told under that number before anybody knew whose it is are
 * its trades. A venue's list of trades may be ahead of its answer about the order, and each trade is recorded once only, so
 * unclaimed it would stay missing for ever: in the order, in its parent, and as room taken in the limits.
 */
function claimFills(state: EngineState, order: OrderRow, touched: Touched[]): void {
  const { venue, symbol, side } = order.terms;
  const venueOrder = venueOrderKey(venue, symbol, order.venueOrderId ?? "");
  for (const key of [...(state.indexes.unclaimed.get(venueOrder) ?? [])]) {
    const fill = state.fills.get(key);
    if (fill === undefined || fill.side !== side) continue;
    dropUnclaimed(state.indexes, venueOrder, key);
    state.fills.set(key, { ...fill, intent: order.id });
    touched.push({ table: "fills", key });
    noteBesideLosses(state, fill, "taken out", touched);
    fillOrder(state, order.id, fill, touched);
  }
}

function changeEngine(state: EngineState, touched: Touched[], change: Partial<EngineState["engine"]>): void {
  state.engine = { ...state.engine, ...change };
  touched.push({ table: "engine", key: "engine" });
}

function putParent(state: EngineState, row: ParentRow, touched: Touched[]): void {
  state.parents.set(row.id, row);
  touched.push({ table: "parents", key: row.id });
}

function changeParent(
  state: EngineState,
  id: ParentId,
  change: (parent: ParentRow) => ParentRow,
  touched: Touched[],
): void {
  const before = state.parents.get(id);
  assert(before !== undefined, "a changed parent is known");
  putParent(state, change(before), touched);
}

function setSlice(state: EngineState, id: ParentId, slice: number, row: SliceRow, touched: Touched[]): void {
  changeParent(state, id, (parent) => withSlice(parent, slice, row), touched);
}

function putKey(state: EngineState, row: KeyRow, touched: Touched[]): void {
  const key = requestKeyOf(row);
  state.keys.set(key, row);
  state.indexes.keys.add(key);
  touched.push({ table: "keys", key });
  forgetKeys(state, row.atWallMs, touched);
}

function recordFill(state: EngineState, sequence: Sequence, event: FillRecorded, touched: Touched[]): void {
  const { kind: _kind, ...fill } = event;
  const key = fillKey(event.venue, event.symbol, event.tradeId);
  state.fills.set(key, { ...fill, sequence });
  state.indexes.fills.add(key);
  touched.push({ table: "fills", key });
  movePosition(state, event, touched);
  if (event.intent !== undefined) return fillOrder(state, event.intent, event, touched);
  noteUnclaimed(state.indexes, venueOrderKey(event.venue, event.symbol, event.venueOrderId), key);
  noteBesideLosses(state, { ...fill, sequence }, "counted", touched);
}

/** Trades of nobody's are rare enough to look at every parent. */
function noteBesideLosses(
  state: EngineState,
  fill: FillRow,
  how: Parameters<typeof besideLoss>[2],
  touched: Touched[],
): void {
  for (const parent of state.parents.values()) {
    const changed = besideLoss(parent, fill, how);
    if (changed !== parent) putParent(state, changed, touched);
  }
}

/** A trade was taken back: all that it added is subtracted, wherever it still is; what has ended stays ended. */
function bustFill(state: EngineState, sequence: Sequence, event: FillBusted, touched: Touched[]): void {
  const key = fillKey(event.venue, event.symbol, event.tradeId);
  const fill = state.fills.get(key);
  assert(fill !== undefined, "a busted trade is known");
  state.fills.set(key, { ...fill, bustedWallMs: event.atWallMs, bustedSequence: sequence });
  touched.push({ table: "fills", key });
  const undone = { ...fill, quantity: negate(fill.quantity), fee: negate(fill.fee) };
  movePosition(state, undone, touched);
  if (fill.intent === undefined) {
    dropUnclaimed(state.indexes, venueOrderKey(fill.venue, fill.symbol, fill.venueOrderId), key);
    noteBesideLosses(state, fill, "taken out", touched);
    return;
  }
  const order = state.orders.get(fill.intent);
  if (order !== undefined) changeOrder(state, order.id, (row) => unfilledBy(row, fill), touched);
  const child = order ?? childOf(state, fill.intent);
  const parent = child?.parent === undefined ? undefined : state.parents.get(child.parent);
  if (parent !== undefined) putParent(state, bustedSlice(parent, child?.slice, fill), touched);
}

/** Whose child an order was that has left the state: its parent names it. Busts are rare enough to look through all. */
function childOf(
  state: EngineState,
  intent: IntentId,
): { readonly parent: ParentId; readonly slice: number } | undefined {
  for (const { id: parent, slices } of state.parents.values()) {
    const at = slices.findIndex((slice) => slice.kind === "intent" && slice.intent === intent);
    if (at >= 0) return { parent, slice: at + 1 };
  }
  return undefined;
}

/** A trade of an order: in its row, and in its parent's. */
function fillOrder(state: EngineState, intent: IntentId, fill: Omit<FillRecorded, "kind">, touched: Touched[]): void {
  changeOrder(state, intent, (order) => filledBy(order, fill), touched);
  const order = state.orders.get(intent);
  const parent = order?.parent === undefined ? undefined : state.parents.get(order.parent);
  if (parent !== undefined) putParent(state, filledSlice(parent, order?.slice, fill), touched);
}

function noteOrphan(state: EngineState, event: OrphanFound, touched: Touched[]): void {
  const { kind: _kind, venue, ...orphan } = event;
  const known = state.baselines.get(venue);
  const orphans = [...(known?.orphans ?? []), orphan].slice(-orphansKept);
  state.baselines.set(venue, { ...(known ?? { venue }), orphans });
  touched.push({ table: "baselines", key: venue });
}

function noteDrift(state: EngineState, event: DriftFound, touched: Touched[]): void {
  const { kind: _kind, venue, ...drift } = event;
  const known = state.baselines.get(venue) ?? { venue, orphans: [] };
  state.baselines.set(venue, { ...known, drifts: { ...known.drifts, [driftKey(drift.subject)]: drift } });
  touched.push({ table: "baselines", key: venue });
}
