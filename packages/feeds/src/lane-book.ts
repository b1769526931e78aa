/**
 * What one connection knows of one symbol: its book and how fresh each of its streams is. Each line keeps books of its
 * own, because a hole, a stall or a lie of one connection must not touch what the other one knows.
 */
import type { BookMarks, BookSync, MonoMs, Rhythm, SequenceRule, StreamLife } from "@baton/core";
import { disbelieve, forgetMarks, newBookMarks, newBookSync, newRhythm, newStreamLife, voidBook } from "@baton/core";
import type { StreamKind } from "./protocol.ts";

/** Levels kept a side, and differences buffered while a snapshot is on its way (about 100 s of them). */
const levelsMax = 1_000;
const bufferMax = 1_000;

export const streamKinds: readonly StreamKind[] = ["depth", "trade", "ticker"];

/** Read freely; change only through the functions here and in `instrument.ts`. */
export interface LaneBook {
  /** Name of the line whose connection this is. */
  readonly line: string;
  readonly sync: BookSync;
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
export function newLaneBook(line: string, rule: SequenceRule): LaneBook {
  return {
    line,
    sync: newBookSync(rule, levelsMax, bufferMax),
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
export function beginLives(book: LaneBook, connection: number, nowMono: MonoMs): void {
  book.connection = connection;
  for (const kind of streamKinds) book.lives[kind] ??= newStreamLife(nowMono, book.rhythms[kind]);
}

/** The book cannot be believed any more, though its sequence is whole. */
export function doubtBook(book: LaneBook): void {
  disbelieve(book.sync);
  forgetMarks(book.marks);
}

/** The connection is gone, and with it all that only it knew. */
export function endLives(book: LaneBook): void {
  voidBook(book.sync);
  forgetMarks(book.marks);
  book.connection = 0;
  book.lateMs = 0;
  book.currentMono = undefined;
  book.bookCurrentMono = undefined;
  book.lastTradeId = undefined;
  book.lastTickerId = 0;
  for (const kind of streamKinds) book.lives[kind] = undefined;
}
