/** A request for a new order, as the matching engine takes it. */
import type { OrderType, RareTerms, SelfTradePrevention, Side, TimeInForce } from "./order.ts";

/** Amounts in 1e-8. */
export interface NewOrder extends RareTerms {
  readonly account: string;
  readonly symbol: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  /** 0 when `quoteQuantity` is given (market orders only). */
  readonly quantity: bigint;
  readonly quoteQuantity: bigint;
  /** 0 for market orders. */
  readonly price: bigint;
  readonly clientOrderId: string;
  readonly selfTradePrevention: SelfTradePrevention;
  /** It may only make the account's position smaller; absent: it may do anything. Futures only. */
  readonly reducesOnly?: boolean;
}
