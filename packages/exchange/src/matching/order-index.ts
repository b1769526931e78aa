/**
 * Where an order is found again: by its id, by its client's id, and per account the open ones. Also the uniqueness rule
 * of client order ids, because it is a question to this index: `open-only` (Binance, Kraken) refuses an id while an
 * open order has it, `forever` (Bybit) refuses it once used, `none` (KuCoin-like) never refuses.
 */
import { assert } from "@baton/core";
import { isOpen, type OrderState } from "./order.ts";

/** When a client order id may be used again. */
export type Uniqueness = "open-only" | "forever" | "none";

interface AccountOrders {
  readonly all: number[];
  readonly open: Map<string, Map<number, OrderState>>;
  readonly byClientId: Map<string, number[]>;
}

/** All orders of the exchange in their latest state. */
export class OrderIndex {
  readonly #orders = new Map<number, OrderState>();
  readonly #accounts = new Map<string, AccountOrders>();

  /** The latest state of an order. */
  byId(orderId: number): OrderState | undefined {
    return this.#orders.get(orderId);
  }

  /** The order that a client's id means now: the open one if there is one, else the one accepted last. */
  byClientId(account: string, symbol: string, clientOrderId: string): OrderState | undefined {
    let found: OrderState | undefined;
    for (const orderId of this.#accounts.get(account)?.byClientId.get(clientOrderId) ?? []) {
      const order = this.#orders.get(orderId);
      if (order === undefined || order.symbol !== symbol) continue;
      if (isOpen(order)) return order;
      found = order;
    }
    return found;
  }

  /** All orders that ever had this client's id, oldest first. */
  everByClientId(account: string, clientOrderId: string): readonly number[] {
    return this.#accounts.get(account)?.byClientId.get(clientOrderId) ?? [];
  }

  /** Open orders of an account, oldest first; of one symbol if given. */
  open(account: string, symbol?: string): OrderState[] {
    const open = this.#accounts.get(account)?.open;
    if (open === undefined) return [];
    if (symbol !== undefined) return [...(open.get(symbol)?.values() ?? [])];
    return [...open.values()].flatMap((orders) => [...orders.values()]).sort((a, b) => a.orderId - b.orderId);
  }

  /** How many are open on one symbol. */
  openCount(account: string, symbol: string): number {
    return this.#accounts.get(account)?.open.get(symbol)?.size ?? 0;
  }

  /** Ids of all orders of an account, oldest first. */
  ids(account: string): readonly number[] {
    return this.#accounts.get(account)?.all ?? [];
  }

  /** True when `rule` refuses this id now. */
  isTaken(account: string, clientOrderId: string, rule: Uniqueness): boolean {
    if (rule === "none") return false;
    const used = this.#accounts.get(account)?.byClientId.get(clientOrderId);
    if (used === undefined) return false;
    return rule === "forever" || used.some((orderId) => isOpen(this.#orders.get(orderId) as OrderState));
  }

  /** Records a new order. */
  add(order: OrderState): void {
    assert(!this.#orders.has(order.orderId), "an order id is given once");
    const orders = this.#of(order.account);
    orders.all.push(order.orderId);
    const sameId = orders.byClientId.get(order.clientOrderId);
    if (sameId === undefined) orders.byClientId.set(order.clientOrderId, [order.orderId]);
    else sameId.push(order.orderId);
    this.#store(order, orders);
  }

  /** Replaces the latest state. */
  update(order: OrderState): void {
    this.#store(order, this.#of(order.account));
  }

  /** Records a new order of the market's own participants: found by its id only, and only while it is open. */
  addUnnamed(order: OrderState): void {
    this.#orders.set(order.orderId, order);
  }

  /** Replaces the latest state of an unnamed order; a closed one is forgotten. */
  updateUnnamed(order: OrderState): void {
    if (isOpen(order)) this.#orders.set(order.orderId, order);
    else this.#orders.delete(order.orderId);
  }

  #store(order: OrderState, orders: AccountOrders): void {
    this.#orders.set(order.orderId, order);
    let open = orders.open.get(order.symbol);
    if (open === undefined) orders.open.set(order.symbol, (open = new Map<number, OrderState>()));
    if (isOpen(order)) open.set(order.orderId, order);
    else open.delete(order.orderId);
  }

  #of(account: string): AccountOrders {
    let orders = this.#accounts.get(account);
    if (orders === undefined) {
      orders = { all: [], open: new Map(), byClientId: new Map() };
      this.#accounts.set(account, orders);
    }
    return orders;
  }
}
