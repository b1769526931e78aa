/**
 * One symbol: its price, its trades and its quality, made of what all lines know of it. Frames go in, what is new comes
 * out; no input or output, no clock of its own, so the reader's turn stays short.
 *
 * The first copy wins: of two lines the one that brings an update id or a trade id first is heard, the other's copy is old.
 * The price is the newer of all tickers' and aligned books', by the venue's update id. It counts as current at the
 * instant at which a stream last spoke for it, or REST proved that nothing had happened since. It outlives the
 * connection, with its age, so that a decision can still see how old the last word is. A stream that is late speaks for
 * the past: what it brings counts as current as of when the venue sent it (`core/market/lateness.ts`).
 */
import type {
  BookFrame,
  BookOutcome,
  BookSnapshot,
  BookSync,
  FeedState,
  Lateness,
  MonoMs,
  Quality,
  SymbolId,
  TradeEvent,
  TradeRules,
  TradeSequence,
  WallMs,
} from "@baton/core";
import {
  addDifference,
  addSnapshot,
  addTrade,
  assertNever,
  bestKeysOf,
  compareMarks,
  judgeQuality,
  markBook,
  monoMs,
  newLateness,
  newTradeSequence,
  noteAnswered,
  noteHeard,
  noteSentAt,
  settleProbe,
} from "@baton/core";
import type { LaneBook } from "./lane-book.ts";
import { hasStreamedSnapshots, takeBookFrame } from "./lane-book.ts";
import type { BookMessage, StreamKind, VenueFrame, VenueProtocol, VenueTicker, VenueTrade } from "./protocol.ts";
import { streamKinds } from "./protocol.ts";

/** Best prices and quantities as keys. */
interface Price {
  readonly bid: number;
  readonly bidQuantity: number;
  readonly ask: number;
  readonly askQuantity: number;
  readonly updateId: number;
  readonly book: LaneBook;
  /** Update ids of connections that are gone bind nobody: a venue may have begun anew. */
  readonly connection: number;
}

/** Read freely; change only through the functions below. */
export interface Instrument {
  readonly symbol: SymbolId;
  readonly streams: Readonly<Partial<Record<StreamKind, string>>>;
  /** One per line that carries the symbol. */
  readonly books: Set<LaneBook>;
  readonly trades: TradeSequence;
  readonly lateness: Lateness;
  /** When it was last asked whether the stream is late. */
  lateAskedMono: MonoMs | undefined;
  price: Price | undefined;
  /** When the price was last known to be the venue's present one. */
  currentMono: MonoMs | undefined;
  quality: Quality;
  reason: string;
  snapshots: number;
  /** Holes and distrusts of books that are gone. */
  pastGaps: number;
  pastDistrusts: number;
  lagMs: number | undefined;
}

/** A symbol of which nothing is known. */
export function newInstrument(symbol: SymbolId, protocol: VenueProtocol, tradeRules: TradeRules): Instrument {
  return {
    symbol,
    streams: Object.fromEntries(
      streamKinds.flatMap((kind) => {
        const name = protocol.streamName(symbol, kind);
        return name === undefined ? [] : [[kind, name]];
      }),
    ),
    books: new Set(),
    trades: newTradeSequence(symbol, tradeRules, protocol.tradeIds),
    lateness: newLateness(),
    lateAskedMono: undefined,
    price: undefined,
    currentMono: undefined,
    quality: "stale",
    reason: "no price has come yet",
    snapshots: 0,
    pastGaps: 0,
    pastDistrusts: 0,
    lagMs: undefined,
  };
}

/** The line is gone for good; what it counted stays counted. */
export function forgetBook(instrument: Instrument, book: LaneBook): void {
  instrument.books.delete(book);
  instrument.pastGaps += book.sync.gaps;
  instrument.pastDistrusts += book.sync.distrusts;
}

/** The book to show: of those that are believed the newest. */
export function bestBook(instrument: Instrument): LaneBook | undefined {
  let best: LaneBook | undefined;
  for (const book of instrument.books) {
    if (book.sync.phase === "void") continue;
    if (best === undefined || rankOf(book) > rankOf(best)) best = book;
  }
  return best;
}

