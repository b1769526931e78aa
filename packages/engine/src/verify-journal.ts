/** The journal's files for the command line; SQLite and the archive's client are loaded only when they are asked for. */
import { id } from "@baton/core";
import type { ClusterId, NodeId } from "@baton/core";
import type { ExportedRecord, QuarantinedTail, RestoreReport, SnapshotLabel, VerifyReport } from "@baton/journal";
import { loadConfig } from "./config/load.ts";

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

/** Every record of a journal file after a sequence, in order. Throws when it cannot be read. */
export async function exportJournal(file: string, after: number): Promise<Iterable<ExportedRecord>> {
  const journal = await import("@baton/journal");
  return journal.exportRecords(file, after);
}

/** A proved copy of a journal file, beside its owner or without one. Throws where the copy exists or does not prove. */
export async function copyJournal(file: string, toFile: string): Promise<SnapshotLabel> {
  const journal = await import("@baton/journal");
  return await journal.copyJournal(file, toFile);
}

/** What a restore is told; `configFile` says how the archive is reached, `from` goes over its URL. */
export interface RestoreRequest {
  readonly from?: string;
  readonly configFile?: string;
  readonly endpoint?: string;
  readonly toFile: string;
  readonly cluster?: string;
  readonly node?: string;
}

/** A journal from its archive, in a new file. Throws `ConfigError`, and an error with code `archive` and a sentence. */
export async function restoreJournal(o: RestoreRequest): Promise<RestoreReport> {
  const [{ restoreJournal: restore, ArchiveError }, { archiveAccessOf }] = await Promise.all([
    import("@baton/journal"),
    import("./node/archive.ts"),
  ]);
  const configured = o.configFile === undefined ? undefined : archiveAccessOf(loadConfig(o.configFile).archive);
  const url = o.from ?? configured?.url;
  if (url === undefined) throw new ArchiveError("the configuration names no archive: give --from URL");
  return await restore({
    from: { ...configured, url, ...(o.endpoint !== undefined && { endpoint: o.endpoint }) },
    toFile: o.toFile,
    ...(o.cluster !== undefined && { cluster: id<ClusterId>(o.cluster) }),
    ...(o.node !== undefined && { node: id<NodeId>(o.node) }),
  });
}
