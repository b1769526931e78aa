/**
 * A journal that is set aside: an operator has a node's journal rebuilt from its leader's, and the old one stays as evidence
 * in a folder of its own beside it. The wish is made durable first; the files are moved at the next start, before anything
 * opens them. A start that is cut short finds the wish again and goes on, so there is never half a journal under its name.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { JournalId, OperationId } from "@baton/core";
import { syncFolderOf } from "@baton/journal";
import { writeDurably } from "./durable-file.ts";

interface Wish {
  readonly operation: OperationId;
  readonly journal: JournalId;
}

const wishFile = "journal.set-aside";
/** SQLite's own: the database, what it has not taken over from its log yet, and the index of that. */
const parts = ["journal.db", "journal.db-wal", "journal.db-shm"];

/** From the next start on this journal is set aside. Durable once this returns; throws what the disk says. */
export function wishSetAside(dataDir: string, wish: Wish): void {
  writeDurably(join(dataDir, wishFile), `${JSON.stringify(wish)}\n`);
}

/** The journal stays after all. Durable once this returns. */
export function forgetSetAside(dataDir: string): void {
  const file = join(dataDir, wishFile);
  // Asked at every orderly end: without a wish the disk is left alone.
  if (!existsSync(file)) return;
  rmSync(file);
  syncFolderOf(file);
}

/** Moves the journal away where that was wished for; gives the folder that holds it now. Call before it is opened. */
export function setAsideJournal(dataDir: string): string | undefined {
  const file = join(dataDir, wishFile);
  if (!existsSync(file)) return undefined;
  const { journal } = JSON.parse(readFileSync(file, "utf8")) as Wish;
  const folder = join(dataDir, "set-aside", journal);
  mkdirSync(folder, { recursive: true });
  for (const part of parts) {
    const from = join(dataDir, part);
    if (existsSync(from)) renameSync(from, join(folder, part));
  }
  // Where they are must be durable before the wish is forgotten: else the next start would look for them here.
  for (const moved of [join(folder, "journal.db"), folder, join(dataDir, "set-aside")]) syncFolderOf(moved);
  forgetSetAside(dataDir);
  return folder;
}
