/**
 * An order book: two sides, each sorted, that are changed by absolute levels ("at this price there is now this much").
 *
 * The book is changed in place, because it is touched thousands of times a second; it stays replayable, since the same
 * levels in the same order give the same book. A level is two doubles, the keys of its price and its quantity: `priceKey`
 * proves for each that the venue's decimal can be had back from it digit for digit, and no amount is ever computed from
 * one. Each side holds its best level last, so that the changes, which happen near the top, move few elements.
 */
import type { Decimal } from "../decimal.ts";
import { decimalOfKey, priceKey } from "./price-key.ts";

/** A level as venues send it: price and quantity. Quantity zero removes the level. */
export type RawLevel = readonly [price: string, quantity: string];

/**
 * Levels as keys: price, quantity, price, quantity, … in the first `2 × count` places. Whoever gave it may write it
 * again: what is kept is copied.
 */
export interface PackedLevels {
  readonly values: Float64Array;
  readonly count: number;
}

/** Levels in either form, checked: by `areLevels`, or by whoever packed them. */
export type Levels = readonly RawLevel[] | PackedLevels;

/** A level as it is passed on. */
export interface BookLevel {
  readonly price: Decimal;
  readonly quantity: Decimal;
}

interface BookSide {
  /** 1 when higher is better (bids), −1 for asks. Keys are kept multiplied by it, so both sides ascend to their best. */
  readonly sign: 1 | -1;
  /** How many levels there are; the arrays are longer. */
  size: number;
  prices: Float64Array;
  quantities: Float64Array;
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
    side.size = 0;
    side.horizon = -Infinity;
  }
}

/** Replaces the book by a snapshot whose sides were cut at `limit` levels; of a limit of 0 nothing behind is known. */
export function loadLevels(
  book: Book,
  snapshot: { readonly bids: Levels; readonly asks: Levels; readonly limit: number },
): void {
  clearBook(book);
  for (const which of ["bids", "asks"] as const) {
    const levels = snapshot[which];
    applyLevels(book, which, levels);
    // As many levels as were asked for: there may be more behind the last one.
    if (countOf(levels) >= snapshot.limit) book[which].horizon = worstKey(book[which]);
  }
}

/** True when the best levels are these, one by one; levels behind the last of them are not looked at. */
export function hasBest(book: Book, best: { readonly bids: Levels; readonly asks: Levels }): boolean {
  const other = newBook(book.levelsMax);
  loadLevels(other, { ...best, limit: Infinity });
  return (["bids", "asks"] as const).every((which) => {
    const [ours, theirs] = [book[which], other[which]];
    if (theirs.size === 0 ? ours.size > 0 : ours.size < theirs.size) return false;
    for (let at = 1; at <= theirs.size; at += 1) {
      if (ours.prices[ours.size - at] !== theirs.prices[theirs.size - at]) return false;
      if (ours.quantities[ours.size - at] !== theirs.quantities[theirs.size - at]) return false;
    }
    return true;
  });
}

