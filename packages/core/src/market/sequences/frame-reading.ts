/** What the readers of the venues' book messages share: from `unknown` to fields that are what they should be. */
import { areLevels, type RawLevel } from "../book.ts";

/** A JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** The value as an object; undefined when it is none. */
export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** The first element of a list as an object; undefined when there is none. */
export function firstOf(value: unknown): Fields | undefined {
  return Array.isArray(value) ? fieldsOf((value as readonly unknown[])[0]) : undefined;
}

/** A whole number that a double holds exactly, not below `least`; undefined otherwise. */
export function wholeOf(value: unknown, least = 0): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least ? value : undefined;
}

/** A whole number that is sent as a text, like OKX's times. */
export function wholeTextOf(value: unknown): number | undefined {
  return typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** Both sides of a message, each a list of price and quantity; undefined when a level is none. */
export function sidesOf(
  bids: unknown,
  asks: unknown,
): { readonly bids: readonly RawLevel[]; readonly asks: readonly RawLevel[] } | undefined {
  return areLevels(bids) && areLevels(asks) ? { bids, asks } : undefined;
}
