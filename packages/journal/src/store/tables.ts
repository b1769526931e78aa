/**
 * The tables made from the events: one row per thing, written for committed frames only, so that cutting an uncommitted
 * tail rebuilds nothing. They are a cache of what `apply` makes of the log; `meta.applied` says up to where they are it.
 */
import { applyEvent, decodeEvent, rowOf, stateOf } from "@baton/core";
import type { EngineState, Frame, Sequence, StoredRow, TableName, Touched } from "@baton/core";
import type { Db } from "./schema.ts";
import { rowTable, tableNames } from "./schema.ts";

/** The state that the stored rows and the frames after them make. */
export class Tables {
  readonly #put = new Map<TableName, (key: string, row: string) => void>();
  readonly #remove = new Map<TableName, (key: string) => void>();
  readonly #touched = new Map<string, Touched>();
  readonly #state: EngineState;

  constructor(db: Db, applied: Sequence) {
    const rows: StoredRow[] = [];
    for (const table of tableNames) {
      const name = rowTable(table);
      const put = db.prepare<[string, string]>(
        `INSERT INTO ${name} (key, row) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET row = excluded.row`,
      );
      const remove = db.prepare<[string]>(`DELETE FROM ${name} WHERE key = ?`);
      this.#put.set(table, (key, row) => void put.run(key, row));
      this.#remove.set(table, (key) => void remove.run(key));
      for (const found of db.prepare<[], { key: string; row: string }>(`SELECT key, row FROM ${name}`).iterate()) {
        rows.push({ table, key: found.key, row: JSON.parse(found.row) });
      }
    }
    this.#state = stateOf(rows, applied);
  }

  get state(): EngineState {
    return this.#state;
  }

  /** Last event that `state` has in it; the rows have it once `write` has run in the same transaction. */
  get applied(): Sequence {
    return this.#state.applied;
  }

  /** Applies a committed frame. */
  apply(frame: Pick<Frame, "first" | "body">): void {
    let sequence = frame.first;
    for (const line of frame.body.split("\n")) {
      for (const touched of applyEvent(this.#state, sequence, decodeEvent(line))) {
        this.#touched.set(`${touched.table}\u0000${touched.key}`, touched);
      }
      sequence += 1;
    }
  }

  /** Writes every touched row once, as it is now. */
  write(): void {
    for (const touched of this.#touched.values()) {
      const row = rowOf(this.#state, touched);
      if (row === undefined) this.#remove.get(touched.table)?.(touched.key);
      else this.#put.get(touched.table)?.(touched.key, JSON.stringify(row));
    }
    this.#touched.clear();
  }
}
