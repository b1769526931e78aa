/**
 * The life of one parent order: what each fact makes of its row. Which facts may not follow on which is decided in
 * `refusal.ts`; what is to be recorded next is decided in `../algorithms/`.
 */
import { assert, assertNever } from "../assert.ts";
import { add, multiply, negate, zero } from "../decimal.ts";
import { hasLegs } from "../formats/algorithms.ts";
import type { FillRecorded } from "../formats/order-events.ts";
import type {
  ParentAmended,
  ParentEnded,
  ParentPaused,
  ParentResumed,
  ParentTriggered,
  VolumeCounted,
} from "../formats/parent-events.ts";
import type { Sequence } from "../ids.ts";
import type { FillRow, ParentRow, SliceRow } from "./state.ts";

/** A slice has its fate; the one after the last is a new one. */
export function withSlice(parent: ParentRow, slice: number, row: SliceRow): ParentRow {
  const { slices } = parent;
  return { ...parent, slices: slice > slices.length ? [...slices, row] : slices.with(slice - 1, row) };
}

/** A trade of the child of a slice. */
export function filledSlice(parent: ParentRow, slice: number | undefined, fill: Omit<FillRecorded, "kind">): ParentRow {
  const next: ParentRow = {
    ...parent,
    executed: add(parent.executed, fill.quantity),
    executedQuote: add(parent.executedQuote, multiply(fill.price, fill.quantity)),
  };
  const row = slice === undefined ? undefined : parent.slices[slice - 1];
  if (slice === undefined || row?.kind !== "intent" || !hasLegs(parent.algorithm)) return next;
  return withSlice(next, slice, { ...row, executed: add(row.executed ?? zero, fill.quantity) });
}

/** A trade of a child was taken back: it counts no more, and is remembered, so that it is not traded again (decision 20). */
export function bustedSlice(parent: ParentRow, slice: number | undefined, fill: Omit<FillRecorded, "kind">): ParentRow {
  const undone = { ...fill, quantity: negate(fill.quantity) };
  return { ...filledSlice(parent, slice, undone), busted: add(parent.busted ?? zero, fill.quantity) };
}

/** More volume was counted. */
export function countedFor(parent: ParentRow, event: VolumeCounted): ParentRow {
  assert(parent.counted !== undefined, `${parent.id} counts volume`);
  const volume = add(parent.counted.volume, event.volume);
  return { ...parent, counted: { lastTradeId: event.lastTradeId, volume, atWallMs: event.atWallMs } };
}

/** Somebody, its stop or a loss directed it. `sequence`: of the event. */
export function directed(
  parent: ParentRow,
  event: ParentPaused | ParentResumed | ParentAmended | ParentTriggered,
  sequence: Sequence,
): ParentRow {
  switch (event.kind) {
    case "parent.paused": {
      // One that somebody had paused is later by all of its pause, and waits for a person's word on the loss too.
      const { by, atWallMs } = parent.paused ?? event;
      const loss = event.cause === undefined ? {} : { loss: { sequence, bought: zero, sold: zero } };
      return { ...parent, paused: { by, atWallMs, ...loss } };
    }
    case "parent.resumed": {
      const { paused, ...rest } = parent;
      const forMs = paused === undefined ? 0 : Math.max(0, event.atWallMs - paused.atWallMs);
      return { ...rest, shiftMs: (parent.shiftMs ?? 0) + forMs };
    }
    case "parent.amended":
      return {
        ...parent,
        algorithm: event.algorithm,
        ...(event.schedule !== undefined && { schedule: event.schedule }),
      };
    case "parent.triggered":
      return { ...parent, triggered: { basis: event.basis, atWallMs: event.atWallMs } };
    default:
      return assertNever(event, "direction of a parent");
  }
}

/**
 * A trade of the account that no order in the journal explains, beside a parent that a loss has paused. `how`: its order is
 * known after all, or the venue took it back.
 */
export function besideLoss(parent: ParentRow, fill: Omit<FillRow, "intent">, how: "counted" | "taken out"): ParentRow {
  const { paused, algorithm } = parent;
  const isBeside = fill.venue === algorithm.venue && fill.symbol === algorithm.symbol;
  if (paused?.loss === undefined || !isBeside || fill.sequence <= paused.loss.sequence) return parent;
  const side = fill.side === "buy" ? "bought" : "sold";
  const change = how === "counted" ? fill.quantity : negate(fill.quantity);
  const loss = { ...paused.loss, [side]: add(paused.loss[side], change) };
  return { ...parent, paused: { ...paused, loss } };
}

/** Nothing more comes of it. */
export function endedParent(parent: ParentRow, event: ParentEnded, sequence: Sequence): ParentRow {
  const { paused: _paused, ...rest } = parent;
  return {
    ...rest,
    status: event.reason,
    ...(event.detail !== undefined && { endDetail: event.detail }),
    endedWallMs: event.atWallMs,
    endedSequence: sequence,
  };
}
