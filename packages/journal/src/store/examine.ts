/**
 * A look at a journal and its disk for the doctor, beside a running node or without one. The journal is opened for reading
 * only; what has to be tried by writing (WAL, synchronous, how long an fdatasync takes) is tried in a folder of its own
 * beside it, which is removed again. Nothing here waits for a lock of the node, and none is held for longer than the walk
 * over the last frames takes.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { id } from "@baton/core/records";
import type { ClusterId, EtcdPin, JournalFileFacts, MachineFacts } from "@baton/core";
import { whyNotOpened } from "./chain.ts";
import { frameReader } from "./read.ts";
import { openForReading, openForWriting } from "./schema.ts";

const framesLooked = 256;
const samplesTaken = 200;
/** So that a node which leads from the same disk has it for the most part. */
const betweenSamplesMs = 1;
const pageBytes = 4_096;
const loadWithinMs = 20_000;

/** What a journal's file says of itself, and what it was last told of etcd. Never throws. */
export function examineJournal(file: string): { readonly facts: JournalFileFacts; readonly pin?: EtcdPin } {
  if (!existsSync(file)) return { facts: { kind: "absent" } };
  try {
    const db = openForReading(file);
    try {
      // One view of the file, whatever is written meanwhile.
      db.exec("BEGIN");
      const meta = db
        .prepare<[], { node: string; cluster: string; etcd: string | null }>("SELECT node, cluster, etcd FROM meta")
        .get();
      if (meta === undefined) return { facts: { kind: "unreadable", cause: "it has no identity" } };
      const reader = frameReader(db);
      const fault = whyNotOpened(db, reader, framesLooked);
      const all = Number(db.prepare("SELECT count(*) FROM (SELECT 1 FROM frame LIMIT ?)").pluck().get(framesLooked));
      const facts: JournalFileFacts = {
        kind: "read",
        node: meta.node,
        cluster: id<ClusterId>(meta.cluster),
        mode: String(db.pragma("journal_mode", { simple: true })),
        last: reader.lastMark().sequence,
        frames: all,
        ...(fault !== undefined && { fault }),
      };
      return meta.etcd === null ? { facts } : { facts, pin: JSON.parse(meta.etcd) as EtcdPin };
    } finally {
      db.close();
    }
  } catch (error) {
    return { facts: { kind: "unreadable", cause: causeOf(error) } };
  }
}

/** What the disk under a folder is measured to do. Neither part throws; the folder must exist. */
export interface DiskTrial {
  readonly durability: { readonly kind: "set" } | { readonly kind: "refused"; readonly cause: string };
  /** Microseconds of one fdatasync each. */
  readonly fsyncUs: readonly number[] | { readonly cause: string };
}

/** Tries a database as the journal is set, and 200 times a page and an fdatasync, in a folder that is removed again. */
export async function tryDisk(folder: string): Promise<DiskTrial> {
  let scratch: string;
  try {
    scratch = mkdtempSync(join(folder, "doctor-"));
  } catch (error) {
    const cause = causeOf(error);
    return { durability: { kind: "refused", cause }, fsyncUs: { cause } };
  }
  try {
    return { durability: tryDurability(scratch), fsyncUs: await timeSyncs(join(scratch, "page")) };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function tryDurability(scratch: string): DiskTrial["durability"] {
  try {
    // It sets what the journal sets and reads it back, or throws.
    const db = openForWriting(join(scratch, "journal.db"));
    try {
      db.exec("CREATE TABLE trial (one INTEGER); INSERT INTO trial VALUES (1)");
    } finally {
      db.close();
    }
    return { kind: "set" };
  } catch (error) {
    return { kind: "refused", cause: causeOf(error) };
  }
}

async function timeSyncs(file: string): Promise<readonly number[] | { readonly cause: string }> {
  try {
    await using handle = await open(file, "w", 0o600);
    const page = Buffer.alloc(pageBytes, 0x5a);
    // Room first, so that what is timed is the data's way to the disk and not the file's growth.
    for (let at = 0; at < samplesTaken; at += 1) await handle.write(page, 0, pageBytes, at * pageBytes);
    await handle.sync();
    const taken: number[] = [];
    for (let at = 0; at < samplesTaken; at += 1) {
      page.writeUInt32LE(at);
      await handle.write(page, 0, pageBytes, at * pageBytes);
      const begun = process.hrtime.bigint();
      await handle.datasync();
      taken.push(Number(process.hrtime.bigint() - begun) / 1_000);
      await pause(betweenSamplesMs);
    }
    return taken;
  } catch (error) {
    return { cause: causeOf(error) };
  }
}

/** Loads better-sqlite3 in a process of its own, because a library for another Node can end the one that loads it. */
export async function tryLibrary(program: string = libraryProgram()): Promise<MachineFacts["sqlite"]> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: loadWithinMs });
    return { kind: "loaded", ...(JSON.parse(stdout) as { readonly sqlite: string; readonly library: string }) };
  } catch (error) {
    const { stderr, signal } = error as { readonly stderr?: string; readonly signal?: string | null };
    const told = /^\w*Error: .*$/m.exec(stderr ?? "")?.[0];
    return { kind: "broken", cause: told ?? (typeof signal === "string" ? `ended by ${signal}` : causeOf(error)) };
  }
}

function libraryProgram(): string {
  // Under node_modules the files are emitted as .js; the name of this one tells which.
  const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  return fileURLToPath(new URL(`./library-main${extension}`, import.meta.url));
}

function causeOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
