/**
 * etcd as a process asks it: the best member first, the others when that one is slow, the first answer wins; so copies of
 * one request may reach several members. What is known of a transaction afterwards is judged as the real shell does:
 * refused only when no copy can have been applied or ever will be.
 */
import type { EtcdView, Transaction, TransactionAnswer } from "@baton/core";
import type { Bent } from "../breaks/bent.ts";
import type { AskResult, Etcd } from "../world/etcd.ts";
import type { CopyAnswer, EtcdStore } from "../world/etcd-store.ts";
import { etcdAt } from "../world/network.ts";
import type { Network } from "../world/network.ts";
import type { Process } from "../world/process.ts";

const hedgeMs = 40;
const timeoutMs = 1_000;

export class EtcdClient {
  readonly #etcd: Etcd;
  readonly #network: Network;
  readonly #place: string;
  readonly #process: Process;
  readonly #bent: Bent;
  /** Members in the order in which they are asked; one that failed goes last. */
  #ranked: string[];
  /** Of the newest read: what is asked for is decided on what was read. */
  #clusterId: string | undefined;

  constructor(o: { etcd: Etcd; network: Network; place: string; process: Process; bent: Bent }) {
    this.#etcd = o.etcd;
    this.#network = o.network;
    this.#place = o.place;
    this.#process = o.process;
    this.#bent = o.bent;
    const places = o.etcd.members.map((member) => member.place);
    this.#ranked = [o.place, ...places.filter((place) => place !== o.place)].filter((place) => places.includes(place));
  }

  /** A linearizable read; undefined when nobody answered in time. */
  read(done: (view: EtcdView | undefined) => void): void {
    this.first(
      (store) => store.view(),
      (view) => {
        this.#clusterId = view?.etcdClusterId ?? this.#clusterId;
        done(view);
      },
    );
  }

  /** The first answer to a request that may be made several times; undefined when there is none in time. */
  first<T>(apply: (store: EtcdStore) => T, done: (answer: T | undefined) => void): void {
    let isDone = false;
    const finish = (answer: T | undefined): void => {
      if (isDone) return;
      isDone = true;
      done(answer);
    };
    this.#spread<T>(
      () => apply(this.#etcd.store),
      (result, isLast) => {
        if (result.kind === "answer") finish(result.value);
        else if (isLast) finish(undefined);
        return isDone;
      },
    );
  }

  transact(transaction: Transaction, done: (answer: TransactionAnswer) => void): void {
    const causes: string[] = [];
    let isDone = false;
    const clusterId = this.#clusterId;
    this.#spread<CopyAnswer | { readonly kind: "another-etcd" }>(
      () => {
        // A revision that stood for one write in the etcd that was read may stand for another in one put in its place.
        const isOther = clusterId !== undefined && String(this.#etcd.store.clusterId) !== clusterId;
        return isOther ? { kind: "another-etcd" } : this.#etcd.store.transact(this.#unguarded(transaction));
      },
      (result, isLast) => {
        let answer: TransactionAnswer | undefined;
        if (result.kind === "answer" && result.value.kind === "another-etcd") causes.push("another etcd answers");
        else if (result.kind === "answer" && result.value.kind !== "open") answer = result.value as TransactionAnswer;
        else if (result.kind === "failed") causes.push(result.cause);
        if (answer === undefined && isLast) {
          answer = causes.length === 0 ? { kind: "refused" } : { kind: "unknown", cause: causes.join("; ") };
        }
        if (answer === undefined || isDone) return isDone;
        isDone = true;
        done(answer);
        return true;
      },
    );
  }

  /** Wakes `changed` when something changed, soon or late; after a break, once. */
  watch(changed: () => void): void {
    let isBroken = false;
    const listen = (): void => {
      if (!this.#process.isAlive) return;
      const member = this.#ranked[0] ?? this.#place;
      const isUp = this.#etcd.isServing(member) && !this.#network.isCut(etcdAt(member), this.#place);
      if (!isUp) {
        isBroken = true;
        return;
      }
      const lagMs = this.#etcd.temper.watchLagMs;
      this.#network.packet(etcdAt(member), this.#place, () => {
        if (lagMs === 0) this.#process.run(changed);
        else this.#process.after(lagMs, changed);
      });
    };
    this.#etcd.store.onChange(listen);
    this.#process.every(700, () => {
      if (isBroken) changed();
      const member = this.#ranked[0] ?? this.#place;
      isBroken = !this.#etcd.isServing(member) || this.#network.isCut(etcdAt(member), this.#place);
    });
  }

  #spread<T>(apply: () => T, onResult: (result: AskResult<T>, isLast: boolean) => boolean): void {
    const waiting = this.#bent.is("own-member-only") ? [this.#place] : [...this.#ranked];
    let outstanding = 0;
    let isDone = false;
    const endMono = this.#process.clock.mono() + timeoutMs;
    const askNext = (): void => {
      const to = waiting.shift();
      if (to === undefined) return;
      outstanding += 1;
      let isAnswered = false;
      const settle = (result: AskResult<T>): void => {
        if (isAnswered) return;
        isAnswered = true;
        outstanding -= 1;
        if (isDone) return;
        if (result.kind !== "answer") {
          this.#suspect(to);
          if (this.#process.clock.mono() < endMono) askNext();
        }
        if (onResult(result, outstanding === 0) || outstanding === 0) isDone = true;
      };
      const left = Math.max(1, endMono - this.#process.clock.mono());
      this.#process.after(left, () => settle({ kind: "failed", cause: `${to}: no answer in time` }));
      this.#etcd.ask(this.#place, to, timeoutMs, apply, (result) => this.#process.run(() => settle(result)));
    };
    const first = waiting[0];
    this.#process.after(hedgeMs, () => {
      if (isDone) return;
      if (first !== undefined) this.#suspect(first);
      while (waiting.length > 0) askNext();
    });
    askNext();
  }

  /** Broken on purpose: the set's revision is whatever stands, a yield knows of no pause. */
  #unguarded(transaction: Transaction): Transaction {
    if (this.#bent.is("yield-unguarded") && transaction.kind === "handoff") {
      const { controls: _, ...guard } = transaction.guard;
      return { ...transaction, guard };
    }
    if (!this.#bent.is("guard-dropped") || transaction.kind !== "set-insync") return transaction;
    const insyncModRevision = this.#etcd.store.insync.modRevision;
    return { ...transaction, guard: { ...transaction.guard, insyncModRevision } };
  }

  #suspect(place: string): void {
    if (this.#ranked[0] === place) this.#ranked = [...this.#ranked.slice(1), place];
  }
}
