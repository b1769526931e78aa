/**
 * Whether two listeners hold the same book of a symbol: two nodes, or the two lines of one feed.
 *
 * Books move many times a second, so they can be compared only at the same update. Each listener takes a digest of its best
 * levels at the first difference of each of the venue's seconds: whoever heard the same stream took it at the same
 * update ids, whatever the clocks say. Of two listeners' marks the newest update that both have decides. Where one
 * missed differences its marks stand at other ids: then nothing is compared, which is no sign of anything.
 */
import type { Book } from "./book.ts";
import { digestOfBook } from "./book.ts";

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

/** The book is unknown from here on. */
export function forgetMarks(all: BookMarks): void {
  all.marks.length = 0;
  all.second = -Infinity;
}

/**
 * The book stands at `updateId`, by a difference that the venue sent at `sentWallMs`; marked once a second. True when it
 * has been marked now.
 */
export function markBook(all: BookMarks, book: Book, updateId: number, sentWallMs: number): boolean {
  const second = Math.floor(sentWallMs / 1_000);
  if (second <= all.second && second > all.second - setBackS) return false;
  all.second = second;
  const digest = digestOfBook(book, depth);
  if (digest === undefined) return false;
  all.marks.push({ updateId, digest });
  if (all.marks.length > marksMax) all.marks.shift();
  return true;
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
