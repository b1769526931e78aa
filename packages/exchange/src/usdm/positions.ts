/**
 * One position per account and symbol (one-way mode): how much, and what it cost. A trade in its direction adds to both;
 * a trade against it takes its share of the cost out, and the difference to what the trade paid is won or lost; what goes
 * beyond it opens the other way. Pure arithmetic in 1e-8: over a whole round trip nothing is lost to rounding, because
 * the last part closed takes all of the cost that is left.
 */
import { assert } from "@baton/core";
import { notional, ONE } from "../amounts.ts";
import type { Side } from "../matching/order.ts";

/** A position; long above 0, short below. */
export interface Position {
  readonly quantity: bigint;
  /** What the quantity was bought or sold for, never negative. */
  readonly cost: bigint;
  /** Won and lost by closing, since the account was opened. */
  readonly realised: bigint;
  readonly updatedAtMs: number;
}

/** What an account holds that never traded. */
export const flat: Position = { quantity: 0n, cost: 0n, realised: 0n, updatedAtMs: 0 };

/** A position after a trade, and what the trade won. */
export function traded(
  before: Position,
  trade: { readonly side: Side; readonly quantity: bigint; readonly quote: bigint; readonly atMs: number },
): { readonly after: Position; readonly won: bigint } {
  const { side, quantity, quote } = trade;
  const held = size(before.quantity);
  const isAgainst = before.quantity !== 0n && before.quantity > 0n === (side === "SELL");
  const closed = isAgainst ? (quantity < held ? quantity : held) : 0n;
  const closedCost = closed === held ? (closed === 0n ? 0n : before.cost) : (before.cost * closed) / held;
  const closedQuote = closed === quantity ? quote : (quote * closed) / quantity;
  const won = before.quantity > 0n ? closedQuote - closedCost : closedCost - closedQuote;
  const signed = side === "BUY" ? quantity : -quantity;
  const after: Position = {
    quantity: before.quantity + signed,
    cost: before.cost - closedCost + (quote - closedQuote),
    realised: before.realised + won,
    updatedAtMs: trade.atMs,
  };
  assert(after.cost >= 0n, "a position's cost is not negative");
  assert(after.quantity !== 0n || after.cost === 0n, "what is closed costs nothing more");
  return { after, won };
}

/**
 * A position without one of its trades, and what that gives the account (below 0: takes from it). What it is worth at any
 * price is what it would be had the trade never been: it trades the other way at the same price. What the trade won is given
 * back where the cost of what is held can carry that; else it stays won, and the cost is another.
 */
export function untraded(
  before: Position,
  trade: Parameters<typeof traded>[1] & { readonly won: bigint },
): { readonly after: Position; readonly won: bigint } {
  const other = traded(before, { ...trade, side: trade.side === "BUY" ? "SELL" : "BUY" });
  const { quantity, cost, realised } = other.after;
  const kept = trade.won + other.won;
  const carried = quantity > 0n ? cost - kept : cost + kept;
  if (quantity === 0n ? kept !== 0n : carried < 0n) return other;
  return { after: { ...other.after, cost: carried, realised: realised - kept }, won: -trade.won };
}

/** The average price of what is held; 0 when nothing is. */
export function entryPrice(position: Position): bigint {
  return position.quantity === 0n ? 0n : (position.cost * ONE) / size(position.quantity);
}

/** What would be won by closing at `mark`. */
export function unrealised(position: Position, mark: bigint): bigint {
  const value = notional(mark, size(position.quantity));
  return position.quantity >= 0n ? value - position.cost : position.cost - value;
}

/** How much of a position an order of `side` could close. */
export function reducible(position: Position, side: Side): bigint {
  if (position.quantity > 0n) return side === "SELL" ? position.quantity : 0n;
  return side === "BUY" ? -position.quantity : 0n;
}

/** Without its sign. */
export function size(quantity: bigint): bigint {
  return quantity < 0n ? -quantity : quantity;
}
