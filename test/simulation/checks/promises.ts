/** Promises and acknowledgements: what a standby may say, judged by what its disk holds and what it has asked for. I5. */
import type { Epoch, JournalId, Transaction } from "@baton/core";
import type { Boot } from "../engine/boot.ts";
import type { ToLeader } from "../engine/messages.ts";
import type { Watch } from "./watch.ts";

type Takeover = Extract<Transaction, { kind: "takeover" }>;

export class PromiseChecks {
  readonly #watch: Watch;
  /** Takeovers that left a process, by disk. */
  readonly #asked = new Map<JournalId, Takeover[]>();
  readonly #ledOn = new Map<JournalId, Epoch>();

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  /** Requests that were on their way died with the old etcd. */
  etcdRestored(): void {
    this.#asked.clear();
  }

  asked(boot: Boot, transaction: Transaction): void {
    if (transaction.kind !== "takeover") return;
    const { guard, insync } = transaction;
    const { journal, promised } = boot.disk.content;
    const isVowed =
      promised.epochMax >= guard.epoch.value &&
      promised.vow?.epoch === guard.epoch.value &&
      promised.vow.version === insync.version - 1;
    if (!isVowed) this.#broken(`${boot.boot} asks for epoch ${insync.epoch} without a durable vow`);
    const revision = this.#watch.world.etcd.store.insync.modRevision;
    const live = (this.#asked.get(journal) ?? []).filter((one) => one.guard.insyncModRevision === revision);
    this.#asked.set(journal, [...live, transaction]);
  }

  leads(boot: Boot, epoch: Epoch): void {
    const { journal, promised } = boot.disk.content;
    if (promised.epochMax < epoch) this.#broken(`${boot.boot} leads epoch ${epoch} before it is on its disk`);
    if (promised.epochMax > epoch) this.#broken(`${boot.boot} leads epoch ${epoch}, below its promise`);
    this.#ledOn.set(journal, epoch);
  }

  acknowledged(boot: Boot, message: Extract<ToLeader, { kind: "ack" }>): void {
    const { disk } = boot;
    const { journal, promised } = disk.content;
    const who = `${boot.boot} acknowledges ${message.position} under epoch ${message.epoch}`;
    if (promised.epochMax !== message.epoch) this.#broken(`${who}, its disk has promised ${promised.epochMax}`);
    if ((this.#ledOn.get(journal) ?? 0) >= message.epoch) this.#broken(`${who}, which was led from this disk`);
    if (disk.last < message.position) this.#broken(`${who}, its disk holds ${disk.last}`);
    const { store } = this.#watch.world.etcd;
    if (store.epoch.value !== message.epoch || this.#watch.succession.isEtcdRestored) return;
    const { vow } = promised;
    if (vow?.epoch === message.epoch && store.insync.value.version <= vow.version) {
      this.#broken(`${who}, under its vow on version ${vow.version}`);
    }
    const live = (this.#asked.get(journal) ?? []).find(
      (one) => one.guard.epoch.value === message.epoch && one.guard.insyncModRevision === store.insync.modRevision,
    );
    if (live !== undefined) this.#broken(`${who} while its request for ${live.insync.epoch} can still win`);
  }

  #broken(sentence: string): void {
    this.#watch.broken("I5", sentence);
  }
}
