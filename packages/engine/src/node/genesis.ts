/**
 * How a node comes by its journal. One that has a journal opens it, etcd or not: what it holds can be read, and its streams
 * get warm, while etcd is away. What it may do with it is decided in `admission.ts`. Before `baton cluster init` there is no
 * cluster to belong to: the node says in etcd who it is and which journal it would make, and waits. Afterwards one whose
 * disk has none makes one (a replaced disk is a new journal, and joins by catching up). It never creates the cluster's keys
 * itself.
 */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BootId, ClusterId, Config, JournalId, MemberRecord } from "@baton/core";
import { id } from "@baton/core";
import type { Etcd, Keeper } from "@baton/cluster";
import type { Journal } from "@baton/journal";
import { openJournal } from "@baton/journal";
import type { PreparedWriter } from "@baton/journal/prepared-writer";
import { knownCluster, refuseKnownRollback } from "./known-journal.ts";
import type { PatienceOptions } from "./patience.ts";
import { hasLease, patiently } from "./patience.ts";
import { setAsideJournal } from "./set-aside.ts";

export interface GenesisOptions extends PatienceOptions {
  readonly config: Config;
  readonly boot: BootId;
  readonly etcd: Etcd;
  readonly keeper: Pick<Keeper, "lease" | "whenGranted">;
  readonly presence: (journal: JournalId) => MemberRecord;
  /** Where the journal's writer says that an fsync is running; the keeper of the lease looks there. */
  readonly journalProgress: SharedArrayBuffer;
  readonly journalWriter: PreparedWriter;
}

/**
 * Opens this node's journal, waiting for etcd and for the cluster's genesis where there is none yet. Undefined when asked to
 * stop meanwhile. Throws `StartRefused` for a disk that is known to be rolled back and for an id in use.
 */
export async function ownJournal(o: GenesisOptions): Promise<Journal | undefined> {
  const { dataDir } = o.config.node;
  mkdirSync(dataDir, { recursive: true });
  const aside = setAsideJournal(dataDir);
  if (aside !== undefined)
    o.say("journal.set-aside", `An operator has this journal rebuilt; the old one is in ${aside}.`);
  const file = join(dataDir, "journal.db");
  const isNew = !existsSync(file);
  refuseKnownRollback(dataDir);
  const known = isNew ? undefined : knownCluster(dataDir);
  // Made here, so that the first in-sync set can name a journal that does not exist yet.
  const newJournal = isNew ? id<JournalId>(randomUUID()) : undefined;
  const cluster = known ?? (await foundCluster(o, newJournal));
  if (cluster === undefined) return undefined;
  return await openJournal(
    {
      file,
      cluster,
      node: o.config.node.id,
      bootId: o.boot,
      create: isNew,
      progress: o.journalProgress,
      reserveBytes: o.config.archive.reserveMiB * 1024 * 1024,
      ...(newJournal !== undefined && { newJournal }),
    },
    o.journalWriter,
  );
}

/**
 * The cluster that etcd names, once it does. A new journal is told of first: a second node of one id must not even make
 * one. An own disk is locked for life.
 */
async function foundCluster(o: GenesisOptions, newJournal: JournalId | undefined): Promise<ClusterId | undefined> {
  return await patiently(o, async (say) => {
    const { cluster } = await o.etcd.read();
    if (newJournal === undefined) {
      if (cluster !== undefined) return cluster.id;
      say("cluster.needs-re-anchor", "This node has a journal, etcd has no cluster: an operator has to re-anchor it.");
      return undefined;
    }
    if (!(await hasLease(o.keeper))) return undefined;
    await o.etcd.publishMember(o.presence(newJournal));
    if (cluster !== undefined) return cluster.id;
    say("cluster.waiting", `Waits for "baton cluster init": etcd has no cluster ${o.config.cluster.name} yet.`);
    return undefined;
  });
}
