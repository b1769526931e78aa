/**
 * How much public volume a parent has counted: what is on record, and what this node's tape has seen since. The count is
 * recorded with the id of the last trade in it, in one frame with the slice that it led to, and now and then without one,
 * so that the record never falls behind what tapes still hold.
 */
import { assert } from "../assert.ts";
import { add, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { VolumeCounted } from "../formats/parent-events.ts";
import type { ParentRow } from "../orders/state.ts";
import type { ParentContext } from "./child.ts";

/** How old the record of a count gets while trades come. */
const recordEveryMs = 5_000;

/** The volume counted up to now; `events` are to be recorded with a slice that comes of it. */
export interface Count {
  readonly volume: Decimal;
  readonly events: readonly VolumeCounted[];
  /** The record is old enough to be renewed by itself. */
  readonly isDue: boolean;
}

/** Counts for a parent. */
export function countNow(parent: ParentRow, context: ParentContext): Count {
  const { counted } = parent;
  assert(counted !== undefined, `${parent.id} counts volume`);
  const more = context.volumeAfter?.(counted.lastTradeId);
  if (more === undefined) return { volume: counted.volume, events: [], isDue: false };
  const event: VolumeCounted = {
    kind: "volume.counted",
    parent: parent.id,
    lastTradeId: more.lastTradeId,
    volume: more.volume,
    ...(more.isRestart === true && { isRestart: true }),
    atWallMs: context.nowWallMs,
  };
  const isDue = more.volume !== zero && context.nowWallMs - counted.atWallMs >= recordEveryMs;
  return { volume: add(counted.volume, more.volume), events: [event], isDue };
}
