/**
 * An order and a trade as the matching engine tells them: immutable values, replaced at each change, so that a state
 * once told (to the audit, to a stream, to a lagging query) never changes afterwards.
 */

import type { PreventedMatch } from "./prevention.ts";

export type Side = "BUY" | "SELL";
export type OrderType =
  | "LIMIT"
  | "MARKET"
  | "LIMIT_MAKER"
  /** Market and limit orders once the market has moved against (`STOP_LOSS`) or with them (`TAKE_PROFIT`). Spot only. */
  | "STOP_LOSS"
  | "STOP_LOSS_LIMIT"
  | "TAKE_PROFIT"
  | "TAKE_PROFIT_LIMIT";
export type TimeInForce = "GTC" | "IOC" | "FOK";
export type OrderStatus = "NEW" | "PARTIALLY_FILLED" | "FILLED" | "CANCELED" | "EXPIRED" | "EXPIRED_IN_MATCH";
/** What happens when an order would trade with another of its own account: trade, or end the incoming one, the other, or both. */
export type SelfTradePrevention = "NONE" | "EXPIRE_TAKER" | "EXPIRE_MAKER" | "EXPIRE_BOTH";

/** Terms that few orders have. Spot only. */
export interface RareTerms {
  /** Of a conditional order: the last price from which on it works. */
  readonly stopPrice?: bigint;
  /** Of an iceberg: how much of it is shown at a time. */
  readonly icebergQuantity?: bigint;
  /** The client's own labels, told again with the order. */
  readonly strategyId?: number;
  readonly strategyType?: number;
}

/** One state of one order; amounts in 1e-8, times in wall ms as the caller gave them. */
export interface OrderState extends RareTerms {
  readonly orderId: number;
  readonly account: string;
  readonly symbol: string;
  readonly clientOrderId: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly quantity: bigint;
  /** Of a market order that was given in quote currency; else 0. */
  readonly quoteQuantity: bigint;
  /** 0 for market orders. */
  readonly price: bigint;
  readonly executed: bigint;
  readonly executedQuote: bigint;
  readonly status: OrderStatus;
  readonly selfTradePrevention: SelfTradePrevention;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** It has rested on the book. */
  readonly isWorking: boolean;
  readonly expiryReason?: string;
  /** When the condition of a conditional order was met. */
  readonly triggeredAtMs?: number;
  /** The match with its own account that ended it. */
  readonly prevented?: PreventedMatch;
  /** It may only make the account's position smaller. Futures only. */
  readonly reducesOnly?: boolean;
}

/** One side's part in a trade. */
export interface TradeShare {
  readonly orderId: number;
  readonly account: string;
  readonly commission: bigint;
  readonly commissionAsset: string;
  /** What this side won or lost by closing a position, in quote currency. Futures only. */
  readonly realised?: bigint;
}

/** One trade; ids count per symbol without a hole. */
export interface Trade {
  readonly tradeId: number;
  /** All trades of one incoming order share it; Binance's aggregate trades are made from it. */
  readonly takerOrderId: number;
  readonly symbol: string;
  readonly price: bigint;
  readonly quantity: bigint;
  readonly quote: bigint;
  readonly atMs: number;
  readonly isBuyerMaker: boolean;
  readonly buyer: TradeShare;
  readonly seller: TradeShare;
}

/** True for the types that take any price. */
export function isMarket({ type }: { readonly type: OrderType }): boolean {
  return type === "MARKET" || type === "STOP_LOSS" || type === "TAKE_PROFIT";
}

/** True while an order waits for its stop price. */
export function isWaiting(order: OrderState): boolean {
  return order.stopPrice !== undefined && order.triggeredAtMs === undefined && isOpen(order);
}

/** True while an order can still trade. */
export function isOpen(order: OrderState): boolean {
  return order.status === "NEW" || order.status === "PARTIALLY_FILLED";
}
