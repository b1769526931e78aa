/**
 * The SQLite file: its tables, and what must hold before it may be written. `synchronous=FULL` and WAL are set and read
 * back, because this build of SQLite comes up with NORMAL, which loses acknowledged commits on a power cut; versions
 * before 3.51.3 can corrupt a WAL that is checkpointed and written at once. Frames and events are append-only by
 * triggers; the cut of a tail and pruning are the two procedures that may delete, and they say so in `meta.deleting`.
 */
import { closeSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { isOlder, nodeMajorMin, sqliteMin } from "@baton/core/records";
import Database from "better-sqlite3";
import type { TableName } from "@baton/core";
import { JournalError } from "../errors.ts";

export type Db = Database.Database;

/** Version of the file and of the link's messages. Nodes of different versions do not follow each other. */
export const journalFormat = 1;

/** Every table that is made from the events. */
export const tableNames: readonly TableName[] = Object.keys({
  orders: 0,
  parents: 0,
  fills: 0,
  positions: 0,
  keys: 0,
  baselines: 0,
  strategies: 0,
  engine: 0,
} satisfies Record<TableName, 0>) as TableName[];

const schema = `
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  format INTEGER NOT NULL,
  cluster TEXT NOT NULL, node TEXT NOT NULL, journal TEXT NOT NULL,
  boot_count INTEGER NOT NULL, boot TEXT NOT NULL,
  committed INTEGER NOT NULL, applied INTEGER NOT NULL,
  pruned INTEGER NOT NULL, pruned_hash TEXT NOT NULL, pruned_epoch INTEGER NOT NULL,
  epoch_max INTEGER NOT NULL, vow_epoch INTEGER, vow_version INTEGER, etcd TEXT,
  deleting TEXT
) STRICT;
CREATE TABLE frame (
  last INTEGER PRIMARY KEY, first INTEGER NOT NULL, epoch INTEGER NOT NULL,
  previous_hash TEXT NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE TABLE event (
  seq INTEGER PRIMARY KEY, frame INTEGER NOT NULL, payload TEXT NOT NULL,
  kind TEXT GENERATED ALWAYS AS (json_extract(payload, '$.kind')) VIRTUAL,
  intent TEXT GENERATED ALWAYS AS (json_extract(payload, '$.intent')) VIRTUAL
) STRICT;
CREATE INDEX event_of_intent ON event (intent, seq) WHERE intent IS NOT NULL;
CREATE TABLE past_order (sequence INTEGER PRIMARY KEY, intent TEXT NOT NULL UNIQUE, row TEXT NOT NULL) STRICT;
CREATE TABLE epoch (epoch INTEGER PRIMARY KEY, first INTEGER NOT NULL, node TEXT, boot TEXT) STRICT;
CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, epoch INTEGER NOT NULL,
  previous_hash TEXT NOT NULL, hash TEXT NOT NULL, body TEXT NOT NULL,
  reason TEXT NOT NULL, cut_wall_ms INTEGER NOT NULL
) STRICT;
CREATE TRIGGER frame_is_never_changed BEFORE UPDATE ON frame
  BEGIN SELECT RAISE(ABORT, 'frames are append-only'); END;
CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
  BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER frame_is_deleted_by_procedure BEFORE DELETE ON frame WHEN (SELECT deleting FROM meta) IS NULL
  BEGIN SELECT RAISE(ABORT, 'frames are append-only'); END;
CREATE TRIGGER event_is_deleted_by_procedure BEFORE DELETE ON event WHEN (SELECT deleting FROM meta) IS NULL
  BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
`;

/** The materialised table of a name: one JSON row per key. */
export function rowTable(name: TableName): string {
  return `state_${name}`;
}

/** Creates every table in an empty database. */
export function createSchema(db: Db): void {
  db.exec(schema);
  for (const name of tableNames) {
    db.exec(`CREATE TABLE ${rowTable(name)} (key TEXT PRIMARY KEY, row TEXT NOT NULL) STRICT, WITHOUT ROWID`);
  }
}

/** Refuses a Node or SQLite that does not fit, naming the number. Throws `JournalError`. */
export function assertVersions(versions: { readonly node: string; readonly sqlite: string }): void {
  if (Number(versions.node.split(".")[0]) < nodeMajorMin) {
    throw new JournalError("node-version", `Node ${versions.node} is too old: Baton needs ${nodeMajorMin} or newer`);
  }
  if (isOlder(versions.sqlite, sqliteMin)) {
    throw new JournalError(
      "sqlite-version",
      `SQLite ${versions.sqlite} can corrupt a WAL: Baton needs ${sqliteMin} or newer`,
    );
  }
}

/** Opens a database for writing so that a commit is on the disk when it returns, and proves that it is set so. */
export function openForWriting(file: string): Db {
  const db = new Database(file, { timeout: 5000 });
  try {
    const sqlite = String(db.prepare("SELECT sqlite_version()").pluck().get());
    assertVersions({ node: process.versions.node, sqlite });
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    // Checkpoints are the writer's own work between commits, never a surprise inside one.
    db.pragma("wal_autocheckpoint = 0");
    db.pragma("temp_store = MEMORY");
    // The kernel has the pages as well; the default would be 16 MB of a second copy.
    db.pragma("cache_size = -2000");
    assertDurable(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Reads back what makes a commit durable. Throws `journal-not-durable`. */
export function assertDurable(db: Db): void {
  const mode = String(db.pragma("journal_mode", { simple: true }));
  if (mode !== "wal") throw new JournalError("journal-not-durable", `journal_mode reads back ${mode}, not wal`);
  const level = Number(db.pragma("synchronous", { simple: true }));
  if (level !== 2) throw new JournalError("journal-not-durable", `synchronous reads back ${level}, not 2 (FULL)`);
}

/** Opens a file for reading only; it must exist. */
export function openForReading(file: string): Db {
  return new Database(file, { readonly: true, fileMustExist: true, timeout: 5000 });
}

/** Makes the creation or renaming of a file in a folder durable. */
export function syncFolderOf(file: string): void {
  const folder = openSync(dirname(file), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
