/**
 * What stands on a tape: JSON lines, compressed with gzip, so that `zcat` shows them. The first line of each file says
 * what it is; every other one is something that came in, with the milliseconds since the file's beginning on the monotonic
 * clock. Each file begins with the books and trade ids as they stood, so that it can be played without the one before it.
 */
import type { BookSnapshot, DisconnectCause, Levels, RawLevel } from "@baton/core";
import { decimalOfKey, disconnectCauses } from "@baton/core";
import type { HistoryAnswer } from "./tap.ts";

export const tapeVersion = 1;

/** First line of a file. */
export interface TapeHead {
  readonly tape: typeof tapeVersion;
  readonly feed: string;
  readonly venue: string;
  /** Number of the file, from 1. */
  readonly part: number;
  readonly beganWallMs: number;
}

/** Every other line; `t` is in ms since the head. */
export type TapeRecord =
  /** A frame: as text, or in base64 where it was none. */
  | { readonly k: "frame"; readonly t: number; readonly l: string; readonly c: number; readonly x: string }
  | { readonly k: "bytes"; readonly t: number; readonly l: string; readonly c: number; readonly x: string }
  | ({ readonly k: "answer"; readonly t: number } & HistoryAnswer)
  | {
      readonly k: "lost";
      readonly t: number;
      readonly l: string;
      readonly cause: DisconnectCause;
      readonly why: string;
    }
  /** So many records were dropped here, because the disk was too slow. */
  | { readonly k: "dropped"; readonly t: number; readonly n: number };

const extension = ".tape.gz";

/** Name of a file; names sort as their numbers do. */
export function tapeName(feed: string, part: number): string {
  return `${feed}-${String(part).padStart(8, "0")}${extension}`;
}

/** The number in a file's name; undefined when it is not one of the feed's tapes. */
export function partOf(feed: string, name: string): number | undefined {
  if (!name.startsWith(`${feed}-`) || !name.endsWith(extension)) return undefined;
  const digits = name.slice(feed.length + 1, -extension.length);
  return /^\d{8}$/u.test(digits) ? Number(digits) : undefined;
}

/** A snapshot's levels as texts, whichever form they have. */
function textLevels(levels: Levels): readonly RawLevel[] {
  if (!("count" in levels)) return levels;
  return Array.from({ length: levels.count }, (_, at): RawLevel => [
    decimalOfKey(levels.values[at * 2] as number),
    decimalOfKey(levels.values[at * 2 + 1] as number),
  ]);
}

/** An answer as it is written: packed levels would be no JSON. */
export function writable(answer: HistoryAnswer): HistoryAnswer {
  if (answer.question !== "snapshot") return answer;
  const { lastId, bids, asks, limit } = answer.answer;
  const plain: BookSnapshot = {
    lastId,
    bids: textLevels(bids),
    asks: textLevels(asks),
    // JSON has no infinity.
    limit: Math.min(limit, Number.MAX_SAFE_INTEGER),
  };
  return { ...answer, answer: plain };
}

/** A line of a tape; undefined for one that is none, such as a torn last line. */
export function readRecord(line: string): TapeRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("k" in value) || !("t" in value)) return undefined;
  if (typeof value.t !== "number") return undefined;
  const record = value as TapeRecord;
  switch (record.k) {
    case "frame":
    case "bytes":
      return typeof record.x === "string" && typeof record.l === "string" ? record : undefined;
    case "lost":
      return disconnectCauses.includes(record.cause) ? record : undefined;
    case "answer":
    case "dropped":
      return record;
    default:
      return undefined;
  }
}

/** The head of a file; undefined for a file that is no tape. */
export function readHead(line: string): TapeHead | undefined {
  try {
    const value = JSON.parse(line) as Partial<TapeHead> | null;
    return value?.tape === tapeVersion && typeof value.beganWallMs === "number" ? (value as TapeHead) : undefined;
  } catch {
    return undefined;
  }
}
