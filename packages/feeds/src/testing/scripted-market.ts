/** The true book and the true trades of one market of a scripted venue, and how they change. */

/** Price in ticks of 0.01 → quantity in steps of 0.001. */
export type Side = Map<number, number>;

/** A side as texts, best first. */
export interface Levels {
  readonly bids: string[][];
  readonly asks: string[][];
}

export interface MadeTrade {
  readonly id: number;
  readonly price: string;
  readonly qty: string;
  readonly time: number;
  readonly isBuyerTaker: boolean;
}

export interface Market {
  readonly code: string;
  readonly bids: Side;
  readonly asks: Side;
  middle: number;
  /** One more with each level that changes. */
  updateId: number;
  readonly trades: MadeTrade[];
  nextTradeId: number;
}

/** What one move has changed. */
export interface Change {
  /** The update id before. */
  readonly before: number;
  /** Levels in their order, also those that were changed twice. */
  readonly changes: { readonly b: string[][]; readonly a: string[][] };
  readonly levelsBefore: Levels;
}

/** Uniform in 0 to `below` − 1. */
export type Dice = (below: number) => number;

/** Each side has at least so many levels. */
const levelsMin = 14;

/** A market with thirty levels a side. */
export function newMarket(code: string): Market {
  const m: Market = {
    code,
    bids: new Map(),
    asks: new Map(),
    middle: 6_900_000,
    updateId: 1_000,
    trades: [],
    nextTradeId: 1,
  };
  for (let at = 1; at <= 30; at += 1) {
    m.bids.set(m.middle - at, at * 10);
    m.asks.set(m.middle + at, at * 10);
  }
  return m;
}

/** Moves the middle a little and changes a few levels; both sides always have a best one. */
export function moveMarket(m: Market, dice: Dice): Change {
  const before = m.updateId;
  const levelsBefore = levelsOf(m);
  const changes = { b: [] as string[][], a: [] as string[][] };
  m.middle += dice(3) - 1;
  for (let count = 1 + dice(4); count > 0; count -= 1) {
    const distance = 1 + dice(20);
    const quantity = dice(4) === 0 ? 0 : 1 + dice(5_000);
    const isBid = dice(2) === 0;
    change(m, changes, isBid ? m.middle - distance : m.middle + distance, { isBid, quantity });
  }
  // What the middle has run over is gone.
  for (const at of m.bids.keys()) if (at >= m.middle) change(m, changes, at, { isBid: true, quantity: 0 });
  for (const at of m.asks.keys()) if (at <= m.middle) change(m, changes, at, { isBid: false, quantity: 0 });
  change(m, changes, m.middle - 1 - dice(2), { isBid: true, quantity: 1 + dice(900) });
  change(m, changes, m.middle + 1 + dice(2), { isBid: false, quantity: 1 + dice(900) });
  for (let at = 21; m.bids.size < levelsMin; at += 1) change(m, changes, m.middle - at, { isBid: true, quantity: 7 });
  for (let at = 21; m.asks.size < levelsMin; at += 1) change(m, changes, m.middle + at, { isBid: false, quantity: 7 });
  return { before, changes, levelsBefore };
}

/** A trade at the middle. */
export function makeTrade(m: Market, dice: Dice): MadeTrade {
  const isBuyerTaker = dice(2) === 0;
  const made = {
    ...{ id: m.nextTradeId, price: priceText(m.middle), qty: quantityText(1 + dice(50)) },
    ...{ time: Date.now(), isBuyerTaker },
  };
  m.trades.push(made);
  return made;
}

/** The true book at this instant. */
export function levelsOf(m: Market): Levels {
  const texts = (side: Side, sign: 1 | -1): string[][] =>
    [...side].toSorted(([a], [b]) => sign * (b - a)).map(([at, quantity]) => [priceText(at), quantityText(quantity)]);
  return { bids: texts(m.bids, 1), asks: texts(m.asks, -1) };
}

/**
 * What has changed within a window of so many levels a side: what has come, what has another quantity, what has gone.
 * What only fell out of the window is told where the venue does so.
 */
export function windowChanges(before: Levels, after: Levels, depth: number, tellsFallen: boolean): Levels {
  const side = (which: "bids" | "asks"): string[][] => {
    const [was, is] = [before[which].slice(0, depth), after[which].slice(0, depth)];
    const text = (row: string[]): string => row.join(" ");
    const old = new Set(was.map(text));
    const prices = new Set(is.map(([at]) => at));
    const last = Number(is.at(-1)?.[0]);
    const isInside = (at: number): boolean => (which === "bids" ? at > last : at < last);
    const gone = was.filter(([at]) => !prices.has(at) && (tellsFallen || isInside(Number(at))));
    return [...gone.map(([at]) => [at ?? "", quantityText(0)]), ...is.filter((row) => !old.has(text(row)))];
  };
  return { bids: side("bids"), asks: side("asks") };
}

function change(
  m: Market,
  changes: Change["changes"],
  at: number,
  to: { readonly isBid: boolean; readonly quantity: number },
): void {
  const side = to.isBid ? m.bids : m.asks;
  if (to.quantity === 0) side.delete(at);
  else side.set(at, to.quantity);
  m.updateId += 1;
  (to.isBid ? changes.b : changes.a).push([priceText(at), quantityText(to.quantity)]);
}

/** As venues write it: with all decimal places. */
function priceText(ticks: number): string {
  return `${Math.floor(ticks / 100)}.${String(ticks % 100).padStart(2, "0")}000000`;
}

function quantityText(steps: number): string {
  return `${Math.floor(steps / 1_000)}.${String(steps % 1_000).padStart(3, "0")}00000`;
}
