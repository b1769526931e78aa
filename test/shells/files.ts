/**
 * The evidence on the disks: journal files read with Node's own SQLite and judged by rules written here anew, so that no
 * mistake of the journal's own reader or verifier hides one of its writer. A file is read only while nobody has it open:
 * two builds of SQLite in one process take each other's locks away.
 */
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { applyEvent, decodeEvent, emptyState, rowsOf } from "@baton/core";
import type { EngineState } from "@baton/core";
import type { Rot } from "./disk.ts";

/** What a file says, row by row. */
export interface FileRead {
  readonly journal: string;
  readonly bootCount: number;
  readonly committed: number;
  readonly applied: number;
  readonly pruned: { readonly sequence: number; readonly hash: string; readonly epoch: number };
  readonly epochMax: number;
  readonly vow: { readonly epoch: number; readonly version: number } | undefined;
  readonly last: number;
  readonly frames: readonly FrameRow[];
  readonly events: ReadonlyMap<number, { readonly frame: number; readonly payload: string }>;
  readonly epochs: readonly { readonly epoch: number; readonly first: number }[];
  readonly rows: ReadonlyMap<string, string>;
  /** SQLite's own check of the file. */
  readonly check: string;
}

interface FrameRow {
  readonly first: number;
  readonly last: number;
  readonly epoch: number;
  readonly previousHash: string;
  readonly hash: string;
}

/** A record that is known to be committed. */
export interface Known {
  readonly text: string;
  readonly epoch: number;
}

type Row = Readonly<Record<string, unknown>>;

/** Reads a closed file whole. */
export function readFile(file: string): FileRead {
  using db = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  const all = (sql: string): readonly Row[] => db.prepare(sql).all();
  const [meta] = all("SELECT * FROM meta");
  if (meta === undefined) throw new Error(`${file} has no meta row`);
  const frames = all("SELECT * FROM frame ORDER BY last").map((row) => ({
    first: Number(row["first"]),
    last: Number(row["last"]),
    epoch: Number(row["epoch"]),
    previousHash: String(row["previous_hash"]),
    hash: String(row["hash"]),
  }));
  const pruned = {
    sequence: Number(meta["pruned"]),
    hash: String(meta["pruned_hash"]),
    epoch: Number(meta["pruned_epoch"]),
  };
  const tables = all("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'state\\_%' ESCAPE '\\'");
  const rows = tables
    .map((row) => String(row["name"]))
    .flatMap((table) =>
      all(`SELECT key, row FROM ${table}`).map(
        (row) => [`${table.slice("state_".length)} ${String(row["key"])}`, String(row["row"])] as const,
      ),
    );
  return {
    journal: String(meta["journal"]),
    bootCount: Number(meta["boot_count"]),
    committed: Number(meta["committed"]),
    applied: Number(meta["applied"]),
    pruned,
    epochMax: Number(meta["epoch_max"]),
    vow:
      meta["vow_epoch"] === null
        ? undefined
        : { epoch: Number(meta["vow_epoch"]), version: Number(meta["vow_version"]) },
    last: frames.at(-1)?.last ?? pruned.sequence,
    frames,
    events: new Map(
      all("SELECT seq, frame, payload FROM event ORDER BY seq").map((row) => [
        Number(row["seq"]),
        { frame: Number(row["frame"]), payload: String(row["payload"]) },
      ]),
    ),
    epochs: all("SELECT epoch, first FROM epoch ORDER BY epoch").map((row) => ({
      epoch: Number(row["epoch"]),
      first: Number(row["first"]),
    })),
    rows: new Map(rows),
    check: String(all("PRAGMA integrity_check(1)")[0]?.["integrity_check"]),
  };
}

/** What is wrong with a file, in sentences: its chain, what it says of itself, and every record that is known committed. */
export function faultsOf(file: FileRead, known: ReadonlyMap<number, Known>, rot: Rot | undefined): readonly string[] {
  return [...chainFaults(file, rot), ...selfFaults(file), ...committedFaults(file, known, rot)];
}

