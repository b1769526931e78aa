/**
 * What a book looked like a while ago: a venue whose snapshots lag behind its streams answers from here. Kept are the
 * changes of the last half minute, and the book as it stood before them.
 */
import type { LevelChange } from "../matching/book.ts";

/** A book as it stood: levels best first. */
export interface PastBook {
  readonly lastUpdateId: number;
  readonly bids: readonly PastLevel[];
  readonly asks: readonly PastLevel[];
}

export interface PastLevel {
  readonly price: bigint;
  readonly total: bigint;
}

/** Changes older than this are folded into the base: no lag is longer. */
const LAG_MAX_MS = 30_000;
const CHANGES_MAX = 50_000;

/** One symbol's past. */
export class BookMemory {
  readonly #base: { readonly BUY: Map<bigint, bigint>; readonly SELL: Map<bigint, bigint> } = {
    BUY: new Map(),
    SELL: new Map(),
  };
  #baseUpdateId = 1;
  #changes: { readonly atMonoMs: number; readonly change: LevelChange }[] = [];
  /** Changes before this index are in the base already. */
  #start = 0;

  /** Adds a change; they come in order. */
  add(change: LevelChange, atMonoMs: number): void {
    this.#changes.push({ atMonoMs, change });
    for (;;) {
      const oldest = this.#changes[this.#start];
      if (oldest === undefined) break;
      if (oldest.atMonoMs >= atMonoMs - LAG_MAX_MS && this.#changes.length - this.#start <= CHANGES_MAX) break;
      apply(this.#base, oldest.change);
      this.#baseUpdateId = oldest.change.updateId;
      this.#start += 1;
    }
    if (this.#start > CHANGES_MAX) {
      this.#changes = this.#changes.slice(this.#start);
      this.#start = 0;
    }
  }

  /** The book at an instant; at the oldest that is remembered if that is later. */
  at(monoMs: number): PastBook {
    const sides = { BUY: new Map(this.#base.BUY), SELL: new Map(this.#base.SELL) };
    let lastUpdateId = this.#baseUpdateId;
    for (let index = this.#start; index < this.#changes.length; index += 1) {
      const one = this.#changes[index];
      if (one === undefined || one.atMonoMs > monoMs) break;
      apply(sides, one.change);
      lastUpdateId = one.change.updateId;
    }
    return {
      lastUpdateId,
      bids: sorted(sides.BUY, (a, b) => (a.price < b.price ? 1 : -1)),
      asks: sorted(sides.SELL, (a, b) => (a.price < b.price ? -1 : 1)),
    };
  }
}

function apply(
  sides: { readonly BUY: Map<bigint, bigint>; readonly SELL: Map<bigint, bigint> },
  change: LevelChange,
): void {
  if (change.total === 0n) sides[change.side].delete(change.price);
  else sides[change.side].set(change.price, change.total);
}

function sorted(side: ReadonlyMap<bigint, bigint>, order: (a: PastLevel, b: PastLevel) => number): PastLevel[] {
  return [...side].map(([price, total]) => ({ price, total })).sort(order);
}
