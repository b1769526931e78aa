/**
 * Does a journal still say what was written? Each frame is recomputed from its events' stored bytes and must chain to the
 * one before; sequences have no hole, epochs never fall, and what the file says of itself (commit point, applied point)
 * lies inside it. A flipped byte, a deleted record, a changed order each break one of these. Invariants I19, I20.
 */
import { createHash, hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { frameFault, id } from "@baton/core/records";
import type { ClusterId, Epoch, Frame, NodeId, Sequence } from "@baton/core";
import { JournalError } from "../errors.ts";
import { hasTable, readFact } from "./additions.ts";
import { isHeadGenuine, readHeads } from "./heads.ts";
import type { HeadRow } from "./heads.ts";
import type { EpochMark, FrameReader } from "./read.ts";
import { frameReader } from "./read.ts";
import type { Db } from "./schema.ts";
import { openForReading, rowTable, tableNames } from "./schema.ts";

/** What a verification found. `fault` names the first thing that is wrong. */
export interface VerifyReport {
  readonly file: string;
  readonly sound: boolean;
  readonly frames: number;
  readonly events: number;
  readonly first: Sequence;
  readonly last: Sequence;
  readonly lastHash: string;
  readonly epoch: Epoch;
  readonly committed: Sequence;
  /** Heads that other nodes countersigned: how many, by whom, and up to which record they vouch for this chain. */
  readonly heads: { readonly count: number; readonly by: readonly NodeId[]; readonly highest: Sequence };
  /** Tails that were cut: see `readQuarantine`. */
  readonly quarantined: { readonly frames: number; readonly events: number };
  readonly fault: { readonly sequence: Sequence; readonly sentence: string } | undefined;
}

/** SHA-256 of a UTF-8 text, lowercase hex. */
export function sha256(text: string): string {
  return hash("sha256", text);
}

/** SHA-256 of a file's bytes, lowercase hex. */
export async function sha256OfFile(file: string): Promise<string> {
  const digest = createHash("sha256");
  for await (const chunk of createReadStream(file)) digest.update(chunk as Buffer);
  return digest.digest("hex");
}

/**
 * Verifies a whole journal file, read only, beside its owner or without one. `witnesses`: files of other nodes, whose
 * countersigned heads this one must hold too. Throws only when a file cannot be read at all.
 */
export function verifyJournal(file: string, witnesses: readonly string[] = []): VerifyReport {
  const db = openForReading(file);
  try {
    db.exec("BEGIN");
    return verifyDatabase(db, file, witnesses);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (!code.startsWith("SQLITE_CORRUPT") && code !== "SQLITE_NOTADB") throw error;
    throw new JournalError("journal-corrupt", `${file} cannot be read: ${String(error)}`, { cause: error });
  } finally {
    db.close();
  }
}

/**
 * Frames that end after `after`, as `FrameReader.frames` gives them, for whoever sends them on: each is held against its
 * hash and the frame before it, the first one too. What an opening does not look at, because it is old, is found here
 * before anybody else is given it. Throws `journal-corrupt`, which names the frame.
 */
export function soundFrames(o: {
  readonly db: Db;
  readonly reader: FrameReader;
  readonly after: Sequence;
  readonly maxBytes: number;
}): Frame[] {
  const { db, reader, after, maxBytes } = o;
  // One view of the file: between two of them the frame before could be pruned.
  const [before, page] = db.transaction(() => {
    const found = reader.frames(after, maxBytes);
    return [found[0] === undefined ? undefined : reader.markAt(found[0].first - 1), found] as const;
  })();
  let end = before;
  for (const frame of page) {
    const why = end === undefined ? "follows on none" : whyNotNext(end, frame);
    if (why !== undefined) throw new JournalError("journal-corrupt", `${db.name}: ${frameText(frame)} ${why}`);
    end = endOf(frame);
  }
  return page;
}

/** Why a copy must not be sent on: its chain from the start, what it says of itself, SQLite's own check. */
export function whyUnsound(file: string): string | undefined {
  const db = openForReading(file);
  try {
    return ownFault(db, frameReader(db)).fault?.sentence;
  } finally {
    db.close();
  }
}

/**
 * Why a file must not be opened; undefined when all is well. Looked at are the last `frames`, all that is not in the tables
 * yet, and what the file says of itself. One in which rot was found while it was in use is read from the start.
 */
export function whyNotOpened(db: Db, reader: FrameReader, frames: number): string | undefined {
  // A file of an older build has no facts until it is opened for writing.
  if (hasTable(db, "fact") && readFact(db, "rot") !== undefined) return ownFault(db, reader).fault?.sentence;
  const last = db
    .prepare<[number], number>("SELECT last FROM frame ORDER BY last DESC LIMIT 1 OFFSET ?")
    .pluck()
    .get(frames);
  const applied = Number(db.prepare("SELECT applied FROM meta").pluck().get() ?? 0);
  const start = last === undefined ? undefined : reader.markAt(Math.min(last, applied));
  const walked = walk(reader, start ?? reader.prunedMark());
  return walked.fault?.sentence ?? contradiction(db, reader)?.sentence;
}

/** What is wrong with the file by itself, whatever other nodes vouched for. */
function ownFault(db: Db, reader: FrameReader): Walked {
  const walked = walk(reader, reader.prunedMark());
  const fault = walked.fault ?? contradiction(db, reader) ?? corruption(db, walked.end.sequence);
  return { ...walked, fault };
}

function verifyDatabase(db: Db, file: string, witnesses: readonly string[]): VerifyReport {
  const reader = frameReader(db);
  const pruned = reader.prunedMark();
  const walked = ownFault(db, reader);
  const cluster = clusterOf(db);
  const heads = [...readHeads(db), ...witnesses.flatMap((witness) => headsOfFile(witness, cluster))];
  const fault = walked.fault ?? whyNotWitnessed(reader, cluster, heads);
  const committed = Number(db.prepare("SELECT committed FROM meta").pluck().get() ?? 0);
  return {
    file,
    sound: fault === undefined,
    frames: walked.frames,
    events: walked.end.sequence - pruned.sequence,
    first: pruned.sequence + 1,
    last: walked.end.sequence,
    lastHash: walked.end.hash,
    epoch: walked.end.epoch,
    committed,
    heads: {
      count: heads.length,
      by: [...new Set(heads.map((head) => head.node))],
      highest: heads.reduce((most, head) => Math.max(most, head.sequence), 0),
    },
    quarantined: db
      .prepare<[], { frames: number; events: number }>(
        "SELECT count(*) AS frames, coalesce(sum(last - first + 1), 0) AS events FROM quarantine",
      )
      .get() ?? { frames: 0, events: 0 },
    fault,
  };
}

function clusterOf(db: Db): ClusterId {
  return id<ClusterId>(String(db.prepare("SELECT cluster FROM meta").pluck().get()));
}

function headsOfFile(file: string, cluster: ClusterId): readonly HeadRow[] {
  const db = openForReading(file);
  try {
    const theirs = clusterOf(db);
    if (theirs !== cluster) throw new JournalError("journal-foreign", `${file} belongs to cluster ${theirs}`);
    return readHeads(db);
  } finally {
    db.close();
  }
}

/** What other nodes vouched for with their keys against what is here: a chain that was cut or made anew shows. */
function whyNotWitnessed(reader: FrameReader, cluster: ClusterId, heads: readonly HeadRow[]): VerifyReport["fault"] {
  const pruned = reader.prunedMark();
  const last = reader.lastMark();
  const keys = new Map<string, string>();
  /** The furthest that somebody vouched for and that is not here. */
  let beyond: HeadRow | undefined;
  for (const head of heads) {
    const { node, sequence } = head;
    const who = wordOf(head);
    if (!isHeadGenuine(cluster, head)) return { sequence, sentence: `the word that ${who} is forged` };
    const signer = `${node} ${head.journal}`;
    if (head.publicKey !== (keys.get(signer) ?? head.publicKey)) {
      return { sequence, sentence: `${who} under another key than before, with the same journal` };
    }
    keys.set(signer, head.publicKey);
    if (sequence > last.sequence) {
      if (beyond === undefined || sequence > beyond.sequence) beyond = head;
      continue;
    }
    if (sequence < pruned.sequence) continue;
    const here = reader.markAt(sequence);
    if (here?.hash === head.hash) continue;
    const found = here === undefined ? "no frame ends there" : "the frame there has another hash";
    return { sequence, sentence: `${who}, but ${found}: this is another history` };
  }
  if (beyond === undefined) return undefined;
  const sentence = `${wordOf(beyond)}, the journal ends at ${last.sequence}: the end was cut off`;
  return { sequence: last.sequence + 1, sentence };
}

function wordOf({ node, sequence, epoch }: HeadRow): string {
  return `${node} countersigned record ${sequence} of epoch ${epoch}`;
}

interface Walked {
  readonly frames: number;
  readonly end: EpochMark;
  readonly fault: VerifyReport["fault"];
}

function walk(reader: FrameReader, start: EpochMark): Walked {
  let end = start;
  let frames = 0;
  for (;;) {
    const page = reader.frames(end.sequence, 1024 * 1024);
    for (const frame of page) {
      const why = whyNotNext(end, frame);
      if (why !== undefined) {
        return { frames, end, fault: { sequence: frame.first, sentence: `${frameText(frame)} ${why}` } };
      }
      end = endOf(frame);
      frames += 1;
    }
    if (page.length === 0) return { frames, end, fault: undefined };
  }
}

/** Why this frame is not the one that was written after that mark. */
function whyNotNext(end: EpochMark, frame: Frame): string | undefined {
  const isOfOlder = frame.epoch < end.epoch;
  const fault = frameFault(end, frame, sha256);
  return fault ?? (isOfOlder ? `is of epoch ${frame.epoch}, after one of ${end.epoch}` : undefined);
}

const frameText = ({ first, last }: Frame): string => `the frame ${first}–${last}`;

const endOf = ({ last, hash: text, epoch }: Frame): EpochMark => ({ sequence: last, hash: text, epoch });

/** What the file says of itself against what it holds. */
function contradiction(db: Db, reader: FrameReader): VerifyReport["fault"] {
  const last = reader.lastMark();
  const meta = db.prepare<[], { committed: number; applied: number }>("SELECT committed, applied FROM meta").get();
  if (meta === undefined) return { sequence: 0, sentence: "the file has no identity" };
  const lastEvent = db.prepare<[], number | null>("SELECT max(seq) FROM event").pluck().get() ?? 0;
  if (lastEvent > last.sequence) {
    return { sequence: last.sequence + 1, sentence: `event ${lastEvent} lies after the last frame, ${last.sequence}` };
  }
  if (meta.committed > last.sequence) {
    const sentence = `the commit point ${meta.committed} lies after the last frame, ${last.sequence}: the end was cut off`;
    return { sequence: last.sequence + 1, sentence };
  }
  if (meta.applied > meta.committed) {
    return { sequence: meta.applied, sentence: `the tables hold ${meta.applied}, committed is only ${meta.committed}` };
  }
  if (meta.committed > 0 && reader.markAt(meta.committed) === undefined) {
    return { sequence: meta.committed, sentence: `the commit point ${meta.committed} is not the end of a frame` };
  }
  return undefined;
}

/** Rot beside the chain: what SQLite finds, and rows of which no state can be made. */
function corruption(db: Db, end: Sequence): VerifyReport["fault"] {
  const answer = String(db.pragma("integrity_check(1)", { simple: true }));
  if (answer !== "ok") return { sequence: end, sentence: `SQLite's own check: ${answer}` };
  for (const table of tableNames) {
    const unreadable = `SELECT key FROM ${rowTable(table)} WHERE NOT json_valid(row) LIMIT 1`;
    const key = db.prepare<[], string>(unreadable).pluck().get();
    if (key !== undefined) return { sequence: end, sentence: `the row ${key} of ${table} cannot be read` };
  }
  for (const table of ["past_order", "past_key"]) {
    if (!hasTable(db, table)) continue;
    const unreadable = `SELECT sequence FROM ${table} WHERE NOT json_valid(row) LIMIT 1`;
    const sequence = db.prepare<[], number>(unreadable).pluck().get();
    if (sequence !== undefined)
      return { sequence, sentence: `the row of record ${sequence} in ${table} cannot be read` };
  }
  return undefined;
}
