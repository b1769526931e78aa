/** The journal's files for the command line, read-only; SQLite is loaded only when it is asked for. */
import type { QuarantinedTail, VerifyReport } from "@baton/journal";

/**
 * Checks the hash chain of a journal file, beside its owner or without one, against what the files of other nodes vouch
 * for. Throws when a file cannot be read.
 */
export async function verifyJournal(file: string, witnesses: readonly string[] = []): Promise<VerifyReport> {
  const journal = await import("@baton/journal");
  return journal.verifyJournal(file, witnesses);
}

/** The tails that were cut from a journal file, oldest cut first. Throws when it cannot be read. */
export async function readQuarantine(file: string): Promise<readonly QuarantinedTail[]> {
  const journal = await import("@baton/journal");
  return journal.readQuarantine(file);
}
