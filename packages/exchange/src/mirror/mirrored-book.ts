/**
 * One live market as it is mirrored: its book by the venue's own sequence rule (core's `BookSync`), what paper orders have
 * taken of it, and whether it may be believed now. A book that is not believed shows nothing and lends nothing.
 *
 * What a paper order takes is not gone from the live market, so it has to be remembered here: it stays taken until the
 * live venue tells of that level anew, so that one quote cannot be traded with twice.
 */
import {
  addDifference,
  addSnapshot,
  levelsOf,
  newBookSync,
  spotSequence,
  voidBook,
  type BookDifference,
  type BookOutcome,
  type BookSnapshot,
  type RawLevel,
} from "@baton/core";
import { units } from "../amounts.ts";
import type { PastBook, PastLevel } from "../market/book-memory.ts";
import type { Side } from "../matching/order.ts";

/** Levels a side that are asked for and kept: further ones are not known. */
export const LEVELS_MAX = 1_000;
const BUFFER_MAX = 2_000;
const FEW = 20;

const nothing: PastBook = { lastUpdateId: 0, bids: [], asks: [] };

/** A difference with its levels as the venue wrote them. */
export interface LiveDifference extends BookDifference {
  readonly bids: readonly RawLevel[];
  readonly asks: readonly RawLevel[];
}

/** One symbol's live book. */
export class MirroredBook {
  readonly #sync = newBookSync(spotSequence, LEVELS_MAX, BUFFER_MAX);
  readonly #taken: { readonly BUY: Map<bigint, bigint>; readonly SELL: Map<bigint, bigint> } = {
    BUY: new Map(),
    SELL: new Map(),
  };
  #seen: PastBook | undefined;

  /** True once a snapshot and the stream have shown that they belong together, until a hole or a cut. */
  get isAligned(): boolean {
    return this.#sync.phase === "aligned";
  }

  /** The last update that it holds; 0 while it is not believed. */
  get updateId(): number {
    return this.isAligned ? this.#sync.updateId : 0;
  }

  /** A difference came. */
  difference(difference: LiveDifference): BookOutcome {
    const outcome = addDifference(this.#sync, difference);
    this.#seen = undefined;
    if (outcome.type === "applied" || outcome.type === "aligned") {
      for (const [price] of difference.bids) this.#taken.BUY.delete(units(price));
      for (const [price] of difference.asks) this.#taken.SELL.delete(units(price));
    }
    return outcome;
  }

  /** A snapshot came. */
  snapshot(snapshot: BookSnapshot): BookOutcome {
    const outcome = addSnapshot(this.#sync, snapshot);
    this.#forget();
    return outcome;
  }

  /** The connection is gone: nothing is known any more. */
  lose(): void {
    voidBook(this.#sync);
    this.#forget();
  }

  /** The book as the live venue has it; empty while it is not believed. */
  view(): PastBook {
    if (!this.isAligned) return nothing;
    return (this.#seen ??= {
      lastUpdateId: this.#sync.updateId,
      bids: levelsOf(this.#sync.book, "bids", LEVELS_MAX).map(amounts),
      asks: levelsOf(this.#sync.book, "asks", LEVELS_MAX).map(amounts),
    });
  }

  /** What is quoted at one price, whoever took of it. */
  quoted(side: Side, price: bigint): bigint {
    const { bids, asks } = this.view();
    return (side === "BUY" ? bids : asks).find((level) => level.price === price)?.total ?? 0n;
  }

  /** The levels that orders of `side` rest on with what paper orders have left of them, best first. */
  *left(side: Side): Generator<PastLevel> {
    if (!this.isAligned) return;
    const which = side === "BUY" ? "bids" : "asks";
    let seen = 0;
    // Most of the time the first few are enough.
    for (const depth of [FEW, LEVELS_MAX]) {
      const levels = levelsOf(this.#sync.book, which, depth);
      for (const level of levels.slice(seen)) {
        const { price, total } = amounts(level);
        const left = total - (this.#taken[side].get(price) ?? 0n);
        if (left > 0n) yield { price, total: left };
      }
      seen = levels.length;
    }
  }

  /** A paper order traded with a level. */
  take(side: Side, price: bigint, quantity: bigint): void {
    const taken = this.#taken[side];
    taken.set(price, (taken.get(price) ?? 0n) + quantity);
  }

  #forget(): void {
    this.#seen = undefined;
    this.#taken.BUY.clear();
    this.#taken.SELL.clear();
  }
}

function amounts(level: { readonly price: string; readonly quantity: string }): PastLevel {
  return { price: units(level.price), total: units(level.quantity) };
}
