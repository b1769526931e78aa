/**
 * What a symbol asks of the venue's REST interface: snapshots until the book stands, missing trades until they are here
 * or flagged, and proof of life for a silent stream. Every task belongs to one connection or to the feed, and ends with it.
 *
 * Where another line has what is missing nobody is asked: a book borrows the other line's, and a hole in the trades waits
 * for the other line's copy before it costs a request.
 */
import type { BookSync, MonoMs, TradeEvent } from "@baton/core";
import {
  addTrade,
  assert,
  beginTradesAfter,
  fillHole,
  flagHole,
  fullJitterMs,
  hasBest,
  lendSnapshot,
  missingTrades,
  noteAnswered,
  noteAsked,
  noteProbe,
  venueHasTrades,
} from "@baton/core";
import type { FrameNews, Instrument } from "./instrument.ts";
import { takeBookSnapshot, takeProof, takeSnapshot } from "./instrument.ts";
import type { LaneBook } from "./lane-book.ts";
import { hasStreamedSnapshots } from "./lane-book.ts";
import type { StreamKind, VenueHistory } from "./protocol.ts";
import { RestRefused } from "./rest.ts";
import type { World } from "./world.ts";

export interface RepairOptions {
  readonly history: VenueHistory;
  readonly world: World;
  /** What a snapshot has changed. */
  readonly onBook: (instrument: Instrument, book: LaneBook, news: FrameNews) => void;
  readonly onTrades: (instrument: Instrument, events: readonly TradeEvent[]) => void;
  /** The book's stream must be subscribed anew, because its snapshot comes with the subscription. */
  readonly onRenew: (instrument: Instrument, book: LaneBook) => void;
  /** A question went without an answer; it is asked again in its time. */
  readonly onError: (error: unknown) => void;
}

export interface Repair {
  /** Fetches snapshots until the book is believed again or the signal ends it. One at a time per book. */
  book(instrument: Instrument, book: LaneBook, signal: AbortSignal): void;
  /** Look now and then: where a stream goes on and the snapshot that it should begin with stays away, it is renewed. */
  snapshotDue(instrument: Instrument, book: LaneBook, signal: AbortSignal): void;
  /** Fetches what `missingTrades` names until it is filled or flagged. One at a time per symbol. */
  trades(instrument: Instrument, signal: AbortSignal): void;
  /** After a reconnection: whether trades were missed though none has come since. */
  missedTrades(instrument: Instrument, signal: AbortSignal): void;
  /** Asks whether the venue is ahead of a silent stream. */
  prove(instrument: Instrument, book: LaneBook, kind: StreamKind, signal: AbortSignal): void;
  /** Asks how far the venue's book is, so that it can be seen how long the stream takes to come there. */
  proveLate(instrument: Instrument, signal: AbortSignal): void;
  /** Trades `fromId` to `toId` once more, for a listener that lost them; what cannot be had is a hole. Never rejects. */
  again(
    instrument: Instrument,
    range: { readonly fromId: number; readonly toId: number },
    signal: AbortSignal,
  ): Promise<readonly TradeEvent[]>;
}

/** How long a hole waits for the copy of another line. */
const otherLineMs = 150;
/** How often a book tries to borrow, and how long it waits in between. */
const borrows = 3;
const borrowEveryMs = 60;
/** Renewals of one book further apart than this are no series: the first is made at once, later ones with backoff. */
const renewalsApartMs = 10_000;
/** How long the snapshot of a subscription may stay away. */
const snapshotWithinMs = 3_000;
const retry = { baseMs: 100, capMs: 5_000 };

