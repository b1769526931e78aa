/**
 * Reading frames back as they were sealed: the body of a frame is its events' stored lines, joined again, so that what is
 * shipped and verified are the stored bytes. All of it works on a read-only connection beside the writer.
 */
import { genesisHash } from "@baton/core/records";
import type { Epoch, Frame, IntentId, KeyRow, Mark, OrderRow, Sequence } from "@baton/core";
import type { PastKey, PastOrders, StoredEvent } from "./messages.ts";
import { keyReader } from "./past-keys.ts";
import type { Db } from "./schema.ts";

interface FrameRow {
  readonly last: number;
  readonly first: number;
  readonly epoch: number;
  readonly previous_hash: string;
  readonly hash: string;
}

/** A mark with the epoch of its frame. */
export interface EpochMark extends Mark {
  readonly epoch: Epoch;
}

/** Reads frames in order. Statements are prepared once. */
export interface FrameReader {
  /** Frames that end after `after`, at least one if there is one, then while their bodies fit in `maxBytes`. */
  frames(after: Sequence, maxBytes: number): Frame[];
  /** The end of the frame that ends exactly at `sequence`, or the pruned point. */
  markAt(sequence: Sequence): EpochMark | undefined;
  /** The events that name this intent, oldest first. */
  eventsOf(intent: IntentId): StoredEvent[];
  /** Past orders, in the order of their records; undefined while the tables are not that far. */
  pastOrders(asked: PastOrders): OrderRow[] | undefined;
  /** What an idempotency key stands for, `null` where it is not known; undefined while the tables are not that far. */
  pastKey(asked: PastKey): KeyRow | null | undefined;
  /** End of the journal. */
  lastMark(): EpochMark;
  /** Frames up to here were deleted by pruning; sequence 0 when none were. */
  prunedMark(): EpochMark;
}

export function frameReader(db: Db): FrameReader {
  const frameRows = db.prepare<[number], FrameRow>("SELECT * FROM frame WHERE last > ? ORDER BY last LIMIT 64");
  const frameAt = db.prepare<[number], FrameRow>("SELECT * FROM frame WHERE last = ?");
  const lastFrame = db.prepare<[], FrameRow>("SELECT * FROM frame ORDER BY last DESC LIMIT 1");
  const payloads = db
    .prepare<[number, number], string>("SELECT payload FROM event WHERE seq BETWEEN ? AND ? ORDER BY seq")
    .pluck();
  const eventRows = db.prepare<[string], { seq: number; payload: string }>(
    "SELECT seq, payload FROM event WHERE intent = ? ORDER BY seq",
  );
  const applied = db.prepare<[], number>("SELECT applied FROM meta").pluck();
  const pastOrder = db.prepare<[string], string>("SELECT row FROM past_order WHERE intent = ?").pluck();
  // Past parents are in the same table, under their own ids; a page is of orders.
  const pastPage = db
    .prepare<[number, number], string>(
      "SELECT row FROM past_order WHERE sequence > ? AND intent LIKE 'i-%' ORDER BY sequence LIMIT ?",
    )
    .pluck();
  const pruned = db.prepare<[], { pruned: number; pruned_hash: string; pruned_epoch: number }>(
    "SELECT pruned, pruned_hash, pruned_epoch FROM meta",
  );
  /** Prepared when first needed: a file that an older build left has no such table yet. */
  let keyOf: ((key: string) => KeyRow | null) | undefined;
  const prunedMark = (): EpochMark => {
    const row = pruned.get();
    return { sequence: row?.pruned ?? 0, hash: row?.pruned_hash ?? genesisHash, epoch: row?.pruned_epoch ?? 0 };
  };
  const markOf = (row: FrameRow): EpochMark => ({ sequence: row.last, hash: row.hash, epoch: row.epoch });
  return {
    frames(after, maxBytes) {
      const found: Frame[] = [];
      let bytes = 0;
      let from = after;
      for (;;) {
        const rows = frameRows.all(from);
        for (const row of rows) {
          const body = payloads.all(row.first, row.last).join("\n");
          bytes += body.length;
          if (found.length > 0 && bytes > maxBytes) return found;
          found.push({
            epoch: row.epoch,
            first: row.first,
            last: row.last,
            previousHash: row.previous_hash,
            hash: row.hash,
            body,
          });
          from = row.last;
        }
        if (rows.length < 64) return found;
      }
    },
    markAt(sequence) {
      const row = frameAt.get(sequence);
      if (row !== undefined) return markOf(row);
      const start = prunedMark();
      return start.sequence === sequence ? start : undefined;
    },
    eventsOf(intent) {
      return eventRows.all(intent).map((row) => ({ sequence: row.seq, intent, payload: row.payload }));
    },
    pastOrders({ which, applied: atLeast }) {
      if ((applied.get() ?? 0) < atLeast) return undefined;
      const rows = "intent" in which ? pastOrder.all(which.intent) : pastPage.all(which.after, which.limit);
      return rows.map((row) => JSON.parse(row) as OrderRow);
    },
    pastKey({ key, applied: atLeast }) {
      if ((applied.get() ?? 0) < atLeast) return undefined;
      // The rows are behind the state, which has let it go already: it may still be where it was.
      keyOf ??= keyReader(db);
      return keyOf(key);
    },
    lastMark() {
      const row = lastFrame.get();
      return row === undefined ? prunedMark() : markOf(row);
    },
    prunedMark,
  };
}
