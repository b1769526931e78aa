/**
 * What is derived from order rows so that no decision ever walks all orders: who is open, whose fate is unknown, which
 * order an id belongs to, how much of each market may still be bought or sold, how many orders were made lately. Each
 * change is made by taking the old row out and putting the new one in, so the figures are always those that a count
 * from scratch gives. Worst case (I12): what is pending or in doubt counts with its whole quantity as if it were still
 * open (its venue slot, its notional) and, in the position limits, as if it were filled; never as a relief for the
 * other side. An accepted order counts with what the fills have not yet told, also after its end.
 */
import { DecimalSum, add, compare, maximum, multiply, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { ClientOrderId, IntentId, ParentId } from "../ids.ts";
import type { OrderTerms } from "./terms.ts";
import { OldestFirst } from "./oldest-first.ts";
import { isOrderEnded, isReissuable, isReplacing, isUnsettled, latestAttempt } from "./order-row.ts";
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
  /** Orders proved not accepted, or withdrawn, waiting for the next attempt or the end. */
  readonly reissuable: Set<IntentId>;
  /** Orders that are to be replaced, ended or not, whose successor is not recorded; see `isReplacing`. */
  readonly replacing: Set<IntentId>;
  /** Ended or open orders of which the venue executed more than the recorded fills say. */
  readonly fillsMissing: Set<IntentId>;
  /** Orders that are complete, by `closedSequence`. */
  readonly closed: OldestFirst<IntentId>;
  /** Each attempt's client order id. */
  readonly byClientOrderId: Map<ClientOrderId, { readonly intent: IntentId; readonly attempt: number }>;
  /** By `venueOrderKey`. */
  readonly byVenueOrderId: Map<string, IntentId>;
  /** `venueOrderKey` → keys of the fills that came before anybody knew whose order it is; see `claimFills`. */
  readonly unclaimed: Map<string, Set<string>>;
  /** Market → exposure; absent is none. */
  readonly exposure: Map<string, Exposure>;
  /** When the latest attempts were recorded, never falling; see `recentAttempts`. */
  readonly recent: number[];
  /** The same of wishes to cancel; see `recentCancels`. */
  readonly recentCancels: number[];
  /** `wishKey` → when the orders of the state with these very terms were wanted by the same; slices are not in it. */
  readonly wishes: Map<string, number[]>;
  /** Parent orders that have ended, by `endedSequence`. */
  readonly endedParents: OldestFirst<ParentId>;
  /** Keys of the fills of the state, in the order of events. */
  readonly fills: OldestFirst<string>;
  /** The same of idempotency keys. */
  readonly keys: OldestFirst<string>;
  /** Only where risk is asked: market → what orders that the journal does not know may still trade; see `stateBeside`. */
  readonly left?: ReadonlyMap<string, LeftOpen>;
}

/** What orders may still trade on either side of a market. */
export interface LeftOpen {
  readonly buy: Decimal;
  readonly sell: Decimal;
}

/** How far back orders, cancels and repetitions can be counted: as long as their rows surely stay in the state. */
export const orderRateWindowMaxMs = 60_000;

/** What makes two wishes the same one again: who wants it, and all terms. */
export function wishKey(by: string, terms: OrderTerms): string {
  const { venue, symbol, side, type, quantity, price, timeInForce, reduceOnly } = terms;
  const key = `${by}|${venue}|${symbol}|${side}|${type}|${quantity}|${price ?? ""}|${timeInForce}`;
  return reduceOnly === true ? `${key}|reduce-only` : key;
}

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
    replacing: new Set(),
    fillsMissing: new Set(),
    closed: new OldestFirst(),
    byClientOrderId: new Map(),
    byVenueOrderId: new Map(),
    unclaimed: new Map(),
    exposure: new Map(),
    recent: [],
    recentCancels: [],
    wishes: new Map(),
    endedParents: new OldestFirst(),
    fills: new OldestFirst(),
    keys: new OldestFirst(),
  };
}

