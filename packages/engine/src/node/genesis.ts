/**
 * How a node comes by its journal. Before `baton cluster init` there is no cluster to belong to: the node says in etcd who
 * it is and which journal it would make, and waits. Afterwards it opens its journal, or makes one where its disk has none
 * (a replaced disk is a new journal, and joins by catching up). It never creates the cluster's keys itself.
 */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BootId, Config, EtcdView, JournalId, MemberRecord } from "@baton/core";
import { id } from "@baton/core";
import type { Etcd } from "@baton/cluster";
import { EtcdUnavailable, NodeIdInUse } from "@baton/cluster";
import type { Journal, PreparedWriter } from "@baton/journal";
import { openJournal } from "@baton/journal";
import { countOpening, knownCluster, refuseKnownRollback, unanchored } from "./known-journal.ts";
import { StartRefused } from "./startup-checks.ts";

const retryMs = 100;

export interface GenesisOptions {
  readonly config: Config;
  readonly boot: BootId;
  readonly etcd: Etcd;
  /** How long another boot's record may stand under our id before it is a second node: its lease, and a little. */
  readonly takenMs: number;
  readonly presence: (journal: JournalId) => MemberRecord;
  readonly say: (event: string, sentence: string) => void;
  readonly stop: AbortSignal;
  /** Where the journal's writer says that an fsync is running; the keeper of the lease looks there. */
  readonly journalProgress: SharedArrayBuffer;
  readonly journalWriter: PreparedWriter;
}

/** Opens this node's journal, waiting for etcd and for the cluster's genesis. Undefined when asked to stop meanwhile. */
export async function joinCluster(o: GenesisOptions): Promise<{ journal: Journal; view: EtcdView } | undefined> {
  mkdirSync(o.config.node.dataDir, { recursive: true });
  const file = join(o.config.node.dataDir, "journal.db");
  const isNew = !existsSync(file);
  refuseKnownRollback(o.config.node.dataDir);
  // Made here, so that the first in-sync set can name a journal that does not exist yet.
  const journalId = id<JournalId>(randomUUID());
  let journal: Journal | undefined;
  const takenUntil = performance.now() + o.takenMs;
  let said = "";
  const say = (event: string, sentence: string): void => {
    if (said !== sentence) o.say(event, sentence);
    said = sentence;
  };
  while (!o.stop.aborted) {
    try {
      const view = await o.etcd.read();
      const cluster = view.cluster?.id ?? (isNew ? undefined : knownCluster(o.config.node.dataDir));
      if (cluster === undefined && !isNew) {
        say(
          "cluster.needs-re-anchor",
          "This node has a journal, etcd has no cluster: an operator has to re-anchor it.",
        );
      } else if (cluster !== undefined) {
        // The id first, then the disk: a second node of one id must not even make a journal. An own disk is locked for life.
        if (isNew) await o.etcd.publishMember(o.presence(journalId));
        journal ??= await openJournal(
          {
            file,
            cluster,
            node: o.config.node.id,
            bootId: o.boot,
            create: isNew,
            progress: o.journalProgress,
            reserveBytes: o.config.archive.reserveMiB * 1024 * 1024,
            ...(isNew && { newJournal: journalId }),
          },
          o.journalWriter,
        );
        const record = o.presence(journal.identity.journal);
        if (view.cluster !== undefined) {
          if (!isNew) await o.etcd.publishMember(record);
          await countOpening({ etcd: o.etcd, journal, boot: o.boot, dataDir: o.config.node.dataDir });
          return { journal, view };
        }
        await o.etcd.publishMember(unanchored(record, journal, view));
        say("cluster.needs-re-anchor", `etcd has no cluster ${o.config.cluster.name} any more: re-anchor it.`);
      } else {
        await o.etcd.publishMember(o.presence(journalId));
        say("cluster.waiting", `Waits for "baton cluster init": etcd has no cluster ${o.config.cluster.name} yet.`);
      }
    } catch (error) {
      if (error instanceof NodeIdInUse && performance.now() > takenUntil) {
        await journal?.close();
        throw new StartRefused("node-id-in-use", error.message);
      }
      if (!(error instanceof EtcdUnavailable) && !(error instanceof NodeIdInUse)) {
        await journal?.close();
        throw error;
      }
      say("etcd.waiting", error.message);
    }
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
  await journal?.close();
  return undefined;
}
