/**
 * How old records are: the last one before a time, by halving. Leaders stamp events with their wall clocks, so times may
 * step back a little where the leader changed; for days that is nothing. Fills carry the venue's time, which may be old,
 * so they are passed over.
 */
import type { JournalEvent, Sequence, WallMs } from "@baton/core";
import type { JournalAge } from "./messages.ts";
import type { Db } from "./schema.ts";

/** Up to where every record is older than `before`, and how much room is inside the file. */
export function journalAge(db: Db, before: WallMs): JournalAge {
  const bounds = db.prepare<[], { low: number | null; high: number | null }>(
    "SELECT min(seq) AS low, max(seq) AS high FROM event",
  );
  const stamped = db.prepare<[number], { seq: number; payload: string }>(
    "SELECT seq, payload FROM event WHERE seq >= ? AND kind != 'fill.recorded' ORDER BY seq LIMIT 1",
  );
  const pageSize = Number(db.pragma("page_size", { simple: true }));
  const reusableBytes = Number(db.pragma("freelist_count", { simple: true })) * pageSize;
  const { low, high } = bounds.get() ?? { low: null, high: null };
  if (low === null || high === null) return { aged: 0, reusableBytes };
  let aged: Sequence = low - 1;
  let from = low;
  let to = high;
  while (from <= to) {
    const middle = (from + to) >>> 1;
    const row = stamped.get(middle);
    const at = row === undefined ? undefined : madeAt(row.payload);
    if (row !== undefined && row.seq <= to && at !== undefined && at < before) {
      aged = row.seq;
      from = row.seq + 1;
    } else {
      to = middle - 1;
    }
  }
  return { aged, reusableBytes };
}

/** When a stored record was made, by its leader's clock; undefined for one that does not say. */
export function madeAt(payload: string): WallMs | undefined {
  const event = JSON.parse(payload) as JournalEvent;
  return "atWallMs" in event ? event.atWallMs : undefined;
}
