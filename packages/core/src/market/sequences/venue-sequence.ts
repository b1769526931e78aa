/**
 * By which rule a venue's book is kept in sequence: one interface for all venues, one small pure module for each.
 *
 * A rule is asked about each frame, with what it held after the last, and gives a verdict and what to hold from now on.
 * Its promise: as long as it says `apply`, `ignore` or `reset`, a book that obeyed it is the venue's book at the place
 * that is held. Whatever it cannot prove is a `gap`, never a guess. `sequenced-book.ts` keeps a book by it.
 */
import type { Book, Levels } from "../book.ts";

/** One message about one book, or a message that only tells a place in the sequence. */
export interface BookFrame<Mark> {
  /** `beat` has no levels: it says that nothing was missed up to here, or that something was. */
  readonly kind: "snapshot" | "difference" | "beat";
  /** Where it stands, in the venue's own fields. */
  readonly mark: Mark;
  /** Absolute levels; quantity zero removes one. They have passed `areLevels`. */
  readonly bids: Levels;
  readonly asks: Levels;
  /** Of a snapshot: how many levels a side it was cut at; Infinity where the venue keeps the window filled itself. */
  readonly limit: number;
}

/** What to do with a frame. */
export type FrameVerdict =
  /** Its levels continue what is held. */
  | { readonly type: "apply" }
  /** It is old, doubled, or says nothing: what is held stays as it is. */
  | { readonly type: "ignore" }
  /** Something is missing: what is held is not the venue's book any more, a new snapshot is needed. */
  | { readonly type: "gap"; readonly sentence: string }
  /** It is a snapshot and replaces everything. */
  | { readonly type: "reset" };

/** A verdict, and what to hold after it; undefined when nothing is known. */
export interface JudgedFrame<Held> {
  readonly verdict: FrameVerdict;
  readonly held: Held | undefined;
}

/** The rule of one venue. */
export interface VenueSequence<Mark, Held> {
  /** The venue's rule by name, as its profile names it. */
  readonly name: string;
  /**
   * Where its snapshots come from. `apart`: they are fetched while the stream runs, so what comes meanwhile is kept and
   * joined to them. `stream`: the stream brings them in their place, and what came before one is worth nothing.
   */
  readonly snapshots: "apart" | "stream";
  /** The stream shows exactly so many levels a side: what falls out of the window is not told and must be dropped. */
  readonly window: number | undefined;
  /** Judges one frame. Pure. */
  judge(held: Held | undefined, frame: BookFrame<Mark>): JudgedFrame<Held>;
  /** After a frame's levels are in the book: a sentence when the book cannot be the venue's. */
  disprove(book: Book, held: Held, frame: BookFrame<Mark>): string | undefined;
}

/** What a reader makes of a message: a frame of one book, a message that is about something else, or a broken one. */
export type ReadFrame<Mark> = { readonly symbol: string; readonly frame: BookFrame<Mark> } | "other" | "bad";

/** The verdicts that carry nothing. */
export const apply: FrameVerdict = { type: "apply" };
export const ignore: FrameVerdict = { type: "ignore" };
export const reset: FrameVerdict = { type: "reset" };

/** The verdict that something is missing. */
export function gap(sentence: string): FrameVerdict {
  return { type: "gap", sentence };
}

/** The verdict on a difference while nothing is held. */
export const awaitsSnapshot: FrameVerdict = gap("no snapshot is held");
