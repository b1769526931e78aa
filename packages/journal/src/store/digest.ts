/**
 * The digest of a journal's rows: SHA-256 over every table in order of name and of key, over the bytes as they are stored.
 * It is taken in slices on a connection of its own, whose read transaction holds the rows still while the writer goes on. A
 * slice is short, because who is woken on the core of this thread waits for the end of it (decision 8).
 * What a row's text looks like is therefore part of the format: the recorded journals in `test/history` hold it fast.
 */
import { createHash } from "node:crypto";
import type { Sequence, StateDigest } from "@baton/core";
import type { Db } from "./schema.ts";
import { openForReading, rowTable, tableNames } from "./schema.ts";

/** About a sixth of a millisecond. */
const rowsPerSlice = 32;
/** After so many slices they are twice as long: the WAL cannot be emptied until the last one, so that has to come. */
const slicesAlike = 1_000;
const rowsPerSliceMax = 1_024;

/** A read transaction that sees the rows after one record. */
export class RowsAt {
  readonly #db: Db;
  readonly applied: Sequence;

  constructor(file: string) {
    this.#db = openForReading(file);
    this.#db.exec("BEGIN");
    // A read fixes what this transaction sees.
    this.applied = this.#db.prepare<[], number>("SELECT applied FROM meta").pluck().get() ?? 0;
  }

  /** The digest; `breathe` is awaited after each slice. */
  async digest(breathe: () => Promise<unknown>): Promise<string> {
    const whole = createHash("sha256");
    let slices = 0;
    const size = (): number => Math.min(rowsPerSlice * 2 ** Math.floor(slices / slicesAlike), rowsPerSliceMax);
    for (const name of tableNames.toSorted()) {
      whole.update(`${name}\n`);
      const page = this.#db
        .prepare<[string, number], [string, string]>(
          `SELECT key, row FROM ${rowTable(name)} WHERE key > ? ORDER BY key LIMIT ?`,
        )
        .raw();
      for (let after = "", rows = page.all(after, size()); rows.length > 0; rows = page.all(after, size())) {
        slices += 1;
        for (const [key, row] of rows) whole.update(`${key}\u0000${row}\n`);
        after = rows.at(-1)?.[0] ?? "";
        await breathe();
      }
    }
    return whole.digest("hex");
  }

  close(): void {
    this.#db.close();
  }
}

/** The digest of the rows as they stand in a file; beside its owner they may move between two calls. */
export async function digestOfFile(file: string): Promise<StateDigest> {
  const rows = new RowsAt(file);
  try {
    return { at: rows.applied, digest: await rows.digest(() => Promise.resolve()) };
  } finally {
    rows.close();
  }
}
