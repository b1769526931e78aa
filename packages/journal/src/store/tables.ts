/**
 * The tables made from the events: one row per thing, written for committed frames only, so that cutting an uncommitted
 * tail rebuilds nothing. They are a cache of what `apply` makes of the log; `meta.applied` says up to where they are it.
 * Orders that left the state, because nothing more can become of them, are past orders, and parents past parents: both
 * are kept here for who asks. Idempotency keys that left it are past keys, and kept until they are a day old.
 */
import { StateOfRows, applyEvent, decodeEvent, requestKeysKeptMs, rowOf } from "@baton/core/records";
import type { EngineState, Frame, KeyRow, OrderRow, ParentRow, Sequence, TableName, Touched } from "@baton/core";
import { JournalError } from "../errors.ts";
import { PastKeys } from "./past-keys.ts";
import type { Db } from "./schema.ts";
import { rowTable, tableNames } from "./schema.ts";

/** Some rows of one table as one JSON array: copied to another thread for a fraction of what rows or a state cost there. */
export interface RowsPiece {
  readonly table: TableName;
  readonly text: string;
  /** With the last piece of a table: how many rows the table has. */
  readonly count?: number;
}

/** About a quarter of a megabyte of orders: one call of SQLite, one message, one call of the parser. */
const rowsTogether = 512;

/**
 * All rows of all tables as they are stored. They are found by their keys, page after page; where a key has rotted the pages
 * after it are not found at all, and only a count that asks for no key tells.
 */
export function* readPieces(db: Db): Generator<RowsPiece> {
  for (const table of tableNames) {
    const page = db.prepare<[string, number], { readonly last: string | null; readonly text: string }>(
      `SELECT max(key) AS last, '[' || group_concat(row) || ']' AS text
         FROM (SELECT key, row FROM ${rowTable(table)} WHERE key > ? ORDER BY key LIMIT ?)`,
    );
    for (let after: string | null | undefined = ""; after !== null && after !== undefined;) {
      const piece = page.get(after, rowsTogether);
      after = piece?.last;
      if (piece !== undefined && piece.last !== null) yield { table, text: piece.text };
    }
    yield { table, text: "[]", count: countOf(db, table) };
  }
}

function countOf(db: Db, table: TableName): number {
  const count = db
    .prepare<[], number>(`SELECT count(*) FROM ${rowTable(table)}`)
    .pluck()
    .get();
  return count ?? 0;
}

/**
 * Puts a state together from pieces as they come. What cannot be read is told at the end and not before: the opening of the
 * file, which goes on meanwhile, may know more of what is wrong with it.
 */
export class PiecesRead {
  readonly #rows = new StateOfRows();
  readonly #found = new Map<TableName, number>();
  #fault: string | undefined;

  /** Why there will be no state: rows that are no JSON, or not all of them. */
  get fault(): string | undefined {
    return this.#fault;
  }

  add({ table, text, count }: RowsPiece): void {
    if (this.#fault !== undefined) return;
    try {
      const rows = JSON.parse(text) as unknown[];
      for (const row of rows) this.#rows.put(table, row);
      const found = (this.#found.get(table) ?? 0) + rows.length;
      this.#found.set(table, found);
      if (count !== undefined && found !== count)
        this.#fault = `the rows of ${table} cannot be read (${found} are found by their keys, there are ${count})`;
    } catch (error) {
      this.#fault = `the rows of ${table} cannot be read (${String(error)})`;
    }
  }

  /** The state. Throws `journal-corrupt`. */
  state(applied: Sequence): EngineState {
    if (this.#fault !== undefined) throw new JournalError("journal-corrupt", this.#fault);
    return this.#rows.state(applied);
  }
}

/** The state that the tables of a file are, at the last event that they hold. Throws `journal-corrupt`. */
export function readState(db: Db, applied: Sequence): EngineState {
  const read = new PiecesRead();
  for (const piece of readPieces(db)) read.add(piece);
  return read.state(applied);
}

/** Applies a committed frame, and calls `touched` for each row that changed. */
export function applyFrame(
  state: EngineState,
  frame: Pick<Frame, "first" | "body">,
  touched?: (row: Touched) => void,
): void {
  let sequence = frame.first;
  for (const line of frame.body.split("\n")) {
    const rows = applyEvent(state, sequence, decodeEvent(line));
    if (touched !== undefined) for (const row of rows) touched(row);
    sequence += 1;
  }
}

/** The writer's own state, and the rows that it has still to write. */
export class Tables {
  readonly #put = new Map<TableName, (key: string, row: string) => void>();
  readonly #remove = new Map<TableName, (key: string) => void>();
  readonly #touched = new Map<string, Touched>();
  readonly #past: (row: OrderRow | ParentRow) => void;
  readonly #pastKeys: PastKeys;
  readonly #newKeys: KeyRow[] = [];
  readonly #tellsKeys: boolean;
  readonly #state: EngineState;

  /** `tellsKeys`: the keys that come are remembered until `takeNewKeys` is asked. */
  constructor(db: Db, state: EngineState, tellsKeys = false) {
    this.#tellsKeys = tellsKeys;
    for (const table of tableNames) {
      const name = rowTable(table);
      const put = db.prepare<[string, string]>(
        `INSERT INTO ${name} (key, row) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET row = excluded.row`,
      );
      const remove = db.prepare<[string]>(`DELETE FROM ${name} WHERE key = ?`);
      this.#put.set(table, (key, row) => void put.run(key, row));
      this.#remove.set(table, (key) => void remove.run(key));
    }
    const past = db.prepare<[number, string, string]>(
      "INSERT INTO past_order (sequence, intent, row) VALUES (?, ?, ?)",
    );
    this.#past = (row) => void past.run(row.sequence, row.id, JSON.stringify(row));
    this.#pastKeys = new PastKeys(db);
    this.#state = state;
  }

  /** Last event that `state` has in it; the rows have it once `write` has run in the same transaction. */
  get applied(): Sequence {
    return this.#state.applied;
  }

  /** The keys that are rows of the state now. */
  get keys(): readonly KeyRow[] {
    return [...this.#state.keys.values()];
  }

  /** The keys that were used for the first time up to `applied`, since this was asked last. */
  takeNewKeys(): readonly KeyRow[] {
    return this.#newKeys.splice(0);
  }

  /** Applies a committed frame. */
  apply(frame: Pick<Frame, "first" | "body">): void {
    applyFrame(this.#state, frame, (touched) => {
      this.#touched.set(`${touched.table}\u0000${touched.key}`, touched);
      // Now, since it may have left again before the rows are written.
      const key = this.#tellsKeys && touched.table === "keys" ? this.#state.keys.get(touched.key) : undefined;
      if (key !== undefined) this.#newKeys.push(key);
    });
  }

  /** Writes every touched row once, as it is now. */
  write(): void {
    for (const touched of this.#touched.values()) {
      if (touched.past !== undefined) this.#past(touched.past);
      if (touched.pastParent !== undefined) this.#past(touched.pastParent);
      if (touched.pastKey !== undefined) this.#pastKeys.add(touched.pastKey);
      const row = rowOf(this.#state, touched);
      if (row === undefined) this.#remove.get(touched.table)?.(touched.key);
      else this.#put.get(touched.table)?.(touched.key, JSON.stringify(row));
      if (touched.table === "keys" && row !== undefined)
        this.#pastKeys.dropOlder((row as KeyRow).atWallMs - requestKeysKeptMs);
    }
    this.#touched.clear();
  }
}
