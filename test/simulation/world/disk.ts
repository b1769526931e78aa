/**
 * A disk with one journal on it, and the writer that brings orders to it one after the other. What is on the disk survives
 * every crash; an order that was under way when its process or machine died is there or not, as chance has it, and those
 * behind it are not. A disk can be slow, full, or fail an fsync, after which its writer does nothing more.
 */
import { merged } from "@baton/core";
import type { EngineState, EtcdPin, Frame, JournalId, Promised, Sequence } from "@baton/core";
import type { Agenda } from "./agenda.ts";
import type { Bent } from "../breaks/bent.ts";
import type { Dice } from "./dice.ts";
import type { Process } from "./process.ts";

/** What survives. */
export interface DiskContent {
  readonly journal: JournalId;
  frames: Frame[];
  promised: Promised;
  commit: Sequence;
  /** What etcd was last seen to be. */
  pin: EtcdPin | undefined;
  /** Failsafe: for how long it has promised to leave the epoch alone; the whole time starts anew with each boot. */
  promisedForMs: number | undefined;
  /** How often the journal has been opened. */
  bootCount: number;
  /** Frames of tails that were cut. */
  readonly quarantine: Frame[];
}

export type DiskOrder =
  | { readonly kind: "frame"; readonly frame: Frame; readonly commit: Sequence }
  | { readonly kind: "commit"; readonly commit: Sequence }
  | { readonly kind: "persist"; readonly promised: Promised }
  | { readonly kind: "pin"; readonly pin: EtcdPin }
  | { readonly kind: "promise"; readonly forMs: number }
  | { readonly kind: "cut"; readonly after: Sequence }
  | { readonly kind: "install"; readonly frames: readonly Frame[]; readonly commit: Sequence };

/** Told of every order that reached the disk. */
export type DiskListener = (disk: Disk, order: DiskOrder) => void;

export class Disk {
  readonly place: string;
  content: DiskContent;
  /** Extra time of each order, in ms. */
  slowMs = 0;
  /** The next order fails, and everything after it. */
  failure: "full" | "fsync" | undefined;
  /** The boot that has it open. */
  openedBy: string | undefined;
  /** An older copy was put in its place: what it had said to hold is gone. */
  isRolledBack = false;
  /** A start found it rolled back: it is not used again. */
  isRefused = false;
  /** The last leader that it met found that it holds as committed what the cluster lost: an empty one takes its place. */
  isForked = false;
  /** Rot was found in it: the next opening reads all of it. */
  isSuspect = false;
  /** Frames whose bytes have changed since they were written, with what was written. */
  readonly #rotten = new Map<Frame, Frame>();
  /** The tables of the process that had it last, made of committed events only. */
  tables: EngineState | undefined;
  readonly listener: DiskListener;

  constructor(place: string, journal: JournalId, listener: DiskListener) {
    this.place = place;
    this.content = emptyContent(journal);
    this.listener = listener;
  }

  /** Last position that is on the disk. */
  get last(): Sequence {
    return this.content.frames.at(-1)?.last ?? 0;
  }

  /** A bit of the frame at this index flips. */
  rot(index: number): void {
    const frame = this.content.frames[index];
    if (frame === undefined) return;
    const other = rotten(frame);
    this.content.frames[index] = other;
    this.#rotten.set(other, frame);
  }

  /** It holds a frame that is not as it was written, noticed or not. */
  get isRotten(): boolean {
    return this.#rotten.size > 0 && this.content.frames.some((frame) => this.#rotten.has(frame));
  }

