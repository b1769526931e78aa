/**
 * Tables that came after the first file of this format was made: an older build ignores them, so they do not raise it.
 * `head`: chain heads that other nodes countersigned, by which a cut of the end shows. `fact`: single facts about this
 * file that must survive a restart, such as a state digest that differed, or rot that was found in it. `past_key`: the
 * idempotency keys that have left the state.
 */
import type { Db } from "./schema.ts";

const additions = `
CREATE TABLE IF NOT EXISTS head (
  sequence INTEGER NOT NULL, node TEXT NOT NULL, journal TEXT NOT NULL, epoch INTEGER NOT NULL, hash TEXT NOT NULL,
  at_wall_ms INTEGER NOT NULL, public_key TEXT NOT NULL, signature TEXT NOT NULL,
  PRIMARY KEY (sequence, node)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS head_is_never_changed BEFORE UPDATE ON head
  BEGIN SELECT RAISE(ABORT, 'countersigned heads are append-only'); END;
CREATE TABLE IF NOT EXISTS past_key (
  sequence INTEGER PRIMARY KEY, batch INTEGER NOT NULL, fingerprint INTEGER NOT NULL, at_wall_ms INTEGER NOT NULL,
  row TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS past_key_of ON past_key (batch, fingerprint);
CREATE INDEX IF NOT EXISTS past_key_at ON past_key (at_wall_ms);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

/** Makes them where they are missing. */
export function makeAdditions(db: Db): void {
  db.exec(additions);
}

/** Does an older file have this table? */
export function hasTable(db: Db, name: string): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== undefined;
}

/** Facts by name. */
type FactName = "divergence" | "rot";

/** Reads a fact, undefined when there is none. */
export function readFact(db: Db, name: FactName): string | undefined {
  return db.prepare<[string], string>("SELECT value FROM fact WHERE name = ?").pluck().get(name);
}

/** Takes a fact back. */
export function forgetFact(db: Db, name: FactName): void {
  db.prepare("DELETE FROM fact WHERE name = ?").run(name);
}

/** Writes a fact. */
export function writeFact(db: Db, name: FactName, value: string): void {
  db.prepare("INSERT OR REPLACE INTO fact (name, value) VALUES (?, ?)").run(name, value);
}
