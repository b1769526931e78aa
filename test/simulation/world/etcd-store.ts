/**
 * What etcd holds, and its guarded writes, exactly as the real transactions guard them. No time and no failure in here:
 * `etcd.ts` decides when a request is applied, and whether anybody learns of it.
 */
import type {
  AcknowledgedRecord,
  AnchorPlan,
  AnchorAsked,
  AnchorRecord,
  BootId,
  ClusterId,
  DeathRecord,
  EtcdView,
  HistoryRecord,
  InsyncRecord,
  JournalId,
  KillRecord,
  LeaderRecord,
  LeaseId,
  Member,
  MemberRecord,
  NodeId,
  OperationId,
  OperationRecord,
  Transaction,
  TransactionAnswer,
  Versioned,
} from "@baton/core";

/** What one copy of a request found. `open`: another copy may still be applied. */
export type CopyAnswer = Exclude<TransactionAnswer, { kind: "unknown" }> | { readonly kind: "open" };

/** Told before a succession transaction changes anything. */
export type BeforeApply = (transaction: Transaction, store: EtcdStore) => void;

export class EtcdStore {
  revision = 1;
  epoch: Versioned<number> = { value: 0, modRevision: "1" };
  leader: Versioned<LeaderRecord> | undefined;
  insync: Versioned<InsyncRecord>;
  autofailover: EtcdView["autofailover"] = { value: "on", modRevision: "1" };
  pause: EtcdView["pause"] = { value: undefined, modRevision: "0" };
  kill: EtcdView["kill"] = { value: undefined, modRevision: "0" };
  acknowledged: NonNullable<EtcdView["acknowledged"]> = { value: undefined, modRevision: "0" };
  anchor: AnchorRecord | undefined;
  anchorAsked: AnchorAsked | undefined;
  clusterId = 1;
  members: ReadonlyMap<NodeId, MemberRecord> = new Map();
  deaths: ReadonlyMap<BootId, DeathRecord> = new Map();
  operations: ReadonlyMap<OperationId, Versioned<OperationRecord>> = new Map();
  history: Map<number, { readonly record: HistoryRecord; readonly modRevision: string }> = new Map();
  leases: Set<LeaseId> = new Set();
  /** Journal → how often it was opened, and by whom last. */
  boots: ReadonlyMap<JournalId, { readonly boot: BootId; readonly count: number }> = new Map();
  readonly cluster: ClusterId;
  readonly #before: BeforeApply;
  readonly #beforePublishing: (record: MemberRecord, store: EtcdStore) => void;
  readonly #listeners: (() => void)[] = [];
  #view: EtcdView | undefined;

  constructor(o: {
    cluster: ClusterId;
    members: readonly Member[];
    before: BeforeApply;
    beforePublishing?: (record: MemberRecord, store: EtcdStore) => void;
  }) {
    this.cluster = o.cluster;
    this.insync = {
      value: { epoch: 0, version: 1, members: o.members, by: { boot: "init" as BootId, transaction: 0 } },
      modRevision: "1",
    };
    this.#before = o.before;
    this.#beforePublishing = o.beforePublishing ?? ((): void => undefined);
  }

