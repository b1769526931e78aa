/**
 * A journal from its archive: the newest snapshot that proves, and every segment after it whose chain holds. Nothing is
 * believed: each frame is checked as if a stranger had sent it, and the whole file once more at the end. It tells how far
 * it came and what is missing of what the cluster was last known to have committed. The file gets a new identity, as a
 * replaced disk has one; the cluster is re-anchored on it by an operator. Operators: `runbooks/site-lost.md`.
 */
import { randomUUID } from "node:crypto";
import { existsSync, renameSync, rmSync } from "node:fs";
import { assert, id } from "@baton/core/records";
import type { BootId, ClusterId, Epoch, NodeId, Sequence, WallMs } from "@baton/core";
import { madeAt } from "../store/age.ts";
import { verifyJournal } from "../store/chain.ts";
import { openForReading, openForWriting, syncFolderOf } from "../store/schema.ts";
import { proveSnapshot } from "../store/snapshot.ts";
import { JournalStore } from "../store/store.ts";
import { clustersOf, decodeSegment, entriesOf, labelName, lastSign } from "./layout.ts";
import type { ArchiveEntry, ArchivedLabel } from "./layout.ts";
import { ArchiveError, openStore, readThrough, readWhole } from "./object-store.ts";
import type { ArchiveAccess, ObjectStore } from "./object-store.ts";

export interface RestoreOptions {
  readonly from: ArchiveAccess;
  /** Must not exist. */
  readonly toFile: string;
  /** Where an archive holds several. */
  readonly cluster?: ClusterId;
  /** The node that the file is for; default: the one that wrote the snapshot. */
  readonly node?: NodeId;
}

/** What a restore reached. */
export interface RestoreReport {
  readonly file: string;
  readonly cluster: ClusterId;
  readonly node: NodeId;
  readonly line: number;
  readonly snapshot: Sequence;
  readonly segments: number;
  readonly reached: {
    readonly epoch: Epoch;
    readonly sequence: Sequence;
    readonly hash: string;
    /** When its last record was made; undefined for one that does not say. */
    readonly madeAtWallMs: WallMs | undefined;
  };
  /** What the cluster was last known to have committed, and when; undefined when it left no sign. */
  readonly known: { readonly sequence: Sequence; readonly atWallMs: WallMs } | undefined;
  /** Records known to have been committed that are not in the file. What was committed after the last sign nobody knows. */
  readonly missing: Sequence | undefined;
  /** What was wrong with the archive on the way, in sentences; empty when nothing was. */
  readonly faults: readonly string[];
}

/** Restores into a new file. Throws `ArchiveError` when there is nothing to restore; then there is no file either. */
export async function restoreJournal(o: RestoreOptions): Promise<RestoreReport> {
  if (existsSync(o.toFile)) throw new ArchiveError(`${o.toFile} exists: a journal is never restored over another`);
  const store = await openStore(o.from);
  const part = `${o.toFile}.restoring`;
  try {
    const names = await store.list(o.cluster === undefined ? "" : `${o.cluster}/`);
    const cluster = clusterOf(names, o);
    const entries = entriesOf(names.filter((name) => name.startsWith(`${cluster}/`)));
    const faults: string[] = [];
    const base = await fetchSnapshot(store, entries, part, faults);
    const node = o.node ?? base.label.node;
    const segments = await replay({ store, entries, part, cluster, base, faults });
    makeNew(part, node);
    const verdict = verifyJournal(part);
    if (verdict.fault !== undefined)
      throw new ArchiveError(`the restored journal is broken: ${verdict.fault.sentence}`);
    const known = await lastSign(store, cluster);
    const madeAtWallMs = madeAtOf(part, verdict.last);
    renameSync(part, o.toFile);
    syncFolderOf(o.toFile);
    return {
      file: o.toFile,
      cluster,
      node,
      line: base.entry.line,
      snapshot: base.label.sequence,
      segments,
      reached: { epoch: verdict.epoch, sequence: verdict.last, hash: verdict.lastHash, madeAtWallMs },
      known: known === undefined ? undefined : { sequence: known.committed.sequence, atWallMs: known.atWallMs },
      missing: known === undefined ? undefined : Math.max(0, known.committed.sequence - verdict.last),
      faults,
    };
  } finally {
    for (const rest of ["", "-wal", "-shm"]) rmSync(part + rest, { force: true });
    store.close();
  }
}