function rankOf({ sync }: LaneBook): number {
  return sync.phase === "aligned" ? sync.updateId : -1 / (1 + sync.updateId);
}

/** What a frame has changed in the book or the price. */
export interface FrameNews {
  readonly book?: BookOutcome;
  readonly isPriceNew: boolean;
  /** Another line's book was another one at the same update; which of the two is right, only a snapshot shows. */
  readonly disagreesWith?: LaneBook;
}

const nothingNew: FrameNews = { isPriceNew: false };

/** Takes a trade, as read at `nowMono` from the present connection of the book's line; says what may be told now. */
export function takeTrade(
  instrument: Instrument,
  book: LaneBook,
  { id, price, quantity, taker, tradedWallMs }: VenueTrade,
  nowMono: MonoMs,
): readonly TradeEvent[] {
  touch(book, "trade", nowMono);
  if (book.lastTradeId === undefined || id > book.lastTradeId) book.lastTradeId = id;
  const { symbol, trades } = instrument;
  return addTrade(trades, { symbol, id, price, quantity, taker, tradedWallMs, source: "stream" }, nowMono);
}

/** Takes a frame about the book or the price, as read at `nowMono` from the present connection of the book's line. */
export function takeFrame(
  instrument: Instrument,
  book: LaneBook,
  frame: Extract<VenueFrame, { type: "difference" | "book" | "ticker" }>,
  nowMono: MonoMs,
  wall: () => WallMs,
): FrameNews {
  switch (frame.type) {
    case "ticker":
      touch(book, "ticker", nowMono);
      return takeTicker(instrument, book, frame.ticker, madeMono(book, nowMono));
    case "difference": {
      touch(book, "depth", nowMono);
      instrument.lagMs = wall() - frame.sentWallMs;
      const seemsMs = noteSentAt(instrument.lateness, frame.sentWallMs, nowMono);
      const outcome = addDifference(book.sync, frame.difference);
      book.lateMs = settleProbe(instrument.lateness, book.sync.updateId, seemsMs, nowMono);
      if (outcome.type !== "applied" && outcome.type !== "aligned") return { book: outcome, isPriceNew: false };
      if (markBook(book.marks, book.sync.book, book.sync.updateId, frame.sentWallMs) && instrument.books.size > 1) {
        const other = disagreeing(instrument, book);
        if (other !== undefined) return { isPriceNew: false, disagreesWith: other };
      }
      return { book: outcome, isPriceNew: takeBook(instrument, book, madeMono(book, nowMono)) };
    }
    case "book": {
      touch(book, "depth", nowMono);
      if (book.sequenced === undefined) return nothingNew;
      const outcome = takeBookFrame(book, book.sequenced, frame);
      if (frame.sentWallMs !== undefined) {
        instrument.lagMs = wall() - frame.sentWallMs;
        const seemsMs = noteSentAt(instrument.lateness, frame.sentWallMs, nowMono);
        book.lateMs = settleProbe(instrument.lateness, book.sync.updateId, seemsMs, nowMono);
      }
      if (outcome.type !== "applied" && outcome.type !== "aligned") return { book: outcome, isPriceNew: false };
      return { book: outcome, isPriceNew: takeBook(instrument, book, madeMono(book, nowMono)) };
    }
    default:
      return nothingNew;
  }
}

/** Takes a message of the connection that is not about this book, and tells its place. It is no sign of the book's life. */
export function takePlace(book: LaneBook, frame: BookFrame<unknown>): FrameNews {
  if (book.sequenced === undefined) return nothingNew;
  const outcome = takeBookFrame(book, book.sequenced, { frame, updateId: undefined });
  return outcome.type === "broken" ? { book: outcome, isPriceNew: false } : nothingNew;
}

/** Another line whose book was not this one at the newest update that both have marked. */
function disagreeing(instrument: Instrument, book: LaneBook): LaneBook | undefined {
  for (const other of instrument.books) {
    if (other !== book && compareMarks(book.marks.marks, other.marks.marks)?.isEqual === false) return other;
  }
  return undefined;
}

