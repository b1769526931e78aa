/**
 * After a re-anchoring the journal may lack records: whoever leads reads the whole account before it orders anything, and
 * the set says that this is due until somebody has done it. Judged by what etcd applies and by what the venue has answered.
 */
import type { BootId, InsyncRecord, JournalEvent, Transaction } from "@baton/core";
import type { Boot } from "../engine/boot.ts";
import type { EtcdStore } from "../world/etcd-store.ts";
import type { Watch } from "./watch.ts";

export class ReconcilingChecks {
  readonly #watch: Watch;
  /** Terms that began while it was due, by their leader, and what the venue has told each of them since. */
  readonly #told = new Map<BootId, Set<string>>();

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  /** A set is about to be written over the one that stands. */
  applying(transaction: Transaction, store: EtcdStore): void {
    if (transaction.kind === "handoff") return;
    const was: InsyncRecord = store.insync.value;
    const { insync } = transaction;
    if (was.reconcileDue === undefined) return;
    if (insync.reconcileDue !== undefined) return this.#watch.note("reconciliation passed on");
    const by = transaction.kind === "takeover" ? undefined : insync.by.boot;
    if (by === undefined || !this.#hasRead(by)) {
      const whose = `version ${insync.version} of ${insync.by.boot}`;
      return this.#watch.broken(
        "reconciling",
        `${whose} says no more that reconciliation is due, and nobody read the account`,
      );
    }
    this.#watch.note("reconciled");
  }

  leads(boot: Boot): void {
    this.#told.delete(boot.boot);
    if (this.#watch.world.etcd.store.insync.value.reconcileDue === undefined) return;
    this.#watch.note("reconciliation due");
    this.#told.set(boot.boot, new Set());
  }

  read(boot: Boot, what: string): void {
    this.#told.get(boot.boot)?.add(what);
  }

  sealed(boot: Boot, events: readonly JournalEvent[]): void {
    if (!this.#told.has(boot.boot) || this.#hasRead(boot.boot)) return;
    const made = events.find((one) => one.kind === "intent.recorded" || one.kind === "attempt.recorded");
    if (made !== undefined) this.#watch.broken("reconciling", `${boot.boot} orders before it has read the account`);
  }

  #hasRead(boot: BootId): boolean {
    const told = this.#told.get(boot);
    const needed = ["open orders", ...this.#watch.world.rules.keys()];
    return told !== undefined && needed.every((what) => told.has(what));
  }
}
