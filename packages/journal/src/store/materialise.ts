/**
 * Which committed frames are in the tables. Rows follow the commit point, in batches; only for a state digest do they stop
 * for a moment, after a frame that every node stops after, so that all digest the same rows. Frames are committed on while
 * they stop: what is behind is applied when they go on. Called inside the writer's transactions. Invariant I19.
 */
import { assert } from "@baton/core/records";
import type { Frame, KeyRow, Sequence } from "@baton/core";
import type { Tables } from "./tables.ts";

export class Materialiser {
  readonly #makeTables: () => Tables;
  /** Made when first needed, so that who opens need not wait for the writer's own copy of the state. */
  #made: Tables | undefined;
  /** Frames that the state does not hold yet, ascending. */
  #unapplied: Frame[];
  #committed: Sequence;
  /** Last event in the rows on the disk. */
  #written: Sequence;
  /** A digest is wanted after the first frame that ends at or after this. */
  #asked: Sequence | undefined;
  /** The rows stand still after this record. */
  #stoppedAt: Sequence | undefined;

  constructor(o: {
    readonly makeTables: () => Tables;
    readonly unapplied: readonly Frame[];
    readonly committed: Sequence;
    readonly written: Sequence;
  }) {
    this.#makeTables = o.makeTables;
    this.#unapplied = [...o.unapplied];
    this.#committed = o.committed;
    this.#written = o.written;
  }

  get committed(): Sequence {
    return this.#committed;
  }

  get written(): Sequence {
    return this.#written;
  }

  /** Where the rows stand still, on the disk; undefined while they follow. */
  get stoppedAt(): Sequence | undefined {
    return this.#stoppedAt === this.#written ? this.#stoppedAt : undefined;
  }

  /** Builds the state, if it was not needed yet, and applies to it what is committed. */
  warm(): void {
    void this.#tables;
    this.apply();
  }

  /** The keys in the state, and up to which record it holds all. */
  keys(): { readonly keys: readonly KeyRow[]; readonly upTo: Sequence } {
    return { keys: this.#tables.keys, upTo: this.#tables.applied };
  }

  /** The same of those that came since this was asked last. */
  takeNewKeys(): { readonly keys: readonly KeyRow[]; readonly upTo: Sequence } {
    return this.#made === undefined
      ? { keys: [], upTo: this.#written }
      : { keys: this.#made.takeNewKeys(), upTo: this.#made.applied };
  }

  /** A frame was inserted. */
  add(frame: Frame): void {
    this.#unapplied.push(frame);
  }

  /** The tail after this record was cut. */
  cut(after: Sequence): void {
    this.#unapplied = this.#unapplied.filter((frame) => frame.last <= after);
  }

  /** Moves the commit point and, when there is enough to write, the rows; the last event in the rows is the answer. */
  move(committed: Sequence, leastEvents: number): Sequence {
    assert(committed >= this.#committed, "the commit point never moves back");
    this.#committed = committed;
    const isStopAhead = this.#asked !== undefined && committed >= this.#asked;
    if (committed - this.#written >= leastEvents || isStopAhead) {
      this.apply();
      this.#tables.write();
      this.#written = this.#tables.applied;
    }
    return this.#written;
  }

  /** Is there anything that `move` would still do? */
  isBehind(committed: Sequence): boolean {
    if (committed !== this.#committed) return true;
    return this.stoppedAt === undefined && this.#written < committed;
  }

  /** Applies what is committed, to the state and not yet to the rows; stops where a digest was asked for. */
  apply(): void {
    let count = 0;
    for (const frame of this.#unapplied) {
      if (frame.last > this.#committed || this.#stoppedAt !== undefined) break;
      this.#tables.apply(frame);
      count += 1;
      if (this.#asked !== undefined && frame.last >= this.#asked) this.#stopAt(frame.last);
    }
    if (count > 0) this.#unapplied = this.#unapplied.slice(count);
  }

  /** Lets the rows stop after the first frame that ends at or after `at`. False: they are beyond it. One at a time. */
  ask(at: Sequence): boolean {
    if (this.#stoppedAt !== undefined || this.#tables.applied > at) return false;
    if (this.#tables.applied === at) this.#stopAt(at);
    else this.#asked = at;
    return true;
  }

  /** The rows may follow again. */
  goOn(): void {
    this.#stoppedAt = undefined;
  }

  #stopAt(at: Sequence): void {
    this.#stoppedAt = at;
    this.#asked = undefined;
  }

  get #tables(): Tables {
    this.#made ??= this.#makeTables();
    return this.#made;
  }
}
