/**
 * Trades in order, each once, and every missing one named.
 *
 * A symbol's trades have ids that rise by one. What the stream leaves out is a hole: trades that come after it are held
 * back while the hole is filled from the venue's history, so that consumers see the ids in order; when that takes too
 * long, or too many wait, the hole is *flagged* (told as such, never skipped in silence) and delivery goes on. Invariant:
 * of the ids delivered and the ids flagged, each follows the last by one, without exception, from the first id on.
 *
 * Trades whose ids begin anew (an id that was had, with a later time) start a new sequence, told as a flag of its own.
 *
 * Where a venue does not promise that its ids follow each other by one (`ascending`) a missing id shows nothing. There
 * only a break shows that something may be missing (`breakTrades`): what comes after it is held back until the venue's
 * history has shown what lies between, or has not, which is flagged. Ids rise there too, so that of two lines' copies
 * the second is known; one that comes behind a later one cannot be told in its place, and is flagged.
 */
import type { Decimal } from "../decimal.ts";
import type { SymbolId } from "../ids.ts";
import type { MonoMs, WallMs } from "../time.ts";
import { monoMs } from "../time.ts";

/** One public trade. */
export interface MarketTrade {
  readonly symbol: SymbolId;
  /** The venue's id; rises per symbol, by one where the venue promises that. */
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

/** What a venue promises of its trade ids: each follows the last by one, or each is only higher than the last. */
export type TradeIds = "consecutive" | "ascending";

/** The trades of one symbol. Changed in place. */
export interface TradeSequence {
  readonly symbol: SymbolId;
  readonly rules: TradeRules;
  readonly ids: TradeIds;
  /** Something may be missing after `lastId`; only where ids are ascending. */
  isBroken: boolean;
  /** How often that has begun: an answer to a question of before shows nothing about what came after. */
  breaks: number;
  /** Of ascending ids: the last that were told, to know a second copy from one that comes late. */
  readonly told: Set<number>;
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
  /** Ids that were flagged; of ascending ids holes, since nobody knows how many trades lie in one. */
  flagged: number;
  restarts: number;
}

/** How many told ids are remembered: more than two lines are apart. */
const toldMax = 4_000;
/** Ascending ids that are lower again after so long have begun anew; sooner, they are only late. */
const anewAfterMs = 60_000;

/** Nothing seen yet; the first trade sets the beginning. */
export function newTradeSequence(symbol: SymbolId, rules: TradeRules, ids: TradeIds = "consecutive"): TradeSequence {
  return {
    symbol,
    rules,
    ids,
    isBroken: false,
    breaks: 0,
    told: new Set(),
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
  if (lastId === undefined || isNext(s, lastId, trade.id)) {
    s.isBroken = false;
    const told = deliver(s, trade);
    return s.held.size === 0 && s.hole === undefined ? told : [...told, ...release(s)];
  }
  if (trade.id <= lastId) {
    if (isAnew(s, trade)) return restart(s, trade);
    if (s.ids === "ascending" && !s.told.has(trade.id) && trade.source === "stream") return late(s, trade);
    s.duplicates += 1;
    return [];
  }
  if (s.held.has(trade.id)) {
    s.duplicates += 1;
    return [];
  }
  s.held.set(trade.id, trade);
  if (s.ids === "ascending" && s.isBroken && s.hole !== undefined) {
    s.hole = { ...s.hole, toId: Math.max(s.hole.toId, trade.id - 1) };
  }
  if (s.ids === "ascending") s.isBroken = false;
  const events = [...openHole(s, trade.id - 1, nowMono)];
  while (s.hole !== undefined && s.held.size > s.rules.heldMax) {
    events.push(...flag(s, "too many later trades wait for it"));
  }
  return events;
}

/** True when nothing can lie between the last and this one. */
function isNext(s: TradeSequence, lastId: number, id: number): boolean {
  if (s.ids === "consecutive") return id === lastId + 1;
  if (s.hole !== undefined || id <= lastId) return false;
  return !s.isBroken || id === lastId + 1;
}

/**
 * Of ascending ids: trades may have been missed from here on, until the venue's history shows whether. While a hole is
 * open, it reaches up to the next trade that comes.
 */
export function breakTrades(s: TradeSequence): void {
  if (s.ids !== "ascending" || s.lastId === undefined) return;
  s.isBroken = true;
  s.breaks += 1;
}

/**
 * Of ascending ids: fills the hole with the venue's newest trades (ascending, all that it gave). Whether the hole is whole
 * then shows in the trade before it: without that one, what lies between is flagged. Undefined: the history does not
 * reach the end of the hole yet, ask again.
 */
export function fillHole(s: TradeSequence, history: readonly MarketTrade[]): readonly TradeEvent[] | undefined {
  const { hole, lastId } = s;
  if (hole === undefined || lastId === undefined) return [];
  const reached = history.at(-1)?.id ?? -Infinity;
  if (reached < hole.toId || (s.held.has(hole.toId + 1) && reached === hole.toId)) return undefined;
  const firstKnown = history[0]?.id ?? Infinity;
  const events: TradeEvent[] = [];
  if (firstKnown > lastId) {
    const reason = "the venue's history does not reach back to them, if there were any";
    events.push(...flagUpTo(s, Math.min(firstKnown - 1, hole.toId), reason));
  }
  for (const trade of history) {
    if (trade.id <= (s.lastId ?? 0) || trade.id > hole.toId) continue;
    const copy = s.held.get(trade.id);
    if (copy !== undefined) s.duplicates += 1;
    s.held.delete(trade.id);
    events.push(...deliver(s, copy ?? trade));
  }
  s.lastId = hole.toId;
  return [...events, ...releaseAll(s)];
}

/** Before the first trade: the venue's last id. What comes after it is complete; what came before it is history. */
export function beginTradesAfter(s: TradeSequence, id: number): void {
  s.lastId ??= id;
}

/** The venue's last trade, and how many `breaks` the sequence had had when the venue was asked for it. */
export interface VenueLast {
  readonly id: number;
  readonly breaks: number;
}

/** The venue's history goes up to `last`: whatever lies between is missing, though the stream has not shown it. */
export function venueHasTrades(s: TradeSequence, last: VenueLast, nowMono: MonoMs): readonly TradeEvent[] {
  if (s.lastId === undefined) return [];
  if (last.id > s.lastId) return openHole(s, last.id, nowMono);
  // The stream has been listened to since the venue was asked: what comes from now on is complete.
  if (s.hole === undefined && last.breaks === s.breaks) s.isBroken = false;
  return [];
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
  const missing = s.ids === "ascending" ? 0 : s.hole.toId - s.lastId;
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
  if (s.ids === "ascending") remember(s, trade.id);
  if (trade.source === "repair") s.repaired += 1;
  return [{ type: "trade", trade }];
}

function remember(s: TradeSequence, id: number): void {
  s.told.add(id);
  if (s.told.size <= toldMax) return;
  for (const oldest of s.told) {
    s.told.delete(oldest);
    break;
  }
}

/** Behind a later one it cannot be told any more. */
function late(s: TradeSequence, { id }: MarketTrade): readonly TradeEvent[] {
  remember(s, id);
  s.holes += 1;
  return noteFlagged(s, id, id, "it came after a later one");
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

/** Of ascending ids: what is held up to here is told, and what lies between is flagged. */
function flagUpTo(s: TradeSequence, toId: number, reason: string): readonly TradeEvent[] {
  const events: TradeEvent[] = [];
  const flagBefore = (id: number): void => {
    const fromId = (s.lastId ?? 0) + 1;
    if (fromId < id) events.push(...noteFlagged(s, fromId, id - 1, reason));
  };
  for (const trade of [...s.held.values()].filter(({ id }) => id <= toId).toSorted((a, b) => a.id - b.id)) {
    flagBefore(trade.id);
    s.held.delete(trade.id);
    events.push(...deliver(s, trade));
  }
  flagBefore(toId + 1);
  s.lastId = Math.max(s.lastId ?? 0, toId);
  return events;
}

/** Of ascending ids: the hole is closed, and beyond it there is no other: what is held follows. */
function releaseAll(s: TradeSequence): readonly TradeEvent[] {
  s.hole = undefined;
  const held = [...s.held.values()].toSorted((a, b) => a.id - b.id);
  s.held.clear();
  return held.flatMap((trade): readonly TradeEvent[] => {
    if (trade.id > (s.lastId ?? 0)) return deliver(s, trade);
    if (!s.told.has(trade.id)) return late(s, trade);
    s.duplicates += 1;
    return [];
  });
}

function flag(s: TradeSequence, reason: string): readonly TradeEvent[] {
  if (s.hole === undefined || s.lastId === undefined) return [];
  if (s.ids === "ascending") return [...flagUpTo(s, s.hole.toId, reason), ...releaseAll(s)];
  const [fromId, toId] = [s.lastId + 1, firstHeldAfter(s, s.hole.toId)];
  s.lastId = toId;
  return [...noteFlagged(s, fromId, toId, reason), ...release(s)];
}

function noteFlagged(s: TradeSequence, fromId: number, toId: number, reason: string): readonly TradeEvent[] {
  s.flagged += s.ids === "ascending" ? 1 : toId - fromId + 1;
  return [{ type: "hole", symbol: s.symbol, fromId, toId, reason }];
}

/** An id that was delivered comes again for a later trade. Of a flagged id that comes late, nothing can be said. */
function isAnew(s: TradeSequence, trade: MarketTrade): boolean {
  const last = s.lastTrade;
  if (trade.source !== "stream" || last === undefined || trade.id > last.id) return false;
  if (s.ids === "consecutive") return trade.tradedWallMs > last.tradedWallMs;
  return !s.told.has(trade.id) && trade.tradedWallMs > last.tradedWallMs + anewAfterMs;
}

function restart(s: TradeSequence, trade: MarketTrade): readonly TradeEvent[] {
  const flags: TradeEvent[] = [];
  while (s.hole !== undefined) flags.push(...flag(s, "the venue's ids begin anew"));
  const lastId = s.lastId ?? 0;
  s.told.clear();
  s.restarts += 1;
  return [...flags, { type: "restart", symbol: s.symbol, lastId }, ...deliver(s, trade)];
}
