/**
 * The keeper as the engine sees it: starts the thread, gives the deadline, carries orders and events. The deadline is read
 * from shared memory, so a check at the socket costs no message and sees a fence at once. If the thread dies, so does the
 * right to act.
 */
import type { BootId, Epoch, LeaseId, MonoMs, NodeId } from "@baton/core";
import { id, monoMs } from "@baton/core";
import { EtcdUnavailable } from "../errors.ts";
import type { EtcdAccess } from "../etcd/endpoint.ts";
import type { KeeperCells, NanosCell } from "./cells.ts";
import { loadMono, nanosCell, stampNow, storeMono } from "./cells.ts";
import { PreparedKeeper } from "./prepared-keeper.ts";
import type { KeeperEvent } from "./rounds.ts";
import type { KeeperOrder, KeeperStart } from "./thread.ts";

export interface KeeperOptions {
  readonly etcd: EtcdAccess;
  readonly node: NodeId;
  readonly boot: BootId;
  readonly ttlSeconds: number;
  readonly keepaliveMs: number;
  readonly marginMs: number;
  /** No renewal when the main loop did not turn for so long. Default 500. */
  readonly mainStallMs?: number;
  /** No renewal when one fsync takes longer. Default 1,000. */
  readonly journalStallMs?: number;
  /** The journal's cell: nanoseconds at which the running fsync began, 0 when none runs. */
  readonly journalBusySince?: NanosCell;
  /** Every event, in order. Must not throw. */
  readonly onEvent: (event: KeeperEvent) => void;
  /** Default: one that is started now. */
  readonly thread?: PreparedKeeper;
}

/** etcd's own number for "no lease". */
export const noLease: LeaseId = id<LeaseId>("0");

export interface Keeper extends AsyncDisposable {
  /**
   * The lease in force, `noLease` before the first; it changes with a `granted` event, also while this node leads.
   */
  readonly lease: LeaseId;
  /** TTL that etcd granted, ms; it can be more than was asked. What was asked, before the first lease. */
  readonly ttlMs: number;
  /** Fulfils with the first lease, whenever etcd gives one. Rejects with `EtcdUnavailable` when the keeper ends before. */
  readonly whenGranted: Promise<void>;
  /** Until when this boot may act; 0: it may not. Compare with the monotonic clock at the last instruction. */
  deadline(): MonoMs;
  /** This boot won `epoch` on this lease: the deadline comes within a few ms, then moves with each round. */
  lead(epoch: Epoch): void;
  /** Failsafe: every peer has promised to leave `epoch` alone for longer than this; the deadline moves, if it has not passed. */
  extend(epoch: Epoch, promise: { readonly askedMonoMs: MonoMs; readonly untilMonoMs: MonoMs }): void;
  /**
   * This machine may have stood still while all its clocks did: deadline 0 at once, until a keepalive and a read that leave
   * after this have been answered. A leader whom etcd still knows loses one round trip, not its epoch.
   */
  doubt(): void;
  /** Given up in order: deadline 0 at once, the lease stays, a later epoch may be led. */
  follow(): void;
  /** Ends the thread; `revoke` gives the lease back first. Deadline 0 at once. */
  stop(o?: { readonly revoke?: boolean }): Promise<void>;
}

const beatEveryMs = 50;

/**
 * What the deadline rests on is read first: the keeper's thread may write both at this instant, and writes no deadline that
 * rests on less than it has said before.
 */
function deadlineIn(cells: KeeperCells): MonoMs {
  const isVoid = loadMono(cells.grantedFrom) < loadMono(cells.doubtedAt);
  return isVoid ? monoMs(0) : loadMono(cells.deadline);
}

/** Starts the thread, which asks for a lease until it has one: a node has work to do without etcd, too. */
export function startKeeper(o: KeeperOptions): Keeper {
  const cells: KeeperCells = {
    deadline: nanosCell(),
    grantedFrom: nanosCell(),
    doubtedAt: nanosCell(),
    mainBeat: nanosCell(),
    journalBusySince: o.journalBusySince ?? nanosCell(),
  };
  stampNow(cells.mainBeat);
  const beating = setInterval(() => stampNow(cells.mainBeat), beatEveryMs);
  beating.unref();
  const start: KeeperStart = {
    access: o.etcd,
    cells,
    options: {
      node: o.node,
      boot: o.boot,
      ttlSeconds: o.ttlSeconds,
      keepaliveMs: o.keepaliveMs,
      marginMs: o.marginMs,
      mainStallMs: o.mainStallMs ?? 500,
      journalStallMs: o.journalStallMs ?? 1_000,
    },
  };
  const thread = (o.thread ?? new PreparedKeeper()).take();
  thread.postMessage(start, []);
  let granted: { readonly lease: LeaseId; readonly ttlMs: number } = { lease: noLease, ttlMs: o.ttlSeconds * 1_000 };
  let led: Epoch = 0;
  let isStopping = false;
  const exited = new Promise<void>((resolve) => thread.once("exit", () => resolve()));
  const order = (message: KeeperOrder): void => thread.postMessage(message, []);

  const first = Promise.withResolvers<void>();
  // Whoever waits for it hears of the end; where nobody does, the event tells.
  first.promise.catch(() => undefined);
  const ended = (detail: string): void => first.reject(new EtcdUnavailable("keeper", [detail]));

  const stop = async (revoke: boolean): Promise<void> => {
    if (!isStopping) {
      isStopping = true;
      ended("stopped before it had a lease");
      clearInterval(beating);
      storeMono(cells.deadline, 0);
      order({ kind: "stop", revoke });
    }
    const limit = setTimeout(() => void thread.terminate(), 2_000);
    await exited;
    clearTimeout(limit);
  };

  thread.on("message", (event: KeeperEvent) => {
    if (isStopping) return;
    if (event.kind === "granted") {
      granted = event;
      first.resolve();
    }
    o.onEvent(event);
  });
  const died = (detail: string): void => {
    if (isStopping) return;
    isStopping = true;
    clearInterval(beating);
    storeMono(cells.deadline, 0);
    ended(detail);
    o.onEvent({ kind: "lost", epoch: led, reason: "keeper-died", detail });
  };
  thread.on("error", (error: Error) => died(error.message));
  thread.on("exit", (code) => died(`the keeper's thread ended with ${code}`));

  return {
    get lease() {
      return granted.lease;
    },
    get ttlMs() {
      return granted.ttlMs;
    },
    whenGranted: first.promise,
    deadline: () => deadlineIn(cells),
    lead(epoch) {
      led = epoch;
      order({ kind: "lead", epoch });
    },
    extend: (epoch, promise) => order({ kind: "extend", epoch, ...promise }),
    doubt() {
      stampNow(cells.doubtedAt);
      order({ kind: "doubt" });
    },
    follow() {
      storeMono(cells.deadline, 0);
      order({ kind: "follow" });
    },
    stop: (how) => stop(how?.revoke ?? false),
    [Symbol.asyncDispose]: () => stop(false),
  };
}
