/** What the readers of several venues' messages and answers share. */
import { priceKey } from "@baton/core";
import type { VenueFrame } from "./protocol.ts";

/** A JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** The text as a JSON object; undefined when it is none. */
export function objectOf(text: string): Fields | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

/** The value as a list of objects; an empty one when it is none. */
export function rowsOf(value: unknown): readonly Fields[] {
  if (!Array.isArray(value)) return [];
  return (value as readonly unknown[]).map((row) => (typeof row === "object" && row !== null ? (row as Fields) : {}));
}

/** A whole number that a double holds exactly. */
export function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A whole number as venues write it in a text; undefined for what is none. */
export function idOfText(value: unknown): number | undefined {
  return typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** An amount above zero, as a text that can be told apart from every other amount. */
export function isAmount(value: unknown): value is string {
  return typeof value === "string" && priceKey(value) > 0;
}

/** A frame that changes nothing, and why. */
export function bad(reason: string): VenueFrame {
  return { type: "bad", reason };
}

/**
 * Trades of one message, told in the order of their ids: all of them, or none when one cannot be read, since a part of a
 * message would look like the whole.
 */
export function tradesFrame(trades: readonly (Extract<VenueFrame, { type: "trade" }> | undefined)[]): VenueFrame {
  const frames: Extract<VenueFrame, { type: "trade" }>[] = [];
  for (const one of trades) {
    if (one === undefined) return bad("a trade without id, price, quantity, side or time");
    frames.push(one);
  }
  return { type: "several", frames: frames.toSorted((a, b) => a.trade.id - b.trade.id) };
}

/** Microseconds since 1970 of an RFC 3339 time in UTC; undefined for what is none. */
export function microsecondsOf(time: string): number | undefined {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(time);
  if (parts === null) return undefined;
  const ms = Date.parse(`${parts[1] ?? ""}Z`);
  return Number.isNaN(ms) ? undefined : ms * 1_000 + Number((parts[2] ?? "").padEnd(6, "0").slice(0, 6));
}
