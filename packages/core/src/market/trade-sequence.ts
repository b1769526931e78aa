/**
 * Trades in order, each once, and every missing one named.
 *
 * A symbol's trades have ids that rise by one. What the stream leaves out is a hole: trades that come after it are held
 * back while the hole is filled from the venue's history, so that consumers see the ids in order; when that takes too
 * long, or too many wait, the hole is *flagged* (told as such, never skipped in silence) and delivery goes on. Invariant:
 * of the ids delivered and the ids flagged, each follows the last by one, without exception, from the first id on.
 *
 * Trades whose ids begin anew (an id that was had, with a later time) start a new sequence, told as a flag of its own.
 */
import type { Decimal } from "../decimal.ts";
import type { SymbolId } from "../ids.ts";
import type { MonoMs, WallMs } from "../time.ts";
import { monoMs } from "../time.ts";

/** One public trade. */
export interface MarketTrade {
  readonly symbol: SymbolId;
  /** The venue's id; rises by one per symbol. */
  readonly id: number;
  readonly price: Decimal;
  readonly quantity: Decimal;
  /** The side that took. */
  readonly taker: "buy" | "sell";
  /** The venue's time of the trade. */
  readonly tradedWallMs: WallMs;
  /** Whether the stream brought it, or a repair. */
  readonly source: "stream" | "repair";
}

/** What consumers are told, in order. */
export type TradeEvent =
  | { readonly type: "trade"; readonly trade: MarketTrade }
  /** Ids `fromId` to `toId` will not be delivered. */
  | {
      readonly type: "hole";
      readonly symbol: SymbolId;
      readonly fromId: number;
      readonly toId: number;
      readonly reason: string;
    }
  /** The venue's ids begin anew; the next trade's id follows nothing. */
  | { readonly type: "restart"; readonly symbol: SymbolId; readonly lastId: number };

export interface TradeRules {
  /** How long later trades wait for a repair. */
  readonly holdMs: number;
  /** Most trades that wait; one more flags the hole. */
  readonly heldMax: number;
  /** A hole of more ids than this is flagged at once. */
  readonly repairMax: number;
}

/** The trades of one symbol. Changed in place. */
export interface TradeSequence {
  readonly symbol: SymbolId;
  readonly rules: TradeRules;
  /** The last id that was delivered or flagged; undefined before the first. */
  lastId: number | undefined;
  lastTrade: MarketTrade | undefined;
  /** The missing ids right after `lastId`, while they are being repaired. */
  hole: { readonly toId: number; readonly untilMono: MonoMs } | undefined;
  /** Trades beyond the hole, by id. */
  readonly held: Map<number, MarketTrade>;
  duplicates: number;
  holes: number;
  /** Ids that were missed by the stream and brought by a repair. */
  repaired: number;
  /** Ids that were flagged. */
  flagged: number;
  restarts: number;
}

/** Nothing seen yet; the first trade sets the beginning. */
export function newTradeSequence(symbol: SymbolId, rules: TradeRules): TradeSequence {
  return {
    symbol,
    rules,
    lastId: undefined,
    lastTrade: undefined,
    hole: undefined,
    held: new Map(),
    duplicates: 0,
    holes: 0,
    repaired: 0,
    flagged: 0,
    restarts: 0,
  };
}

/** The ids to fetch from the venue's history now; undefined when nothing is missing. */
export function missingTrades(s: TradeSequence): { readonly fromId: number; readonly toId: number } | undefined {
  if (s.hole === undefined || s.lastId === undefined) return undefined;
  return { fromId: s.lastId + 1, toId: s.hole.toId };
}

/** Takes one trade, from the stream or a repair, and returns what may be told now. */
export function addTrade(s: TradeSequence, trade: MarketTrade, nowMono: MonoMs): readonly TradeEvent[] {
  const { lastId } = s;
  if (lastId === undefined || trade.id === lastId + 1) {
    const told = deliver(s, trade);
    return s.held.size === 0 && s.hole === undefined ? told : [...told, ...release(s)];
  }
  if (trade.id <= lastId) {
    if (isAnew(s, trade)) return restart(s, trade);
    s.duplicates += 1;
    return [];
  }
  if (s.held.has(trade.id)) {
    s.duplicates += 1;
    return [];
  }
  s.held.set(trade.id, trade);
  const events = [...openHole(s, trade.id - 1, nowMono)];
  while (s.hole !== undefined && s.held.size > s.rules.heldMax) {
    events.push(...flag(s, "too many later trades wait for it"));
  }
  return events;
}

