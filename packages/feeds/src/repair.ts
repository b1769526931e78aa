/**
 * What a symbol asks of the venue's REST interface: snapshots until the book stands, missing trades until they are here
 * or flagged, and proof of life for a silent stream. Every task belongs to one connection or to the feed, and ends with it.
 */
import type { Clock, MonoMs, TradeEvent } from "@baton/core";
import {
  addTrade,
  assert,
  beginTradesAfter,
  flagHole,
  fullJitterMs,
  missingTrades,
  noteAnswered,
  noteAsked,
  venueHasTrades,
} from "@baton/core";
import { setTimeout as delay } from "node:timers/promises";
import type { FrameNews, Instrument } from "./instrument.ts";
import { takeProof, takeSnapshot } from "./instrument.ts";
import type { StreamKind, VenueHistory } from "./protocol.ts";
import { RestRefused } from "./rest.ts";

export interface RepairOptions {
  readonly history: VenueHistory;
  readonly clock: Clock;
  readonly random: () => number;
  /** What a snapshot has changed. */
  readonly onBook: (instrument: Instrument, news: FrameNews) => void;
  readonly onTrades: (instrument: Instrument, events: readonly TradeEvent[]) => void;
  /** A question went without an answer; it is asked again in its time. */
  readonly onError: (error: unknown) => void;
}

export interface Repair {
  /** Fetches snapshots until the book is believed again or the signal ends it. One at a time per symbol. */
  book(instrument: Instrument, signal: AbortSignal): void;
  /** Fetches what `missingTrades` names until it is filled or flagged. One at a time per symbol. */
  trades(instrument: Instrument, signal: AbortSignal): void;
  /** After a reconnection: whether trades were missed though none has come since. */
  missedTrades(instrument: Instrument, signal: AbortSignal): void;
  /** Asks whether the venue is ahead of a silent stream. */
  prove(instrument: Instrument, kind: StreamKind, signal: AbortSignal): void;
}

const retry = { baseMs: 100, capMs: 5_000 };

/** The repairs of one feed. */
export function openRepair(options: RepairOptions): Repair {
  const { history, clock, random, onBook, onTrades, onError } = options;
  const books = new Map<Instrument, AbortSignal>();
  const trades = new Set<Instrument>();

  /** Runs a task that nobody waits for; it ends by itself or by its signal, and its failure is told. */
  const run = (task: () => Promise<void>, signal: AbortSignal): void => {
    task().catch((error: unknown) => {
      if (!signal.aborted) onError(error);
    });
  };
  /** Waits before the next attempt; resolves at once when the task is over. */
  const pause = async (failures: number, error: unknown, signal: AbortSignal): Promise<void> => {
    const demandedMs = error instanceof RestRefused ? (error.retryAfterMs ?? 0) : 0;
    const waitMs = demandedMs + fullJitterMs(retry, failures, random());
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
  };

  const fillBook = async (instrument: Instrument, signal: AbortSignal): Promise<void> => {
    for (let failures = 0; !signal.aborted && instrument.sync.phase === "void"; failures += 1) {
      let trouble: unknown;
      try {
        const askedMono = clock.mono();
        const snapshot = await history.snapshot(instrument.symbol, signal);
        if (signal.aborted) return;
        const news = takeSnapshot(instrument, snapshot, askedMono);
        onBook(instrument, news);
        if (news.book?.type === "loaded" || news.book?.type === "aligned") return;
      } catch (error) {
        if (signal.aborted) return;
        trouble = error;
        onError(error);
      }
      await pause(failures, trouble, signal);
    }
  };

  const fillTrades = async (instrument: Instrument, signal: AbortSignal): Promise<void> => {
    for (let failures = 0; !signal.aborted;) {
      const missing = missingTrades(instrument.trades);
      if (missing === undefined) return;
      let trouble: unknown;
      try {
        const found = await history.trades({ symbol: instrument.symbol, ...missing, signal });
        if (signal.aborted) return;
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

  const askedLife = (instrument: Instrument, kind: StreamKind): MonoMs => {
    const askedMono = clock.mono();
    const life = instrument.lives[kind];
    assert(life !== undefined, "only subscribed streams are judged");
    noteAsked(life, askedMono);
    return askedMono;
  };
  const proveDepth = async (instrument: Instrument, askedMono: MonoMs, signal: AbortSignal): Promise<void> => {
    const updateId = await history.lastUpdateId(instrument.symbol, signal);
    if (!signal.aborted) takeProof(instrument, updateId, askedMono, clock.mono());
  };
  const proveTrades = async (instrument: Instrument, askedMono: MonoMs, signal: AbortSignal): Promise<void> => {
    const id = await history.lastTradeId(instrument.symbol, signal);
    const life = instrument.lives.trade;
    if (signal.aborted || life === undefined) return;
    const { lastId } = instrument.trades;
    // Before the first trade of our own there is nothing to compare with: the next proof compares with this one.
    beginTradesAfter(instrument.trades, id);
    noteAnswered(life, { askedMono, nowMono: clock.mono(), isBehind: lastId !== undefined && id > lastId });
  };

  return {
    book(instrument, signal) {
      if (books.get(instrument) === signal) return;
      books.set(instrument, signal);
      run(async () => {
        try {
          await fillBook(instrument, signal);
        } finally {
          if (books.get(instrument) === signal) books.delete(instrument);
        }
      }, signal);
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
      if (instrument.trades.lastId === undefined) return;
      run(async () => {
        const id = await history.lastTradeId(instrument.symbol, signal);
        if (!signal.aborted) onTrades(instrument, venueHasTrades(instrument.trades, id, clock.mono()));
      }, signal);
    },
    prove(instrument, kind, signal) {
      const askedMono = askedLife(instrument, kind);
      if (kind === "depth") run(async () => proveDepth(instrument, askedMono, signal), signal);
      if (kind === "trade") run(async () => proveTrades(instrument, askedMono, signal), signal);
    },
  };
}
