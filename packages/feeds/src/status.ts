/** One symbol's part of a feed's status. */
import type { MonoMs } from "@baton/core";
import type { Instrument } from "./instrument.ts";
import { bestBook } from "./instrument.ts";
import type { SymbolStatus } from "./market-view.ts";

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
