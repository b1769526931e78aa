/**
 * What has to be known before a boot may take part: that etcd knows this cluster, that nobody else runs under this node's
 * id, and that the disk is no old copy of itself. All three need etcd. Until it has answered, the node follows nobody,
 * acknowledges, promises and takes over nothing (`isAdmitted` in `core/succession`), however long that takes; what its
 * journal holds and its streams say can be read meanwhile. Invariants I5, I6, I17.
 */
import type { BootId, Config, EtcdView, JournalId, MemberRecord } from "@baton/core";
import type { Etcd, Keeper } from "@baton/cluster";
import type { Journal } from "@baton/journal";
import { countOpening, unanchored } from "./known-journal.ts";
import type { PatienceOptions } from "./patience.ts";
import { hasLease, patiently } from "./patience.ts";
import { StartRefused } from "./startup-checks.ts";

export interface AdmissionOptions extends PatienceOptions {
  readonly config: Config;
  readonly boot: BootId;
  readonly etcd: Pick<Etcd, "read" | "publishMember" | "countBoot" | "history">;
  readonly keeper: Pick<Keeper, "lease" | "whenGranted">;
  /** Called with the first lease. Throws where what etcd granted does not fit the configured times. */
  readonly onGranted: () => void;
  readonly journal: Journal;
  readonly presence: (journal: JournalId) => MemberRecord;
}

/** What etcd showed when it admitted this boot. */
export interface Admitted {
  readonly view: EtcdView;
  /** Where the last leader stood; undefined where the history cannot be read. */
  readonly lastMetro: string | undefined;
}

/**
 * Waits for etcd and makes the checks. Undefined when asked to stop meanwhile. Rejects with `StartRefused` for a journal of
 * another cluster, an id in use, and a disk that was rolled back: then this boot must end.
 */
export async function admission(o: AdmissionOptions): Promise<Admitted | undefined> {
  const { config, boot, etcd, journal } = o;
  const { dataDir } = config.node;
  let isGranted = false;
  return await patiently(o, async (say) => {
    const view = await etcd.read();
    if (!(await hasLease(o.keeper))) return undefined;
    if (!isGranted) o.onGranted();
    isGranted = true;
    const record = o.presence(journal.identity.journal);
    if (view.cluster === undefined) {
      await etcd.publishMember(unanchored(record, journal, view));
      say("cluster.needs-re-anchor", `etcd has no cluster ${config.cluster.name} any more: re-anchor it.`);
      return undefined;
    }
    const { cluster } = journal.identity;
    if (view.cluster.id !== cluster) {
      const sentence = `the journal under ${dataDir} is of cluster ${cluster}, etcd has ${view.cluster.id} under the name ${config.cluster.name}`;
      throw new StartRefused("foreign-cluster", sentence);
    }
    await etcd.publishMember(record);
    await countOpening({ etcd, journal, boot, dataDir });
    const history = await etcd.history().catch(() => []);
    return { view, lastMetro: history.at(-1)?.metro };
  });
}
