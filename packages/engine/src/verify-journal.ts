/** The journal's verification for the command line; SQLite is loaded only when it is asked for. */
import type { VerifyReport } from "@baton/journal";

/** Checks the hash chain of a journal file, read-only, beside its owner or without one. Throws when it cannot be read. */
export async function verifyJournal(file: string): Promise<VerifyReport> {
  const journal = await import("@baton/journal");
  return journal.verifyJournal(file);
}
