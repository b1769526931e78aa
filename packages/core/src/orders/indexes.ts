/**
 * What is derived from order rows so that no decision ever walks all orders: who is open, whose fate is unknown, which
 * order an id belongs to, how much of each market may still be bought or sold, how many orders were made lately. Each
 * change is made by taking the old row out and putting the new one in, so the figures are always those that a count
 * from scratch gives. Worst case (I12): what is pending or in doubt counts with its whole quantity as if it were still
 * open (its venue slot, its notional) and, in the position limits, as if it were filled; never as a relief for the
 * other side. An accepted order counts with what the fills have not yet told, also after its end.
 */
import { add, compare, maximum, multiply, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { ClientOrderId, IntentId } from "../ids.ts";
import { isOrderEnded, isReissuable, isUnsettled, latestAttempt } from "./order-row.ts";
import type { OrderRow } from "./order-row.ts";

/** What may still be traded in one market. All quantities in base units, notionals in quote units, none negative. */
export interface Exposure {
  /** Of accepted orders: not yet known as fills. */
  readonly buyOpen: Decimal;
  readonly sellOpen: Decimal;
  /** Of orders whose acceptance is not known: pending, in doubt, about to be issued anew. */
  readonly buyDoubt: Decimal;
  readonly sellDoubt: Decimal;
  /** Limit price (or the far side that a market order was decided on) × the above, both kinds. */
  readonly buyNotional: Decimal;
  readonly sellNotional: Decimal;
  /** Orders that are not ended. */
  readonly orders: number;
}

/** The derived part of an `EngineState`. */
export interface Indexes {
  /** Market → orders that are not ended. */
  readonly open: Map<string, Set<IntentId>>;
  /** Orders whose latest attempt's fate is unknown: inherited by a successor, resolved by evidence only. */
  readonly unsettled: Set<IntentId>;
  /** Orders proved not accepted, waiting for the next attempt or the end. */
  readonly reissuable: Set<IntentId>;
  /** Ended or open orders of which the venue executed more than the recorded fills say. */
  readonly fillsMissing: Set<IntentId>;
  /** Each attempt's client order id. */
  readonly byClientOrderId: Map<ClientOrderId, { readonly intent: IntentId; readonly attempt: number }>;
  /** By `venueOrderKey`. */
  readonly byVenueOrderId: Map<string, IntentId>;
  /** Market → exposure; absent is none. */
  readonly exposure: Map<string, Exposure>;
  /** When the latest attempts were recorded, never falling; see `recentAttempts`. */
  readonly recent: number[];
}

/** How far back the order rate can be counted. */
export const orderRateWindowMaxMs = 60_000;

/** No exposure. */
export const noExposure: Exposure = {
  buyOpen: zero,
  sellOpen: zero,
  buyDoubt: zero,
  sellDoubt: zero,
  buyNotional: zero,
  sellNotional: zero,
  orders: 0,
};

/** The key of a venue's order id; venues count them per symbol. */
export function venueOrderKey(venue: string, symbol: string, venueOrderId: string): string {
  return `${venue}|${symbol}|${venueOrderId}`;
}

export function emptyIndexes(): Indexes {
  return {
    open: new Map(),
    unsettled: new Set(),
    reissuable: new Set(),
    fillsMissing: new Set(),
    byClientOrderId: new Map(),
    byVenueOrderId: new Map(),
    exposure: new Map(),
    recent: [],
  };
}

export function copyIndexes(indexes: Indexes): Indexes {
  return {
    open: new Map([...indexes.open].map(([market, orders]) => [market, new Set(orders)])),
    unsettled: new Set(indexes.unsettled),
    reissuable: new Set(indexes.reissuable),
    fillsMissing: new Set(indexes.fillsMissing),
    byClientOrderId: new Map(indexes.byClientOrderId),
    byVenueOrderId: new Map(indexes.byVenueOrderId),
    exposure: new Map(indexes.exposure),
    recent: [...indexes.recent],
  };
}

/** Replaces one order in all indexes but `recent`; `before` undefined: it is new. */
export function indexOrder(indexes: Indexes, before: OrderRow | undefined, after: OrderRow): void {
  const { venue, symbol } = after.terms;
  const market = `${venue}|${symbol}`;
  const old = before === undefined ? undefined : shareOf(before);
  const share = shareOf(after);
  if (share.orders === 1) openIn(indexes, market).add(after.id);
  else indexes.open.get(market)?.delete(after.id);
  mark(indexes.unsettled, after.id, share.fate === "unsettled");
  mark(indexes.reissuable, after.id, share.fate === "reissuable");
  mark(indexes.fillsMissing, after.id, compare(after.executed, after.filled) > 0);
  for (const attempt of after.attempts.slice(before?.attempts.length ?? 0))
    indexes.byClientOrderId.set(attempt.clientOrderId, { intent: after.id, attempt: attempt.number });
  if (after.venueOrderId !== undefined && after.venueOrderId !== before?.venueOrderId)
    indexes.byVenueOrderId.set(venueOrderKey(venue, symbol, after.venueOrderId), after.id);
  moveExposure(indexes, market, old, share);
}

/** Counts one more attempt for the order rate. To be called in the order of events. */
export function noteAttempt(indexes: Indexes, recordedWallMs: number): void {
  const { recent } = indexes;
  // A leader whose clock is behind its predecessor's must not open the window early: times never fall.
  const time = Math.max(recordedWallMs, recent[recent.length - 1] ?? recordedWallMs);
  recent.push(time);
  const half = recent.length >> 1;
  if (half >= 512 && (recent[half] ?? time) < time - orderRateWindowMaxMs) recent.splice(0, half);
}

/** How many attempts were recorded after `nowWallMs − perMs`; `perMs` up to `orderRateWindowMaxMs`. */
export function recentAttempts(indexes: Indexes, nowWallMs: number, perMs: number): number {
  const { recent } = indexes;
  let low = 0;
  let high = recent.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((recent[middle] ?? 0) > nowWallMs - perMs) high = middle;
    else low = middle + 1;
  }
  return recent.length - low;
}

