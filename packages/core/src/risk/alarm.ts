/**
 * What makes a leader stop an account by itself, because somebody or something else acts on it or because a proof turned
 * out to be wrong: an open order cancelled that nobody here took back (a direct kill, another program, another leader), an
 * order under our id with other terms, an attempt that was proved absent and is there. A stop is a kill of the account, on
 * record, lifted only by `baton unkill` (decision 11). For operators: `baton risk`, `baton kill --direct`.
 */
import { compare, negate, subtract, zero } from "../decimal.ts";
import type { VenueId } from "../ids.ts";
import { isOfLostHistory } from "../orders/numbering.ts";
import { latestAttempt, takenOf } from "../orders/order-row.ts";
import type { OrderRow } from "../orders/order-row.ts";
import { marketKey } from "../orders/state.ts";
import type { EngineState } from "../orders/state.ts";
import type { WallMs } from "../time.ts";
import type { KillScope } from "./kill.ts";

/** Accounts by venue, as configured. */
export type Accounts = readonly { readonly id: VenueId; readonly account: string }[];

/**
 * True when the venue cancelled a resting order that no wish of ours took back. What ends by its own terms (the rest of an
 * immediate order) is no cancel, whatever a venue calls it. Of an order that is older than a loss nobody can say: the wish
 * may be part of the history that is lost, and a stop of the account would end the very parents that wait for a person.
 */
export function isUnaskedCancel(state: Pick<EngineState, "engine" | "positions">, order: OrderRow): boolean {
  if (order.status !== "cancelled" || order.cancel !== undefined) return false;
  if (isOfLostHistory(state.engine, latestAttempt(order))) return false;
  if (order.terms.reduceOnly === true && !isCovered(state, order)) return false;
  // An operator who says that an order was cancelled knows more than we do.
  const { resolution } = latestAttempt(order);
  if (resolution?.kind === "accepted" && resolution.by === "operator") return false;
  return order.terms.timeInForce === "GTC" || order.terms.timeInForce === "GTX";
}

/** A reduce-only order rests only while the position has what it could take; what has more than that its venue takes back. */
function isCovered({ positions }: Pick<EngineState, "positions">, order: OrderRow): boolean {
  const { terms } = order;
  const position = positions.get(marketKey(terms.venue, terms.symbol))?.quantity ?? zero;
  const reducible = terms.side === "sell" ? position : negate(position);
  return compare(reducible, subtract(terms.quantity, takenOf(order))) >= 0;
}

/** The kill that stops the account behind a venue; every venue on the same account is in it. */
export function accountStop(accounts: Accounts, venue: VenueId, reason: string, now: WallMs): KillScope {
  const account = accounts.find((each) => each.id === venue)?.account ?? venue;
  const venues = accounts.filter((each) => each.account === account).map((each) => each.id);
  return { level: "account", id: account, venues, by: "baton", reason, atWallMs: now, isLocal: true };
}
