/**
 * One process per journal: an exclusive SQLite lock on a companion file, held open for life. The kernel lets go of it when
 * the process ends in whatever way, so there is never a stale lock to remove; the journal itself stays readable for others.
 * Invariant I17.
 */
import Database from "better-sqlite3";
import { JournalError } from "../errors.ts";

/** Takes the lock of a journal file, or throws `journal-locked`. Call the answer to let go. */
export function lockJournal(file: string): () => void {
  const lock = new Database(`${file}.lock`, { timeout: 0 });
  try {
    lock.pragma("journal_mode = DELETE");
    lock.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (!code.startsWith("SQLITE_BUSY")) throw error;
    const sentence = `${file} is in use by another process: one process per journal`;
    throw new JournalError("journal-locked", sentence, { cause: error });
  }
  return () => {
    lock.close();
  };
}