/** Takes a snapshot that was asked for at `askedMono`. */
export function takeSnapshot(
  instrument: Instrument,
  book: LaneBook,
  snapshot: BookSnapshot,
  askedMono: MonoMs,
): FrameNews {
  const outcome = addSnapshot(book.sync, snapshot);
  if (outcome.type !== "loaded" && outcome.type !== "aligned") return { book: outcome, isPriceNew: false };
  return { book: outcome, isPriceNew: takeBook(instrument, book, askedMono) };
}

/** Takes a snapshot for the venue's own rule that was asked for at `askedMono`. */
export function takeBookSnapshot(
  instrument: Instrument,
  book: LaneBook,
  message: BookMessage,
  askedMono: MonoMs,
): FrameNews {
  // The stream may have brought one meanwhile, which it continues.
  if (book.sequenced === undefined || book.sync.phase !== "void") return { book: { type: "old" }, isPriceNew: false };
  const outcome = takeBookFrame(book, book.sequenced, message);
  if (outcome.type !== "loaded" && outcome.type !== "aligned") return { book: outcome, isPriceNew: false };
  return { book: outcome, isPriceNew: takeBook(instrument, book, askedMono) };
}

/** REST showed, to a question of `askedMono`, whether the venue's book is ahead of one of ours. That holds for every line. */
export function takeProof(
  instrument: Instrument,
  isVenueAhead: (sync: BookSync) => boolean,
  askedMono: MonoMs,
  nowMono: MonoMs,
): void {
  for (const book of instrument.books) {
    const { sync, lives } = book;
    if (lives.depth === undefined) continue;
    if (sync.phase === "void") {
      // A snapshot that the stream itself should have brought, and did not, is something that the venue has.
      if (hasStreamedSnapshots(book)) noteAnswered(lives.depth, { askedMono, nowMono, isBehind: true });
      continue;
    }
    const isBehind = isVenueAhead(sync);
    noteAnswered(lives.depth, { askedMono, nowMono, isBehind });
    if (isBehind) continue;
    book.bookCurrentMono = later(book.bookCurrentMono, askedMono);
    if ((instrument.price?.updateId ?? 0) <= sync.updateId) confirm(instrument, book, askedMono);
  }
}

/** The quality now, kept in the instrument; returns the former one. */
export function refreshQuality(
  instrument: Instrument,
  now: {
    readonly nowMono: MonoMs;
    readonly staleAfterMs: number;
    readonly line: FeedState;
    readonly linesWanted: number;
  },
): Quality {
  const before = instrument.quality;
  const shown = bestBook(instrument);
  let [aligned, trading] = [0, 0];
  for (const { sync, lives } of instrument.books) {
    if (sync.phase === "aligned") aligned += 1;
    if (lives.trade !== undefined) trading += 1;
  }
  const { linesWanted, ...facts } = now;
  const { quality, reason } = judgeQuality({
    ...facts,
    currentMono: instrument.price === undefined ? undefined : instrument.currentMono,
    bookCurrentMono: shown?.bookCurrentMono,
    book: shown?.sync.phase ?? "void",
    holes: instrument.trades.hole === undefined ? 0 : 1,
    ...(linesWanted > 1 ? { lines: { live: Math.min(aligned, trading), wanted: linesWanted } } : {}),
  });
  instrument.quality = quality;
  instrument.reason = reason;
  return before;
}

/**
 * Another line has what this one does not: proof that this one is behind, without asking anybody. It is dead when it says
 * nothing more within its grace.
 */
export function compareLines(instrument: Instrument, nowMono: MonoMs): void {
  if (instrument.books.size < 2) return;
  for (const book of instrument.books) {
    for (const other of instrument.books) {
      if (other === book) continue;
      for (const kind of streamKinds) {
        const life = book.lives[kind];
        const otherLife = other.lives[kind];
        if (life === undefined || otherLife === undefined || otherLife.heardMono <= life.heardMono) continue;
        if (isAhead(other, book, kind)) noteAnswered(life, { askedMono: nowMono, nowMono, isBehind: true });
      }
    }
  }
}

