/**
 * What one connection knows of one symbol: its book and how fresh each of its streams is. Each line keeps books of its
 * own, because a hole, a stall or a lie of one connection must not touch what the other one knows.
 */
import type {
  BookFrame,
  BookMarks,
  BookOutcome,
  BookSync,
  MonoMs,
  Rhythm,
  SequencedBook,
  StreamLife,
} from "@baton/core";
import {
  assertNever,
  disbelieve,
  feedBook,
  forgetMarks,
  loseBook,
  newBookMarks,
  newBookSync,
  newRhythm,
  newSequencedBook,
  newStreamLife,
  voidBook,
} from "@baton/core";
import type { StreamKind, VenueProtocol } from "./protocol.ts";
import { streamKinds } from "./protocol.ts";

/** Levels kept a side, and differences buffered while a snapshot is on its way (about 100 s of them). */
const levelsMax = 1_000;
const bufferMax = 1_000;

/** Read freely; change only through the functions here and in `instrument.ts`. */
export interface LaneBook {
  /** Name of the line whose connection this is. */
  readonly line: string;
  readonly sync: BookSync;
  /** Where the venue has a rule of its own: what keeps the book that `sync` shows. */
  readonly sequenced: SequencedBook<unknown, unknown> | undefined;
  /** What the book was lately, for the comparison with another line's or another node's. */
  readonly marks: BookMarks;
  /** Per stream, from the moment all are acknowledged. */
  readonly lives: Record<StreamKind, StreamLife | undefined>;
  /** What silence is usual; it outlives the connection. */
  readonly rhythms: Readonly<Record<StreamKind, Rhythm>>;
  /** Number of the present connection; 0 while there is none. */
  connection: number;
  /** How late the last stamped message of this connection was; what comes behind it is no less late. */
  lateMs: number;
  /** When the price of this connection was last known to be the venue's present one. */
  currentMono: MonoMs | undefined;
  /** When the book was last known to be the venue's present one. */
  bookCurrentMono: MonoMs | undefined;
  /** The last id that the stream has brought, or that the venue had when the connection began. */
  lastTradeId: number | undefined;
  /** Update id of the stream's last best price. */
  lastTickerId: number;
}

/** A line's knowledge of one symbol, before it has any. */
export function newLaneBook(
  line: string,
  { bookRule, sequenceRule }: Pick<VenueProtocol, "bookRule" | "sequenceRule">,
): LaneBook {
  const sync = newBookSync(sequenceRule, levelsMax, bufferMax);
  const sequenced = bookRule === undefined ? undefined : newSequencedBook(bookRule(), { levelsMax, bufferMax });
  return {
    line,
    sync: sequenced === undefined ? sync : { ...sync, book: sequenced.book },
    sequenced,
    marks: newBookMarks(),
    lives: { trade: undefined, depth: undefined, ticker: undefined },
    rhythms: { trade: newRhythm(), depth: newRhythm(), ticker: newRhythm() },
    connection: 0,
    lateMs: 0,
    currentMono: undefined,
    bookCurrentMono: undefined,
    lastTradeId: undefined,
    lastTickerId: 0,
  };
}

/** The venue has acknowledged the streams: from now on silence counts. */
export function beginLives(
  book: LaneBook,
  kinds: readonly StreamKind[],
  { connection, nowMono }: { readonly connection: number; readonly nowMono: MonoMs },
): void {
  book.connection = connection;
  for (const kind of kinds) book.lives[kind] ??= newStreamLife(nowMono, book.rhythms[kind]);
}

/**
 * Takes a message of a book that the venue's own rule keeps. `broken` is said once: what comes before the next snapshot
 * changes nothing, and a snapshot of the stream that disproves itself breaks it again.
 */
export function takeBookFrame(
  book: LaneBook,
  sequenced: SequencedBook<unknown, unknown>,
  { frame, updateId }: { readonly frame: BookFrame<unknown>; readonly updateId: number | undefined },
): BookOutcome {
  const { sync } = book;
  const { phase: before } = sync;
  const verdict = feedBook(sequenced, frame);
  sync.phase = sequenced.phase;
  switch (verdict.type) {
    case "ignore":
      return { type: "old" };
    case "gap":
      sync.updateId = 0;
      if (before === "void" && frame.kind !== "snapshot") return { type: "buffered" };
      // A fetched snapshot that the stream does not continue was only too early.
      if (before === "void" && sequenced.rule.snapshots === "apart") return { type: "too-old" };
      sync.gaps += 1;
      return { type: "broken", sentence: verdict.sentence };
    case "apply":
    case "reset":
      sync.updateId = updateId ?? sync.updateId;
      if (sequenced.phase === "loaded") return { type: "loaded" };
      return { type: before === "aligned" ? "applied" : "aligned" };
    default:
      return assertNever(verdict, "verdict on a frame");
  }
}

/** Whether the book's snapshots come with its subscription, so that only a new one repairs it. */
export function hasStreamedSnapshots({ sequenced }: LaneBook): boolean {
  return sequenced?.rule.snapshots === "stream";
}

/** The book cannot be believed any more, though its sequence is whole. */
export function doubtBook(book: LaneBook): void {
  disbelieve(book.sync);
  forgetMarks(book.marks);
}

/** The connection is gone, and with it all that only it knew. */
export function endLives(book: LaneBook): void {
  voidBook(book.sync);
  if (book.sequenced !== undefined) loseBook(book.sequenced);
  forgetMarks(book.marks);
  book.connection = 0;
  book.lateMs = 0;
  book.currentMono = undefined;
  book.bookCurrentMono = undefined;
  book.lastTradeId = undefined;
  book.lastTickerId = 0;
  for (const kind of streamKinds) book.lives[kind] = undefined;
}
