/**
 * Conditional orders that wait for their stop price: which there are, and which the last price has reached. Binance's
 * rule: above the market wait `STOP_LOSS` to buy and `TAKE_PROFIT` to sell, below it the other two.
 */
import { isWaiting, type OrderState, type OrderType, type Side } from "./order.ts";

/** The terms that a condition is made of. */
export interface Condition {
  readonly side: Side;
  readonly type: OrderType;
  readonly stopPrice?: bigint;
}

/** True when `price` meets an order's condition; of an order without one, never. */
export function isReached({ side, type, stopPrice }: Condition, price: bigint): boolean {
  if (stopPrice === undefined) return false;
  const isStop = type === "STOP_LOSS" || type === "STOP_LOSS_LIMIT";
  return (side === "BUY") === isStop ? price >= stopPrice : price <= stopPrice;
}

/** All waiting orders, oldest first. */
export class WaitingStops {
  readonly #bySymbol = new Map<string, Map<number, OrderState>>();

  /** Keeps an order as long as it waits. */
  follow(order: OrderState): void {
    if (order.stopPrice === undefined) return;
    const present = this.#bySymbol.get(order.symbol) ?? new Map<number, OrderState>();
    this.#bySymbol.set(order.symbol, present);
    if (isWaiting(order)) present.set(order.orderId, order);
    else present.delete(order.orderId);
  }

  /** The oldest order of a symbol whose condition `price` meets. */
  due(symbol: string, price: bigint): OrderState | undefined {
    for (const order of this.#bySymbol.get(symbol)?.values() ?? []) if (isReached(order, price)) return order;
    return undefined;
  }

  /** How many of an account wait on a symbol. */
  count(account: string, symbol: string): number {
    let count = 0;
    for (const order of this.#bySymbol.get(symbol)?.values() ?? []) if (order.account === account) count += 1;
    return count;
  }
}
