/**
 * An etcd of one process, with the guards exactly as the real transactions have them. A request is applied when the walk
 * says so: at once, late, after its asker has given up or died, or never. Each write that succeeds is told to the checks.
 */
import type { BootId, ClusterId, JournalId, LeaseId, NodeId } from "../../ids.ts";
import { wallMs } from "../../time.ts";
import { anchorRecord } from "../anchor.ts";
import type { AnchorPlan } from "../anchor.ts";
import type {
  AnchorRecord,
  DeathRecord,
  EtcdView,
  InsyncRecord,
  LeaderRecord,
  Member,
  MemberRecord,
} from "../records.ts";
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
  leases: Set<LeaseId> = new Set();
  clusterId = 1;
  anchor: AnchorRecord | undefined;
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
      etcdClusterId: String(this.clusterId),
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
      anchor: this.anchor,
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

  /** Everything as it is now; `restore` brings it back under another cluster id, as etcd's tool does. */
  backup(): () => void {
    const { revision, epoch, leader, insync, autofailover, pause, anchor } = this;
    const leases = [...this.leases];
    const [members, deaths] = [this.#members, this.#deaths];
    return () => {
      Object.assign(this, { revision, epoch, leader, insync, autofailover, pause, anchor });
      this.leases = new Set(leases);
      [this.#members, this.#deaths] = [members, deaths];
      this.clusterId += 1;
    };
  }

  /** What an operator's re-anchoring writes. */
  reAnchor(plan: AnchorPlan): void {
    const modRevision = this.#next();
    const by = { boot: "anchor" as BootId, transaction: 0 };
    this.leader = undefined;
    this.epoch = { value: plan.epoch, modRevision };
    this.insync = { value: { epoch: plan.epoch, version: plan.version, members: plan.members, by }, modRevision };
    const whose = { etcdClusterId: String(this.clusterId), by: "operator", reason: "walk", atWallMs: wallMs(0) };
    this.anchor = anchorRecord(plan, whose);
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
      const { epoch } = transaction.guard;
      const controls = transaction.kind === "handoff" ? transaction.guard.controls : undefined;
      return (
        this.leader !== undefined &&
        this.epoch.value === epoch &&
        (controls === undefined ||
          (controls.autofailoverModRevision === this.autofailover.modRevision &&
            controls.pauseModRevision === this.pause.modRevision))
      );
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
