/**
 * The two procedures that may delete from a journal, by name: the cut of a tail, which keeps what it cuts in quarantine,
 * and pruning. Both say so in `meta.deleting` for the triggers, inside the writer's transaction, and both end on the end of
 * a frame. That a cut never reaches what is committed, and pruning only what is, their caller has checked.
 */
import type { Frame, Sequence, WallMs } from "@baton/core";
import type { EpochMark } from "./read.ts";
import type { Db } from "./schema.ts";

export class Deleting {
  readonly #sql: ReturnType<typeof prepareStatements>;

  constructor(db: Db) {
    this.#sql = prepareStatements(db);
  }

  /** Moves these frames, the last ones of the journal, into quarantine. */
  cut(after: Sequence, frames: readonly Frame[], reason: string, now: WallMs): void {
    const sql = this.#sql;
    sql.allow.run("cut");
    for (const f of frames) sql.quarantine.run(f.first, f.last, f.epoch, f.previousHash, f.hash, f.body, reason, now);
    sql.eventsAfter.run(after);
    sql.framesAfter.run(after);
    sql.epochsAfter.run(after);
    sql.allow.run(null);
  }

  /** The last frame end at or before `upTo`; undefined when no frame ends there. */
  lastEndUpTo(upTo: Sequence): EpochMark | undefined {
    const row = this.#sql.lastFrameUpTo.get(upTo);
    return row === undefined ? undefined : { sequence: row.last, hash: row.hash, epoch: row.epoch };
  }

  /** Deletes everything up to this frame end, and the past orders that were recorded there. */
  prune(mark: EpochMark): void {
    const sql = this.#sql;
    sql.allow.run("prune");
    sql.eventsUpTo.run(mark.sequence);
    sql.framesUpTo.run(mark.sequence);
    sql.pastUpTo.run(mark.sequence);
    sql.allow.run(null);
    sql.pruned.run(mark.sequence, mark.hash, mark.epoch);
  }
}

// eslint-disable-next-line typescript/explicit-function-return-type -- inferred: private to this file
function prepareStatements(db: Db) {
  return {
    allow: db.prepare("UPDATE meta SET deleting = ?"),
    quarantine: db.prepare(
      `INSERT INTO quarantine (first, last, epoch, previous_hash, hash, body, reason, cut_wall_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    eventsAfter: db.prepare("DELETE FROM event WHERE seq > ?"),
    framesAfter: db.prepare("DELETE FROM frame WHERE last > ?"),
    epochsAfter: db.prepare("DELETE FROM epoch WHERE first > ?"),
    eventsUpTo: db.prepare("DELETE FROM event WHERE seq <= ?"),
    framesUpTo: db.prepare("DELETE FROM frame WHERE last <= ?"),
    pastUpTo: db.prepare("DELETE FROM past_order WHERE sequence <= ?"),
    lastFrameUpTo: db.prepare<[number], { last: number; hash: string; epoch: number }>(
      "SELECT last, hash, epoch FROM frame WHERE last <= ? ORDER BY last DESC LIMIT 1",
    ),
    pruned: db.prepare("UPDATE meta SET pruned = ?, pruned_hash = ?, pruned_epoch = ?"),
  };
}