export function copyIndexes(indexes: Indexes): Indexes {
  return {
    open: new Map([...indexes.open].map(([market, orders]) => [market, new Set(orders)])),
    unsettled: new Set(indexes.unsettled),
    reissuable: new Set(indexes.reissuable),
    replacing: new Set(indexes.replacing),
    fillsMissing: new Set(indexes.fillsMissing),
    closed: new OldestFirst(indexes.closed),
    byClientOrderId: new Map(indexes.byClientOrderId),
    byVenueOrderId: new Map(indexes.byVenueOrderId),
    unclaimed: new Map([...indexes.unclaimed].map(([order, fills]) => [order, new Set(fills)])),
    exposure: new Map(indexes.exposure),
    recent: [...indexes.recent],
    recentCancels: [...indexes.recentCancels],
    wishes: new Map([...indexes.wishes].map(([key, times]) => [key, [...times]])),
    endedParents: new OldestFirst(indexes.endedParents),
    fills: new OldestFirst(indexes.fills),
    keys: new OldestFirst(indexes.keys),
  };
}

/** Replaces one order in all indexes but `recent`; `before` undefined: it is new. */
export function indexOrder(indexes: Indexes, before: OrderRow | undefined, after: OrderRow): void {
  const market = marketOf(after);
  mention(indexes, market, before, after);
  moveExposure(indexes, market, before, after);
}

/** Puts orders, in the order of events, into indexes that hold none: as one by one, for a fraction of the arithmetic. */
export function indexOrders(indexes: Indexes, orders: readonly OrderRow[]): void {
  const sums = new Map<string, ExposureSum>();
  for (const order of orders) {
    const market = marketOf(order);
    mention(indexes, market, undefined, order);
    let sum = sums.get(market);
    if (sum === undefined) sums.set(market, (sum = new ExposureSum()));
    sum.add(order);
  }
  const closed = orders.filter((order) => order.closedSequence !== undefined);
  indexes.closed.clear();
  for (const { id } of closed.toSorted((a, b) => (a.closedSequence ?? 0) - (b.closedSequence ?? 0)))
    indexes.closed.add(id);
  for (const [market, sum] of sums) indexes.exposure.set(market, sum.value);
}

/** Replaces one order in the indexes that name orders. */
function mention(indexes: Indexes, market: string, before: OrderRow | undefined, after: OrderRow): void {
  const { venue, symbol } = after.terms;
  if (isOrderEnded(after)) indexes.open.get(market)?.delete(after.id);
  else openIn(indexes, market).add(after.id);
  mark(indexes.unsettled, after.id, isUnsettled(after));
  mark(indexes.reissuable, after.id, isReissuable(after));
  mark(indexes.replacing, after.id, isReplacing(after));
  const isMissing = after.executed !== after.filled && compare(after.executed, after.filled) > 0;
  mark(indexes.fillsMissing, after.id, isMissing);
  if (after.closedSequence !== before?.closedSequence) {
    indexes.closed.delete(after.id);
    if (after.closedSequence !== undefined) indexes.closed.add(after.id);
  }
  for (const attempt of after.attempts.slice(before?.attempts.length ?? 0))
    indexes.byClientOrderId.set(attempt.clientOrderId, { intent: after.id, attempt: attempt.number });
  if (after.venueOrderId !== undefined && after.venueOrderId !== before?.venueOrderId)
    indexes.byVenueOrderId.set(venueOrderKey(venue, symbol, after.venueOrderId), after.id);
  if (before === undefined && after.parent === undefined) {
    const key = wishKey(after.by, after.terms);
    const times = indexes.wishes.get(key);
    if (times === undefined) indexes.wishes.set(key, [after.recordedWallMs]);
    else times.push(after.recordedWallMs);
  }
}

/** The indexes as a risk check sees them that asks what may come in the place of an open order: what it executed stays. */
export function withoutShareOf(indexes: Indexes, order: OrderRow): Indexes {
  const without: Indexes = { ...indexes, exposure: new Map(indexes.exposure) };
  const gone: OrderRow = { ...order, status: "cancelled" };
  moveExposure(without, marketOf(order), order, gone);
  return without;
}

