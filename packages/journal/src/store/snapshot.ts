/**
 * Whole copies of a journal: taken beside the running writer, labelled with the position they hold, and proved before they
 * replace anything. A follower that installs one keeps its own identity, promises and quarantine; the file it had is kept
 * beside it as evidence. The swap is one rename of a closed, synced file, so that a crash leaves the old or the new one.
 */
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { whyFileRefused } from "@baton/core/records";
import type { Epoch, Sequence } from "@baton/core";
import { JournalError } from "../errors.ts";
import { makeAdditions } from "./additions.ts";
import { sha256OfFile, verifyJournal, whyUnsound } from "./chain.ts";
import { frameReader } from "./read.ts";
import { journalFormat, openForReading, openForWriting, syncFolderOf } from "./schema.ts";

/** What a snapshot file holds. */
export interface SnapshotLabel {
  readonly epoch: Epoch;
  readonly sequence: Sequence;
  readonly hash: string;
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Writes a copy of the journal as of now into a file that must not exist, and reads its whole chain. Blocks its thread, not
 * the writer's. Throws `journal-corrupt` where the copy, and so the journal, is not what was written.
 */
export async function takeSnapshot(file: string, toFile: string): Promise<SnapshotLabel> {
  rmSync(toFile, { force: true });
  const source = openForReading(file);
  try {
    source.prepare("VACUUM INTO ?").run(toFile);
  } finally {
    source.close();
  }
  syncFile(toFile);
  const fault = whyUnsound(toFile);
  if (fault !== undefined) throw new JournalError("journal-corrupt", `${file}: ${fault}`);
  return labelOf(toFile);
}

async function labelOf(file: string): Promise<SnapshotLabel> {
  const copy = openForReading(file);
  const last = frameReader(copy).lastMark();
  copy.close();
  return { ...last, sha256: await sha256OfFile(file), bytes: statSync(file).size };
}

/** Takes a copy beside the owner or without one, and proves it. Throws `snapshot-refused` where the file exists already. */
export async function copyJournal(file: string, toFile: string): Promise<SnapshotLabel> {
  if (existsSync(toFile)) throw refused(`${toFile} exists`);
  const label = await takeSnapshot(file, toFile);
  await proveSnapshot(toFile, label);
  return label;
}

/**
 * A whole copy of what is committed, for an archive: without the tail, and without what belongs to this node alone (its
 * quarantine, its promises, what it noted of itself). Blocks its thread, not the writer's.
 */
export async function committedCopy(file: string, toFile: string): Promise<SnapshotLabel> {
  await takeSnapshot(file, toFile);
  const db = openForWriting(toFile);
  try {
    makeAdditions(db);
    const committed = Number(db.prepare("SELECT committed FROM meta").pluck().get());
    db.exec(`
      BEGIN IMMEDIATE;
      UPDATE meta SET deleting = 'cut';
      DELETE FROM event WHERE seq > ${committed};
      DELETE FROM frame WHERE last > ${committed};
      DELETE FROM epoch WHERE first > ${committed};
      UPDATE meta SET deleting = NULL, vow_epoch = NULL, vow_version = NULL;
      DELETE FROM quarantine;
      DELETE FROM fact;
      COMMIT;
    `);
    db.pragma("wal_checkpoint(TRUNCATE)");
    db.pragma("journal_mode = DELETE");
  } finally {
    db.close();
  }
  syncFile(toFile);
  return labelOf(toFile);
}

/** Proves a snapshot: its bytes, its chain from the start, SQLite's own check. Throws `snapshot-refused`. */
export async function proveSnapshot(file: string, label: SnapshotLabel): Promise<void> {
  const { size } = statSync(file);
  if (size !== label.bytes) throw refused(`it has ${size} bytes, ${label.bytes} were announced`);
  const digest = await sha256OfFile(file);
  if (digest !== label.sha256) throw refused(`its SHA-256 is ${digest}, ${label.sha256} was announced`);
  const report = verifyJournal(file);
  if (report.fault !== undefined) throw refused(report.fault.sentence);
  if (report.last !== label.sequence || report.lastHash !== label.hash) {
    throw refused(`it ends at ${report.last}, ${label.sequence} was announced`);
  }
}

/**
 * A leader of the next format sends a copy of that format: once it had the name of the journal, this build could not open it
 * any more. Throws `snapshot-refused`.
 */
export function assertOpenable(snapshotFile: string, build: number = journalFormat): void {
  const db = openForReading(snapshotFile);
  try {
    const has = Number(db.prepare("SELECT format FROM meta").pluck().get());
    const why = whyFileRefused({ file: snapshotFile, has, build });
    if (why !== undefined) throw refused(why);
  } finally {
    db.close();
  }
}

/** Gives a proved snapshot the identity, promises and quarantine of the journal that it will replace. */
export function adoptIdentity(snapshotFile: string, journalFile: string): void {
  const db = openForWriting(snapshotFile);
  try {
    makeAdditions(db);
    db.prepare("ATTACH ? AS own").run(journalFile);
    // Heads of the own file stay where the new chain holds them; a state that differed is gone with its rows.
    db.exec(`
      BEGIN IMMEDIATE;
      UPDATE main.meta SET (cluster, node, journal, boot_count, boot, epoch_max, vow_epoch, vow_version, etcd, deleting) =
        (SELECT cluster, node, journal, boot_count, boot, epoch_max, vow_epoch, vow_version, etcd, NULL FROM own.meta);
      DELETE FROM main.quarantine;
      INSERT INTO main.quarantine SELECT * FROM own.quarantine;
      INSERT OR IGNORE INTO main.head SELECT h.* FROM own.head h
        WHERE EXISTS (SELECT 1 FROM main.frame f WHERE f.last = h.sequence AND f.hash = h.hash);
      DELETE FROM main.fact;
      COMMIT;
      DETACH own;
    `);
    db.pragma("wal_checkpoint(TRUNCATE)");
    db.pragma("journal_mode = DELETE");
  } finally {
    db.close();
  }
  syncFile(snapshotFile);
}

/** Puts a snapshot in the place of a closed journal whose WAL was emptied before. */
export function swapIn(snapshotFile: string, journalFile: string): void {
  const replaced = `${journalFile}.replaced`;
  rmSync(replaced, { force: true });
  linkSync(journalFile, replaced);
  for (const rest of ["-wal", "-shm"]) {
    if (existsSync(journalFile + rest)) rmSync(journalFile + rest);
  }
  renameSync(snapshotFile, journalFile);
  syncFolderOf(journalFile);
}

function refused(why: string): JournalError {
  return new JournalError("snapshot-refused", `the snapshot was refused: ${why}`);
}

function syncFile(file: string): void {
  const handle = openSync(file, "r+");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
