/** Who leads: judged on what etcd applies, and on what leaves the processes. I1, I3, I6 (election), I7, I8, I10, I15, I16. */
import { waitedFor } from "@baton/core";
import type { BootId, Epoch, InsyncRecord, JournalId, Succession, Transaction } from "@baton/core";
import type { Boot } from "../engine/boot.ts";
import type { VenueWrite } from "../engine/venue-door.ts";
import type { EtcdStore } from "../world/etcd-store.ts";
import { holds } from "./records.ts";
import type { Watch } from "./watch.ts";

export class SuccessionChecks {
  /** Epochs that etcd recorded. */
  epochs = 0;
  /** True time of each epoch's beginning in etcd. */
  readonly begunAt: Map<Epoch, number> = new Map();
  readonly #watch: Watch;
  readonly #bootOf = new Map<Epoch, BootId>();
  readonly #led = new Set<Epoch>();
  readonly #writerOf = new Map<number, string>();
  readonly #journalOf = new Map<BootId, JournalId>();
  readonly #handedOver = new Set<Epoch>();
  /** Highest epoch that this disk's owner has led in public. */
  readonly #ledOn = new Map<JournalId, Epoch>();

  /** etcd shows an older set than the one that is in force, until an operator has re-anchored. */
  isEtcdRestored = false;

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  /** Requests that write the set, of every boot, also of those that have ended: etcd may apply them yet. */
  #sets: Exclude<Transaction, { kind: "handoff" }>[] = [];

  /** Membership transactions of this boot that could still be applied, by what they propose. */
  outstanding: Map<BootId, Extract<Transaction, { kind: "set-insync" }>[]> = new Map();

  started(boot: Boot): void {
    this.#journalOf.set(boot.boot, boot.disk.content.journal);
  }

  /** Requests that were on their way died with the old etcd. */
  etcdRestored(): void {
    this.isEtcdRestored = true;
    this.outstanding.clear();
    this.#sets = [];
    this.#watch.note("etcd restored");
  }

  /** From here on no epoch up to this one begins again. */
  reAnchored(epoch: Epoch): void {
    this.isEtcdRestored = false;
    this.#watch.note("re-anchored");
    for (const known of this.#bootOf.keys()) {
      if (known >= epoch) this.#broken("I1", `re-anchored at epoch ${epoch}, ${known} was recorded before`);
    }
  }

  asked(boot: Boot, transaction: Transaction): void {
    if (transaction.kind === "handoff") return;
    this.#sets = [...this.#live(), transaction];
    if (transaction.kind === "takeover") return;
    const revision = this.#watch.world.etcd.store.insync.modRevision;
    const live = (this.outstanding.get(boot.boot) ?? []).filter((one) => one.guard.insyncModRevision === revision);
    this.outstanding.set(boot.boot, [...live, transaction]);
  }

  /** The sets that requests on their way would write. */
  mayBeApplied(): readonly InsyncRecord[] {
    return this.#live().map(({ insync }) => insync);
  }