/** The hash chain from where the file begins; epochs that fall; records that belong to no frame. */
function* chainFaults({ frames, events, pruned }: FileRead, rot: Rot | undefined): Generator<string> {
  let end: { sequence: number; hash: string; epoch: number } = pruned;
  for (const frame of frames) {
    const { first, last, epoch, previousHash, hash } = frame;
    const where = `frame ${first}–${last}`;
    if (first !== end.sequence + 1) yield `${where} follows on ${end.sequence}`;
    if (previousHash !== end.hash) yield `${where} does not chain`;
    if (epoch < end.epoch) yield `${where} is of epoch ${epoch}, after one of ${end.epoch}`;
    const texts: string[] = [];
    for (let at = first; at <= last; at += 1) {
      const event = events.get(at);
      if (event === undefined) yield `record ${at} of ${where} is missing`;
      else if (event.frame !== last) yield `record ${at} says that it is of frame ${event.frame}, it is of ${where}`;
      texts.push((rot?.sequence === at ? rot.was : event?.payload) ?? "");
    }
    const input = `${previousHash}\n${epoch}:${first}:${last}\n${texts.join("\n")}`;
    if (createHash("sha256").update(input).digest("hex") !== hash) yield `${where} is not what its hash says`;
    end = { sequence: last, hash, epoch };
  }
  const held = end.sequence - pruned.sequence;
  if (events.size !== held) yield `${events.size} records lie in the file, its frames hold ${held}`;
}

function* selfFaults(file: FileRead): Generator<string> {
  const { committed, applied, last, frames, epochs, epochMax, pruned, check } = file;
  if (check !== "ok") yield `SQLite finds: ${check}`;
  if (committed > last) yield `committed is ${committed}, the file ends at ${last}`;
  if (applied > committed) yield `the rows hold ${applied}, committed is ${committed}`;
  const isEnd = committed === pruned.sequence || frames.some((frame) => frame.last === committed);
  if (!isEnd) yield `the commit point ${committed} is not the end of a frame`;
  const newest = frames.at(-1)?.epoch ?? pruned.epoch;
  if (newest > epochMax) yield `the file holds records of epoch ${newest}, promised is ${epochMax}`;
  const firsts = new Map<number, number>();
  for (const { epoch, first } of frames) if (!firsts.has(epoch)) firsts.set(epoch, first);
  for (const { epoch, first } of epochs) {
    if (first <= pruned.sequence) continue;
    if (firsts.get(epoch) !== first) yield `epoch ${epoch} is said to begin at ${first}, not ${firsts.get(epoch)}`;
  }
}

function* committedFaults(file: FileRead, known: ReadonlyMap<number, Known>, rot: Rot | undefined): Generator<string> {
  const { pruned, committed, events, frames } = file;
  for (let at = pruned.sequence + 1; at <= committed; at += 1) {
    const payload = rot?.sequence === at ? rot.was : events.get(at)?.payload;
    const one = known.get(at);
    if (one === undefined) yield `record ${at} is committed in the file, and no leader ever said so`;
    else if (one.text !== payload) yield `committed record ${at} is ${String(payload)}, it was ${one.text}`;
  }
  for (const { first, last, epoch } of frames) {
    const one = known.get(first);
    if (last <= committed && one !== undefined && one.epoch !== epoch)
      yield `committed record ${first} is of epoch ${epoch} in the file, it was of ${one.epoch}`;
  }
}

/** Replays what is committed from the first record on; asked for ascending positions, it goes on from the last one. */
export class Replay {
  readonly #known: ReadonlyMap<number, Known>;
  #state: EngineState = emptyState();

  constructor(known: ReadonlyMap<number, Known>) {
    this.#known = known;
  }

  /** Which rows of a file differ from what its events make of an empty state. */
  faultsOf({ applied, rows }: Pick<FileRead, "applied" | "rows">): readonly string[] {
    if (applied < this.#state.applied) this.#state = emptyState();
    for (let at = this.#state.applied + 1; at <= applied; at += 1) {
      const one = this.#known.get(at);
      if (one === undefined) return [`the rows hold record ${at}, which nobody knows as committed`];
      applyEvent(this.#state, at, decodeEvent(one.text));
    }
    const expected = new Map<string, string>();
    for (const { table, key, row } of rowsOf(this.#state)) expected.set(`${table} ${key}`, JSON.stringify(row));
    const faults: string[] = [];
    for (const [key, row] of expected) {
      // Until an event changes it, the engine's row is not written.
      if (rows.get(key) === undefined && key === "engine engine" && this.#state.engine.epoch === 0) continue;
      if (rows.get(key) !== row) faults.push(`row ${key} after ${applied} is ${rows.get(key)}, a replay gives ${row}`);
    }
    for (const key of rows.keys()) if (!expected.has(key)) faults.push(`row ${key} after ${applied} comes of no event`);
    return faults;
  }
}
