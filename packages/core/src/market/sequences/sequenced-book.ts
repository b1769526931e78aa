/**
 * A book that is kept by a venue's rule: it does what the rule's verdicts say, and says a gap itself when the book that
 * comes of it cannot be true (crossed, disproved by a checksum, or with a best price beyond what a snapshot has shown).
 *
 * Invariant: while `phase` is not `void` the book is the venue's own at the place that is held. `loaded` is a fetched
 * snapshot that the stream has not continued yet: true as of its request. What is unknown is not shown: a void book is
 * empty. What comes while a fetched snapshot is awaited is kept, up to a bound; beyond it the oldest go, and the snapshot
 * shows whether they were needed.
 */
import {
  applyLevels,
  clearBook,
  isCrossed,
  isWithinHorizon,
  keepLevels,
  levelsOf,
  loadLevels,
  newBook,
  type Book,
  type RawLevel,
} from "../book.ts";
import { gap, type BookFrame, type FrameVerdict, type VenueSequence } from "./venue-sequence.ts";

/** One book. Changed in place by `feedBook` and `loseBook` alone. */
export interface SequencedBook<Mark, Held> {
  readonly rule: VenueSequence<Mark, Held>;
  readonly book: Book;
  readonly bufferMax: number;
  /** `void`: unknown, a snapshot is needed. */
  phase: "void" | "loaded" | "aligned";
  held: Held | undefined;
  buffer: BookFrame<Mark>[];
  /** How often a known book became unknown. */
  gaps: number;
  /** Differences that a full buffer dropped. */
  overflowed: number;
}

/** A book of which nothing is known. */
export function newSequencedBook<Mark, Held>(
  rule: VenueSequence<Mark, Held>,
  options: { readonly levelsMax: number; readonly bufferMax: number },
): SequencedBook<Mark, Held> {
  const { levelsMax, bufferMax } = options;
  const book = newBook(levelsMax);
  return { rule, book, bufferMax, phase: "void", held: undefined, buffer: [], gaps: 0, overflowed: 0 };
}

/** The connection is gone: nothing that comes later continues what is held. */
export function loseBook<Mark, Held>(s: SequencedBook<Mark, Held>): void {
  s.held = undefined;
  s.buffer = [];
  forget(s);
}

/** Takes a frame and does what its verdict says; the verdict that is returned is the final one. */
export function feedBook<Mark, Held>(s: SequencedBook<Mark, Held>, frame: BookFrame<Mark>): FrameVerdict {
  const { verdict, held } = s.rule.judge(s.held, frame);
  s.held = held;
  switch (verdict.type) {
    case "ignore":
      return verdict;
    case "gap":
      forget(s);
      keep(s, frame);
      return verdict;
    case "apply":
      applyLevels(s.book, "bids", frame.bids);
      applyLevels(s.book, "asks", frame.asks);
      s.phase = "aligned";
      return disproved(s, frame) ?? verdict;
    case "reset":
      loadLevels(s.book, frame);
      s.phase = s.rule.snapshots === "apart" ? "loaded" : "aligned";
      return disproved(s, frame) ?? joined(s) ?? verdict;
  }
}

/** Feeds what was kept to a fresh snapshot; a verdict when they do not belong together. */
function joined<Mark, Held>(s: SequencedBook<Mark, Held>): FrameVerdict | undefined {
  const kept = s.buffer;
  s.buffer = [];
  for (const [at, frame] of kept.entries()) {
    const verdict = feedBook(s, frame);
    if (verdict.type !== "gap") continue;
    // The frame itself has been kept again, if it may serve; what is behind it may continue the next snapshot.
    for (const later of kept.slice(at + 1)) keep(s, later);
    return verdict;
  }
  return undefined;
}

/** A book that cannot be true is not believed, whatever its sequence says. */
function disproved<Mark, Held>(s: SequencedBook<Mark, Held>, frame: BookFrame<Mark>): FrameVerdict | undefined {
  if (s.rule.window !== undefined) trim(s.book, s.rule.window);
  const sentence =
    (s.held === undefined ? undefined : s.rule.disprove(s.book, s.held, frame)) ??
    (isCrossed(s.book) ? "the book is crossed" : undefined) ??
    (isWithinHorizon(s.book) ? undefined : "the best price has left the snapshot's range");
  if (sentence === undefined) return undefined;
  s.held = undefined;
  forget(s);
  return gap(sentence);
}

function forget<Mark, Held>(s: SequencedBook<Mark, Held>): void {
  if (s.phase !== "void") s.gaps += 1;
  s.phase = "void";
  clearBook(s.book);
}

function keep<Mark, Held>(s: SequencedBook<Mark, Held>, frame: BookFrame<Mark>): void {
  if (s.rule.snapshots === "stream" || frame.kind === "snapshot") return;
  if (s.buffer.length >= s.bufferMax) {
    s.buffer.shift();
    s.overflowed += 1;
  }
  s.buffer.push({ ...frame, bids: keepLevels(frame.bids), asks: keepLevels(frame.asks) });
}

/** Drops what has fallen out of the stream's window. */
function trim(book: Book, window: number): void {
  for (const which of ["bids", "asks"] as const) {
    if (book[which].size <= window) continue;
    const fallen = levelsOf(book, which, Infinity).slice(window);
    applyLevels(
      book,
      which,
      fallen.map(({ price }): RawLevel => [price, "0"]),
    );
  }
}
