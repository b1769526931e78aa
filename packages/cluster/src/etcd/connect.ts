/**
 * Baton's whole use of etcd, as one object: reads, guarded transactions, wakes, presence, operators' keys. Nothing is
 * decided here; every call ends in time. Lease keeping lives in `keeper/`, on its own thread and connections.
 */
import type {
  AnchorAsked,
  AnchorPlan,
  AnchorRecord,
  BootId,
  BootRecord,
  ClusterId,
  ControlChange,
  ControlRecord,
  DeathRecord,
  Epoch,
  EtcdView,
  HistoryRecord,
  JournalId,
  LeaseId,
  Member,
  MemberChange,
  MemberRecord,
  NodeId,
  OperationRecord,
  Transaction,
  TransactionAnswer,
  Versioned,
} from "@baton/core";
import * as anchor from "./anchor.ts";
import type { BootCounted } from "./anchor.ts";
import * as control from "./control.ts";
import type { GuardedWrite } from "./control.ts";
import type { EtcdAccess } from "./endpoint.ts";
import { Fleet } from "./fleet.ts";
import * as forgetting from "./forgetting.ts";
import type { EtcdHealth, EtcdInquiry } from "./health.ts";
import { etcdHealth, inquireEtcd, moveLeaderAway } from "./health.ts";
import { Keys } from "./keys.ts";
import * as membership from "./membership.ts";
import { transact } from "./transaction.ts";
import { viewOf, viewRequest } from "./view.ts";
import type { Wake, Watch } from "./watch.ts";
import { watchPrefix } from "./watch.ts";

/** Unless said otherwise, methods reject with `EtcdUnavailable` within the call timeout; the effect is then unknown. */
export interface Etcd extends AsyncDisposable {
  /** Everything but the history, linearizable, at one revision. Also rejects with `ClusterStateMalformed`. */
  read(): Promise<EtcdView>;
  /** Never rejects. `unknown` whenever a copy may have been, or may still be, applied. */
  transact(transaction: Transaction): Promise<TransactionAnswer>;
  /** At least one wake per change of what `read` shows, and about one per second; a wake only says "read". */
  watch(onWake: (wake: Wake) => void): Watch;
  /**
   * On the record's lease, and what its journal holds beside it. Rejects with `NodeIdInUse` while another boot of the node
   * id is alive (I17).
   */
  publishMember(record: MemberRecord, held?: BootRecord): Promise<void>;
  /** The boot that is alive under a node id. */
  bootOf(node: NodeId): Promise<BootId | undefined>;
  noteDeath(death: DeathRecord): Promise<void>;
  /** Exactly this lease; its keys vanish with it. Fulfils also when it was gone already. */
  revokeLease(lease: LeaseId): Promise<void>;
  setAutofailover(value: ControlRecord["autofailover"]): Promise<void>;
  /** The change and the operation's record, in one transaction; of an id that is known the record that stands. */
  carryOut(record: OperationRecord, change: ControlChange): Promise<OperationRecord>;
  /** Guarded on the revision that was read ("0" for a new operation), and on what `change` was decided on. */
  putOperation(record: OperationRecord, modRevision: string, change?: MemberChange): Promise<GuardedWrite>;
  /** Gives `target` up, which nobody has taken up, and records that. `conflict`: it has been taken up. */
  giveUpOperation(target: Versioned<OperationRecord>, record: OperationRecord): Promise<GuardedWrite>;
  /** Guarded on `boot` leading at `epoch`. */
  completeHistory(o: {
    readonly epoch: Epoch;
    readonly boot: BootId;
    readonly phases: Readonly<Record<string, number>>;
  }): Promise<GuardedWrite>;
  /** Oldest epoch first. */
  history(): Promise<readonly HistoryRecord[]>;
  /** Create-only: cluster, epoch 0, in-sync set (epoch 0, version 1). The same id again answers "created" again. */
  initCluster(o: {
    readonly id: ClusterId;
    readonly members: readonly Member[];
    readonly schema: number;
  }): Promise<"created" | "exists">;
  /** Asks every node to tell of its journal now. */
  askAnchor(asked: AnchorAsked): Promise<void>;
  /** Cluster, epoch, set and anchor at once, over what `view` showed; the leader key goes. `conflict`: read again. */
  reAnchor(view: EtcdView, plan: AnchorPlan, record: AnchorRecord, schema: number): Promise<GuardedWrite>;
  /**
   * Notes that a boot opened a journal for the `count`th time, and what it holds. `rolled-back`: it was opened more often
   * than it knows, or held more once.
   */
  countBoot(journal: JournalId, opened: BootRecord): Promise<BootCounted>;
  /** Drops ended operations, old deaths of these nodes and old epochs beyond a bound. The leader calls it now and then. */
  prune(nodes: readonly NodeId[]): Promise<void>;
  /** Lets etcd forget what was before this revision, for all who use it; gone already is done. */
  compact(revision: string): Promise<void>;
  /** Opens or proves the connections to every endpoint, so that the next call pays for none. Never rejects. */
  warm(): Promise<void>;
  /** Never rejects. */
  status(): Promise<EtcdHealth>;
  /** Who its members are, and its alarms. Never rejects. */
  inquire(): Promise<EtcdInquiry>;
  /** True when etcd's leader is not at that endpoint any more. Never rejects. */
  moveLeaderAway(fromEndpoint: string): Promise<boolean>;
  close(): Promise<void>;
}

