/** What the feed shows of one symbol: its price, its book, its part of the status. */
import type { MonoMs } from "@baton/core";
import { decimalOfKey, levelsOf } from "@baton/core";
import type { Instrument } from "./instrument.ts";
import { bestBook } from "./instrument.ts";
import type { BookView, SymbolStatus, Top } from "./market-view.ts";

/** The price, as exact decimals; undefined before the first. Its quality has just been judged. */
export function topView(feed: string, instrument: Instrument): Top | undefined {
  const { symbol, price, currentMono, quality } = instrument;
  if (price === undefined || currentMono === undefined) return undefined;
  return {
    feed,
    symbol,
    bid: decimalOfKey(price.bid),
    bidQuantity: decimalOfKey(price.bidQuantity),
    ask: decimalOfKey(price.ask),
    askQuantity: decimalOfKey(price.askQuantity),
    updateId: price.updateId,
    quality,
    currentMono,
    ageMs: (nowMono) => nowMono - currentMono,
  };
}

/** The best levels of the book that is believed; undefined while none is. What is older than `oldMono` is stale. */
export function bookView(
  feed: string,
  instrument: Instrument,
  { depth, oldMono }: { readonly depth: number; readonly oldMono: number },
): BookView | undefined {
  const shown = bestBook(instrument);
  if (shown?.bookCurrentMono === undefined) return undefined;
  const { sync, bookCurrentMono } = shown;
  return {
    feed,
    symbol: instrument.symbol,
    updateId: sync.updateId,
    bids: levelsOf(sync.book, "bids", depth),
    asks: levelsOf(sync.book, "asks", depth),
    // The price may be kept fresh by its own stream; the book is only as fresh as its differences.
    quality: bookCurrentMono < oldMono ? "stale" : instrument.quality,
    currentMono: bookCurrentMono,
  };
}

/** The facts of one symbol as people and metrics see them. Its quality has been judged at `nowMono`. */
export function symbolStatus(instrument: Instrument, nowMono: MonoMs): SymbolStatus {
  const { symbol, quality, reason, books, trades, currentMono, price, snapshots, lagMs } = instrument;
  let [gaps, distrusts] = [instrument.pastGaps, instrument.pastDistrusts];
  for (const { sync } of books) {
    gaps += sync.gaps;
    distrusts += sync.distrusts;
  }
  return {
    symbol,
    quality,
    reason,
    ageMs: price === undefined || currentMono === undefined ? undefined : nowMono - currentMono,
    updateId: price?.updateId,
    line: price?.book.line,
    book: bestBook(instrument)?.sync.phase ?? "void",
    gaps,
    distrusts,
    snapshots,
    lastTradeId: trades.lastId,
    tradeHoles: trades.holes,
    tradesRepaired: trades.repaired,
    tradesFlagged: trades.flagged,
    tradeDuplicates: trades.duplicates,
    lagMs,
  };
}
