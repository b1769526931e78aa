/**
 * An order and a trade as the matching engine tells them: immutable values, replaced at each change, so that a state
 * once told (to the audit, to a stream, to a lagging query) never changes afterwards.
 */

export type Side = "BUY" | "SELL";
export type OrderType = "LIMIT" | "MARKET" | "LIMIT_MAKER";
export type TimeInForce = "GTC" | "IOC" | "FOK";
export type OrderStatus = "NEW" | "PARTIALLY_FILLED" | "FILLED" | "CANCELED" | "EXPIRED" | "EXPIRED_IN_MATCH";
/** What happens when an order would trade with another of its own account: trade, or end the incoming one, the other, or both. */
export type SelfTradePrevention = "NONE" | "EXPIRE_TAKER" | "EXPIRE_MAKER" | "EXPIRE_BOTH";

/** One state of one order; amounts in 1e-8, times in wall ms as the caller gave them. */
export interface OrderState {
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

/** True while an order can still trade. */
export function isOpen(order: OrderState): boolean {
  return order.status === "NEW" || order.status === "PARTIALLY_FILLED";
}
