/** This node's market as the admin contract shows it: feeds, their lines, and the book that orders are decided on. */
import type { BookView, ClusterView, FeedView, SymbolId, VenueId } from "@baton/core";
import { id } from "@baton/core";
import { monoNow } from "../clock.ts";
import type { EngineNode } from "./node.ts";

/** Every symbol of every feed. */
export function feedViews(node: EngineNode): readonly FeedView[] {
  const { markets, drift } = node;
  return markets.statuses().flatMap((status) =>
    status.symbols.map((symbol) => {
      const top = markets.top(status.id, symbol.symbol);
      return {
        id: status.id,
        venue: id<VenueId>(status.venue),
        symbol: symbol.symbol,
        state: status.state,
        quality: symbol.quality,
        ageMs: symbol.ageMs ?? null,
        bid: top?.bid ?? null,
        ask: top?.ask ?? null,
        gaps: symbol.gaps,
        reconnects: Object.values(status.reconnects).reduce((sum, count) => sum + count, 0),
        reason: symbol.reason,
        tradesMissing: symbol.tradesFlagged,
        line: symbol.line ?? null,
        reconnectsByCause: Object.fromEntries(Object.entries(status.reconnects).filter(([, count]) => count > 0)),
        lines: status.lines.map(({ line, url, state, reason, ageMs, failuresInRow, isSuccessor }) => ({
          ...{ line, url, state, reason, failuresInRow, isSuccessor },
          upMs: ageMs ?? null,
        })),
        drift: drift.of(status.id, symbol.symbol),
      };
    }),
  );
}

/** The book that orders are decided on; undefined where no feed carries the symbol. */
export function bookView(node: EngineNode, symbol: SymbolId, depth: number): BookView | undefined {
  const book = node.markets.book(symbol, depth);
  if (book === undefined) return undefined;
  const levels = (side: typeof book.bids): BookView["bids"] =>
    side.map((level) => [level.price, level.quantity] as const);
  return {
    version: 1,
    feed: book.feed,
    symbol: book.symbol,
    quality: book.quality,
    ageMs: Math.max(0, monoNow() - book.currentMono),
    updateId: book.updateId,
    bids: levels(book.bids),
    asks: levels(book.asks),
  };
}

/** The quality of each feed as a whole: that of its worst symbol. */
export function feedQualities(node: EngineNode): ClusterView["feeds"] {
  return node.markets.statuses().map((status) => ({
    id: status.id,
    quality: worst(status.symbols.map((symbol) => symbol.quality)),
    ageMs: status.ageMs ?? null,
  }));
}

function worst(qualities: readonly ("live" | "degraded" | "stale")[]): "live" | "degraded" | "stale" {
  if (qualities.length === 0 || qualities.includes("stale")) return "stale";
  return qualities.includes("degraded") ? "degraded" : "live";
}
