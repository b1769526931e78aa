/**
 * One process per node id, and one process per lease. Judged by what etcd applies and by what leaves the keepers: a node's
 * record passes from one boot to another only when the lease under it is gone, nobody keeps a lease that was granted to
 * another, and nobody is put at the head of an epoch on one. I17.
 */
import type { BootId, LeaseId, MemberRecord, NodeId, Transaction } from "@baton/core";
import type { EtcdStore } from "../world/etcd-store.ts";
import type { Watch } from "./watch.ts";

export class IdentityChecks {
  readonly #watch: Watch;
  readonly #grantedTo = new Map<LeaseId, BootId>();
  /** Whose record stood last under each id. */
  readonly #lastRecord = new Map<NodeId, MemberRecord>();
  /** Those whose record an etcd that was put back may hold no more, and their lease all the same. */
  readonly #before = new Set<BootId>();

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  granted(boot: BootId, lease: LeaseId): void {
    this.#grantedTo.set(lease, boot);
  }

  etcdRestored(): void {
    for (const { boot } of this.#lastRecord.values()) this.#before.add(boot);
  }

  /** A keepalive leaves. */
  renews(boot: BootId, lease: LeaseId): void {
    this.#owns(boot, lease, "renews");
  }

  /** Before etcd's records change. */
  publishing(record: MemberRecord, store: EtcdStore): void {
    const last = this.#lastRecord.get(record.node);
    if (
      last !== undefined &&
      last.boot !== record.boot &&
      store.leases.has(last.lease) &&
      !this.#isForgotten(last, store)
    ) {
      const sentence = `${record.boot} starts as ${record.node} while ${last.boot}, whose lease stands, runs under this id`;
      this.#watch.broken("I17", sentence);
    }
    this.#owns(record.boot, record.lease, "publishes itself on");
    this.#lastRecord.set(record.node, record);
  }

  applying(transaction: Transaction): void {
    if (transaction.kind === "set-insync") return;
    const { boot, lease } = transaction.leader;
    this.#owns(boot, lease, "leads on");
  }

  /**
   * A backup that was made between the granting of a lease and the publishing on it brings back the one without the other.
   * Nobody who starts can know of that boot then; it is no second one as long as that boot has ended.
   */
  #isForgotten({ node, boot }: MemberRecord, store: EtcdStore): boolean {
    const isAlive = this.#watch.world.boots().some((one) => one.boot === boot);
    return this.#before.has(boot) && !store.members.has(node) && !isAlive;
  }

  #owns(boot: BootId, lease: LeaseId, what: string): void {
    const owner = this.#grantedTo.get(lease);
    if (owner === boot) return;
    this.#watch.broken("I17", `${boot} ${what} ${lease}, which was granted to ${owner ?? "nobody"}`);
  }
}
