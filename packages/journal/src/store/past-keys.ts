/**
 * Idempotency keys that left the state, until they are a day old. They are found by a fingerprint within a batch, newest
 * batch first: an index over all of them would be written to in another place by each key that comes and each that goes, and a
 * checkpoint would copy as many pages; a batch's part of it is small, and stays together. Whose time lies ahead, since a
 * clock was wrong, stays until then, and holds nobody else up.
 */
import { requestKeyOf } from "@baton/core/records";
import type { KeyRow, Sequence } from "@baton/core";
import { JournalError } from "../errors.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Db } from "./schema.ts";
import { rowTable } from "./schema.ts";

/** A million keys are some thirty looks; the index of a batch is half a megabyte. */
const keysPerBatch = 32_768;

/** Of the writer: all within its transactions. */
export class PastKeys {
  readonly #insert: (row: KeyRow) => void;
  readonly #drop: (thanWallMs: number) => void;
  readonly #perBatch: number;
  #batch: number;
  #inBatch: number;

  constructor(db: Db, perBatch: number = keysPerBatch) {
    this.#perBatch = perBatch;
    this.#batch = db.prepare<[], number | null>("SELECT max(batch) FROM past_key").pluck().get() ?? 1;
    this.#inBatch =
      db.prepare<[number], number>("SELECT count(*) FROM past_key WHERE batch = ?").pluck().get(this.#batch) ?? 0;
    const insert = db.prepare<[number, number, number, number, string]>(
      "INSERT INTO past_key (sequence, batch, fingerprint, at_wall_ms, row) VALUES (?, ?, ?, ?, ?)",
    );
    const drop = db.prepare<[number]>(
      `DELETE FROM past_key WHERE sequence IN
         (SELECT sequence FROM past_key WHERE at_wall_ms < ? ORDER BY at_wall_ms LIMIT 2)`,
    );
    this.#insert = (row) => {
      const at = Math.floor(row.atWallMs);
      insert.run(row.sequence, this.#batch, fingerprintOf(requestKeyOf(row)), at, JSON.stringify(row));
    };
    this.#drop = (than) => void drop.run(Math.floor(than));
  }

  /** One has left. */
  add(row: KeyRow): void {
    if (this.#inBatch >= this.#perBatch) {
      this.#batch += 1;
      this.#inBatch = 0;
    }
    this.#insert(row);
    this.#inBatch += 1;
  }

  /**
   * Lets go of the oldest two, if they are older than this: called for each key that is used for the first time, so that they
   * shrink after a burst.
   */
  dropOlder(thanWallMs: number): void {
    this.#drop(thanWallMs);
  }
}

/** A past key as it is told to whoever wants to know them all. */
export interface PastPrint {
  readonly sequence: Sequence;
  readonly fingerprint: number;
  readonly atWallMs: number;
}

/** Reads a page of them: those recorded after a sequence, in order, at most so many. */
export function printReader(db: Db): (after: Sequence, limit: number) => readonly PastPrint[] {
  const page = db.prepare<[number, number], PastPrint>(
    "SELECT sequence, fingerprint, at_wall_ms AS atWallMs FROM past_key WHERE sequence > ? ORDER BY sequence LIMIT ?",
  );
  return (after, limit) => page.all(after, limit);
}

/** The latest use of a key, as `requestKeyOf` names it, that is in the rows or has left them; one view of the file. */
export function keyReader(db: Db): (key: string) => KeyRow | null {
  const rows = db
    .prepare<[string, number], string>(
      `WITH RECURSIVE batches (batch) AS (
         SELECT max(batch) FROM past_key
         UNION ALL
         SELECT (SELECT max(batch) FROM past_key WHERE batch < batches.batch) FROM batches WHERE batch IS NOT NULL
       )
       SELECT row FROM ${rowTable("keys")} WHERE key = ?
       UNION ALL
       SELECT past_key.row FROM batches CROSS JOIN past_key ON past_key.batch = batches.batch AND fingerprint = ?`,
    )
    .pluck();
  return (key) => {
    let latest: KeyRow | null = null;
    for (const text of rows.all(key, fingerprintOf(key))) {
      const row = rowIn(text, db.name);
      if (requestKeyOf(row) === key && (latest === null || row.sequence > latest.sequence)) latest = row;
    }
    return latest;
  };
}

/** A row that cannot be read may be that of the key that is asked for: nobody may take it for one that was never used. */
function rowIn(text: string, file: string): KeyRow {
  try {
    return JSON.parse(text) as KeyRow;
  } catch (error) {
    throw new JournalError("journal-corrupt", `${file}: a past key cannot be read (${String(error)})`, {
      cause: error,
    });
  }
}
