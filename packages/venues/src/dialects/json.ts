/** Reading a venue's JSON without believing it: each function gives undefined for what is not what it should be. */
import { parseDecimal, type Decimal } from "@baton/core";

export type Json = Readonly<Record<string, unknown>>;

/** The JSON of a body, undefined when it is none. */
export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * The JSON of a message whose amounts are numbers: each number as the plain text of its digits, so that none is lost on the
 * way through a float. Undefined when it is no JSON.
 */
export function parseExactly(body: string): unknown {
  try {
    return JSON.parse(body, ((_key: string, value: unknown, context: { readonly source?: string }) =>
      typeof value === "number" ? plain(context.source ?? "") : value) as Reviver) as unknown;
  } catch {
    return undefined;
  }
}

/** The language's own reviver is told the source of each number; its types do not know that yet. */
type Reviver = (key: string, value: unknown) => unknown;

/** A number's text without an exponent. */
function plain(source: string): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?[eE]([+-]?\d{1,2})$/.exec(source);
  if (parts === null) return source;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = parts;
  const places = fraction.length - Number(exponent);
  const digits = `${whole}${fraction}`.padStart(places + 1, "0").padEnd(whole.length + Number(exponent), "0");
  if (places <= 0) return `${sign}${digits}`;
  return `${sign}${digits.slice(0, digits.length - places)}.${digits.slice(digits.length - places)}`;
}

/** True for an object that is not an array. */
export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value under a path of keys. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let here = value;
  for (const key of path) {
    if (typeof here !== "object" || here === null) return undefined;
    here = (here as Readonly<Record<string | number, unknown>>)[key];
  }
  return here;
}

/** All rows or nothing: a list with one unreadable row must not pass for a whole one. */
export function allOf<T>(value: unknown, read: (row: unknown) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const rows: T[] = [];
  for (const row of value as unknown[]) {
    const one = read(row);
    if (one === undefined) return undefined;
    rows.push(one);
  }
  return rows;
}

/** What a table has under a venue's word; nothing under a word that only every object has, such as `constructor`. */
export function entryOf<T>(table: Readonly<Record<string, T>>, word: unknown): T | undefined {
  return typeof word === "string" && Object.hasOwn(table, word) ? table[word] : undefined;
}

/** A text that is not empty. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** An id that the venue writes as a whole number; undefined beyond the exact range, where digits would be lost. */
export function idText(value: unknown): string | undefined {
  if (typeof value === "string" && /^\d+$/.test(value)) return value;
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? `${value}` : undefined;
}

/** A decimal string of the venue in canonical form; a JSON number is none, since digits may be lost in it. */
export function amount(value: unknown): Decimal | undefined {
  return typeof value === "string" ? parseDecimal(value) : undefined;
}

/** Milliseconds that the venue writes as a whole number or as its text. */
export function milliseconds(value: unknown): number | undefined {
  const number = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) && number >= 0 ? number : undefined;
}

/** Milliseconds of an RFC 3339 text. */
export function rfc3339Ms(value: unknown): number | undefined {
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** `BUY`, `Buy`, `buy` and their opposites. */
export function sideOf(value: unknown): "buy" | "sell" | undefined {
  const side = typeof value === "string" ? value.toLowerCase() : "";
  return side === "buy" || side === "sell" ? side : undefined;
}
