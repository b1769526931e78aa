/**
 * etcd as three members that can die, freeze and be cut off: who leads them, when a request is applied, and whether its
 * asker learns of it. A request may be applied long after its asker gave up, its answer may be lost, copies of it may reach
 * several members. Leases end by the leader's count only, and a change of leader extends them all. A leader that has lost
 * its quorum answers keepalives for a while as if it led.
 */
import type { LeaseId } from "@baton/core";
import type { Agenda } from "./agenda.ts";
import type { Dice } from "./dice.ts";
import type { EtcdStore } from "./etcd-store.ts";
import { etcdAt } from "./network.ts";
import type { Network } from "./network.ts";

/** What became of a request at one member, as its asker hears it. */
export type AskResult<T> =
  | { readonly kind: "answer"; readonly value: T }
  /** Nothing was applied and nothing will be. */
  | { readonly kind: "not-connected" }
  | { readonly kind: "failed"; readonly cause: string };

interface Ask {
  readonly from: string;
  readonly apply: () => unknown;
  readonly answer: (result: AskResult<unknown>) => void;
  /** How long a member tries before it says that it timed out. */
  readonly patienceMs: number;
}

interface EtcdMember {
  readonly place: string;
  isAlive: boolean;
  freezes: number;
  /** What came while it was frozen, or could not be served. */
  waiting: { readonly ask: Ask; readonly until: number }[];
}

interface Lease {
  readonly ttlMs: number;
  expiresAt: number;
}

/** How etcd is tuned, and what it is made to do. */
export interface EtcdTemper {
  readonly electionMs: readonly [number, number];
  /** Chance that a request is applied late, and how late at most. */
  late: { readonly chance: number; readonly ms: number; readonly atLeastMs?: number };
  /** Chance that an answer is lost. */
  answerLoss: number;
  /** Answers to this asker travel so much longer than its requests do. */
  answersSlow?: { readonly to: string; readonly ms: number } | undefined;
  /** How late a watch tells, at most. */
  watchLagMs: number;
}

const expiryScanMs = 500;
const staleLeaderMs = 1_000;

export class Etcd {
  readonly store: EtcdStore;
  readonly members: readonly EtcdMember[];
  readonly temper: EtcdTemper;
  /** Elections so far. */
  elections = 0;
  readonly #agenda: Agenda;
  readonly #network: Network;
  readonly #dice: Dice;
  readonly #leases = new Map<LeaseId, Lease>();
  readonly #isolated = new Set<string>();
  readonly #listeners: (() => void)[] = [];
  #leader: EtcdMember | undefined;
  #lostAt: { readonly member: EtcdMember; readonly at: number } | undefined;
  #isElecting = false;
  #leaseNumber = 0;
  #generation = 0;

  constructor(o: {
    agenda: Agenda;
    network: Network;
    dice: Dice;
    store: EtcdStore;
    places: readonly string[];
    temper: EtcdTemper;
  }) {
    this.#agenda = o.agenda;
    this.#network = o.network;
    this.#dice = o.dice;
    this.store = o.store;
    this.temper = o.temper;
    this.members = o.places.map((place) => ({ place, isAlive: true, freezes: 0, waiting: [] }));
    this.#leader = this.members[this.#dice.below(this.members.length)];
    this.#network.onChange(() => this.settle());
    const scan = (): void => {
      this.#expire();
      this.#agenda.after(expiryScanMs, scan);
    };
    this.#agenda.after(expiryScanMs * this.#dice.next(), scan);
  }

  get leaderPlace(): string | undefined {
    return this.#leader?.place;
  }