function isAhead(one: LaneBook, other: LaneBook, kind: StreamKind): boolean {
  switch (kind) {
    case "depth":
      return one.sync.phase === "aligned" && other.sync.phase === "aligned" && one.sync.updateId > other.sync.updateId;
    case "trade":
      return (one.lastTradeId ?? 0) > (other.lastTradeId ?? Infinity);
    case "ticker":
      return other.lastTickerId > 0 && one.lastTickerId > other.lastTickerId;
    default:
      return assertNever(kind, "kind of a stream");
  }
}

/** As of when what has just come is true: a late message tells the past. */
function madeMono(book: LaneBook, nowMono: MonoMs): MonoMs {
  return monoMs(nowMono - book.lateMs);
}

function touch(book: LaneBook, kind: StreamKind, nowMono: MonoMs): void {
  const life = book.lives[kind];
  if (life !== undefined) noteHeard(life, nowMono);
}

function confirm(instrument: Instrument, book: LaneBook, mono: MonoMs): void {
  instrument.currentMono = later(instrument.currentMono, mono);
  book.currentMono = later(book.currentMono, mono);
}

function later(a: MonoMs | undefined, b: MonoMs): MonoMs {
  return a === undefined || a < b ? b : a;
}

/** True when the price that is held comes from a connection that still stands and is at least as new as `updateId`. */
function isOvertaken(price: Price | undefined, book: LaneBook, updateId: number): boolean {
  if (price === undefined || price.connection !== price.book.connection) return false;
  return price.book === book ? price.updateId > updateId : price.updateId >= updateId;
}

function takeTicker(
  instrument: Instrument,
  book: LaneBook,
  ticker: VenueTicker | undefined,
  nowMono: MonoMs,
): FrameNews {
  if (ticker === undefined) {
    instrument.price = undefined;
    return nothingNew;
  }
  book.lastTickerId = ticker.updateId;
  if (isOvertaken(instrument.price, book, ticker.updateId)) {
    // This line does speak, though another was faster.
    book.currentMono = later(book.currentMono, nowMono);
    return nothingNew;
  }
  const { bid, bidQuantity, ask, askQuantity, updateId } = ticker;
  instrument.price = { bid, bidQuantity, ask, askQuantity, updateId, book, connection: book.connection };
  confirm(instrument, book, nowMono);
  return { isPriceNew: true };
}

/** The book holds as of `mono`: takes its price unless a newer one is held. True when the price is another one. */
function takeBook(instrument: Instrument, book: LaneBook, mono: MonoMs): boolean {
  const { price } = instrument;
  const { sync } = book;
  book.bookCurrentMono = later(book.bookCurrentMono, mono);
  book.currentMono = later(book.currentMono, mono);
  if (isOvertaken(price, book, sync.updateId)) return false;
  const bid = bestKeysOf(sync.book, "bids");
  const ask = bestKeysOf(sync.book, "asks");
  if (bid === undefined || ask === undefined) {
    instrument.price = undefined;
    return price !== undefined;
  }
  instrument.price = {
    bid: bid.price,
    bidQuantity: bid.quantity,
    ask: ask.price,
    askQuantity: ask.quantity,
    updateId: sync.updateId,
    book,
    connection: book.connection,
  };
  confirm(instrument, book, mono);
  const isPriceNew = price === undefined || price.bid !== bid.price || price.ask !== ask.price;
  // The book has seen a price that the ticker should have told before: one more way to notice a dead stream.
  const hasChanged = isPriceNew && price?.book === book && price.connection === book.connection;
  if (hasChanged && book.lives.ticker !== undefined) {
    noteAnswered(book.lives.ticker, { askedMono: mono, nowMono: mono, isBehind: true });
  }
  return isPriceNew || price.bidQuantity !== bid.quantity || price.askQuantity !== ask.quantity;
}