/** Before the first trade: the venue's last id. What comes after it is complete; what came before it is history. */
export function beginTradesAfter(s: TradeSequence, id: number): void {
  s.lastId ??= id;
}

/** The venue's history goes up to `id`: whatever lies between is missing, though the stream has not shown it. */
export function venueHasTrades(s: TradeSequence, id: number, nowMono: MonoMs): readonly TradeEvent[] {
  return s.lastId === undefined || id <= s.lastId ? [] : openHole(s, id, nowMono);
}

/** Flags a hole whose time is over. Call at `hole.untilMono`. */
export function expireHole(s: TradeSequence, nowMono: MonoMs): readonly TradeEvent[] {
  const events: TradeEvent[] = [];
  while (s.hole !== undefined && nowMono >= s.hole.untilMono) {
    events.push(...flag(s, `not repaired within ${s.rules.holdMs} ms`));
  }
  return events;
}

/** Flags the hole now, because the venue's history does not have it. */
export function flagHole(s: TradeSequence, reason: string): readonly TradeEvent[] {
  return s.hole === undefined ? [] : flag(s, reason);
}

function openHole(s: TradeSequence, toId: number, nowMono: MonoMs): readonly TradeEvent[] {
  if (s.lastId === undefined) return [];
  if (s.hole === undefined) {
    s.holes += 1;
    s.hole = { toId: firstHeldAfter(s, toId), untilMono: monoMs(nowMono + s.rules.holdMs) };
  }
  const missing = s.hole.toId - s.lastId;
  return missing > s.rules.repairMax ? flag(s, `${missing} trades are too many to repair`) : [];
}

/** The hole ends before the first held trade. */
function firstHeldAfter(s: TradeSequence, toId: number): number {
  let end = toId;
  for (const id of s.held.keys()) end = Math.min(end, id - 1);
  return end;
}

function deliver(s: TradeSequence, trade: MarketTrade): readonly TradeEvent[] {
  s.lastId = trade.id;
  s.lastTrade = trade;
  if (trade.source === "repair") s.repaired += 1;
  return [{ type: "trade", trade }];
}

/** Tells the held trades that now follow, and moves or ends the hole. */
function release(s: TradeSequence): readonly TradeEvent[] {
  const events: TradeEvent[] = [];
  for (;;) {
    const next: MarketTrade | undefined = s.held.size === 0 ? undefined : s.held.get((s.lastId ?? 0) + 1);
    if (next === undefined) break;
    s.held.delete(next.id);
    events.push(...deliver(s, next));
  }
  if (s.hole === undefined || (s.lastId ?? 0) < s.hole.toId) return events;
  // The first hole is closed; what is still held lies beyond a second one, whose time runs on from the first.
  const { untilMono } = s.hole;
  s.hole = undefined;
  if (s.held.size > 0) {
    s.holes += 1;
    s.hole = { toId: firstHeldAfter(s, Infinity), untilMono };
  }
  return events;
}

function flag(s: TradeSequence, reason: string): readonly TradeEvent[] {
  if (s.hole === undefined || s.lastId === undefined) return [];
  const [fromId, toId] = [s.lastId + 1, firstHeldAfter(s, s.hole.toId)];
  s.flagged += toId - fromId + 1;
  s.lastId = toId;
  return [{ type: "hole", symbol: s.symbol, fromId, toId, reason }, ...release(s)];
}

/** An id that was delivered comes again for a later trade. Of a flagged id that comes late, nothing can be said. */
function isAnew(s: TradeSequence, trade: MarketTrade): boolean {
  const last = s.lastTrade;
  return (
    trade.source === "stream" && last !== undefined && trade.id <= last.id && trade.tradedWallMs > last.tradedWallMs
  );
}

function restart(s: TradeSequence, trade: MarketTrade): readonly TradeEvent[] {
  const flags: TradeEvent[] = [];
  while (s.hole !== undefined) flags.push(...flag(s, "the venue's ids begin anew"));
  const lastId = s.lastId ?? 0;
  s.restarts += 1;
  return [...flags, { type: "restart", symbol: s.symbol, lastId }, ...deliver(s, trade)];
}
