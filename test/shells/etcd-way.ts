/**
 * The way to etcd: what a node asks arrives after a moment, late, or never, and its answer may be lost. What etcd holds, and
 * how its transactions are guarded, is the simulation's (`test/etcd` keeps that honest against a real one).
 */
import { setTimeout as delay } from "node:timers/promises";
import type { EtcdView, LeaseId, Transaction, TransactionAnswer } from "@baton/core";
import type { Dice } from "../simulation/world/dice.ts";
import type { EtcdStore } from "../simulation/world/etcd-store.ts";

const usualMs = 5;
const lateMs = 600;

export class EtcdWay {
  readonly store: EtcdStore;
  readonly #dice: Dice;
  readonly #count: (what: string) => void;
  #underWay = 0;
  /** Every request arrives, and every answer: no more harm. */
  isHealed = false;

  constructor(store: EtcdStore, dice: Dice, count: (what: string) => void) {
    this.store = store;
    this.#dice = dice;
    this.#count = count;
  }

  /** Requests that may still be applied: of whoever asked, none is known. */
  get underWay(): number {
    return this.#underWay;
  }

  async read(isAway: () => boolean): Promise<EtcdView> {
    await delay(this.#dice.between(1, usualMs));
    if (isAway()) throw new Error("etcd is not reached");
    return this.store.view();
  }

  async transact(transaction: Transaction, isAway: () => boolean): Promise<TransactionAnswer> {
    this.#underWay += 1;
    await delay(this.#dice.between(1, usualMs));
    const chance = this.isHealed ? 1 : this.#dice.next();
    const isCut = isAway();
    if (isCut && chance < 0.5) return this.#done({ kind: "unknown", cause: "it never left" });
    if (isCut || chance < 0.05) {
      void delay(this.#dice.between(0, lateMs)).then(() => this.#done(this.#apply(transaction, "late")));
      return { kind: "unknown", cause: "it is late" };
    }
    const answer = this.#done(this.#apply(transaction, "in time"));
    return chance < 0.12 ? { kind: "unknown", cause: "the answer is lost" } : answer;
  }

  /** The lease ends after a moment, as when its holder is gone. */
  endLease(lease: LeaseId, afterMs: number): void {
    setTimeout(() => this.store.endLease(lease), afterMs).unref();
  }

  #apply(transaction: Transaction, when: string): TransactionAnswer {
    const answer = this.store.transact(transaction);
    this.#count(`${transaction.kind} ${answer.kind}, ${when}`);
    return answer.kind === "open" ? { kind: "unknown", cause: "a copy may still be applied" } : answer;
  }

  #done(answer: TransactionAnswer): TransactionAnswer {
    this.#underWay -= 1;
    return answer;
  }
}
