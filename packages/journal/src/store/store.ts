/**
 * One journal file, opened for writing: what one transaction holds, and in which order things become durable. Everything
 * here is synchronous and runs in the writer's thread; nothing is caught, because a statement that failed leaves the file
 * in a state that only a new process may judge. Invariants I5, I19, I20.
 */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { assert, genesisHash, id } from "@baton/core/records";
import type { BootId, ClusterId, Epoch, Frame, JournalEvent, JournalId, NodeId, Sequence, WallMs } from "@baton/core";
import { JournalError } from "../errors.ts";
import { whyTailBroken } from "./chain.ts";
import type { EpochMark, FrameReader } from "./read.ts";
import { frameReader } from "./read.ts";
import type { Db } from "./schema.ts";
import { createSchema, journalFormat, openForWriting, syncFolderOf } from "./schema.ts";
import type { StoredTable } from "./tables.ts";
import { Tables, readTables, stateOfTables } from "./tables.ts";

/** Durable before any message that depends on it. Only grows. */
export interface Promises {
  readonly epochMax: Epoch;
  readonly vow?: { readonly epoch: Epoch; readonly version: number } | undefined;
  /** What etcd was last seen to be, so that one restored from an older backup is noticed. */
  readonly etcd?:
    | { readonly clusterId: string; readonly revision: string; readonly epoch: Epoch; readonly version: number }
    | undefined;
}

/** Who this file is. */
export interface JournalIdentity {
  readonly journal: JournalId;
  readonly cluster: ClusterId;
  readonly node: NodeId;
  /** +1 with every opening; lower than one seen elsewhere means that the disk was rolled back. */
  readonly bootCount: number;
  readonly createdNow: boolean;
}

/** What was found on the disk. */
export interface StoreOpened {
  readonly identity: JournalIdentity;
  readonly last: EpochMark;
  readonly commit: EpochMark;
  readonly pruned: EpochMark;
  readonly promises: Promises;
  /** The rows as they are stored, which have every event up to `applied` in them. */
  readonly tables: readonly StoredTable[];
  readonly applied: Sequence;
  /** Frames after `applied`: those up to the commit point are committed, those after it are the tail. */
  readonly unapplied: readonly Frame[];
}

export interface StoreOptions {
  readonly file: string;
  readonly cluster: ClusterId;
  readonly node: NodeId;
  readonly bootId: BootId;
  /** Make the file when it is not there. */
  readonly create: boolean;
  /** The id of a journal that is made now; drawn when it is not given. */
  readonly newJournal?: JournalId | undefined;
}

interface MetaRow {
  readonly format: number;
  readonly cluster: string;
  readonly node: string;
  readonly journal: string;
  readonly boot_count: number;
  readonly committed: number;
  readonly applied: number;
  readonly epoch_max: number;
  readonly vow_epoch: number | null;
  readonly vow_version: number | null;
  readonly etcd: string | null;
}

/** Rows are written in batches of at least so many events, or when the journal idles. */
const materialiseEvents = 64;
/** A checkpoint copies the WAL back once about so many bytes went into it. */
const checkpointBytes = 4 * 1024 * 1024;
/** Frames whose chain is checked at every opening; `verifyJournal` checks all. */
const checkedFrames = 256;

export class JournalStore {
  /** As found; what is large in it is gone after `warm`. */
  opened: StoreOpened;
  readonly #db: Db;
  readonly #reader: FrameReader;
  /** Made when first needed, so that who opens need not wait for the writer's own copy of the state. */
  #made: Tables | undefined;
  readonly #sql: Statements;
  /** Frames that the tables do not hold yet, ascending. */
  #unapplied: Frame[];
  #committed: Sequence;
  #walBytes = 0;

