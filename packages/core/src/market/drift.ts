/**
 * Whether two nodes hold the same book of a symbol, though each listens to the venue by itself.
 *
 * Books move many times a second, so they can be compared only at the same update. Each node takes a digest of its best
 * levels at the first difference of each of the venue's seconds: nodes that heard the same stream took theirs at the same
 * update ids, whatever their own clocks say. Of two nodes' marks the newest update that both have decides. Where a node
 * missed differences its marks stand at other ids: then nothing is compared, which is no sign of anything.
 */
import type { Book } from "./book.ts";
import { levelsOf } from "./book.ts";
import { crc32 } from "./sequences/crc32.ts";

/** What a book was at one update. */
export interface BookMark {
  readonly updateId: number;
  readonly digest: number;
}

/** The newest marks of one book, oldest first. Changed in place. */
export interface BookMarks {
  readonly marks: BookMark[];
  /** The venue's second of the newest. */
  second: number;
}

/** Levels of each side that count: what decisions look at. */
const depth = 20;
/** Marks kept: half a minute of them. */
const marksMax = 30;
/** The venue's clock may be set back; then it begins anew. */
const setBackS = 60;

/** No mark yet. */
export function newBookMarks(): BookMarks {
  return { marks: [], second: -Infinity };
}

/** The book stands at `updateId`, by a difference that the venue sent at `sentWallMs`; marked once a second. */
export function markBook(all: BookMarks, book: Book, updateId: number, sentWallMs: number): void {
  const second = Math.floor(sentWallMs / 1_000);
  if (second <= all.second && second > all.second - setBackS) return;
  all.second = second;
  all.marks.push({ updateId, digest: digestOf(book) });
  if (all.marks.length > marksMax) all.marks.shift();
}

/** The newest update that both have marked, and whether the books were one there; undefined: they have none in common. */
export function compareMarks(
  ours: readonly BookMark[],
  theirs: readonly BookMark[],
): { readonly updateId: number; readonly isEqual: boolean } | undefined {
  const digests = new Map(theirs.map(({ updateId, digest }) => [updateId, digest]));
  const newest = ours.findLast(({ updateId }) => digests.has(updateId));
  if (newest === undefined) return undefined;
  return { updateId: newest.updateId, isEqual: digests.get(newest.updateId) === newest.digest };
}

function digestOf(book: Book): number {
  const side = (which: "bids" | "asks"): string =>
    levelsOf(book, which, depth)
      .map(({ price, quantity }) => `${price}x${quantity}`)
      .join(" ");
  return crc32(`${side("bids")}|${side("asks")}`);
}