  #live(): readonly Exclude<Transaction, { kind: "handoff" }>[] {
    const revision = this.#watch.world.etcd.store.insync.modRevision;
    return this.#sets.filter(({ guard }) => guard.insyncModRevision === revision);
  }

  applying(transaction: Transaction, store: EtcdStore): void {
    if (transaction.kind !== "handoff") this.#setWritten(transaction, store);
    if (transaction.kind === "set-insync") return;
    const { leader } = transaction;
    this.#watch.note(`${transaction.kind}: ${leader.reason}`);
    this.epochs += 1;
    this.begunAt.set(leader.epoch, this.#watch.world.agenda.now);
    if (leader.epoch !== store.epoch.value + 1) {
      this.#broken("I1", `epoch ${leader.epoch} begins after ${store.epoch.value}`);
    }
    if (this.#bootOf.has(leader.epoch)) this.#broken("I1", `epoch ${leader.epoch} is recorded twice`);
    this.#bootOf.set(leader.epoch, leader.boot);
    const isUnclean = leader.reason === "unclean";
    const isByOperator = transaction.history.operation !== undefined && leader.reason !== "yield";
    if (transaction.kind === "takeover" && isByOperator && !isUnclean) this.#watch.note("failover won");
    if (transaction.kind === "takeover") this.#watch.losing.applying(transaction);
    const paused =
      store.pause.value !== undefined ? "in pause" : store.autofailover.value !== "on" ? "unasked" : undefined;
    if (paused !== undefined && !isByOperator) {
      this.#broken("I16", `${leader.node} takes epoch ${leader.epoch} ${paused} (${leader.reason})`);
    }
    const journal = this.#journalOf.get(leader.boot) ?? this.#watch.world.bootOf(leader.node)?.disk.content.journal;
    const isMember = store.insync.value.members.some((m) => m.node === leader.node && m.journal === journal);
    if (!isMember && !isUnclean)
      this.#broken("I6", `${leader.node} (${journal}) takes epoch ${leader.epoch} from outside the set`);
    const last = this.#bootOf.get(store.epoch.value);
    const isLastAlive = this.#watch.world.boots().some((boot) => boot.boot === last);
    if (leader.reason === "crash-release" && isLastAlive) {
      this.#broken("I10", `epoch ${leader.epoch} takes ${last} for dead, and it lives`);
    }
    if (transaction.kind === "handoff") this.#handedOff(transaction, store);
    else if (!this.isEtcdRestored) this.#watch.deadlines.takenOver(leader.boot);
  }

  leads(boot: Boot, epoch: Epoch): void {
    if (this.#bootOf.get(epoch) !== boot.boot)
      this.#broken("I1", `${boot.boot} leads epoch ${epoch}, which it never won`);
    if (this.#led.has(epoch)) this.#broken("I1", `epoch ${epoch} is led twice`);
    this.#led.add(epoch);
    this.#ledOn.set(boot.disk.content.journal, epoch);
  }

  /** The wait set of a leader whose epoch is current holds etcd's set, in every step. */
  stepped(boot: Boot, state: Succession): void {
    const { role } = state;
    const { store } = this.#watch.world.etcd;
    if (role.role !== "leader" || store.epoch.value !== role.epoch || this.isEtcdRestored) return;
    if (store.leader?.value.boot !== boot.boot) return;
    const waited = waitedFor(role);
    for (const member of store.insync.value.members) {
      if (waited.some((one) => one.node === member.node && one.journal === member.journal)) continue;
      this.#broken("I7", `${boot.boot} does not wait for ${member.node}, which is in etcd's set`);
    }
  }

  wrote(boot: Boot, write: VenueWrite): void {
    const what = `${boot.boot} sends ${write.call} in epoch ${write.epoch}`;
    if (this.#handedOver.has(write.epoch)) this.#broken("I3", `${what}, which was handed over`);
    if ((this.#ledOn.get(boot.disk.content.journal) ?? 0) > write.epoch) {
      this.#broken("I3", `${what}, after a later one was led from this disk`);
    }
  }

  ended(boot: Boot): void {
    // Requests that left may still be applied; they are no matter for a wait set any more.
    this.outstanding.delete(boot.boot);
  }

  #setWritten(transaction: Exclude<Transaction, { kind: "handoff" }>, store: EtcdStore): void {
    const { insync } = transaction;
    const was = store.insync.value;
    const what =
      insync.members.length < was.members.length
        ? "shrink"
        : insync.members.length > was.members.length
          ? "grow"
          : "bump";
    this.#watch.note(transaction.kind === "takeover" ? "set folded into a takeover" : what);
    const gone = was.members.find(
      (m) => !insync.members.some((one) => one.node === m.node && one.journal === m.journal),
    );
    const isGone = gone !== undefined && this.#watch.world.host(gone.node).disk.content.journal !== gone.journal;
    if (transaction.kind === "set-insync" && isGone) this.#watch.note("shrink: the disk is gone");
    if (insync.version !== was.version + 1) {
      this.#broken("I8", `version ${insync.version} of the set is written, ${was.version + 1} is due`);
    }
    const earlier = this.#writerOf.get(insync.version);
    if (earlier !== undefined) {
      this.#broken("I8", `version ${insync.version} is written by ${insync.by.boot} after ${earlier}`);
    }
    this.#writerOf.set(insync.version, insync.by.boot);
    if (transaction.kind !== "set-insync") return;
    if (insync.epoch !== store.epoch.value || store.leader?.value.boot !== insync.by.boot) {
      this.#broken("I8", `${insync.by.boot} writes the set of epoch ${insync.epoch} and does not lead it`);
    }
  }

  #handedOff(transaction: Extract<Transaction, { kind: "handoff" }>, store: EtcdStore): void {
    this.#handedOver.add(store.epoch.value);
    const { world } = this.#watch;
    const from = world
      .boots()
      .find((boot) => boot.boot === transaction.guard.boot)
      ?.journal?.frames.at(-1);
    const to = world.host(transaction.leader.node).disk;
    if (from !== undefined && !holds(to.content.frames, from)) {
      this.#broken(
        "I6",
        `${to.place} is handed epoch ${transaction.leader.epoch} and does not hold all of its predecessor`,
      );
    }
  }

  #broken(invariant: Parameters<Watch["broken"]>[0], sentence: string): void {
    this.#watch.broken(invariant, sentence);
  }
}