/** The indexes as a risk check sees them, with open orders beside those of the journal. */
export function beside(
  indexes: Indexes,
  open: readonly {
    readonly market: string;
    readonly side: "buy" | "sell";
    readonly rest: Decimal;
    readonly price: Decimal;
  }[],
): Indexes {
  const exposures = new Map(indexes.exposure);
  const left = new Map<string, LeftOpen>();
  for (const { market, side, rest, price } of open) {
    const exposure = exposures.get(market) ?? noExposure;
    const worth = multiply(rest, price);
    const more =
      side === "buy"
        ? { buyOpen: add(exposure.buyOpen, rest), buyNotional: add(exposure.buyNotional, worth) }
        : { sellOpen: add(exposure.sellOpen, rest), sellNotional: add(exposure.sellNotional, worth) };
    exposures.set(market, { ...exposure, ...more, orders: exposure.orders + 1 });
    const known = left.get(market) ?? { buy: zero, sell: zero };
    left.set(market, { ...known, [side]: add(known[side], rest) });
  }
  return { ...indexes, exposure: exposures, left };
}

/** Takes a closed order out of all indexes but `recent`. */
export function unindexOrder(indexes: Indexes, order: OrderRow): void {
  const { venue, symbol } = order.terms;
  indexes.closed.delete(order.id);
  for (const attempt of order.attempts) indexes.byClientOrderId.delete(attempt.clientOrderId);
  const venueOrder = venueOrderKey(venue, symbol, order.venueOrderId ?? "");
  // A venue's numbers may begin again, as on a test network that was emptied: it is another order's by then.
  if (indexes.byVenueOrderId.get(venueOrder) === order.id) indexes.byVenueOrderId.delete(venueOrder);
  if (order.parent !== undefined) return;
  const key = wishKey(order.by, order.terms);
  const times = indexes.wishes.get(key) ?? [];
  times.splice(Math.max(0, times.indexOf(order.recordedWallMs)), 1);
  if (times.length === 0) indexes.wishes.delete(key);
}

/** A trade of an order that nobody has told of yet, by the key of its row. To be called in the order of events. */
export function noteUnclaimed(indexes: Indexes, venueOrder: string, fill: string): void {
  const known = indexes.unclaimed.get(venueOrder);
  if (known === undefined) indexes.unclaimed.set(venueOrder, new Set([fill]));
  else known.add(fill);
}

/** The trade has found its order, or has left the tables. */
export function dropUnclaimed(indexes: Indexes, venueOrder: string, fill: string): void {
  const known = indexes.unclaimed.get(venueOrder);
  if (known?.delete(fill) === true && known.size === 0) indexes.unclaimed.delete(venueOrder);
}

/** Counts one more attempt for the order rate. To be called in the order of events. */
export function noteAttempt(indexes: Indexes, recordedWallMs: number): void {
  note(indexes.recent, recordedWallMs);
}

/** Counts one more wish to cancel. To be called in the order of events. */
export function noteCancel(indexes: Indexes, atWallMs: number): void {
  note(indexes.recentCancels, atWallMs);
}

function note(recent: number[], recordedWallMs: number): void {
  // A leader whose clock is behind its predecessor's must not open the window early: times never fall.
  const time = Math.max(recordedWallMs, recent[recent.length - 1] ?? recordedWallMs);
  recent.push(time);
  const half = recent.length >> 1;
  if (half >= 512 && (recent[half] ?? time) < time - orderRateWindowMaxMs) recent.splice(0, half);
}

/** How many attempts were recorded after `nowWallMs − perMs`; `perMs` up to `orderRateWindowMaxMs`. */
export function recentAttempts(indexes: Indexes, nowWallMs: number, perMs: number): number {
  return since(indexes.recent, nowWallMs - perMs);
}

/** How many orders were asked to go after `nowWallMs − perMs`; `perMs` up to `orderRateWindowMaxMs`. */
export function recentCancels(indexes: Indexes, nowWallMs: number, perMs: number): number {
  return since(indexes.recentCancels, nowWallMs - perMs);
}

/** How often the very same was wanted after `nowWallMs − perMs`; `perMs` up to `orderRateWindowMaxMs`. */
export function recentWishes(indexes: Indexes, key: string, nowWallMs: number, perMs: number): number {
  const times = indexes.wishes.get(key) ?? [];
  let count = 0;
  for (let at = times.length - 1; at >= 0 && (times[at] ?? 0) > nowWallMs - perMs; at -= 1) count += 1;
  return count;
}