  /** Told when something may have changed about who can be served. */
  onSettled(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** True when a client at `place` is served by the member at `at`. */
  isServing(at: string): boolean {
    const member = this.#at(at);
    return member.isAlive && member.freezes === 0 && this.#leader !== undefined && this.#isLinked(member, this.#leader);
  }

  kill(place: string): void {
    const member = this.#at(place);
    member.isAlive = false;
    member.waiting = [];
    this.settle();
  }

  start(place: string): void {
    this.#at(place).isAlive = true;
    this.settle();
  }

  freeze(place: string): void {
    this.#at(place).freezes += 1;
    this.settle();
  }

  thaw(place: string): void {
    const member = this.#at(place);
    if (member.freezes > 0) member.freezes -= 1;
    this.settle();
  }

  /** Cut off from the other members, not from its clients. */
  isolate(place: string): void {
    this.#isolated.add(place);
    this.settle();
  }

  rejoin(place: string): void {
    this.#isolated.delete(place);
    this.settle();
  }

  /** Everything is put back to what `restore` knows: what was on its way died with the old cluster. */
  restore(restore: () => void): void {
    this.#generation += 1;
    for (const member of this.members) member.waiting = [];
    restore();
    for (const lease of this.#leases.keys()) if (!this.store.leases.has(lease)) this.#leases.delete(lease);
    // Its leases begin anew, those that had ended since among them.
    for (const lease of this.store.leases) {
      const ttlMs = this.#leases.get(lease)?.ttlMs ?? 2_000;
      this.#leases.set(lease, { ttlMs, expiresAt: this.#agenda.now + ttlMs });
    }
    this.settle();
  }

  /** Grants a lease: part of an applied request. */
  grant(ttlMs: number): LeaseId {
    this.#leaseNumber += 1;
    const lease = `lease-${this.#leaseNumber}` as LeaseId;
    this.#leases.set(lease, { ttlMs, expiresAt: this.#agenda.now + ttlMs });
    this.store.leases.add(lease);
    return lease;
  }

  revoke(lease: LeaseId): void {
    this.#leases.delete(lease);
    this.store.endLease(lease);
  }

  /** A request to one member. `apply` runs once, when (and if) the cluster applies it. */
  ask<T>(from: string, to: string, patienceMs: number, apply: () => T, answer: (result: AskResult<T>) => void): void {
    const ask: Ask = { from, apply, patienceMs, answer: answer as Ask["answer"] };
    this.#network.packet(from, etcdAt(to), () => this.#receive(this.#at(to), ask));
  }

  /** A keepalive is for etcd's leader alone to answer, and not a matter of quorum. */
  keepalive(from: string, to: string, lease: LeaseId, answer: (ttlMs: number) => void): void {
    this.#network.packet(from, etcdAt(to), () => {
      const member = this.#at(to);
      if (!member.isAlive || member.freezes > 0) return;
      const reply = (ttlMs: number): void => this.#network.packet(etcdAt(to), from, () => answer(ttlMs));
      const stale = this.#lostAt;
      if (stale?.member === member && this.#leader !== member && this.#agenda.now - stale.at < staleLeaderMs) {
        const known = this.#leases.get(lease);
        return reply(known?.ttlMs ?? 0);
      }
      const leader = this.#leader;
      if (leader === undefined || !this.#isLinked(member, leader)) return;
      this.#agenda.after(member === leader ? 0.1 : this.#dice.between(0.4, 1), () => {
        if (this.#leader !== leader) return;
        const known = this.#leases.get(lease);
        if (known === undefined) return reply(0);
        known.expiresAt = Math.max(known.expiresAt, this.#agenda.now + known.ttlMs);
        reply(known.ttlMs);
      });
    });
  }

  /** Who leads may have changed: by a death, a freeze, a cut, or the end of one. */
  settle(): void {
    const leader = this.#leader;
    if (leader !== undefined && !this.#hasQuorum(leader)) {
      this.#lostAt = { member: leader, at: this.#agenda.now };
      this.#leader = undefined;
    }
    if (this.#leader === undefined) this.#elect();
    else this.#serveWaiting();
    for (const listener of this.#listeners) listener();
  }

  #elect(): void {
    if (this.#isElecting) return;
    this.#isElecting = true;
    this.#agenda.after(this.#dice.between(...this.temper.electionMs), () => {
      this.#isElecting = false;
      if (this.#leader !== undefined) return;
      const candidates = this.members.filter((member) => this.#hasQuorum(member));
      if (candidates.length === 0) return;
      this.#leader = this.#dice.pick(candidates);
      this.elections += 1;
      for (const lease of this.#leases.values()) {
        lease.expiresAt = this.#agenda.now + lease.ttlMs + this.#dice.between(0, 1_000);
      }
      this.settle();
    });
  }

  #hasQuorum(member: EtcdMember): boolean {
    if (!member.isAlive || member.freezes > 0) return false;
    const linked = this.members.filter(
      (other) => other.isAlive && other.freezes === 0 && this.#isLinked(member, other),
    ).length;
    return linked * 2 > this.members.length;
  }

  #isLinked(a: EtcdMember, b: EtcdMember): boolean {
    if (a !== b && (this.#isolated.has(a.place) || this.#isolated.has(b.place))) return false;
    return a === b || (!this.#network.isCut(a.place, b.place) && !this.#network.isCut(b.place, a.place));
  }

  #receive(member: EtcdMember, ask: Ask): void {
    if (!member.isAlive) {
      this.#network.packet(etcdAt(member.place), ask.from, () => ask.answer({ kind: "not-connected" }));
      return;
    }
    const leader = this.#leader;
    if (member.freezes > 0 || leader === undefined || !this.#isLinked(member, leader)) {
      const until = this.#agenda.now + ask.patienceMs * this.#dice.between(0.5, 6);
      const waiting = { ask, until };
      member.waiting.push(waiting);
      this.#agenda.at(until, () => {
        if (!member.waiting.includes(waiting) || member.freezes > 0) return;
        member.waiting = member.waiting.filter((one) => one !== waiting);
        const result = { kind: "failed", cause: "etcdserver: request timed out" } as const;
        this.#network.packet(etcdAt(member.place), ask.from, () => ask.answer(result));
      });
      return;
    }
    const { late } = this.temper;
    const generation = this.#generation;
    const isLate = late.chance > 0 && this.#dice.chance(late.chance);
    const delay = isLate ? this.#dice.between(late.atLeastMs ?? 100, late.ms) : this.#dice.skewed(0.6, 4);
    this.#agenda.after(delay, () => {
      if (this.#generation !== generation) return;
      // Its leader may be gone: then it waits, and may be applied by the next one.
      if (this.#leader !== leader || !member.isAlive) return this.#receive(member, ask);
      const value = ask.apply();
      if (this.#dice.chance(this.temper.answerLoss)) return;
      const { answersSlow } = this.temper;
      const answer = (): void =>
        this.#network.packet(etcdAt(member.place), ask.from, () => ask.answer({ kind: "answer", value }));
      if (answersSlow?.to === ask.from) this.#agenda.after(answersSlow.ms, answer);
      else answer();
    });
  }

  #serveWaiting(): void {
    for (const member of this.members) {
      if (member.waiting.length === 0 || !this.isServing(member.place)) continue;
      const waiting = member.waiting;
      member.waiting = [];
      for (const { ask } of waiting) this.#receive(member, ask);
    }
  }

  #expire(): void {
    if (this.#leader === undefined) return;
    for (const [lease, { expiresAt }] of this.#leases) {
      if (expiresAt <= this.#agenda.now) this.revoke(lease);
    }
  }

  #at(place: string): EtcdMember {
    const member = this.members.find((one) => one.place === place);
    if (member === undefined) throw new RangeError(`no etcd member at ${place}`);
    return member;
  }
}