  /** Called after each change. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  view(): EtcdView {
    this.#view ??= {
      etcdClusterId: String(this.clusterId),
      revision: String(this.revision),
      cluster: { id: this.cluster, schema: 1 },
      epoch: this.epoch,
      leader: this.leader,
      insync: this.insync,
      autofailover: this.autofailover,
      pause: this.pause,
      kill: this.kill,
      members: this.members,
      deaths: this.deaths,
      operations: this.operations,
      acknowledged: this.acknowledged,
      anchor: this.anchor,
      anchorAsked: this.anchorAsked,
    };
    return this.#view;
  }

  /** One copy of a succession transaction. */
  transact(transaction: Transaction): CopyAnswer {
    if (!this.#isGuardKept(transaction)) return this.#fateOf(transaction);
    // A lease that is gone refuses a copy for good.
    if (transaction.kind !== "set-insync" && !this.leases.has(transaction.leader.lease)) return { kind: "refused" };
    this.#before(transaction, this);
    const modRevision = this.#next();
    if (transaction.kind !== "set-insync") {
      this.leader = { value: transaction.leader, modRevision };
      this.epoch = { value: transaction.leader.epoch, modRevision };
      this.history.set(transaction.history.epoch, { record: transaction.history, modRevision });
    }
    if (transaction.kind !== "handoff") this.insync = { value: transaction.insync, modRevision };
    this.#changed();
    return { kind: "committed", revision: modRevision };
  }

  /** A lease ends: the keys on it go. */
  endLease(lease: LeaseId): void {
    if (!this.leases.delete(lease)) return;
    this.#next();
    if (this.leader?.value.lease === lease) this.leader = undefined;
    this.members = new Map([...this.members].filter(([, member]) => member.lease !== lease));
    this.#changed();
  }

  /** Undefined when it stands; else the boot that has the id, or that the lease is gone. `isForced`: broken on purpose. */
  publish(record: MemberRecord, isForced = false): { readonly inUseBy: BootId } | "lease-gone" | undefined {
    if (!this.leases.has(record.lease)) return "lease-gone";
    const known = this.members.get(record.node);
    if (known !== undefined && known.boot !== record.boot && !isForced) return { inUseBy: known.boot };
    this.#beforePublishing(record, this);
    this.#next();
    this.members = new Map([...this.members, [record.node, record]]);
    this.#changed();
    return undefined;
  }

  noteDeath(death: DeathRecord): void {
    this.#next();
    this.deaths = new Map([...this.deaths, [death.boot, death]].slice(-12) as [BootId, DeathRecord][]);
    this.#changed();
  }

  /** False when the guard on the record's revision ("0": absent) does not hold. */
  putOperation(record: OperationRecord, guard: string): boolean {
    const known = this.operations.get(record.id);
    // A copy of this very request may have been first.
    if (known !== undefined && JSON.stringify(known.value) === JSON.stringify(record)) return true;
    if ((known?.modRevision ?? "0") !== guard) return false;
    const modRevision = this.#next();
    this.operations = new Map([...this.operations, [record.id, { value: record, modRevision }]]);
    this.#changed();
    return true;
  }

  /** Undefined: counted. Else how often etcd has counted this journal's openings: the disk was rolled back. */
  countBoot(journal: JournalId, opened: { readonly boot: BootId; readonly count: number }): number | undefined {
    const known = this.boots.get(journal);
    if (known?.boot === opened.boot) return undefined;
    if (known !== undefined && opened.count <= known.count) return known.count;
    this.boots = new Map([...this.boots, [journal, opened]]);
    this.#next();
    return undefined;
  }

  acknowledge(record: AcknowledgedRecord): void {
    this.acknowledged = { value: record, modRevision: this.#next() };
    this.#changed();
  }

  /** Everything as it is now; what is given back brings it back under another cluster id, as etcd's tool does. */
  backup(): () => void {
    const { revision, epoch, leader, insync, autofailover, pause, kill, acknowledged, anchor } = this;
    const { members, deaths, operations, boots, anchorAsked } = this;
    const kept = { anchorAsked, revision, epoch, leader, insync, autofailover, pause, kill, acknowledged, anchor };
    const history = new Map(this.history);
    const leases = new Set(this.leases);
    return () => {
      Object.assign(this, kept, { members, deaths, operations, boots });
      this.history = new Map(history);
      this.leases = new Set(leases);
      this.clusterId += 1;
      this.#view = undefined;
      this.#changed();
    };
  }

  askAnchor(asked: AnchorAsked): void {
    this.#next();
    this.anchorAsked = asked;
    this.#changed();
  }

  /** What an operator's re-anchoring writes, all at once. */
  reAnchor(plan: AnchorPlan, record: AnchorRecord): void {
    const modRevision = this.#next();
    const by = { boot: "anchor" as BootId, transaction: 0 };
    this.leader = undefined;
    this.epoch = { value: plan.epoch, modRevision };
    const { uncleans } = this.insync.value;
    this.insync = {
      value: {
        ...{ epoch: plan.epoch, version: plan.version, members: plan.members, reconcileDue: plan.epoch, by },
        ...(uncleans !== undefined && { uncleans }),
      },
      modRevision,
    };
    this.anchor = record;
    this.anchorAsked = undefined;
    this.#changed();
  }

  setAutofailover(value: EtcdView["autofailover"]["value"]): void {
    this.autofailover = { value, modRevision: this.#next() };
    this.#changed();
  }

  setPause(value: EtcdView["pause"]["value"]): void {
    const modRevision = this.#next();
    this.pause = { value, modRevision: value === undefined ? "0" : modRevision };
    this.#changed();
  }

  setKill(kill: KillRecord): void {
    this.kill = { value: kill, modRevision: this.#next() };
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #isGuardKept(transaction: Transaction): boolean {
    if (transaction.kind === "takeover") {
      const { guard } = transaction;
      return (
        guard.epoch.modRevision === this.epoch.modRevision &&
        guard.insyncModRevision === this.insync.modRevision &&
        guard.autofailoverModRevision === this.autofailover.modRevision &&
        guard.pauseModRevision === this.pause.modRevision &&
        !(transaction.requireLeaderAbsent && this.leader !== undefined)
      );
    }
    const { guard } = transaction;
    const controls = transaction.kind === "handoff" ? transaction.guard.controls : undefined;
    return (
      (controls === undefined ||
        (controls.autofailoverModRevision === this.autofailover.modRevision &&
          controls.pauseModRevision === this.pause.modRevision)) &&
      this.leader !== undefined &&
      this.epoch.value === guard.epoch &&
      this.insync.modRevision === guard.insyncModRevision
    );
  }

  /** As the real shell judges a refused copy: another copy may have been applied before, or may yet be. */
  #fateOf(transaction: Transaction): CopyAnswer {
    if (transaction.kind === "set-insync") {
      const stands = this.insync.value;
      if (this.insync.modRevision === transaction.guard.insyncModRevision) return { kind: "open" };
      if (stands.version > transaction.insync.version) return { kind: "open" };
      const { by } = transaction.insync;
      const isOurs =
        stands.version === transaction.insync.version &&
        stands.by.boot === by.boot &&
        stands.by.transaction === by.transaction;
      return isOurs ? { kind: "committed", revision: this.insync.modRevision } : { kind: "refused" };
    }
    const isSameSet = this.insync.modRevision === transaction.guard.insyncModRevision;
    const isAlive =
      transaction.kind === "takeover"
        ? isSameSet
        : isSameSet && this.leader !== undefined && this.epoch.value === transaction.guard.epoch;
    if (isAlive) return { kind: "open" };
    const written = this.history.get(transaction.history.epoch);
    const isOurs =
      written !== undefined &&
      written.record.boot === transaction.history.boot &&
      written.record.atWallMs === transaction.history.atWallMs &&
      written.record.position === transaction.history.position;
    return isOurs ? { kind: "committed", revision: written.modRevision } : { kind: "refused" };
  }

  #next(): string {
    this.revision += 1;
    this.#view = undefined;
    return String(this.revision);
  }
}
