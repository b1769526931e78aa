/**
 * One journal file, opened for writing: what one transaction holds, and in which order things become durable. Everything
 * here is synchronous and runs in the writer's thread; nothing is caught, because a statement that failed leaves the file
 * in a state that only a new process may judge. Invariants I5, I19, I20.
 */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { assert, genesisHash, id, whyFileRefused } from "@baton/core/records";
import type { BootId, ClusterId, Epoch, Frame, JournalEvent, JournalId, NodeId, Sequence, WallMs } from "@baton/core";
import { JournalError, asFailure, corruptAtOpening } from "../errors.ts";
import { forgetFact, makeAdditions, readFact, writeFact } from "./additions.ts";
import { whyNotOpened } from "./chain.ts";
import { Deleting } from "./deleting.ts";
import { insertHeads } from "./heads.ts";
import type { HeadRow } from "./heads.ts";
import { Materialiser } from "./materialise.ts";
import { printReader } from "./past-keys.ts";
import type { PastPrint } from "./past-keys.ts";
import type { EpochMark, FrameReader } from "./read.ts";
import { frameReader } from "./read.ts";
import type { Db } from "./schema.ts";
import { createSchema, journalFormat, openForWriting, syncFolderOf } from "./schema.ts";
import type { RowsPiece } from "./tables.ts";
import { Tables, readPieces, readState } from "./tables.ts";

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
  /** Of the file, which is what this node speaks; at most that of the build. */
  readonly format: number;
  /** A state digest that differed from the leader's, in a sentence; undefined when none did since the last whole copy. */
  readonly divergence: string | undefined;
  readonly last: EpochMark;
  readonly commit: EpochMark;
  readonly pruned: EpochMark;
  readonly promises: Promises;
  /** The rows on the disk have every event up to this in them. */
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
  /** The newest format that this build writes; tests play other builds. */
  readonly build?: number | undefined;
  /** Remembers the idempotency keys that come until `takeNewKeys` is asked; who never asks would remember them all. */
  readonly tellsKeys?: boolean;
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
/** A checkpoint copies the WAL back once it holds so many pages: 16 MiB. */
const checkpointPages = 4096;
/** Frames whose chain is checked at every opening; `verifyJournal` checks all. */
const checkedFrames = 256;

export class JournalStore {
  /** As found; its frames are gone after `warm`. */
  opened: StoreOpened;
  readonly #db: Db;
  readonly #reader: FrameReader;
  readonly #rows: Materialiser;
  readonly #deleting: Deleting;
  readonly #prints: ReturnType<typeof printReader>;
  readonly #sql: Statements;
  readonly #tellsKeys: boolean;
  /** A checkpoint that a reader kept from copying all is tried again once the WAL has so many pages. */
  #tryAt = 0;

  /**
   * Opens or creates the file, whose lock the caller holds, and counts the boot. `rows` is called with all that is in the
   * tables, before the chain is checked: whoever makes a state of it does so meanwhile. Throws `JournalError`.
   */
  constructor(options: StoreOptions, rows?: (piece: RowsPiece) => void) {
    this.#tellsKeys = options.tellsKeys ?? false;
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
      makeAdditions(db);
      const meta = checkedMeta(db, options);
      db.prepare("UPDATE meta SET boot_count = boot_count + 1, boot = ?").run(options.bootId);
      if (rows !== undefined) for (const piece of readPieces(db)) rows(piece);
      this.#reader = frameReader(db);
      const fault = whyNotOpened(db, this.#reader, checkedFrames);
      if (fault !== undefined) throw corruptAtOpening(options.file, fault);
      forgetFact(db, "rot");
      this.#sql = prepareStatements(db);
      this.#deleting = new Deleting(db);
      this.#prints = printReader(db);
      const unapplied = this.#reader.frames(meta.applied, Number.POSITIVE_INFINITY);
      this.opened = this.#describe(meta, createdNow, unapplied);
      const { committed, applied: written } = meta;
      this.#rows = new Materialiser({ makeTables: () => this.#tables(), unapplied, committed, written });
    } catch (error) {
      db?.close();
      const isUnreadable =
        !(error instanceof JournalError) && asFailure(error, options.file).code === "journal-corrupt";
      throw isUnreadable ? corruptAtOpening(options.file, String(error)) : error;
    }
  }

  /** Builds the state that the tables are written from, if it was not needed yet, and lets go of what it was made of. */
  warm(): void {
    this.#rows.warm();
    this.opened = { ...this.opened, unapplied: [] };
  }

  /** The idempotency keys in the state, and up to which record it holds all. */
  keys(): ReturnType<Materialiser["keys"]> {
    return this.#rows.keys();
  }

  /** The same of those that came since this was asked last. */
  takeNewKeys(): ReturnType<Materialiser["keys"]> {
    return this.#rows.takeNewKeys();
  }

  /** A page of those that have left the state, in the order of their records. */
  pastPrints(after: Sequence, limit: number): readonly PastPrint[] {
    return this.#prints(after, limit);
  }

  /** Of the rows as they are on the disk: nobody but these tables writes them. */
  #tables(): Tables {
    return new Tables(this.#db, readState(this.#db, this.opened.applied), this.#tellsKeys);
  }

