/**
 * A journal of the walk: what is on the disk, what is in memory, and the one writer between them that works in order and
 * may die at any point. Records are compared by identity, as hashes would be.
 */
import type { EtcdPin } from "../anchor.ts";
import { merged } from "../state.ts";
import type { Promised } from "../state.ts";
import type { JournalId } from "../../ids.ts";
import type { Mark } from "../../replication/rejoin.ts";

export interface WalkRecord {
  readonly uid: number;
  readonly epoch: number;
  /** The record that opened its epoch; all others are intents. */
  readonly opens: boolean;
}

/** What survives a crash. */
export interface Disk {
  readonly journal: JournalId;
  log: readonly WalkRecord[];
  promised: Promised;
  commit: number;
  /** What etcd was last seen to be. */
  pin?: EtcdPin | undefined;
  /** How long it last promised to leave the epoch alone. */
  promisedForMs?: number | undefined;
}

type Order =
  | { readonly kind: "frame"; readonly record: WalkRecord }
  | { readonly kind: "pin"; readonly pin: EtcdPin; readonly done: () => void }
  | { readonly kind: "promise"; readonly forMs: number; readonly done: () => void }
  | { readonly kind: "cut"; readonly after: number; readonly done: () => void }
  | { readonly kind: "persist"; readonly promised: Promised; readonly done: () => void };

/** The journal of one process. */
export class WalkJournal {
  readonly disk: Disk;
  readonly log: WalkRecord[];
  durable: number;
  commit: number;
  /** Durable promises. */
  promises: Promised;
  #asked: Promised;
  #orders: Order[] = [];
  readonly #onDurable: () => void;

  constructor(disk: Disk, onDurable: () => void) {
    this.disk = disk;
    this.log = [...disk.log];
    this.durable = disk.log.length;
    this.commit = disk.commit;
    this.promises = disk.promised;
    this.#asked = disk.promised;
    this.#onDurable = onDurable;
  }

  get hasOrders(): boolean {
    return this.#orders.length > 0;
  }

  push(record: WalkRecord): void {
    this.log.push(record);
    this.#orders.push({ kind: "frame", record });
  }

  cut(after: number, done: () => void): void {
    if (after === this.log.length) return done();
    this.log.length = after;
    this.durable = Math.min(this.durable, after);
    this.#orders.push({ kind: "cut", after, done });
  }

  promise(forMs: number, done: () => void): void {
    this.#orders.push({ kind: "promise", forMs, done });
  }

  pin(pin: EtcdPin): void {
    this.#orders.push({ kind: "pin", pin, done: () => undefined });
  }

  persist(promised: Promised, done: () => void): void {
    this.#asked = merged(this.#asked, promised);
    this.#orders.push({ kind: "persist", promised: this.#asked, done });
  }

  /** The writer carries out its next order, and reports. */
  write(): void {
    const order = this.#orders.shift();
    if (order === undefined) return;
    const { disk } = this;
    carryOut(disk, order);
    if (order.kind !== "frame") {
      if (order.kind === "persist") this.promises = order.promised;
      return order.done();
    }
    disk.commit = Math.max(disk.commit, Math.min(this.commit, disk.log.length));
    // What a cut that waits behind will remove is not durable.
    const cuts = this.#orders.flatMap((o) => (o.kind === "cut" ? [o.after] : []));
    const reached = Math.min(disk.log.length, ...cuts);
    if (reached <= this.durable) return;
    this.durable = reached;
    this.#onDurable();
  }

  /** Power goes: the first `orders` orders still reached the disk. */
  crash(orders: number): void {
    for (const order of this.#orders.slice(0, orders)) carryOut(this.disk, order);
    this.#orders = [];
  }

  get orders(): number {
    return this.#orders.length;
  }

  /** For the hello: the commit point, and every record after it. */
  marks(): { readonly commit: Mark; readonly tail: readonly Mark[] } {
    const marks = this.log.map((record, index) => ({ sequence: index + 1, hash: String(record.uid) }));
    return { commit: marks[this.commit - 1] ?? { sequence: 0, hash: "" }, tail: marks.slice(this.commit) };
  }

  /** Those marks that this journal holds with the same hash. */
  held(marks: readonly Mark[]): readonly Mark[] {
    return marks.filter((mark) => String(this.log[mark.sequence - 1]?.uid ?? "") === mark.hash);
  }
}

function carryOut(disk: Disk, order: Order): void {
  if (order.kind === "frame") disk.log = [...disk.log, order.record];
  else if (order.kind === "cut") disk.log = disk.log.slice(0, order.after);
  else if (order.kind === "pin") disk.pin = order.pin;
  else if (order.kind === "promise") disk.promisedForMs = order.forMs;
  else disk.promised = order.promised;
}