  /** Opens or creates the file, whose lock the caller holds, and counts the boot. Throws `JournalError`. */
  constructor(options: StoreOptions) {
    const isNew = !existsSync(options.file);
    if (isNew && !options.create) {
      throw new JournalError(
        "journal-missing",
        `${options.file} does not exist: was the disk replaced or not mounted?`,
      );
    }
    let db: Db | undefined;
    try {
      db = openForWriting(options.file);
      this.#db = db;
      const createdNow = create(db, options);
      if (createdNow) syncFolderOf(options.file);
      const meta = checkedMeta(db, options);
      db.prepare("UPDATE meta SET boot_count = boot_count + 1, boot = ?").run(options.bootId);
      this.#reader = frameReader(db);
      const fault = whyTailBroken(this.#reader, checkedFrames, db);
      if (fault !== undefined) throw new JournalError("journal-corrupt", `${options.file}: ${fault}`);
      this.#sql = prepareStatements(db);
      this.#unapplied = this.#reader.frames(meta.applied, Number.POSITIVE_INFINITY);
      this.#committed = meta.committed;
      this.opened = this.#describe(meta, createdNow);
    } catch (error) {
      db?.close();
      throw error;
    }
  }

  /** Builds the state that the tables are written from, if it was not needed yet. */
  warm(): void {
    const isMade = this.#tables.applied >= 0;
    assert(isMade, "the state is made before what it is made from goes");
    this.#applyCommitted();
    this.opened = { ...this.opened, tables: [], unapplied: [] };
  }

  get #tables(): Tables {
    const { tables, applied } = this.opened;
    this.#made ??= new Tables(this.#db, stateOfTables(tables, applied));
    return this.#made;
  }

