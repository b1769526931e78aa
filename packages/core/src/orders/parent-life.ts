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
import type { ParentRow, SliceRow } from "./state.ts";

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

/** Somebody, or its stop, directed it. */
export function directed(
  parent: ParentRow,
  event: ParentPaused | ParentResumed | ParentAmended | ParentTriggered,
): ParentRow {
  switch (event.kind) {
    case "parent.paused":
      return { ...parent, paused: { by: event.by, atWallMs: event.atWallMs } };
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
