/**
 * An etcd of one process, with the guards exactly as the real transactions have them. A request is applied when the walk
 * says so: at once, late, after its asker has given up or died, or never. Each write that succeeds is told to the checks.
 */
import type { BootId, ClusterId, JournalId, LeaseId, NodeId } from "../../ids.ts";
import type { DeathRecord, EtcdView, InsyncRecord, LeaderRecord, Member, MemberRecord } from "../records.ts";
import type { Transaction, TransactionAnswer, Versioned } from "../records.ts";

/** What is told of each transaction that was applied, before it is. */
export type AppliedListener = (transaction: Transaction, before: WalkEtcd) => void;

export class WalkEtcd {
  revision = 1;
  epoch: Versioned<number> = { value: 0, modRevision: "1" };
  leader: Versioned<LeaderRecord> | undefined;
  insync: Versioned<InsyncRecord>;
  autofailover: EtcdView["autofailover"] = { value: "on", modRevision: "0" };
  pause: EtcdView["pause"] = { value: undefined, modRevision: "0" };
  readonly leases: Set<LeaseId> = new Set();
  #members: ReadonlyMap<NodeId, MemberRecord> = new Map();
  #deaths: ReadonlyMap<BootId, DeathRecord> = new Map();
  readonly #onApplied: AppliedListener;

  constructor(members: readonly Member[], onApplied: AppliedListener) {
    const by = { boot: "init" as BootId, transaction: 0 };
    this.insync = { value: { epoch: 0, version: 1, members, by }, modRevision: "1" };
    this.#onApplied = onApplied;
  }

  view(): EtcdView {
    return {
      etcdClusterId: "1",
      revision: String(this.revision),
      cluster: { id: "walk" as ClusterId, schema: 1 },
      epoch: this.epoch,
      leader: this.leader,
      insync: this.insync,
      autofailover: this.autofailover,
      pause: this.pause,
      kill: { value: undefined, modRevision: "0" },
      members: this.#members,
      deaths: this.#deaths,
      operations: new Map(),
    };
  }

  /** One guarded transaction. `refused` is final: the guards are on revisions, which never come back. */
  apply(transaction: Transaction): TransactionAnswer {
    if (!this.#holds(transaction)) return { kind: "refused" };
    if (transaction.kind !== "set-insync" && !this.leases.has(transaction.leader.lease)) return { kind: "refused" };
    this.#onApplied(transaction, this);
    const modRevision = this.#next();
    if (transaction.kind !== "set-insync") {
      this.leader = { value: transaction.leader, modRevision };
      this.epoch = { value: transaction.leader.epoch, modRevision };
    }
    if (transaction.kind !== "handoff") this.insync = { value: transaction.insync, modRevision };
    return { kind: "committed", revision: modRevision };
  }

  /** A lease ends: its keys go. */
  expire(lease: LeaseId): void {
    if (!this.leases.delete(lease)) return;
    this.#next();
    if (this.leader?.value.lease === lease) this.leader = undefined;
    this.#members = new Map([...this.#members].filter(([, member]) => member.lease !== lease));
  }

  /** The supervisor's way: the death is written with the revocation. */
  release(death: DeathRecord, lease: LeaseId): void {
    this.#deaths = new Map([...this.#deaths, [death.boot, death]]);
    this.#next();
    this.expire(lease);
  }

  publish(o: { node: NodeId; boot: BootId; journal: JournalId; lease: LeaseId }): void {
    if (!this.leases.has(o.lease)) return;
    this.#next();
    const record: MemberRecord = {
      ...o,
      address: o.node,
      site: "walk",
      build: "walk",
      configDigest: "walk",
      schema: 1,
      position: { epoch: 0, durable: 0, committed: 0 },
      unfit: [],
      reachesVenue: true,
      tags: [],
    };
    this.#members = new Map([...this.#members, [o.node, record]]);
  }

  setAutofailover(value: EtcdView["autofailover"]["value"]): void {
    this.autofailover = { value, modRevision: this.#next() };
  }

  setPause(value: EtcdView["pause"]["value"]): void {
    const modRevision = this.#next();
    this.pause = { value, modRevision: value === undefined ? "0" : modRevision };
  }

  #holds(transaction: Transaction): boolean {
    const { guard } = transaction;
    if (guard.insyncModRevision !== this.insync.modRevision) return false;
    if (transaction.kind !== "takeover") {
      const { leaderModRevision, epoch } = transaction.guard;
      return this.leader?.modRevision === leaderModRevision && this.epoch.value === epoch;
    }
    return (
      transaction.guard.epoch.modRevision === this.epoch.modRevision &&
      transaction.guard.autofailoverModRevision === this.autofailover.modRevision &&
      transaction.guard.pauseModRevision === this.pause.modRevision &&
      !(transaction.requireLeaderAbsent && this.leader !== undefined)
    );
  }

  #next(): string {
    this.revision += 1;
    return String(this.revision);
  }
}