function clusterOf(names: readonly string[], o: RestoreOptions): ClusterId {
  const clusters = clustersOf(names);
  const [only] = clusters;
  if (only === undefined)
    throw new ArchiveError(`${o.from.url} holds no archive${o.cluster === undefined ? "" : ` of ${o.cluster}`}`);
  if (clusters.length > 1)
    throw new ArchiveError(`${o.from.url} holds ${clusters.length} clusters, name one: ${clusters.join(", ")}`);
  return only;
}

interface Base {
  readonly entry: ArchiveEntry;
  readonly label: ArchivedLabel;
}

/** The newest snapshot of the newest line that proves; the faults of those that do not are told. */
async function fetchSnapshot(
  store: ObjectStore,
  entries: readonly ArchiveEntry[],
  part: string,
  faults: string[],
): Promise<Base> {
  for (const entry of entries.filter((each) => each.kind === "snapshot").toReversed()) {
    try {
      const text = await readWhole(store, labelName(entry.name));
      const label = JSON.parse(text?.toString("utf8") ?? "null") as ArchivedLabel;
      await readThrough(store, entry.name, part);
      await proveSnapshot(part, label);
      return { entry, label };
    } catch (error) {
      faults.push(`${entry.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new ArchiveError(["there is no snapshot that proves", ...faults].join("; "));
}

/** A journal of its own: another disk, never opened, that has promised nothing to anybody but the epochs in it. */
function makeNew(file: string, node: NodeId): void {
  const db = openForWriting(file);
  try {
    db.prepare("UPDATE meta SET journal = ?, node = ?, boot_count = 0, boot = ''").run(randomUUID(), node);
    db.pragma("wal_checkpoint(TRUNCATE)");
    db.pragma("journal_mode = DELETE");
  } finally {
    db.close();
  }
}

/** Appends what the segments of the line hold beyond the snapshot; stops at the first that does not continue it. */
async function replay(o: {
  readonly store: ObjectStore;
  readonly entries: readonly ArchiveEntry[];
  readonly part: string;
  readonly cluster: ClusterId;
  readonly base: Base;
  readonly faults: string[];
}): Promise<number> {
  const journal = new JournalStore({
    file: o.part,
    cluster: o.cluster,
    node: o.base.label.node,
    bootId: id<BootId>("restore"),
    create: false,
  });
  let used = 0;
  try {
    let end = journal.opened.last;
    assert(end.sequence === o.base.label.sequence, "a proved snapshot ends where its label says");
    for (const entry of o.entries) {
      if (entry.kind !== "segment" || entry.line !== o.base.entry.line || entry.last <= end.sequence) continue;
      const bytes = await readWhole(o.store, entry.name);
      const frames = decodeSegment(entry.name, bytes ?? Buffer.alloc(0)).frames.filter(
        (frame) => frame.last > end.sequence,
      );
      const first = frames[0];
      if (first?.previousHash !== end.hash || first.first !== end.sequence + 1) {
        throw new ArchiveError(`${entry.name} does not continue the records up to ${end.sequence}`);
      }
      const last = frames.at(-1) ?? first;
      journal.write(frames, last.last);
      if (journal.isCheckpointDue) journal.checkpoint();
      end = { sequence: last.last, hash: last.hash, epoch: last.epoch };
      used += 1;
    }
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    o.faults.push(error.message);
  } finally {
    while (journal.settle(journal.committed)) {
      // Until the rows hold all of it.
    }
    journal.checkpointWhole();
    journal.close();
  }
  return used;
}

function madeAtOf(file: string, sequence: Sequence): WallMs | undefined {
  const db = openForReading(file);
  try {
    const payload = db.prepare<[number], string>("SELECT payload FROM event WHERE seq = ?").pluck().get(sequence);
    return payload === undefined ? undefined : madeAt(payload);
  } finally {
    db.close();
  }
}