  /** The frames are again as they were written. */
  mend(): void {
    this.content.frames = this.content.frames.map((frame) => this.#rotten.get(frame) ?? frame);
    this.#rotten.clear();
    this.isRefused = false;
  }

  /** As it is now; what is given back puts it there again, under the same journal id, as a restored copy would. */
  backup(): () => void {
    const { frames, promised, commit, pin, bootCount } = this.content;
    const copy = { frames: [...frames], promised, commit, pin, bootCount };
    return () => {
      this.content = { ...this.content, ...copy, frames: [...copy.frames] };
      this.tables = undefined;
      this.isRolledBack = true;
    };
  }

  carryOut(order: DiskOrder): void {
    const { content } = this;
    switch (order.kind) {
      case "frame":
        content.frames.push(order.frame);
        content.commit = Math.max(content.commit, Math.min(order.commit, this.last));
        break;
      case "commit":
        content.commit = Math.max(content.commit, Math.min(order.commit, this.last));
        break;
      case "persist":
        content.promised = merged(content.promised, order.promised);
        break;
      case "pin":
        content.pin = order.pin;
        break;
      case "promise":
        content.promisedForMs = order.forMs;
        break;
      case "cut":
        content.quarantine.push(...content.frames.filter((frame) => frame.last > order.after));
        content.frames = content.frames.filter((frame) => frame.last <= order.after);
        break;
      case "install":
        content.frames = [...order.frames];
        content.commit = order.commit;
        this.tables = undefined;
        break;
    }
    this.listener(this, order);
  }
}

/** A frame in which one digit is another one: still the same number of records, and each may still be read. */
export function rotten(frame: Frame): Frame {
  return { ...frame, body: frame.body.replace(/[0-8](?=[^0-9]*$)/u, (digit) => String(Number(digit) + 1)) };
}

/** An empty journal. */
function emptyContent(journal: JournalId): DiskContent {
  return {
    journal,
    frames: [],
    promised: { epochMax: 0, vow: undefined },
    commit: 0,
    pin: undefined,
    promisedForMs: undefined,
    bootCount: 0,
    quarantine: [],
  };
}

interface Queued {
  readonly order: DiskOrder;
  readonly done: () => void;
}

export class DiskWriter {
  readonly #agenda: Agenda;
  readonly #dice: Dice;
  readonly #disk: Disk;
  readonly #process: Process;
  readonly #onFailed: (why: string) => void;
  readonly #bent: Bent;
  /** Broken on purpose: said to be on the disk, and not there yet. */
  #unsynced: DiskOrder[] = [];
  #queue: Queued[] = [];
  #isBusy = false;
  #hasFailed = false;
  /** Monotonic time since when an order runs; 0 when idle. The keeper of the lease looks at it. */
  busySinceMono = 0;

  constructor(o: {
    agenda: Agenda;
    dice: Dice;
    disk: Disk;
    process: Process;
    bent: Bent;
    onFailed: (why: string) => void;
  }) {
    this.#agenda = o.agenda;
    this.#dice = o.dice;
    this.#disk = o.disk;
    this.#process = o.process;
    this.#onFailed = o.onFailed;
    this.#bent = o.bent;
  }

  post(order: DiskOrder, done: () => void = () => undefined): void {
    if (this.#hasFailed) return;
    this.#queue.push({ order, done });
    if (!this.#isBusy) this.#next();
  }

  /** The process or its machine is gone: what was under way may have been done. */
  crash(isPowerLost: boolean): void {
    const [first] = this.#queue;
    this.#queue = [];
    // Without the fsync, a process that dies leaves its writes to the kernel; a machine that dies does not.
    for (const order of this.#unsynced) if (!isPowerLost) this.#disk.carryOut(order);
    this.#unsynced = [];
    if (first !== undefined && !this.#hasFailed && this.#disk.failure === undefined && this.#dice.chance(0.5)) {
      this.#disk.carryOut(first.order);
    }
    this.#hasFailed = true;
  }

  #next(): void {
    const next = this.#queue[0];
    if (next === undefined || this.#hasFailed) {
      this.#isBusy = false;
      this.busySinceMono = 0;
      return;
    }
    this.#isBusy = true;
    this.busySinceMono = this.#process.clock.mono();
    const ms = next.order.kind === "commit" ? 0.05 : this.#dice.skewed(0.2, 3) + this.#slow();
    this.#agenda.after(ms, () => this.#process.run(() => this.#finish(next)));
  }

  #slow(): number {
    return this.#disk.slowMs === 0 ? 0 : this.#dice.between(this.#disk.slowMs / 2, this.#disk.slowMs);
  }

  #finish(done: Queued): void {
    if (this.#hasFailed) return;
    if (this.#disk.failure !== undefined && this.#bent.is("fsync-error-ignored")) {
      this.#queue.shift();
      done.done();
      return this.#next();
    }
    if (this.#disk.failure !== undefined && done.order.kind !== "commit") {
      this.#hasFailed = true;
      this.#queue = [];
      this.#onFailed(this.#disk.failure === "full" ? "the disk is full" : "an fsync failed");
      return;
    }
    this.#queue.shift();
    if (this.#bent.is("synchronous-normal")) this.#later(done.order);
    else if (!(this.#bent.is("volatile-promises") && done.order.kind === "persist")) this.#disk.carryOut(done.order);
    done.done();
    this.#next();
  }

  #later(order: DiskOrder): void {
    this.#unsynced.push(order);
    this.#agenda.after(400, () => {
      if (this.#unsynced[0] !== order) return;
      this.#unsynced.shift();
      this.#disk.carryOut(order);
    });
  }
}
