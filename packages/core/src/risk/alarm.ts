/**
 * What makes a leader stop an account by itself, because somebody or something else acts on it or because a proof turned
 * out to be wrong: an open order cancelled that nobody here took back (a direct kill, another program, another leader), an
 * order under our id with other terms, an attempt that was proved absent and is there. A stop is a kill of the account, on
 * record, lifted only by `baton unkill` (decision 11). For operators: `baton risk`, `baton kill --direct`.
 *
 * A reduce-only order may also go for a reason of its venue's own: the position that it was to reduce is not there any more,
 * and the journal does not know yet (a trade was taken back). What became of the position decides, not the cancel: see
 * `judgeVenueCancels` and decision 34.
 */
import { add, compare, negate, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { VenueId } from "../ids.ts";
import { driftConfirmMs, isAgreed } from "../orders/drift.ts";
import type { AccountReading } from "../orders/drift.ts";
import { isOfLostHistory } from "../orders/numbering.ts";
import { isOrderEnded, latestAttempt, takenOf } from "../orders/order-row.ts";
import type { OrderRow } from "../orders/order-row.ts";
import { marketKey } from "../orders/state.ts";
import type { EngineState } from "../orders/state.ts";
import { wallMs } from "../time.ts";
import type { WallMs } from "../time.ts";
import type { KillScope } from "./kill.ts";

/** Accounts by venue, as configured. */
export type Accounts = readonly { readonly id: VenueId; readonly account: string }[];

/** What a cancel at the venue was: understood, a stranger's, or (reduce-only) the venue's own, if the position is not there. */
export type CancelCause = "understood" | "stranger" | "venue-perhaps";

/**
 * Why the venue cancelled an order. What ends by its own terms (the rest of an immediate order) is no cancel, whatever a
 * venue calls it. Of an order that is older than a loss nobody can say: the wish may be part of the history that is lost,
 * and a stop of the account would end the very parents that wait for a person.
 */
export function cancelCause(state: EngineState, order: OrderRow): CancelCause {
  if (!isUnasked(state, order)) return "understood";
  if (order.terms.reduceOnly !== true) return "stranger";
  const now = { reducible: reducibleNow(state, order), beside: restingBeside(state, order) };
  return wasCovered(order, now) ? "venue-perhaps" : "understood";
}

/** The venue cancelled it, and neither a wish that is on record nor the order's own terms say why. */
function isUnasked(state: EngineState, order: OrderRow): boolean {
  if (order.status !== "cancelled" || order.cancel !== undefined) return false;
  if (isOfLostHistory(state.engine, latestAttempt(order))) return false;
  // An operator who says that an order was cancelled knows more than we do.
  const { resolution } = latestAttempt(order);
  if (resolution?.kind === "accepted" && resolution.by === "operator") return false;
  return order.terms.timeInForce === "GTC" || order.terms.timeInForce === "GTX";
}

/** What is known by now of reduce-only orders that their venue cancelled though the journal has what they would reduce. */
export type VenueCancelVerdict =
  /** The position has gone, by a trade or by a bust that is on record. */
  | "understood"
  /** The venue's position is another than the journal's: what explains that is being looked for (`drift.ts`, `busts.ts`). */
  | "wait"
  /** The position is there, or what it lacks is on record as unexplained: somebody else acts on the account. */
  | "unexplained";

/**
 * Judges such cancels of one symbol, on one side, by a reading of the venue's positions; a verdict for each, in their order.
 * No reading soon after a cancel counts, since the venue's own list may lag behind it; a difference is drift or a bust before
 * it is nothing.
 */
export function judgeVenueCancels(
  state: EngineState,
  cancelled: readonly OrderRow[],
  reading: AccountReading,
): readonly VenueCancelVerdict[] {
  const [first] = cancelled;
  if (first === undefined) return [];
  const isKnown = isAgreed(state, reading, first.terms.symbol);
  const covered = coveredThen(state, cancelled);
  return cancelled.map((order) => {
    if (!covered.has(order)) return "understood";
    return isKnown && reading.atWallMs - (order.endedWallMs ?? 0) >= driftConfirmMs ? "unexplained" : "wait";
  });
}

/** A bust is known after a minute and the next reading. */
const unjudgedForMs = 120_000;

/**
 * Cancels that a predecessor may have left unjudged: those of the last minutes. Where the position has grown since, what it
 * was then cannot be told any more, and nobody is suspected. What came before a person lifted the last stop was judged, and
 * looked at: it stops nothing a second time.
 */
export function unjudgedCancels(state: EngineState, now: WallMs): readonly OrderRow[] {
  const { kill } = state.engine;
  const sinceWallMs = Math.max(now - unjudgedForMs, kill.level === "off" ? kill.atWallMs : 0);
  const recent = [...state.orders.values()].filter(
    (order) => order.terms.reduceOnly === true && (order.endedWallMs ?? 0) > sinceWallMs && isUnasked(state, order),
  );
  const sides = new Map<string, OrderRow[]>();
  for (const order of recent) sides.set(sideOf(order), [...(sides.get(sideOf(order)) ?? []), order]);
  const unexplained = [...sides.values()].flatMap((alike) => [...coveredThen(state, alike)]);
  return unexplained.filter(({ terms, endedWallMs }) => {
    for (const { venue, symbol, side, tradedWallMs } of state.fills.values()) {
      const isOfIt = venue === terms.venue && symbol === terms.symbol;
      if (isOfIt && side !== terms.side && tradedWallMs > (endedWallMs ?? 0)) return false;
    }
    return true;
  });
}

/** What the position had when an order ended, and what could reduce it then. */
interface Moment {
  readonly reducible: Decimal;
  /** Reduce-only orders of its side; those that did not rest beside it are passed over. */
  readonly beside: readonly OrderRow[];
}

/**
 * Reduce-only orders rest only while the position has what all of them could take: what is beyond that their venue takes
 * back. True where it had. Only orders that rested together count together: what was recorded after the cancel, such as the
 * exit that comes in the place of the cancelled one, explains nothing. Those that ended shortly before it do count, since which
 * of several goes first is the venue's choice, and it may be told in any order.
 */
function wasCovered(order: OrderRow, { reducible, beside }: Moment): boolean {
  const endedWallMs = order.endedWallMs ?? 0;
  const stood = beside.filter((other) => {
    if (other.id === order.id || other.recordedWallMs >= endedWallMs) return false;
    if (!isOrderEnded(other)) return true;
    const otherEndedWallMs = other.endedWallMs ?? 0;
    return otherEndedWallMs > order.recordedWallMs && otherEndedWallMs > endedWallMs - driftConfirmMs;
  });
  const rests = [order, ...stood].map((each) => subtract(each.terms.quantity, takenOf(each)));
  return compare(reducible, rests.reduce(add, zero)) >= 0;
}

/** Of orders of one symbol and side those that the position, as it was when each ended, had room for. */
function coveredThen(state: EngineState, cancelled: readonly OrderRow[]): ReadonlySet<OrderRow> {
  const [first] = cancelled;
  if (first === undefined) return new Set();
  const sinceWallMs = Math.min(...cancelled.map((order) => order.endedWallMs ?? 0)) - driftConfirmMs;
  const beside = [...state.orders.values()].filter(
    (order) =>
      order.terms.reduceOnly === true &&
      sideOf(order) === sideOf(first) &&
      (!isOrderEnded(order) || (order.endedWallMs ?? 0) > sinceWallMs),
  );
  return new Set(cancelled.filter((order) => wasCovered(order, { reducible: reducibleThen(state, order), beside })));
}

/** What an order on its side can take of the position. */
function reducibleNow(state: EngineState, { terms: { venue, symbol, side } }: OrderRow): Decimal {
  const position = state.positions.get(marketKey(venue, symbol))?.quantity ?? zero;
  return side === "sell" ? position : negate(position);
}

/** The venue's clock may be ahead of ours by less than this. */
const clocksApartMs = 1_000;

/**
 * The same when the order ended: without what was traded since. A trade that reduces counts as one of since only where it
 * surely is, by an order that was recorded later or by its time; else it may be the very one for which the venue cancelled.
 */
function reducibleThen(state: EngineState, order: OrderRow): Decimal {
  const { terms, endedWallMs = wallMs(0) } = order;
  let reducible = reducibleNow(state, order);
  for (const { venue, symbol, side, quantity, tradedWallMs, intent, bustedWallMs } of state.fills.values()) {
    if (bustedWallMs !== undefined || venue !== terms.venue || symbol !== terms.symbol) continue;
    if (side !== terms.side) {
      if (tradedWallMs > endedWallMs) reducible = subtract(reducible, quantity);
      continue;
    }
    const by = intent === undefined ? undefined : state.orders.get(intent);
    const isByLater = by !== undefined && by.recordedWallMs >= endedWallMs;
    // What rested beside it counts with what it has not traded to this day, so its trades of since are in neither.
    const isBeside = by?.terms.reduceOnly === true;
    if (isByLater || (!isBeside && tradedWallMs > endedWallMs + clocksApartMs)) reducible = add(reducible, quantity);
  }
  return reducible;
}

function sideOf({ terms: { venue, symbol, side } }: OrderRow): string {
  return `${marketKey(venue, symbol)} ${side}`;
}

/** Reduce-only orders on this side that have not ended. */
function restingBeside(state: EngineState, { terms: at }: OrderRow): readonly OrderRow[] {
  return [...(state.indexes.open.get(marketKey(at.venue, at.symbol)) ?? [])].flatMap((intent) => {
    const order = state.orders.get(intent);
    const isOne = order?.terms.reduceOnly === true && order.terms.side === at.side && !isOrderEnded(order);
    return isOne ? [order] : [];
  });
}

/** The kill that stops the account behind a venue; every venue on the same account is in it. */
export function accountStop(accounts: Accounts, venue: VenueId, reason: string, now: WallMs): KillScope {
  const account = accounts.find((each) => each.id === venue)?.account ?? venue;
  const venues = accounts.filter((each) => each.account === account).map((each) => each.id);
  return { level: "account", id: account, venues, by: "baton", reason, atWallMs: now, isLocal: true };
}
