/**
 * The account streams: what happens to an account's orders and balances, told to every connection that subscribed to it.
 * Nothing is replayed to a late subscriber. Per step of the floor: the execution reports in order, then one position.
 */
import { amountText } from "../amounts.ts";
import { HOUSE } from "../flow/order-flow.ts";
import type { Desk } from "../gateway/call.ts";
import type { Step } from "../market/trading-floor.ts";
import type { MatchingEvent } from "../matching/matching-engine.ts";
import { isOpen, type OrderState, type Trade } from "../matching/order.ts";
import type { StreamConnection } from "./connection.ts";

/** One connection's subscription to one account. */
export interface AccountSubscription {
  readonly connection: StreamConnection;
  readonly subscriptionId: number;
  readonly account: string;
}

type OrderEvent = Exclude<MatchingEvent, { readonly kind: "level" }>;

/** All account subscriptions of one exchange. */
export class AccountStreams {
  readonly #desk: Desk;
  readonly #subscriptions = new Map<string, Set<AccountSubscription>>();
  #lastExecutionId = 0;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** Starts telling. */
  add(subscription: AccountSubscription): void {
    const present = this.#subscriptions.get(subscription.account);
    if (present === undefined) this.#subscriptions.set(subscription.account, new Set([subscription]));
    else present.add(subscription);
  }

  /** Stops telling. */
  remove(subscription: AccountSubscription): void {
    this.#subscriptions.get(subscription.account)?.delete(subscription);
  }

  /** Tells what a step of the floor changed. */
  publish(step: Step): void {
    const touched = new Map<string, Set<string>>();
    for (const event of step.events) {
      if (event.kind === "level") continue;
      const orders = event.kind === "traded" ? [event.taker, event.maker] : [event.order];
      for (const order of orders) {
        if (order.account === HOUSE) continue;
        this.#lastExecutionId += 1;
        this.#touch(touched, order);
        const subscriptions = this.#subscriptions.get(order.account);
        if (subscriptions === undefined || subscriptions.size === 0) continue;
        this.#tell(subscriptions, this.#report(event, order, step), order.symbol);
      }
    }
    for (const [account, assets] of touched) {
      const subscriptions = this.#subscriptions.get(account);
      if (subscriptions !== undefined && subscriptions.size > 0) {
        this.#tell(subscriptions, this.#position(account, assets, step.nowMs), undefined);
      }
    }
  }

  #tell(subscriptions: ReadonlySet<AccountSubscription>, event: object, symbol: string | undefined): void {
    const text = JSON.stringify(event);
    for (const { connection, subscriptionId } of subscriptions) {
      connection.publish(`{"subscriptionId":${subscriptionId},"event":${text}}`, { stream: "user", symbol });
    }
  }

  #touch(touched: Map<string, Set<string>>, order: OrderState): void {
    const rules = this.#desk.floor.engine.instrument(order.symbol);
    if (rules === undefined) return;
    const assets = touched.get(order.account) ?? new Set<string>();
    assets.add(rules.base).add(rules.quote);
    touched.set(order.account, assets);
  }

  #position(account: string, assets: ReadonlySet<string>, nowMs: number): object {
    const { ledger } = this.#desk.floor.engine;
    return {
      e: "outboundAccountPosition",
      E: nowMs,
      u: nowMs,
      B: [...assets].map((asset) => {
        const { free, locked } = ledger.balance(account, asset);
        return { a: asset, f: amountText(free), l: amountText(locked) };
      }),
    };
  }

  #report(event: OrderEvent, order: OrderState, step: Step): object {
    const trade = event.kind === "traded" ? event.trade : undefined;
    const isMaker = event.kind === "traded" && order === event.maker;
    const isCancel = event.kind === "cancelled";
    return {
      e: "executionReport",
      E: step.nowMs,
      s: order.symbol,
      c: isCancel ? (step.cancelId ?? order.clientOrderId) : order.clientOrderId,
      S: order.side,
      o: order.type,
      f: order.timeInForce,
      q: amountText(order.quantity),
      p: amountText(order.price),
      P: "0.00000000",
      F: "0.00000000",
      g: -1,
      C: isCancel ? order.clientOrderId : "",
      x: executionType(event),
      X: order.status,
      r: "NONE",
      i: order.orderId,
      z: amountText(order.executed),
      ...lastExecution(order, trade),
      T: order.updatedAtMs,
      I: this.#lastExecutionId,
      w: isOpen(order),
      m: isMaker,
      M: false,
      O: order.createdAtMs,
      Z: amountText(order.executedQuote),
      Q: amountText(order.quoteQuantity),
      W: order.createdAtMs,
      V: order.selfTradePrevention,
      ...(order.expiryReason === undefined ? {} : { eR: order.expiryReason }),
    };
  }
}

function executionType(event: OrderEvent): string {
  switch (event.kind) {
    case "accepted":
      return "NEW";
    case "traded":
      return "TRADE";
    case "cancelled":
      return "CANCELED";
    case "expired":
      return event.reason === "STP" ? "TRADE_PREVENTION" : "EXPIRED";
  }
}

function lastExecution(order: OrderState, trade: Trade | undefined): object {
  if (trade === undefined) {
    return { l: "0.00000000", L: "0.00000000", Y: "0.00000000", n: "0", N: null, t: -1 };
  }
  const share = order.side === "BUY" ? trade.buyer : trade.seller;
  return {
    l: amountText(trade.quantity),
    L: amountText(trade.price),
    Y: amountText(trade.quote),
    n: amountText(share.commission),
    N: share.commissionAsset,
    t: trade.tradeId,
  };
}
