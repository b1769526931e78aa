/** One symbol's part of a feed's status. */
import type { MonoMs } from "@baton/core";
import type { Instrument } from "./instrument.ts";
import type { SymbolStatus } from "./market-view.ts";

/** The facts of one symbol as people and metrics see them. Its quality has been judged at `nowMono`. */
export function symbolStatus(instrument: Instrument, nowMono: MonoMs): SymbolStatus {
  const { symbol, quality, reason, sync, trades, currentMono, price, snapshots, lagMs } = instrument;
  return {
    symbol,
    quality,
    reason,
    ageMs: price === undefined || currentMono === undefined ? undefined : nowMono - currentMono,
    updateId: price?.updateId,
    book: sync.phase,
    gaps: sync.gaps,
    distrusts: sync.distrusts,
    snapshots,
    lastTradeId: trades.lastId,
    tradeHoles: trades.holes,
    tradesRepaired: trades.repaired,
    tradesFlagged: trades.flagged,
    tradeDuplicates: trades.duplicates,
    lagMs,
  };
}
