/**
 * An order book: two sides, each sorted, that are changed by absolute levels ("at this price there is now this much").
 *
 * The book is changed in place, because it is touched thousands of times a second; it stays replayable, since the same
 * levels in the same order give the same book. Each side holds its best level last, so that the changes, which happen
 * near the top, move few elements. Prices and quantities stay the venue's texts; only the order comes from `priceKey`.
 */
import type { Decimal } from "../decimal.ts";
import { canonicalDecimal, isZeroText, priceKey } from "./price-key.ts";

/** A level as venues send it: price and quantity. Quantity zero removes the level. */
export type RawLevel = readonly [price: string, quantity: string];

/** A level as it is passed on. */
export interface BookLevel {
  readonly price: Decimal;
  readonly quantity: Decimal;
}

interface BookSide {
  /** 1 when higher is better (bids), −1 for asks. Keys are kept multiplied by it, so both sides ascend to their best. */
  readonly sign: 1 | -1;
  readonly keys: number[];
  /** At each key its level, as the venue sent it. */
  readonly levels: RawLevel[];
  /** Keys below this are not known completely; −Infinity when the whole side is known. */
  horizon: number;
}

/** Read it through `bestOf`, `levelsOf` and `isCrossed`. */
export interface Book {
  readonly bids: BookSide;
  readonly asks: BookSide;
  readonly levelsMax: number;
}

/** An empty book that forgets the worst levels beyond `levelsMax` a side: far levels are not known for sure anyway. */
export function newBook(levelsMax: number): Book {
  return { bids: newSide(1), asks: newSide(-1), levelsMax };
}

/** Forgets everything. */
export function clearBook(book: Book): void {
  for (const side of [book.bids, book.asks]) {
    side.keys.length = 0;
    side.levels.length = 0;
    side.horizon = -Infinity;
  }
}

/** Replaces the book by a snapshot whose sides were cut at `limit` levels. They have passed `areLevels`. */
export function loadLevels(
  book: Book,
  snapshot: { readonly bids: readonly RawLevel[]; readonly asks: readonly RawLevel[]; readonly limit: number },
): void {
  clearBook(book);
  for (const which of ["bids", "asks"] as const) {
    applyLevels(book, which, snapshot[which]);
    // As many levels as were asked for: there may be more behind the last one.
    if (snapshot[which].length >= snapshot.limit) book[which].horizon = book[which].keys[0] ?? -Infinity;
  }
}

/** True while the best levels lie within what the snapshot has shown; beyond it unknown levels may be better. */
export function isWithinHorizon(book: Book): boolean {
  return (
    (book.bids.keys.at(-1) ?? -Infinity) >= book.bids.horizon &&
    (book.asks.keys.at(-1) ?? -Infinity) >= book.asks.horizon
  );
}

/** True when every level is a pair of unsigned decimals that can be told apart. Check before `applyLevels`. */
export function areLevels(levels: unknown): levels is readonly RawLevel[] {
  if (!Array.isArray(levels)) return false;
  for (const level of levels as readonly unknown[]) {
    if (!Array.isArray(level) || level.length < 2) return false;
    const [price, quantity] = level as readonly unknown[];
    if (typeof price !== "string" || typeof quantity !== "string") return false;
    // A price of zero is no price; NaN fails both comparisons.
    if (!(priceKey(price) > 0) || !(priceKey(quantity) >= 0)) return false;
  }
  return true;
}

/** Sets the levels on one side. They have passed `areLevels`. */
export function applyLevels(book: Book, which: "bids" | "asks", levels: readonly RawLevel[]): void {
  const side = book[which];
  for (const level of levels) set(side, priceKey(level[0]) * side.sign, level);
  // Cut rarely and by many: removing at the front moves everything.
  if (side.keys.length > book.levelsMax * 2) {
    const surplus = side.keys.length - book.levelsMax;
    side.keys.splice(0, surplus);
    side.levels.splice(0, surplus);
    side.horizon = Math.max(side.horizon, side.keys[0] ?? -Infinity);
  }
}

/** The best level of a side, undefined when it is empty. */
export function bestOf(book: Book, which: "bids" | "asks"): BookLevel | undefined {
  const side = book[which];
  return levelAt(side, side.keys.length - 1);
}

/** Up to `depth` levels of a side, best first. */
export function levelsOf(book: Book, which: "bids" | "asks", depth: number): readonly BookLevel[] {
  const side = book[which];
  const levels: BookLevel[] = [];
  for (let at = side.keys.length - 1; at >= 0 && levels.length < depth; at -= 1) {
    const level = levelAt(side, at);
    if (level !== undefined) levels.push(level);
  }
  return levels;
}

/** True when the best bid is not below the best ask: no venue's true book looks like that. */
export function isCrossed(book: Book): boolean {
  const bid = book.bids.keys.at(-1);
  const ask = book.asks.keys.at(-1);
  return bid !== undefined && ask !== undefined && bid >= -ask;
}

function newSide(sign: 1 | -1): BookSide {
  return { sign, keys: [], levels: [], horizon: -Infinity };
}

function levelAt(side: BookSide, at: number): BookLevel | undefined {
  const level = side.levels[at];
  if (level === undefined) return undefined;
  return { price: canonicalDecimal(level[0]), quantity: canonicalDecimal(level[1]) };
}

/**
 * Sets or removes one level. Elements are moved by hand: changes happen near the end, where few have to move, and
 * `splice` would make a new array for each.
 */
function set(side: BookSide, key: number, level: RawLevel): void {
  const { keys, levels } = side;
  const at = position(keys, key);
  const isThere = keys[at] === key;
  if (isZeroText(level[1])) {
    if (!isThere) return;
    const last = keys.length - 1;
    for (let to = at; to < last; to += 1) {
      keys[to] = keys[to + 1] as number;
      levels[to] = levels[to + 1] as RawLevel;
    }
    keys.pop();
    levels.pop();
  } else if (isThere) {
    levels[at] = level;
  } else {
    keys.push(key);
    levels.push(level);
    for (let to = keys.length - 1; to > at; to -= 1) {
      keys[to] = keys[to - 1] as number;
      levels[to] = levels[to - 1] as RawLevel;
    }
    keys[at] = key;
    levels[at] = level;
  }
}

/** The first index whose key is not below `key`, sought from the end by doubling steps. */
function position(keys: readonly number[], key: number): number {
  let high = keys.length;
  let step = 1;
  while (high - step >= 0 && (keys[high - step] as number) >= key) {
    high -= step;
    step *= 2;
  }
  let low = Math.max(0, high - step + 1);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as number) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
