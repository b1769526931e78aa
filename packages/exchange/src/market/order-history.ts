/**
 * What client orders and their trades looked like at an earlier instant: a venue whose queries lag answers from here.
 * States are kept with the monotonic time at which they came about.
 */
import { isOpen, type OrderState, type Trade } from "../matching/order.ts";

interface Dated<T> {
  readonly atMonoMs: number;
  readonly what: T;
}

/** States older than this are dropped, except the last of each order: no lag is longer. */
const LAG_MAX_MS = 120_000;

/** Remembers client orders; the market's own participants are never asked for. */
export class OrderHistory {
  readonly #states = new Map<number, Dated<OrderState>[]>();
  /** Orders that have ended and still have an earlier state, oldest end first, from `#endedFrom` on. */
  #ended: Dated<number>[] = [];
  #endedFrom = 0;
  readonly #trades = new Map<string, Dated<Trade>[]>();

  /** Adds an order's new state. */
  addState(order: OrderState, atMonoMs: number): void {
    const states = this.#states.get(order.orderId);
    if (states === undefined) {
      this.#states.set(order.orderId, [{ atMonoMs, what: order }]);
      return;
    }
    states.push({ atMonoMs, what: order });
    while (states.length > 1 && (states[1]?.atMonoMs ?? 0) < atMonoMs - LAG_MAX_MS) states.shift();
    if (!isOpen(order)) this.#ended.push({ atMonoMs, what: order.orderId });
    this.#forgetBefore(atMonoMs - LAG_MAX_MS);
  }

  /** Of an order that ended so long ago nothing but its last state is asked for: a long run has hundreds of thousands of them. */
  #forgetBefore(monoMs: number): void {
    for (;;) {
      const oldest = this.#ended[this.#endedFrom];
      if (oldest === undefined || oldest.atMonoMs >= monoMs) break;
      const last = this.#states.get(oldest.what)?.at(-1);
      if (last !== undefined) this.#states.set(oldest.what, [last]);
      this.#endedFrom += 1;
    }
    if (this.#endedFrom < this.#ended.length / 2) return;
    this.#ended = this.#ended.slice(this.#endedFrom);
    this.#endedFrom = 0;
  }

  /** Adds a trade of one account. */
  addTrade(account: string, trade: Trade, atMonoMs: number): void {
    const key = `${account} ${trade.symbol}`;
    const trades = this.#trades.get(key);
    if (trades === undefined) this.#trades.set(key, [{ atMonoMs, what: trade }]);
    else trades.push({ atMonoMs, what: trade });
  }

  /** A trade that was taken back is no longer one of the account's. */
  forgetTrade(account: string, trade: Trade): void {
    const trades = this.#trades.get(`${account} ${trade.symbol}`);
    const at = trades?.findIndex((one) => one.what === trade) ?? -1;
    if (at >= 0) trades?.splice(at, 1);
  }

  /** The state of an order at an instant; undefined when it did not exist yet. */
  stateAt(orderId: number, atMonoMs: number): OrderState | undefined {
    return this.#states.get(orderId)?.findLast((one) => one.atMonoMs <= atMonoMs)?.what;
  }

  /** Which of these orders were open at an instant, in the state they had. */
  openAt(orderIds: readonly number[], atMonoMs: number): OrderState[] {
    const open: OrderState[] = [];
    for (const orderId of orderIds) {
      const state = this.stateAt(orderId, atMonoMs);
      if (state !== undefined && isOpen(state)) open.push(state);
    }
    return open;
  }

  /**
   * An account's trades of one symbol up to an instant, oldest first: from a trade id on the first `most` of them, without
   * one the last. Asked for a page, nothing else of a long history is touched.
   */
  tradesAt(
    account: string,
    symbol: string,
    atMonoMs: number,
    { fromId, most = Infinity }: { readonly fromId?: number | undefined; readonly most?: number } = {},
  ): readonly Trade[] {
    const trades = this.#trades.get(`${account} ${symbol}`) ?? [];
    const end = firstIndex(trades, (one) => one.atMonoMs > atMonoMs);
    const start =
      fromId === undefined ? Math.max(0, end - most) : firstIndex(trades, (one) => one.what.tradeId >= fromId);
    return trades.slice(start, Math.min(end, start + most)).map((one) => one.what);
  }
}

/** Where a list whose items turn from false to true once, turns. */
function firstIndex<T>(items: readonly T[], isLater: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isLater(items[middle] as T)) high = middle;
    else low = middle + 1;
  }
  return low;
}