/** The repairs of one feed. */
export function openRepair(options: RepairOptions): Repair {
  const { history, world, onBook, onTrades, onRenew, onError } = options;
  const { clock } = world;
  const books = new Map<LaneBook, AbortSignal>();
  const trades = new Set<Instrument>();
  const renewals = new WeakMap<
    LaneBook,
    { readonly count: number; readonly connection: number; readonly atMono: MonoMs }
  >();

  /** Runs a task that nobody waits for; it ends by itself or by its signal, and its failure is told. */
  const run = (task: () => Promise<void>, signal: AbortSignal): void => {
    task().catch((error: unknown) => {
      if (!signal.aborted) onError(error);
    });
  };
  /** Resolves after so long, or at once when the task is over. */
  const sleep = async (ms: number, signal: AbortSignal): Promise<void> => {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        callOff();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const callOff = world.timer(ms, end);
      signal.addEventListener("abort", end);
    });
  };
  /** Waits before the next attempt. */
  const pause = async (failures: number, error: unknown, signal: AbortSignal): Promise<void> => {
    const demandedMs = error instanceof RestRefused ? (error.retryAfterMs ?? 0) : 0;
    await sleep(demandedMs + fullJitterMs(retry, failures, world.random()), signal);
  };

  /** True when the book stands again. */
  const isFilled = (instrument: Instrument, book: LaneBook, news: FrameNews): boolean => {
    onBook(instrument, book, news);
    return news.book?.type === "loaded" || news.book?.type === "aligned";
  };
  /** Takes the book of another line of which this one's stream is the continuation. */
  const borrow = async (instrument: Instrument, book: LaneBook, signal: AbortSignal): Promise<boolean> => {
    // What a venue's own rule holds is more than levels and cannot be lent.
    if (book.sequenced !== undefined) return false;
    for (let attempt = 0; attempt < borrows && !signal.aborted; attempt += 1) {
      const lender = [...instrument.books].find((other) => other !== book && other.sync.phase === "aligned");
      const snapshot = lender === undefined ? undefined : lendSnapshot(lender.sync);
      if (lender?.bookCurrentMono === undefined || snapshot === undefined) return false;
      if (isFilled(instrument, book, takeSnapshot(instrument, book, snapshot, lender.bookCurrentMono))) return true;
      await sleep(borrowEveryMs, signal);
    }
    return false;
  };
  /** Has the stream subscribed anew. Whether the snapshot then comes is the watch's to see. */
  const renewBook = async (instrument: Instrument, book: LaneBook, signal: AbortSignal): Promise<void> => {
    const last = renewals.get(book);
    const isSeries = last !== undefined && clock.mono() - last.atMono < renewalsApartMs;
    const count = isSeries ? last.count + 1 : 0;
    renewals.set(book, { count, connection: book.connection, atMono: clock.mono() });
    if (count > 0) await sleep(fullJitterMs(retry, count, world.random()), signal);
    if (!signal.aborted) onRenew(instrument, book);
  };
  /** Asks for a snapshot; the answer is taken when it is called, unless the signal has ended the task. */
  const fetchBook = async (instrument: Instrument, book: LaneBook, signal: AbortSignal): Promise<() => FrameNews> => {
    const { symbol } = instrument;
    const askedMono = clock.mono();
    if (book.sequenced !== undefined) {
      const message = await history.bookSnapshot?.(symbol, signal);
      assert(message !== undefined, "who joins snapshots to its stream can be asked for them");
      instrument.snapshots += 1;
      return () => takeBookSnapshot(instrument, book, message, askedMono);
    }
    const snapshot = await history.snapshot?.(symbol, signal);
    assert(snapshot !== undefined, "a book of differences has snapshots");
    instrument.snapshots += 1;
    return () => takeSnapshot(instrument, book, snapshot, askedMono);
  };
  const fillBook = async (instrument: Instrument, book: LaneBook, signal: AbortSignal): Promise<void> => {
    if (hasStreamedSnapshots(book)) return renewBook(instrument, book, signal);
    for (let failures = 0; !signal.aborted && book.sync.phase === "void"; failures += 1) {
      let trouble: unknown;
      try {
        // What was read in the same turn may have broken the borrowed book already.
        if (await borrow(instrument, book, signal)) continue;
        if (signal.aborted) return;
        const news = await fetchBook(instrument, book, signal);
        if (signal.aborted || isFilled(instrument, book, news())) return;
      } catch (error) {
        if (signal.aborted) return;
        trouble = error;
        onError(error);
      }
      await pause(failures, trouble, signal);
    }
  };

  const fillTrades = async (instrument: Instrument, signal: AbortSignal): Promise<void> => {
    const speaking = [...instrument.books].filter((book) => book.lives.trade !== undefined);
    if (speaking.length > 1) await sleep(otherLineMs, signal);
    for (let failures = 0; !signal.aborted;) {
      const missing = missingTrades(instrument.trades);
      if (missing === undefined) return;
      let trouble: unknown;
      try {
        const sinceWallMs = instrument.trades.lastTrade?.tradedWallMs;
        const found = await history.trades({ symbol: instrument.symbol, ...missing, sinceWallMs, signal });
        if (signal.aborted) return;
        if (instrument.trades.ids === "ascending") {
          const events = fillHole(instrument.trades, found);
          if (events !== undefined) {
            onTrades(instrument, events);
            continue;
          }
          failures += 1;
          await pause(failures, undefined, signal);
          continue;
        }
        for (const trade of found) onTrades(instrument, addTrade(instrument.trades, trade, clock.mono()));
        if (found.length > 0) {
          // The venue's history begins later than what is missing: what lies before it will never come.
          const stillMissing = missingTrades(instrument.trades);
          if (stillMissing?.fromId === missing.fromId) {
            onTrades(instrument, flagHole(instrument.trades, "the venue's history does not reach back to them"));
          }
          failures = 0;
          continue;
        }
      } catch (error) {
        if (signal.aborted) return;
        trouble = error;
        onError(error);
      }
      failures += 1;
      await pause(failures, trouble, signal);
    }
  };

  /** Whether the venue's book is another one now than what is held; undefined where that cannot be asked. */
  const venueAhead = async (
    { symbol }: Instrument,
    signal: AbortSignal,
  ): Promise<((sync: BookSync) => boolean) | undefined> => {
    if (history.bestNow !== undefined) {
      const best = await history.bestNow(symbol, signal);
      return (sync) => !hasBest(sync.book, best);
    }
    const updateId = await history.lastUpdateId?.(symbol, signal);
    return updateId === undefined ? undefined : (sync) => updateId > sync.updateId;
  };
  const proveDepth = async (instrument: Instrument, askedMono: MonoMs, signal: AbortSignal): Promise<void> => {
    const isAhead = await venueAhead(instrument, signal);
    if (!signal.aborted && isAhead !== undefined) takeProof(instrument, isAhead, askedMono, clock.mono());
  };
  const proveTrades = async (instrument: Instrument, askedMono: MonoMs, signal: AbortSignal): Promise<void> => {
    const id = await history.lastTradeId(instrument.symbol, signal);
    if (signal.aborted) return;
    beginTradesAfter(instrument.trades, id);
    for (const book of instrument.books) {
      const life = book.lives.trade;
      if (life === undefined) continue;
      const { lastTradeId } = book;
      // Before the first trade of its own there is nothing to compare with: the next proof compares with this one.
      book.lastTradeId ??= id;
      noteAnswered(life, { askedMono, nowMono: clock.mono(), isBehind: lastTradeId !== undefined && id > lastTradeId });
    }
  };
  const fetchAgain = async (
    instrument: Instrument,
    { fromId, toId }: { readonly fromId: number; readonly toId: number },
    signal: AbortSignal,
  ): Promise<readonly TradeEvent[]> => {
    const events: TradeEvent[] = [];
    let nextId = fromId;
    try {
      while (nextId <= toId && !signal.aborted) {
        const found = await history.trades({ symbol: instrument.symbol, fromId: nextId, toId, signal });
        if (instrument.trades.ids === "ascending") {
          // The first and the last were told to us: when both are there, so is what lies between.
          const between = found.filter(({ id }) => id >= fromId && id <= toId);
          if (between[0]?.id !== fromId || between.at(-1)?.id !== toId) break;
          return between.map((trade) => ({ type: "trade", trade }));
        }
        if (found[0]?.id !== nextId) break;
        for (const trade of found) {
          if (trade.id !== nextId) break;
          events.push({ type: "trade", trade });
          nextId += 1;
        }
      }
    } catch (error) {
      if (!signal.aborted) onError(error);
    }
    if (nextId <= toId) {
      const reason = "the listener was too slow, and the venue's history does not have them";
      events.push({ type: "hole", symbol: instrument.symbol, fromId: nextId, toId, reason });
    }
    return events;
  };

  const startBook = (instrument: Instrument, book: LaneBook, signal: AbortSignal): void => {
    if (books.get(book)?.aborted === false) return;
    books.set(book, signal);
    run(async () => {
      try {
        await fillBook(instrument, book, signal);
      } finally {
        if (books.get(book) === signal) books.delete(book);
      }
    }, signal);
  };

  return {
    again: fetchAgain,
    book: startBook,
    snapshotDue(instrument, book, signal) {
      if (!hasStreamedSnapshots(book) || book.sync.phase !== "void" || book.lives.depth === undefined) return;
      const last = renewals.get(book);
      if (last?.connection !== book.connection) {
        renewals.set(book, { count: 0, connection: book.connection, atMono: clock.mono() });
      } else if (clock.mono() - last.atMono >= snapshotWithinMs) startBook(instrument, book, signal);
    },
    trades(instrument, signal) {
      if (trades.has(instrument)) return;
      trades.add(instrument);
      run(async () => {
        try {
          await fillTrades(instrument, signal);
        } finally {
          trades.delete(instrument);
        }
      }, signal);
    },
    missedTrades(instrument, signal) {
      const { lastId, breaks } = instrument.trades;
      if (lastId === undefined) return;
      run(async () => {
        const id = await history.lastTradeId(instrument.symbol, signal);
        if (!signal.aborted) onTrades(instrument, venueHasTrades(instrument.trades, { id, breaks }, clock.mono()));
      }, signal);
    },
    proveLate(instrument, signal) {
      const askedMono = clock.mono();
      run(async () => {
        if (history.lastUpdateId !== undefined) {
          const updateId = await history.lastUpdateId(instrument.symbol, signal);
          if (!signal.aborted) noteProbe(instrument.lateness, updateId, askedMono);
          return;
        }
        const isAhead = await venueAhead(instrument, signal);
        if (signal.aborted || isAhead === undefined) return;
        for (const { sync } of instrument.books) {
          if (sync.phase === "aligned" && !isAhead(sync)) noteProbe(instrument.lateness, sync.updateId, askedMono);
        }
      }, signal);
    },
    prove(instrument, book, kind, signal) {
      const askedMono = clock.mono();
      const life = book.lives[kind];
      assert(life !== undefined, "only subscribed streams are judged");
      noteAsked(life, askedMono);
      if (kind === "depth") run(async () => proveDepth(instrument, askedMono, signal), signal);
      if (kind === "trade") run(async () => proveTrades(instrument, askedMono, signal), signal);
    },
  };
}