  /** Writes frames that follow on the last one, and the commit point, in one durable transaction. */
  write(frames: readonly Frame[], committed: Sequence): void {
    this.#transaction(() => {
      for (const frame of frames) this.#insert(frame);
      this.#moveCommit(committed, materialiseEvents);
    });
  }

  /** Makes the tables hold all that is committed, up to where a digest stops them. True when there was something to do. */
  settle(committed: Sequence): boolean {
    if (!this.#rows.isBehind(committed)) return false;
    this.#transaction(() => {
      this.#moveCommit(committed, 1);
    });
    return true;
  }

  /** The commit point as it was last written. */
  get committed(): Sequence {
    return this.#rows.committed;
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
    assert(after >= this.#rows.committed, "a cut never reaches the commit point");
    assert(this.#reader.markAt(after) !== undefined || after === 0, "a cut falls on the end of a frame");
    const frames = this.#reader.frames(after, Number.POSITIVE_INFINITY);
    this.#transaction(() => this.#deleting.cut(after, frames, reason, now));
    this.#rows.cut(after);
    return frames.length;
  }

  /** Deletes frames that end at or before `upTo` and are committed and in the tables. Answers the new pruned point. */
  prune(upTo: Sequence): EpochMark {
    const mark = this.#deleting.lastEndUpTo(Math.min(upTo, this.#rows.committed, this.#rows.written));
    if (mark === undefined) return this.#reader.prunedMark();
    this.#transaction(() => this.#deleting.prune(mark));
    return mark;
  }

  /** Lets the rows stop for a digest, until `goOn`; false when they are beyond this record. */
  stopAfter(at: Sequence): boolean {
    return this.#rows.ask(at);
  }

  /** Where the rows stand still for a digest, on the disk. */
  get stoppedAt(): Sequence | undefined {
    return this.#rows.stoppedAt;
  }

  /** The digest has been begun, or given up. */
  goOn(): void {
    this.#rows.goOn();
  }

  /** Stores heads that others countersigned. */
  storeHeads(heads: readonly HeadRow[]): void {
    this.#transaction(() => insertHeads(this.#db, heads));
  }

  /** Stores the sentence about a state that differs. */
  storeDivergence(sentence: string): void {
    this.#transaction(() => writeFact(this.#db, "divergence", sentence));
  }

  /** Remembers that rot was found: the next opening reads the whole file. */
  storeRot(sentence: string): void {
    this.#transaction(() => writeFact(this.#db, "rot", sentence));
  }

  /** Raises the format of the file; it is never lowered. */
  raise(format: number): void {
    this.#transaction(() => void this.#sql.format.run(format, format));
  }

  /** Enough went into the WAL for it to be copied back. */
  get isCheckpointDue(): boolean {
    const { log, checkpointed } = this.#sql.wal.get() ?? nothingInWal;
    return log - checkpointed >= checkpointPages && log >= this.#tryAt;
  }

  /** Copies the WAL back. Between commits only. */
  checkpoint(): void {
    const [{ log, checkpointed } = nothingInWal] = this.#db.pragma("wal_checkpoint(PASSIVE)") as WalState[];
    this.#tryAt = checkpointed === log ? 0 : log + checkpointPages;
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
    this.#rows.add(frame);
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
    this.#sql.commitPoint.run(committed, this.#rows.move(committed, leastEvents));
  }

  #describe(meta: MetaRow, createdNow: boolean, unapplied: readonly Frame[]): StoreOpened {
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
      format: meta.format,
      divergence: readFact(this.#db, "divergence"),
      last,
      commit: commit ?? start,
      pruned: this.#reader.prunedMark(),
      promises: promisesOf(meta),
      applied: meta.applied,
      unapplied,
    };
  }
}

/** What a frame adds to the WAL, about, without the rows that it changes. */
export function walBytesOf(frame: Frame): number {
  return 2 * frame.body.length + 12_288;
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
  ).run(options.build ?? journalFormat, options.cluster, options.node, options.newJournal ?? randomUUID(), genesisHash);
  db.exec("COMMIT");
  return true;
}

function checkedMeta(db: Db, options: StoreOptions): MetaRow {
  const meta = db.prepare<[], MetaRow>("SELECT * FROM meta").get();
  if (meta === undefined) throw new JournalError("journal-corrupt", `${options.file} has no identity`);
  const refused = whyFileRefused({ file: options.file, has: meta.format, build: options.build ?? journalFormat });
  if (refused !== undefined) throw new JournalError("journal-format", refused);
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

/** How many pages the WAL holds, and how many of them have been copied back. */
interface WalState {
  readonly log: number;
  readonly checkpointed: number;
}

const nothingInWal: WalState = { log: 0, checkpointed: 0 };

type Statements = ReturnType<typeof prepareStatements>;

// eslint-disable-next-line typescript/explicit-function-return-type -- inferred: private to this file
function prepareStatements(db: Db) {
  return {
    begin: db.prepare("BEGIN IMMEDIATE"),
    commit: db.prepare("COMMIT"),
    // Since SQLite 3.51: it tells, and copies nothing.
    wal: db.prepare<[], WalState>("PRAGMA wal_checkpoint(NOOP)"),
    insertFrame: db.prepare("INSERT INTO frame (last, first, epoch, previous_hash, hash) VALUES (?, ?, ?, ?, ?)"),
    insertEvent: db.prepare("INSERT INTO event (seq, frame, payload) VALUES (?, ?, ?)"),
    epoch: db.prepare("INSERT OR IGNORE INTO epoch (epoch, first, node, boot) VALUES (?, ?, ?, ?)"),
    commitPoint: db.prepare("UPDATE meta SET committed = ?, applied = ?"),
    promise: db.prepare("UPDATE meta SET epoch_max = ?, vow_epoch = ?, vow_version = ?, etcd = ?"),
    format: db.prepare("UPDATE meta SET format = ? WHERE format < ?"),
  };
}
