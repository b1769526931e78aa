/**
 * The tables made from the events: one row per thing, written for committed frames only, so that cutting an uncommitted
 * tail rebuilds nothing. They are a cache of what `apply` makes of the log; `meta.applied` says up to where they are it.
 * Orders that left the state, because nothing more can become of them, are past orders, and parents past parents: both
 * are kept here for who asks.
 */
import { applyEvent, decodeEvent, rowOf, stateOf } from "@baton/core/records";
import type { EngineState, Frame, OrderRow, ParentRow, Sequence, StoredRow, TableName, Touched } from "@baton/core";
import type { Db } from "./schema.ts";
import { rowTable, tableNames } from "./schema.ts";

/** The stored rows of a table as text: copied to another thread for a fraction of what a state costs there. */
export interface StoredTable {
  readonly table: TableName;
  readonly keys: readonly string[];
  readonly rows: readonly string[];
}

/** All tables as they are stored. */
export function readTables(db: Db): readonly StoredTable[] {
  return tableNames.map((table) => {
    const found = db
      .prepare<[], [string, string]>(`SELECT key, row FROM ${rowTable(table)}`)
      .raw()
      .all();
    return { table, keys: found.map(([key]) => key), rows: found.map(([, row]) => row) };
  });
}

/** The state that stored tables are. */
export function stateOfTables(tables: readonly StoredTable[], applied: Sequence): EngineState {
  return stateOf(storedRows(tables), applied);
}

/** One call of the parser for so many rows: its start costs as much as a short row. */
const parsedAtOnce = 64;

function* storedRows(tables: readonly StoredTable[]): Generator<StoredRow> {
  for (const { table, keys, rows } of tables) {
    for (let from = 0; from < rows.length; from += parsedAtOnce) {
      const parsed = JSON.parse(`[${rows.slice(from, from + parsedAtOnce).join(",")}]`) as unknown[];
      for (const [index, row] of parsed.entries()) yield { table, key: keys[from + index] ?? "", row };
    }
  }
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
  readonly #state: EngineState;

  constructor(db: Db, state: EngineState) {
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
    this.#state = state;
  }

  /** Last event that `state` has in it; the rows have it once `write` has run in the same transaction. */
  get applied(): Sequence {
    return this.#state.applied;
  }

  /** Applies a committed frame. */
  apply(frame: Pick<Frame, "first" | "body">): void {
    applyFrame(this.#state, frame, (touched) => this.#touched.set(`${touched.table}\u0000${touched.key}`, touched));
  }

  /** Writes every touched row once, as it is now. */
  write(): void {
    for (const touched of this.#touched.values()) {
      if (touched.past !== undefined) this.#past(touched.past);
      if (touched.pastParent !== undefined) this.#past(touched.pastParent);
      const row = rowOf(this.#state, touched);
      if (row === undefined) this.#remove.get(touched.table)?.(touched.key);
      else this.#put.get(touched.table)?.(touched.key, JSON.stringify(row));
    }
    this.#touched.clear();
  }
}