  /** Writes frames that follow on the last one, and the commit point, in one durable transaction. */
  write(frames: readonly Frame[], committed: Sequence): void {
    this.#transaction(() => {
      for (const frame of frames) this.#insert(frame);
      this.#moveCommit(committed, materialiseEvents);
    });
  }

  /** Makes the tables hold all that is committed. True when there was something to do. */
  settle(committed: Sequence): boolean {
    if (committed === this.#committed && (this.#unapplied[0]?.last ?? Infinity) > committed) return false;
    this.#transaction(() => {
      this.#moveCommit(committed, 1);
    });
    return true;
  }

  /** Makes promises durable. */
  persist(promises: Promises): void {
    const etcd = promises.etcd === undefined ? null : JSON.stringify(promises.etcd);
    this.#transaction(() => {
      const { vow } = promises;
      this.#sql.promise.run(promises.epochMax, vow?.epoch ?? null, vow?.version ?? null, etcd);
    });
  }

  /** Moves every frame after `after` into quarantine. The caller has checked that none of them is committed. */
  cut(after: Sequence, reason: string, now: WallMs): number {
    assert(after >= this.#committed, "a cut never reaches the commit point");
    assert(this.#reader.markAt(after) !== undefined || after === 0, "a cut falls on the end of a frame");
    const frames = this.#reader.frames(after, Number.POSITIVE_INFINITY);
    this.#transaction(() => {
      this.#sql.allowDeleting.run("cut");
      for (const f of frames) {
        this.#sql.quarantine.run(f.first, f.last, f.epoch, f.previousHash, f.hash, f.body, reason, now);
      }
      this.#sql.deleteEventsAfter.run(after);
      this.#sql.deleteFramesAfter.run(after);
      this.#sql.deleteEpochsAfter.run(after);
      this.#sql.allowDeleting.run(null);
    });
    this.#unapplied = this.#unapplied.filter((frame) => frame.last <= after);
    return frames.length;
  }

  /** Deletes frames that end at or before `upTo` and are committed and in the tables. Answers the new pruned point. */
  prune(upTo: Sequence): EpochMark {
    const limit = Math.min(upTo, this.#committed, this.#tables.applied);
    const row = this.#sql.lastFrameUpTo.get(limit);
    if (row === undefined) return this.#reader.prunedMark();
    this.#transaction(() => {
      this.#sql.allowDeleting.run("prune");
      this.#sql.deleteEventsUpTo.run(row.last);
      this.#sql.deleteFramesUpTo.run(row.last);
      this.#sql.allowDeleting.run(null);
      this.#sql.pruned.run(row.last, row.hash, row.epoch);
    });
    return { sequence: row.last, hash: row.hash, epoch: row.epoch };
  }

  /** Copies the WAL back if enough went into it. Between commits only. */
  checkpointIfDue(): void {
    if (this.#walBytes < checkpointBytes) return;
    this.#walBytes = 0;
    this.#db.pragma("wal_checkpoint(PASSIVE)");
  }

  /** Empties the WAL into the file, so that the file alone is the journal. Throws when a reader prevents it. */
  checkpointWhole(): void {
    const [result] = this.#db.pragma("wal_checkpoint(TRUNCATE)") as { busy: number }[];
    if (result?.busy !== 0) {
      throw new JournalError(
        "snapshot-refused",
        "the journal is being read by another program; its WAL cannot be emptied",
      );
    }
  }

  /** Lets go of the file. */
  close(): void {
    this.#db.close();
  }

  #transaction(work: () => void): void {
    this.#sql.begin.run();
    work();
    this.#sql.commit.run();
  }

  #insert(frame: Frame): void {
    const { insertEvent, insertFrame } = this.#sql;
    insertFrame.run(frame.last, frame.first, frame.epoch, frame.previousHash, frame.hash);
    const lines = frame.body.split("\n");
    let sequence = frame.first;
    for (const line of lines) {
      insertEvent.run(sequence, frame.last, line);
      sequence += 1;
    }
    assert(sequence === frame.last + 1, "a frame holds as many events as it says");
    this.#noteEpoch(frame, lines[0] ?? "");
    this.#unapplied.push(frame);
    this.#walBytes += 2 * frame.body.length + 12_288;
  }

  #noteEpoch(frame: Frame, firstLine: string): void {
    if (frame.epoch === this.#epochNoted) return;
    this.#epochNoted = frame.epoch;
    const event = JSON.parse(firstLine) as JournalEvent;
    const opened = event.kind === "epoch.opened" ? event : undefined;
    this.#sql.epoch.run(frame.epoch, frame.first, opened?.node ?? null, opened?.boot ?? null);
  }
  #epochNoted: Epoch | undefined;

  #moveCommit(committed: Sequence, leastEvents: number): void {
    assert(committed >= this.#committed, "the commit point never moves back");
    this.#committed = committed;
    if (committed - this.#tables.applied >= leastEvents) {
      this.#applyCommitted();
      this.#tables.write();
    }
    this.#sql.commitPoint.run(committed, this.#tables.applied);
  }

  #applyCommitted(): void {
    let count = 0;
    for (const frame of this.#unapplied) {
      if (frame.last > this.#committed) break;
      this.#tables.apply(frame);
      count += 1;
    }
    if (count > 0) this.#unapplied = this.#unapplied.slice(count);
  }

  #describe(meta: MetaRow, createdNow: boolean): StoreOpened {
    const last = this.#reader.lastMark();
    const commit = this.#reader.markAt(meta.committed);
    const start: EpochMark = { sequence: 0, hash: genesisHash, epoch: 0 };
    assert(commit !== undefined || meta.committed === 0, "the commit point is the end of a frame");
    this.#epochNoted = last.sequence === 0 ? undefined : last.epoch;
    return {
      identity: {
        journal: id<JournalId>(meta.journal),
        cluster: id<ClusterId>(meta.cluster),
        node: id<NodeId>(meta.node),
        bootCount: meta.boot_count + 1,
        createdNow,
      },
      last,
      commit: commit ?? start,
      pruned: this.#reader.prunedMark(),
      promises: promisesOf(meta),
      tables: readTables(this.#db),
      applied: meta.applied,
      unapplied: [...this.#unapplied],
    };
  }
}

