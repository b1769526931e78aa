/**
 * When a book that is kept from differences may be believed.
 *
 * Differences are buffered until a snapshot is there that reaches into them; then those that the snapshot already holds
 * are dropped, and each further one must continue the last without a hole. A hole, a crossed book, or a best price
 * beyond what the snapshot showed makes the book unknown until the next snapshot. Invariant: while `phase` is `aligned`
 * (or `loaded`), the book equals the venue's own at `updateId`.
 *
 * `loaded` is a snapshot that no difference has confirmed yet: true as of its request, but the stream has not shown that
 * it continues it. The buffer is bounded; when it overflows its oldest differences go, and the next snapshot decides
 * whether they were needed.
 */
import type { Book, Levels } from "./book.ts";
import {
  applyLevels,
  clearBook,
  isCrossed,
  isWithinHorizon,
  keepLevels,
  loadLevels,
  newBook,
  packBook,
} from "./book.ts";

/** Absolute levels that hold after updates `firstId` to `lastId`, both included. Whoever gave it may write it again. */
export interface BookDifference {
  readonly firstId: number;
  readonly lastId: number;
  readonly bids: Levels;
  readonly asks: Levels;
}

export interface BookSnapshot {
  readonly lastId: number;
  readonly bids: Levels;
  readonly asks: Levels;
  /** How many levels a side were asked for; 0 when it is not known what lies behind the last one. */
  readonly limit: number;
}

/** How a difference stands to what is held: its continuation, old news, or evidence that some are missing. */
export type SequenceRule = (heldId: number, difference: BookDifference) => "next" | "old" | "gap";

/** Binance spot (`U`, `u`): old when `u` is held already; next when `U` is at most one further; else a gap. */
export const spotSequence: SequenceRule = (heldId, { firstId, lastId }) => {
  if (lastId <= heldId) return "old";
  return firstId <= heldId + 1 ? "next" : "gap";
};

/** One book and what is known of it. Changed in place; read `phase`, `updateId` and the book. */
export interface BookSync {
  readonly book: Book;
  readonly rule: SequenceRule;
  readonly bufferMax: number;
  /** `void`: unknown, a snapshot is needed. */
  phase: "void" | "loaded" | "aligned";
  /** The last update that the book holds; 0 while void. */
  updateId: number;
  buffer: BookDifference[];
  /** Holes met so far, each of which cost a snapshot; crossings and horizons apart. */
  gaps: number;
  /** Times that the book had to be thrown away for another reason than a hole or a lost connection. */
  distrusts: number;
  /** Differences that were dropped from a full buffer. */
  overflowed: number;
}

/** What became of an input. `broken` and `too-old` mean: fetch a snapshot (again). */
export type BookOutcome =
  | { readonly type: "buffered" | "old" | "applied" }
  /** The book has become believable: after a snapshot, or by the first difference after one. */
  | { readonly type: "loaded" | "aligned" }
  | { readonly type: "broken"; readonly sentence: string }
  /** The snapshot ends before the differences begin. */
  | { readonly type: "too-old" };

/** A book that needs its first snapshot. */
export function newBookSync(rule: SequenceRule, levelsMax: number, bufferMax: number): BookSync {
  return {
    book: newBook(levelsMax),
    rule,
    bufferMax,
    phase: "void",
    updateId: 0,
    buffer: [],
    gaps: 0,
    distrusts: 0,
    overflowed: 0,
  };
}

/** The connection is gone: nothing that comes later continues what is held. */
export function voidBook(sync: BookSync): void {
  clearBook(sync.book);
  sync.phase = "void";
  sync.updateId = 0;
  sync.buffer = [];
}

/** It is not believed any more, for a reason that its own sequence does not show: a snapshot is needed. */
export function disbelieve(sync: BookSync): void {
  sync.distrusts += 1;
  distrust(sync);
}

/** A difference has come. Its levels have passed `areLevels`. */
export function addDifference(sync: BookSync, difference: BookDifference): BookOutcome {
  if (sync.phase === "void") {
    if (sync.buffer.length >= sync.bufferMax) {
      sync.buffer.shift();
      sync.overflowed += 1;
    }
    sync.buffer.push(kept(difference));
    return { type: "buffered" };
  }
  return apply(sync, difference);
}

/** A snapshot has come. One that is no newer than what is held changes nothing. */
export function addSnapshot(sync: BookSync, snapshot: BookSnapshot): BookOutcome {
  if (sync.phase !== "void") return { type: "old" };
  const { buffer } = sync;
  const needed = buffer.find((difference) => sync.rule(snapshot.lastId, difference) !== "old");
  if (needed !== undefined && sync.rule(snapshot.lastId, needed) === "gap") return { type: "too-old" };
  loadLevels(sync.book, snapshot);
  sync.phase = "loaded";
  sync.updateId = snapshot.lastId;
  sync.buffer = [];
  // What the stream has sent and the snapshot holds proves as well that the two belong together.
  if (buffer.length > 0) sync.phase = "aligned";
  let outcome: BookOutcome = check(sync) ?? { type: sync.phase };
  for (const [at, difference] of buffer.entries()) {
    if (outcome.type === "broken") {
      // What is left may still continue the next snapshot; the difference that broke the book is there already.
      sync.buffer.push(...buffer.slice(at));
      return outcome;
    }
    const next = apply(sync, difference);
    if (next.type === "broken") outcome = next;
  }
  return outcome;
}

/** What a book that is believed can lend to another one of the same venue: a snapshot without asking for one. */
export function lendSnapshot(sync: BookSync): BookSnapshot | undefined {
  return sync.phase === "aligned" ? { lastId: sync.updateId, ...packBook(sync.book) } : undefined;
}

const old: BookOutcome = { type: "old" };
const aligned: BookOutcome = { type: "aligned" };
const applied: BookOutcome = { type: "applied" };

function kept(difference: BookDifference): BookDifference {
  return { ...difference, bids: keepLevels(difference.bids), asks: keepLevels(difference.asks) };
}

function apply(sync: BookSync, difference: BookDifference): BookOutcome {
  const verdict = sync.rule(sync.updateId, difference);
  if (verdict === "old") return old;
  if (verdict === "gap") {
    sync.gaps += 1;
    const sentence = `updates ${sync.updateId + 1} to ${difference.firstId - 1} are missing`;
    distrust(sync);
    sync.buffer.push(kept(difference));
    return { type: "broken", sentence };
  }
  const wasLoaded = sync.phase === "loaded";
  applyLevels(sync.book, "bids", difference.bids);
  applyLevels(sync.book, "asks", difference.asks);
  sync.updateId = difference.lastId;
  sync.phase = "aligned";
  return check(sync) ?? (wasLoaded ? aligned : applied);
}

/** A book that cannot be true is not believed, whatever its sequence says. */
function check(sync: BookSync): BookOutcome | undefined {
  const isBroken = isCrossed(sync.book) ? "the book is crossed" : undefined;
  const sentence =
    isBroken ?? (isWithinHorizon(sync.book) ? undefined : "the best price has left the snapshot's range");
  if (sentence === undefined) return undefined;
  sync.distrusts += 1;
  const at = sync.updateId;
  distrust(sync);
  return { type: "broken", sentence: `${sentence} at update ${at}` };
}

function distrust(sync: BookSync): void {
  voidBook(sync);
}
