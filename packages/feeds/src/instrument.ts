/**
 * One symbol: its book, its trades, its ticker, and how fresh all of that is. Frames go in, what is new comes out; no
 * input or output, no clock of its own, so the reader's turn stays short.
 *
 * The price is the newer of the ticker's and the aligned book's, by the venue's update id. It counts as current at the
 * instant at which either stream last spoke for it, or REST proved that nothing had happened since. It outlives the
 * connection, with its age, so that a decision can still see how old the last word is.
 */
import type {
  BookOutcome,
  BookSnapshot,
  BookSync,
  Decimal,
  FeedState,
  MonoMs,
  Quality,
  StreamLife,
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
  bestOf,
  canonicalDecimal,
  judgeQuality,
  newBookSync,
  newStreamLife,
  newTradeSequence,
  noteAnswered,
  noteHeard,
  voidBook,
} from "@baton/core";
import type { StreamKind, VenueFrame, VenueProtocol, VenueTicker } from "./protocol.ts";

/** Levels kept a side, and differences buffered while a snapshot is on its way (about 100 s of them). */
const levelsMax = 1_000;
const bufferMax = 1_000;

interface Price {
  readonly bid: Decimal;
  readonly bidQuantity: Decimal;
  readonly ask: Decimal;
  readonly askQuantity: Decimal;
  readonly updateId: number;
  /** Update ids of two connections are not compared: a venue may have begun anew in between. */
  readonly connection: number;
}

/** Read freely; change only through the functions below. */
export interface Instrument {
  readonly symbol: SymbolId;
  readonly streams: Readonly<Record<StreamKind, string>>;
  readonly sync: BookSync;
  readonly trades: TradeSequence;
  /** Per stream, from the moment all are acknowledged. */
  readonly lives: Record<StreamKind, StreamLife | undefined>;
  price: Price | undefined;
  /** When the price was last known to be the venue's present one. */
  currentMono: MonoMs | undefined;
  /** When the book was last known to be the venue's present one. */
  bookCurrentMono: MonoMs | undefined;
  ticker: VenueTicker | undefined;
  connection: number;
  quality: Quality;
  reason: string;
  snapshots: number;
  lagMs: number | undefined;
}

/** A symbol of which nothing is known. */
export function newInstrument(symbol: SymbolId, protocol: VenueProtocol, tradeRules: TradeRules): Instrument {
  return {
    symbol,
    streams: {
      trade: protocol.streamName(symbol, "trade"),
      depth: protocol.streamName(symbol, "depth"),
      ticker: protocol.streamName(symbol, "ticker"),
    },
    sync: newBookSync(protocol.sequenceRule, levelsMax, bufferMax),
    trades: newTradeSequence(symbol, tradeRules),
    lives: { trade: undefined, depth: undefined, ticker: undefined },
    price: undefined,
    currentMono: undefined,
    bookCurrentMono: undefined,
    ticker: undefined,
    connection: 0,
    quality: "stale",
    reason: "no price has come yet",
    snapshots: 0,
    lagMs: undefined,
  };
}

/** The venue has acknowledged the streams: from now on silence counts. */
export function beginLives(instrument: Instrument, connection: number, nowMono: MonoMs): void {
  instrument.connection = connection;
  for (const kind of ["trade", "depth", "ticker"] as const) instrument.lives[kind] ??= newStreamLife(nowMono);
}

/** The connection is gone. The price stays, and ages. */
export function endConnection(instrument: Instrument): void {
  voidBook(instrument.sync);
  instrument.ticker = undefined;
  instrument.lives.trade = undefined;
  instrument.lives.depth = undefined;
  instrument.lives.ticker = undefined;
}

/** What a frame has changed. */
export interface FrameNews {
  readonly book?: BookOutcome;
  readonly trades?: readonly TradeEvent[];
  readonly isPriceNew: boolean;
}

const nothingNew: FrameNews = { isPriceNew: false };

/** Takes a frame of one of the symbol's streams, as read at `nowMono` from connection number `connection`. */
export function takeFrame(
  instrument: Instrument,
  frame: Extract<VenueFrame, { type: "trade" | "difference" | "ticker" }>,
  at: { readonly nowMono: MonoMs; readonly nowWall: WallMs; readonly connection: number },
): FrameNews {
  const { nowMono } = at;
  instrument.connection = at.connection;
  switch (frame.type) {
    case "trade": {
      touch(instrument, "trade", nowMono);
      const trade = { ...frame.trade, symbol: instrument.symbol, source: "stream" as const };
      return { trades: addTrade(instrument.trades, trade, nowMono), isPriceNew: false };
    }
    case "ticker":
      touch(instrument, "ticker", nowMono);
      return takeTicker(instrument, frame.ticker, nowMono);
    case "difference": {
      touch(instrument, "depth", nowMono);
      instrument.lagMs = at.nowWall - frame.sentWallMs;
      const book = addDifference(instrument.sync, frame.difference);
      if (book.type !== "applied" && book.type !== "aligned") return { book, isPriceNew: false };
      return { book, isPriceNew: takeBook(instrument, nowMono) };
    }
    default:
      return nothingNew;
  }
}

