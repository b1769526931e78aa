/**
 * Kraken v2: no number at all. Each message carries a CRC-32 over the ten best levels of both sides as they stand after
 * it, so the book itself is the proof: after every message the checksum is made from our book and compared. What differs
 * is not Kraken's book, whatever was lost, doubled or spoiled.
 *
 * The text under the checksum has the digits as Kraken sends them, so the number of decimal places counts: "0.00100000"
 * is 100000 and "0.001" would be 1. They are the instrument's (`price_precision` and `qty_precision` of the `instrument`
 * channel); where they are not given they are taken from the snapshot, which is sent with all of them. Kraken sends JSON
 * *numbers*: `readKrakenBook` takes their digits from the text, before a double can lose a zero.
 *
 * The stream shows a window of `depth` levels and does not tell what falls out of it, hence `window`. The checksum proves
 * the ten best levels and nothing below: subscribe with depth 10 where every level must be proved. A message that Kraken
 * made before the last one (`timestamp`) is old: had it been missing, the later one would have been disproved.
 *
 * Sources: https://docs.kraken.com/exchange/guides/websockets/book-checksum-v2 and
 * https://docs.kraken.com/exchange/api-reference/spot-websocket-v2/book.
 */
import { levelsOf, type Book, type RawLevel } from "../book.ts";
import { crc32 } from "./crc32.ts";
import { fieldsOf, firstOf, sidesOf, wholeOf, type Fields } from "./frame-reading.ts";
import {
  apply,
  awaitsSnapshot,
  ignore,
  reset,
  type BookFrame,
  type JudgedFrame,
  type ReadFrame,
  type VenueSequence,
} from "./venue-sequence.ts";

/** Decimal places that Kraken writes. */
export interface KrakenDecimals {
  readonly price: number;
  readonly quantity: number;
}

export interface KrakenMark {
  readonly checksum: number;
  /** RFC 3339 in UTC, as sent; undefined where it is absent. */
  readonly madeAt: string | undefined;
  /** The most decimal places that the message shows. */
  readonly decimals: KrakenDecimals;
}

export interface KrakenHeld {
  readonly madeAt: string | undefined;
  readonly decimals: KrakenDecimals;
}

const PROVED_LEVELS = 10;

/** The rule for a subscription with `depth` levels. */
export function krakenSequence(options: {
  readonly depth: number;
  /** Of the instrument; absent: as the snapshot shows them. */
  readonly decimals?: KrakenDecimals;
}): VenueSequence<KrakenMark, KrakenHeld> {
  return {
    name: "kraken",
    snapshots: "stream",
    window: options.depth,
    judge: (held, { kind, mark }): JudgedFrame<KrakenHeld> => {
      if (held !== undefined && isEarlier(mark.madeAt, held.madeAt)) return { verdict: ignore, held };
      if (kind === "snapshot") {
        const decimals = options.decimals ?? mark.decimals;
        return { verdict: reset, held: { madeAt: mark.madeAt, decimals } };
      }
      if (held === undefined) return { verdict: awaitsSnapshot, held };
      return { verdict: apply, held: { ...held, madeAt: mark.madeAt ?? held.madeAt } };
    },
    disprove: (book, held, { mark }) => {
      const ours = krakenChecksum(book, held.decimals);
      return ours === mark.checksum ? undefined : `the checksum is ${ours} and not ${mark.checksum}`;
    },
  };
}

/** The checksum of a book: the best ten asks, then the best ten bids, of each price and quantity without zeros before. */
export function krakenChecksum(book: Book, decimals: KrakenDecimals): number {
  let text = "";
  for (const which of ["asks", "bids"] as const) {
    for (const { price, quantity } of levelsOf(book, which, PROVED_LEVELS)) {
      text += krakenDigits(price, decimals.price) + krakenDigits(quantity, decimals.quantity);
    }
  }
  return crc32(text);
}

/** A decimal written with so many places, then without its point and the zeros before its first digit. */
export function krakenDigits(decimal: string, count: number): string {
  const point = decimal.indexOf(".");
  const whole = point === -1 ? decimal : decimal.slice(0, point);
  const part = point === -1 ? "" : decimal.slice(point + 1);
  return (whole + part.padEnd(count, "0")).replace(/^0+/, "");
}

/** RFC 3339 texts of one form are in the order of their time; of two forms nothing is said. */
function isEarlier(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one.length === other.length && one < other;
}

/** A message of the `book` channel as it came: the text, because the digits of its numbers count. */
export function readKrakenBook(text: string): ReadFrame<KrakenMark> {
  const message = parseKraken(text);
  if (message === undefined) return "bad";
  if (message["channel"] !== "book") return "other";
  const [type, data] = [message["type"], firstOf(message["data"])];
  const checksum = wholeOf(data?.["checksum"]);
  const [symbol, madeAt] = [data?.["symbol"], data?.["timestamp"]];
  const sides = sidesOf(pairsOf(data?.["bids"]), pairsOf(data?.["asks"]));
  if (typeof symbol !== "string" || checksum === undefined || sides === undefined) return "bad";
  if ((type !== "snapshot" && type !== "update") || (madeAt !== undefined && typeof madeAt !== "string")) return "bad";
  const all = [...sides.bids, ...sides.asks];
  const decimals = { price: places(all.map(([price]) => price)), quantity: places(all.map(([, one]) => one)) };
  const kind = type === "snapshot" ? "snapshot" : "difference";
  const frame: BookFrame<KrakenMark> = { kind, mark: { checksum, madeAt, decimals }, ...sides, limit: Infinity };
  return { symbol, frame };
}

/** Parses one message of Kraken, keeping the digits of prices and quantities as texts; undefined when it is no object. */
export function parseKraken(text: string): Fields | undefined {
  // The third argument is in the language since ES2025, and not yet in the library types of 2023.
  const keepDigits = (key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    (key === "price" || key === "qty") && typeof value === "number" ? context?.source : value;
  try {
    return fieldsOf(JSON.parse(text, keepDigits));
  } catch {
    return undefined;
  }
}

function pairsOf(levels: unknown): readonly RawLevel[] | undefined {
  // An update may leave out the side that it does not change.
  if (levels === undefined) return [];
  if (!Array.isArray(levels)) return undefined;
  return (levels as readonly unknown[])
    .map(fieldsOf)
    .map((one) => [one?.["price"], one?.["qty"]] as unknown as RawLevel);
}

function places(texts: readonly string[]): number {
  let most = 0;
  for (const text of texts) {
    const point = text.indexOf(".");
    if (point !== -1) most = Math.max(most, text.length - point - 1);
  }
  return most;
}