function since(recent: readonly number[], afterWallMs: number): number {
  let low = 0;
  let high = recent.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((recent[middle] ?? 0) > afterWallMs) high = middle;
    else low = middle + 1;
  }
  return recent.length - low;
}

/** What an order adds to the exposure of its market. */
interface Share {
  readonly rest: Decimal;
  readonly price: Decimal;
  readonly isAccepted: boolean;
  readonly orders: 0 | 1;
}

const noShare: Share = { rest: zero, price: zero, isAccepted: false, orders: 0 };

function shareOf(order: OrderRow): Share {
  const isEnded = isOrderEnded(order);
  return {
    rest: restOf(order, isEnded),
    price: priceOf(order),
    isAccepted: isEnded || order.venueOrderId !== undefined,
    orders: isEnded ? 0 : 1,
  };
}

/** What it may still move the position by. After its end: what it executed and no fill has told yet. */
function restOf(order: OrderRow, isEnded: boolean): Decimal {
  const { executed, filled } = order;
  if (isEnded && executed === filled) return zero;
  if (!isEnded && executed === "0") return order.terms.quantity;
  const whole = isEnded ? executed : maximum(order.terms.quantity, executed);
  return filled === "0" ? whole : maximum(zero, subtract(whole, filled));
}

/** What one unit is taken to cost: the limit, else the side of the book that a market order was decided on. */
function priceOf(order: OrderRow): Decimal {
  const { price, side } = order.terms;
  if (price !== undefined) return price;
  const basis = latestAttempt(order).basis;
  if (basis === undefined) return zero;
  return side === "buy" ? basis.ask : basis.bid;
}

/** Takes the old share out and puts the new one in, with as little exact arithmetic as that needs: it is the hot path. */
function moveExposure(indexes: Indexes, market: string, before: OrderRow | undefined, after: OrderRow): void {
  const old = before === undefined ? noShare : shareOf(before);
  const share = shareOf(after);
  const isSameRest = old.rest === share.rest && old.price === share.price;
  if (isSameRest && old.isAccepted === share.isAccepted && old.orders === share.orders) return;
  const exposure = indexes.exposure.get(market) ?? noExposure;
  const isBuy = after.terms.side === "buy";
  const [open, doubt, notional] = isBuy
    ? (["buyOpen", "buyDoubt", "buyNotional"] as const)
    : (["sellOpen", "sellDoubt", "sellNotional"] as const);
  const leaves = old.isAccepted ? open : doubt;
  const joins = share.isAccepted ? open : doubt;
  const next = { ...exposure, orders: exposure.orders - old.orders + share.orders };
  if (leaves !== joins || old.rest !== share.rest) {
    next[leaves] = subtract(next[leaves], old.rest);
    next[joins] = add(next[joins], share.rest);
  }
  if (!isSameRest) {
    const change =
      old.price === share.price
        ? multiply(subtract(share.rest, old.rest), share.price)
        : subtract(multiply(share.rest, share.price), multiply(old.rest, old.price));
    next[notional] = add(next[notional], change);
  }
  indexes.exposure.set(market, next);
}

/** The exposure of one market as a count from scratch gives it. */
class ExposureSum {
  readonly #buy = { open: new DecimalSum(), doubt: new DecimalSum(), notional: new DecimalSum() };
  readonly #sell = { open: new DecimalSum(), doubt: new DecimalSum(), notional: new DecimalSum() };
  #orders = 0;

  add(order: OrderRow): void {
    const { rest, price, isAccepted, orders } = shareOf(order);
    this.#orders += orders;
    if (rest === zero) return;
    const side = order.terms.side === "buy" ? this.#buy : this.#sell;
    (isAccepted ? side.open : side.doubt).add(rest);
    side.notional.addProduct(rest, price);
  }

  get value(): Exposure {
    return {
      buyOpen: this.#buy.open.value,
      sellOpen: this.#sell.open.value,
      buyDoubt: this.#buy.doubt.value,
      sellDoubt: this.#sell.doubt.value,
      buyNotional: this.#buy.notional.value,
      sellNotional: this.#sell.notional.value,
      orders: this.#orders,
    };
  }
}

function marketOf({ terms: { venue, symbol } }: OrderRow): string {
  return `${venue}|${symbol}`;
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