/** Takes a snapshot that was asked for at `askedMono`. */
export function takeSnapshot(instrument: Instrument, snapshot: BookSnapshot, askedMono: MonoMs): FrameNews {
  instrument.snapshots += 1;
  const book = addSnapshot(instrument.sync, snapshot);
  if (book.type !== "loaded" && book.type !== "aligned") return { book, isPriceNew: false };
  return { book, isPriceNew: takeBook(instrument, askedMono) };
}

/** REST showed, to a question of `askedMono`, how far the venue's book is. */
export function takeProof(instrument: Instrument, venueUpdateId: number, askedMono: MonoMs, nowMono: MonoMs): void {
  const { sync, lives } = instrument;
  if (sync.phase === "void" || lives.depth === undefined) return;
  const isBehind = venueUpdateId > sync.updateId;
  noteAnswered(lives.depth, { askedMono, nowMono, isBehind });
  if (isBehind) return;
  instrument.bookCurrentMono = later(instrument.bookCurrentMono, askedMono);
  if ((instrument.price?.updateId ?? 0) <= sync.updateId) confirm(instrument, askedMono);
}

/** The quality now, kept in the instrument; returns the former one. */
export function refreshQuality(
  instrument: Instrument,
  now: { readonly nowMono: MonoMs; readonly staleAfterMs: number; readonly line: FeedState },
): Quality {
  const before = instrument.quality;
  const { quality, reason } = judgeQuality({
    ...now,
    currentMono: instrument.price === undefined ? undefined : instrument.currentMono,
    bookCurrentMono: instrument.bookCurrentMono,
    book: instrument.sync.phase,
    holes: instrument.trades.hole === undefined ? 0 : 1,
  });
  instrument.quality = quality;
  instrument.reason = reason;
  return before;
}

function touch(instrument: Instrument, kind: StreamKind, nowMono: MonoMs): void {
  const life = instrument.lives[kind];
  if (life !== undefined) noteHeard(life, nowMono);
}

function confirm(instrument: Instrument, mono: MonoMs): void {
  instrument.currentMono = later(instrument.currentMono, mono);
}

function later(a: MonoMs | undefined, b: MonoMs): MonoMs {
  return a === undefined || a < b ? b : a;
}

function takeTicker(instrument: Instrument, ticker: VenueTicker | undefined, nowMono: MonoMs): FrameNews {
  instrument.ticker = ticker;
  if (ticker === undefined) {
    instrument.price = undefined;
    return nothingNew;
  }
  const { price, connection } = instrument;
  if (price?.connection === connection && ticker.updateId < price.updateId) return nothingNew;
  instrument.price = {
    bid: canonicalDecimal(ticker.bid),
    bidQuantity: canonicalDecimal(ticker.bidQuantity),
    ask: canonicalDecimal(ticker.ask),
    askQuantity: canonicalDecimal(ticker.askQuantity),
    updateId: ticker.updateId,
    connection,
  };
  confirm(instrument, nowMono);
  return { isPriceNew: true };
}

/** The book holds as of `mono`: takes its price unless the ticker's is newer. True when the price is another one. */
function takeBook(instrument: Instrument, mono: MonoMs): boolean {
  const { sync, price, connection, ticker, lives } = instrument;
  instrument.bookCurrentMono = later(instrument.bookCurrentMono, mono);
  if (price?.connection === connection && price.updateId > sync.updateId) return false;
  const bid = bestOf(sync.book, "bids");
  const ask = bestOf(sync.book, "asks");
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
    connection,
  };
  confirm(instrument, mono);
  const isTickerRight =
    ticker !== undefined && canonicalDecimal(ticker.bid) === bid.price && canonicalDecimal(ticker.ask) === ask.price;
  // The book has seen a price that the ticker should have told before: one more way to notice a dead stream.
  if (!isTickerRight && lives.ticker !== undefined) {
    noteAnswered(lives.ticker, { askedMono: mono, nowMono: mono, isBehind: true });
  }
  return (
    price?.bid !== bid.price ||
    price.ask !== ask.price ||
    price.bidQuantity !== bid.quantity ||
    price.askQuantity !== ask.quantity
  );
}
