/**
 * What a node knows of its own disk before etcd tells it anything: which cluster its journal belongs to, and that a disk
 * which was rolled back must not be used. A journal that was opened less often than etcd has counted, or lacks what it held
 * when its node last told (each second), is an old copy: what it acknowledged since is gone from it, so it may not vote, lead or acknowledge. The refusal is kept on the disk, because
 * each further opening would count, until the copy looked young again. Operators: `runbooks/leader-lost.md`.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AnchorFacts, BootId, BootRecord, ClusterId, EtcdView, KillRecord, MemberRecord } from "@baton/core";
import { id } from "@baton/core";
import type { Etcd } from "@baton/cluster";
import type { Journal } from "@baton/journal";
import { writeDurably } from "./durable-file.ts";
import { StartRefused } from "./startup-checks.ts";

const clusterFile = "cluster.id";
const refusedFile = "journal.refused";

/** The cluster that the journal in this folder belongs to; undefined where that was never written. */
export function knownCluster(dataDir: string): ClusterId | undefined {
  const file = join(dataDir, clusterFile);
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8").trim();
  return text === "" ? undefined : id<ClusterId>(text);
}

/** Throws `StartRefused` where an earlier start found this disk rolled back. */
export function refuseKnownRollback(dataDir: string): void {
  const file = join(dataDir, refusedFile);
  if (existsSync(file)) throw new StartRefused("journal-rolled-back", readFileSync(file, "utf8").trim());
}

/** Counts this opening in etcd. Throws `StartRefused` when the disk was rolled back, and `EtcdUnavailable`. */
export async function countOpening(o: {
  readonly etcd: Pick<Etcd, "countBoot">;
  readonly journal: Journal;
  readonly boot: BootId;
  readonly dataDir: string;
}): Promise<void> {
  const { etcd, journal, boot, dataDir } = o;
  const { journal: journalId, cluster } = journal.identity;
  // At its opening all that is on the disk counts: what it was seen to hold can only be more.
  const held = { committed: journal.last.sequence, epochMax: journal.promises.epochMax };
  const counted = await etcd.countBoot(journalId, { ...bootRecordOf(journal, boot), held });
  if (counted.kind === "counted") {
    if (knownCluster(dataDir) !== cluster) writeDurably(join(dataDir, clusterFile), `${cluster}\n`);
    return;
  }
  const sentence =
    `the disk under ${dataDir} was rolled back: its journal ${journalId} ${counted.why}; ` +
    `move the folder away, the node then starts with a new journal and catches up`;
  writeDurably(join(dataDir, refusedFile), `${sentence}\n`);
  throw new StartRefused("journal-rolled-back", sentence);
}

/** What etcd is told of this journal with every publishing: records that are committed and on the disk are never cut. */
export function bootRecordOf(journal: Journal, boot: BootId): BootRecord {
  const committed = Math.min(journal.commitMark.sequence, journal.durable);
  return { boot, count: journal.identity.bootCount, held: { committed, epochMax: journal.promises.epochMax } };
}

/** The kill as a journal's state has it. */
export type JournaledKill = Omit<KillRecord, "level"> & { readonly level: string };

/** What a re-anchoring compares. */
export function anchorFactsOf(
  journal: Journal,
  kill: JournaledKill,
  view: Pick<EtcdView, "anchorAsked"> | undefined,
): AnchorFacts {
  const { epochMax, vow, etcd } = journal.promises;
  return {
    cluster: journal.identity.cluster,
    epochMax: Math.max(epochMax, etcd?.epoch ?? 0),
    versionMax: Math.max(vow?.version ?? 0, etcd?.version ?? 0),
    last: { ...journal.last },
    ...(view?.anchorAsked !== undefined && { answers: view.anchorAsked.nonce }),
    ...(kill.level === "cluster" && { kill: { ...kill, level: kill.level } }),
  };
}

/** What a node publishes that has a journal and finds an etcd without its cluster. */
export function unanchored(record: MemberRecord, journal: Journal, view: EtcdView): MemberRecord {
  if (record.facts === undefined) return record;
  const etcdRestored = "etcd holds no cluster, and this node has a journal of one: it was emptied or replaced";
  const facts = {
    ...record.facts,
    etcdRestored,
    anchor: anchorFactsOf(journal, journal.opened.state.engine.kill, view),
  };
  return { ...record, facts };
}
