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
import type { SymbolId, VenueId } from "../ids.ts";
import { driftConfirmMs, isAgreed } from "../orders/drift.ts";
import type { AccountReading } from "../orders/drift.ts";
import { isOfLostHistory } from "../orders/numbering.ts";
import { isOrderEnded, latestAttempt, takenOf } from "../orders/order-row.ts";
import type { OrderRow } from "../orders/order-row.ts";
import { marketKey } from "../orders/state.ts";
import type { EngineState } from "../orders/state.ts";
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
  if (order.status !== "cancelled" || order.cancel !== undefined) return "understood";
  if (isOfLostHistory(state.engine, latestAttempt(order))) return "understood";
  // An operator who says that an order was cancelled knows more than we do.
  const { resolution } = latestAttempt(order);
  if (resolution?.kind === "accepted" && resolution.by === "operator") return "understood";
  if (order.terms.timeInForce !== "GTC" && order.terms.timeInForce !== "GTX") return "understood";
  if (order.terms.reduceOnly !== true) return "stranger";
  return isCovered(state, [order]) ? "venue-perhaps" : "understood";
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
 * Judges such cancels of one symbol, on one side, by a reading of the venue's positions. No reading soon after the cancel
 * counts, since the venue's own list may lag behind it; a difference is drift or a bust before it is nothing.
 */
export function judgeVenueCancels(
  state: EngineState,
  cancelled: readonly OrderRow[],
  reading: AccountReading,
): VenueCancelVerdict {
  const [first] = cancelled;
  if (first === undefined || !isCovered(state, cancelled)) return "understood";
  if (!isAgreed(state, reading, first.terms.symbol)) return "wait";
  const last = Math.max(...cancelled.map((order) => order.endedWallMs ?? 0));
  return reading.atWallMs - last < driftConfirmMs ? "wait" : "unexplained";
}

/** A bust is known after a minute and the next reading. */
const unjudgedForMs = 120_000;

/**
 * Cancels that a predecessor may have left unjudged: those of the last minutes. Where the position has grown since, what it
 * was then cannot be told any more, and nobody is suspected.
 */
export function unjudgedCancels(state: EngineState, now: WallMs): readonly OrderRow[] {
  const recent = [...state.orders.values()].filter(
    (order) =>
      order.terms.reduceOnly === true &&
      (order.endedWallMs ?? 0) > now - unjudgedForMs &&
      cancelCause(state, order) === "venue-perhaps",
  );
  return recent.filter(({ terms, endedWallMs }) => {
    for (const { venue, symbol, side, tradedWallMs } of state.fills.values()) {
      const isOfIt = venue === terms.venue && symbol === terms.symbol;
      if (isOfIt && side !== terms.side && tradedWallMs > (endedWallMs ?? 0)) return false;
    }
    return true;
  });
}

/**
 * Reduce-only orders rest only while the position has what all of them could take: what is beyond that their venue takes
 * back. `cancelled` are of one symbol and side, and counted as if they rested still.
 */
function isCovered(state: EngineState, cancelled: readonly OrderRow[]): boolean {
  const [first] = cancelled;
  if (first === undefined) return false;
  const { venue, symbol, side } = first.terms;
  const resting = restingBeside(state, { venue, symbol, side });
  const position = state.positions.get(marketKey(venue, symbol))?.quantity ?? zero;
  const reducible = side === "sell" ? position : negate(position);
  const rests = [...cancelled, ...resting].map((order) => subtract(order.terms.quantity, takenOf(order)));
  return compare(reducible, rests.reduce(add, zero)) >= 0;
}

/** Reduce-only orders on this side that have not ended. */
function restingBeside(
  state: EngineState,
  at: { readonly venue: VenueId; readonly symbol: SymbolId; readonly side: "buy" | "sell" },
): readonly OrderRow[] {
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