/** Creates tables and identity in an empty file; false when it is a journal already. */
function create(db: Db, options: StoreOptions): boolean {
  const tables = Number(db.prepare("SELECT count(*) FROM sqlite_schema").pluck().get());
  if (tables > 0) return false;
  db.exec("BEGIN IMMEDIATE");
  createSchema(db);
  db.prepare(
    `INSERT INTO meta (id, format, cluster, node, journal, boot_count, boot, committed, applied, pruned, pruned_hash,
       pruned_epoch, epoch_max) VALUES (1, ?, ?, ?, ?, 0, '', 0, 0, 0, ?, 0, 0)`,
  ).run(journalFormat, options.cluster, options.node, options.newJournal ?? randomUUID(), genesisHash);
  db.exec("COMMIT");
  return true;
}

function checkedMeta(db: Db, options: StoreOptions): MetaRow {
  const meta = db.prepare<[], MetaRow>("SELECT * FROM meta").get();
  if (meta === undefined) throw new JournalError("journal-corrupt", `${options.file} has no identity`);
  if (meta.format !== journalFormat) {
    throw new JournalError(
      "journal-format",
      `${options.file} has format ${meta.format}, this build writes ${journalFormat}`,
    );
  }
  if (meta.cluster !== options.cluster || meta.node !== options.node) {
    const sentence = `${options.file} is the journal of node ${meta.node} in cluster ${meta.cluster}, not of ${options.node} in ${options.cluster}`;
    throw new JournalError("journal-foreign", sentence);
  }
  return meta;
}

function promisesOf(meta: MetaRow): Promises {
  const vow =
    meta.vow_epoch === null || meta.vow_version === null
      ? undefined
      : { epoch: meta.vow_epoch, version: meta.vow_version };
  const etcd = meta.etcd === null ? undefined : (JSON.parse(meta.etcd) as NonNullable<Promises["etcd"]>);
  return { epochMax: meta.epoch_max, vow, etcd };
}

type Statements = ReturnType<typeof prepareStatements>;

// eslint-disable-next-line typescript/explicit-function-return-type -- inferred: private to this file
function prepareStatements(db: Db) {
  return {
    begin: db.prepare("BEGIN IMMEDIATE"),
    commit: db.prepare("COMMIT"),
    insertFrame: db.prepare("INSERT INTO frame (last, first, epoch, previous_hash, hash) VALUES (?, ?, ?, ?, ?)"),
    insertEvent: db.prepare("INSERT INTO event (seq, frame, payload) VALUES (?, ?, ?)"),
    epoch: db.prepare("INSERT OR IGNORE INTO epoch (epoch, first, node, boot) VALUES (?, ?, ?, ?)"),
    commitPoint: db.prepare("UPDATE meta SET committed = ?, applied = ?"),
    promise: db.prepare("UPDATE meta SET epoch_max = ?, vow_epoch = ?, vow_version = ?, etcd = ?"),
    allowDeleting: db.prepare("UPDATE meta SET deleting = ?"),
    quarantine: db.prepare(
      `INSERT INTO quarantine (first, last, epoch, previous_hash, hash, body, reason, cut_wall_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    deleteEventsAfter: db.prepare("DELETE FROM event WHERE seq > ?"),
    deleteFramesAfter: db.prepare("DELETE FROM frame WHERE last > ?"),
    deleteEpochsAfter: db.prepare("DELETE FROM epoch WHERE first > ?"),
    deleteEventsUpTo: db.prepare("DELETE FROM event WHERE seq <= ?"),
    deleteFramesUpTo: db.prepare("DELETE FROM frame WHERE last <= ?"),
    lastFrameUpTo: db.prepare<[number], { last: number; hash: string; epoch: number }>(
      "SELECT last, hash, epoch FROM frame WHERE last <= ? ORDER BY last DESC LIMIT 1",
    ),
    pruned: db.prepare("UPDATE meta SET pruned = ?, pruned_hash = ?, pruned_epoch = ?"),
  };
}