/** Connects lazily: the first call opens the sockets. */
export function connectEtcd(access: EtcdAccess): Etcd {
  const fleet = new Fleet(access);
  const keys = new Keys(access.cluster);
  const watches = new Set<Watch>();
  const close = async (): Promise<void> => {
    for (const watch of watches) watch.stop();
    // Streams end in a later turn; closing their channel before would make them report an error first.
    await new Promise((resolve) => setImmediate(resolve));
    fleet.close();
  };
  const request = viewRequest(keys);
  // Of the newest read: what is asked for is decided on what was read.
  let etcdClusterId: string | undefined;
  // Our last member record; its revision is a guard for its own boot only.
  let published: { readonly node: NodeId; readonly boot: BootId; readonly revision: string } | undefined;
  return {
    async read() {
      const view = viewOf(keys, await fleet.first("read", (client, options) => client.kv.txn(request, options)));
      etcdClusterId = view.etcdClusterId;
      return view;
    },
    transact: (transaction) => transact(fleet, keys, transaction, etcdClusterId),
    watch(onWake) {
      const watch = watchPrefix(fleet, keys, onWake);
      watches.add(watch);
      return watch;
    },
    async publishMember(record, held) {
      const lastSeen = published?.boot === record.boot && published.node === record.node ? published.revision : "0";
      const revision = await membership.publishMember(fleet, keys, { record, held, lastSeen });
      published = { node: record.node, boot: record.boot, revision };
    },
    bootOf: (node) => membership.bootOf(fleet, keys, node),
    noteDeath: (death) => membership.noteDeath(fleet, keys, death),
    revokeLease: (lease) => membership.revokeLease(fleet, lease),
    setAutofailover: (value) => control.setAutofailover(fleet, keys, value),
    carryOut: (record, change) => control.carryOut(fleet, keys, record, change),
    putOperation: (record, modRevision, change) => control.putOperation(fleet, keys, { record, modRevision, change }),
    giveUpOperation: (target, record) => control.giveUpOperation(fleet, keys, target, record),
    completeHistory: (o) => control.completeHistory(fleet, keys, o),
    history: () => control.readHistory(fleet, keys),
    initCluster: (o) => control.initCluster(fleet, keys, o),
    askAnchor: (asked) => control.askAnchor(fleet, keys, asked),
    reAnchor: (view, plan, record, schema) => anchor.reAnchor(fleet, keys, { view, plan, record, schema }),
    countBoot: (journal, opened) => anchor.countBoot(fleet, keys, journal, opened),
    prune: (nodes) => forgetting.prune(fleet, keys, nodes),
    compact: (revision) => forgetting.compact(fleet, revision),
    async warm() {
      const nothing = { ID: "0" };
      const calls = fleet.endpoints.flatMap((one) => [
        one.call(fleet.timeoutMs, (client, options) => client.kv.txn({ success: [] }, options)),
        one.call(fleet.timeoutMs, (client, options) => client.leaseClient.leaseTimeToLive(nothing, options)),
      ]);
      await Promise.allSettled(calls);
    },
    status: () => etcdHealth(fleet),
    inquire: () => inquireEtcd(fleet),
    moveLeaderAway: (fromEndpoint) => moveLeaderAway(fleet, fromEndpoint),
    close,
    [Symbol.asyncDispose]: close,
  };
}