/** True while the best levels lie within what the snapshot has shown; beyond it unknown levels may be better. */
export function isWithinHorizon(book: Book): boolean {
  return bestKey(book.bids) >= book.bids.horizon && bestKey(book.asks) >= book.asks.horizon;
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

/** Sets the levels on one side. */
export function applyLevels(book: Book, which: "bids" | "asks", levels: Levels): void {
  const side = book[which];
  if ("count" in levels) {
    const { values, count } = levels;
    for (let at = 0; at < count * 2; at += 2) set(side, (values[at] as number) * side.sign, values[at + 1] as number);
  } else {
    for (const level of levels) set(side, priceKey(level[0]) * side.sign, priceKey(level[1]));
  }
  // Cut rarely and by many: removing at the front moves everything.
  if (side.size > book.levelsMax * 2) {
    const surplus = side.size - book.levelsMax;
    side.prices.copyWithin(0, surplus, side.size);
    side.quantities.copyWithin(0, surplus, side.size);
    side.size -= surplus;
    side.horizon = Math.max(side.horizon, worstKey(side));
  }
}

/** A copy that nobody writes again. */
export function keepLevels(levels: Levels): Levels {
  if (!("count" in levels)) return levels;
  return { values: levels.values.slice(0, levels.count * 2), count: levels.count };
}

/** A book's levels as a snapshot for another book; both sides count as cut as soon as one is. */
export function packBook(book: Book): {
  readonly bids: PackedLevels;
  readonly asks: PackedLevels;
  readonly limit: number;
} {
  const isWhole = book.bids.horizon === -Infinity && book.asks.horizon === -Infinity;
  return { bids: packSide(book.bids), asks: packSide(book.asks), limit: isWhole ? Infinity : 0 };
}

/** The keys of the best level; undefined when the side is empty. For comparisons: amounts come from `bestOf`. */
export function bestKeysOf(
  book: Book,
  which: "bids" | "asks",
): { readonly price: number; readonly quantity: number } | undefined {
  const side = book[which];
  if (side.size === 0) return undefined;
  return { price: bestKey(side) * side.sign, quantity: side.quantities[side.size - 1] as number };
}

/** The best level of a side, undefined when it is empty. */
export function bestOf(book: Book, which: "bids" | "asks"): BookLevel | undefined {
  const side = book[which];
  return levelAt(side, side.size - 1);
}

/** Up to `depth` levels of a side, best first. */
export function levelsOf(book: Book, which: "bids" | "asks", depth: number): readonly BookLevel[] {
  const side = book[which];
  const levels: BookLevel[] = [];
  for (let at = side.size - 1; at >= 0 && levels.length < depth; at -= 1) {
    const level = levelAt(side, at);
    if (level !== undefined) levels.push(level);
  }
  return levels;
}

/**
 * A number of 32 bits that equal best levels share, and others hardly ever: a sum over the keys of up to `depth` a side.
 * Undefined where these reach beyond what is known: another book may well know more of them.
 */
export function digestOfBook(book: Book, depth: number): number | undefined {
  let sum = 0x81_1c_9d_c5;
  for (const { prices, quantities, size, horizon } of [book.bids, book.asks]) {
    const from = Math.max(0, size - depth);
    const isKnown = size < depth ? horizon === -Infinity : (prices[from] as number) >= horizon;
    if (!isKnown) return undefined;
    for (const keys of [prices, quantities]) {
      // FNV-1a over the words of the doubles: the same decimals have the same ones everywhere.
      const words = new Uint32Array(keys.buffer, from * 8, (size - from) * 2);
      for (const word of words) sum = Math.imul(sum ^ word, 0x01_00_01_93);
    }
    sum = Math.imul(sum ^ (size - from), 0x01_00_01_93);
  }
  return sum >>> 0;
}

/** True when the best bid is not below the best ask: no venue's true book looks like that. */
export function isCrossed(book: Book): boolean {
  // An empty side is −Infinity on either sign, which crosses nothing.
  return bestKey(book.bids) >= -bestKey(book.asks);
}

function newSide(sign: 1 | -1): BookSide {
  const room = 64;
  return {
    sign,
    size: 0,
    prices: new Float64Array(room),
    quantities: new Float64Array(room),
    horizon: -Infinity,
  };
}

function bestKey(side: BookSide): number {
  return side.size === 0 ? -Infinity : (side.prices[side.size - 1] as number);
}

function worstKey(side: BookSide): number {
  return side.size === 0 ? -Infinity : (side.prices[0] as number);
}

function countOf(levels: Levels): number {
  return "count" in levels ? levels.count : levels.length;
}

function packSide(side: BookSide): PackedLevels {
  const values = new Float64Array(side.size * 2);
  for (let at = 0; at < side.size; at += 1) {
    values[at * 2] = (side.prices[at] as number) * side.sign;
    values[at * 2 + 1] = side.quantities[at] as number;
  }
  return { values, count: side.size };
}

function levelAt(side: BookSide, at: number): BookLevel | undefined {
  if (at < 0 || at >= side.size) return undefined;
  return {
    price: decimalOfKey((side.prices[at] as number) * side.sign),
    quantity: decimalOfKey(side.quantities[at] as number),
  };
}

/** Sets or removes one level. */
function set(side: BookSide, key: number, quantity: number): void {
  const { prices, quantities, size } = side;
  const at = position(prices, size, key);
  if (at < size && prices[at] === key) {
    if (quantity !== 0) {
      quantities[at] = quantity;
      return;
    }
    shift(prices, at + 1, size, -1);
    shift(quantities, at + 1, size, -1);
    side.size = size - 1;
  } else if (quantity !== 0) {
    if (size === prices.length) {
      grow(side);
      set(side, key, quantity);
      return;
    }
    shift(prices, at, size, 1);
    shift(quantities, at, size, 1);
    prices[at] = key;
    quantities[at] = quantity;
    side.size = size + 1;
  }
}

/** Moves the elements from `from` to `to` by one place; a call into the engine pays only for many. */
function shift(values: Float64Array, from: number, to: number, by: 1 | -1): void {
  if (to - from > 24) {
    values.copyWithin(from + by, from, to);
  } else if (by === 1) {
    for (let at = to; at > from; at -= 1) values[at] = values[at - 1] as number;
  } else {
    for (let at = from; at < to; at += 1) values[at - 1] = values[at] as number;
  }
}

function grow(side: BookSide): void {
  for (const which of ["prices", "quantities"] as const) {
    const larger = new Float64Array(side[which].length * 2);
    larger.set(side[which]);
    side[which] = larger;
  }
}

/** The first index whose key is not below `key`, sought from the end by doubling steps. */
function position(prices: Float64Array, size: number, key: number): number {
  let high = size;
  let step = 1;
  while (high - step >= 0 && (prices[high - step] as number) >= key) {
    high -= step;
    step *= 2;
  }
  let low = Math.max(0, high - step + 1);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((prices[middle] as number) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