interface Share {
  readonly side: "buy" | "sell";
  readonly rest: Decimal;
  readonly notional: Decimal;
  readonly isAccepted: boolean;
  readonly orders: 0 | 1;
  readonly fate: "unsettled" | "reissuable" | "settled";
}

function shareOf(order: OrderRow): Share {
  const { side, quantity } = order.terms;
  const isEnded = isOrderEnded(order);
  // After its end an order still moves the position by what it executed and no fill has told yet.
  const whole = isEnded ? order.executed : maximum(quantity, order.executed);
  const rest = order.filled === "0" ? whole : maximum(zero, subtract(whole, order.filled));
  return {
    side,
    rest,
    notional: rest === "0" ? zero : multiply(rest, priceOf(order)),
    isAccepted: isEnded || order.venueOrderId !== undefined,
    orders: isEnded ? 0 : 1,
    fate: isUnsettled(order) ? "unsettled" : isReissuable(order) ? "reissuable" : "settled",
  };
}

/** What one unit is taken to cost: the limit, else the side of the book that a market order was decided on. */
function priceOf(order: OrderRow): Decimal {
  const { price, side } = order.terms;
  if (price !== undefined) return price;
  const basis = latestAttempt(order).basis;
  if (basis === undefined) return zero;
  return side === "buy" ? basis.ask : basis.bid;
}

function moveExposure(indexes: Indexes, market: string, old: Share | undefined, share: Share): void {
  const isSame =
    old !== undefined &&
    old.orders === share.orders &&
    old.rest === share.rest &&
    old.notional === share.notional &&
    old.isAccepted === share.isAccepted;
  if (isSame) return;
  let exposure = indexes.exposure.get(market) ?? noExposure;
  if (old !== undefined) exposure = moved(exposure, old, subtract, -1);
  exposure = moved(exposure, share, add, 1);
  indexes.exposure.set(market, exposure);
}

function moved(exposure: Exposure, share: Share, by: (a: Decimal, b: Decimal) => Decimal, sign: 1 | -1): Exposure {
  const orders = exposure.orders + sign * share.orders;
  if (share.rest === "0") return { ...exposure, orders };
  const quantity =
    share.side === "buy" ? (share.isAccepted ? "buyOpen" : "buyDoubt") : share.isAccepted ? "sellOpen" : "sellDoubt";
  const notional = share.side === "buy" ? "buyNotional" : "sellNotional";
  return {
    ...exposure,
    orders,
    [quantity]: by(exposure[quantity], share.rest),
    [notional]: by(exposure[notional], share.notional),
  };
}

function openIn(indexes: Indexes, market: string): Set<IntentId> {
  let open = indexes.open.get(market);
  if (open === undefined) {
    open = new Set();
    indexes.open.set(market, open);
  }
  return open;
}

function mark(set: Set<IntentId>, intent: IntentId, isIn: boolean): void {
  if (isIn) set.add(intent);
  else set.delete(intent);
}
