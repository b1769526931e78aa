/**
 * The account streams: what happens to an account's orders and balances, told to every connection that subscribed to it,
 * by signature or under a listen key. Nothing is replayed to a late subscriber. Per step of the floor: the reports of the
 * orders in their order, then one message about the balances. What the messages say is the venue's: `AccountForms`.
 */
import { HOUSE } from "../flow/order-flow.ts";
import type { Desk } from "../gateway/call.ts";
import type { Step } from "../market/trading-floor.ts";
import type { MatchingEvent } from "../matching/matching-engine.ts";
import type { OrderState } from "../matching/order.ts";
import type { StreamConnection } from "./connection.ts";

/** One connection's subscription to one account. */
export interface AccountSubscription {
  readonly connection: StreamConnection;
  readonly account: string;
  /** The listen key that it stands under; absent: subscribed by signature. */
  readonly listenKey?: string;
  /** It was subscribed by the session's key, and ends with the session. */
  readonly isOfSession?: boolean;
  /** Puts an event into this connection's envelope. */
  readonly wrap: (event: string) => string;
}

/** Something that happened to an order. */
export type OrderEvent = Exclude<MatchingEvent, { readonly kind: "level" }>;

/** What a step changed of one account. */
export interface Touched {
  readonly account: string;
  readonly symbols: ReadonlySet<string>;
  readonly hasTraded: boolean;
}

/** Money that came to an account from outside, or left it (below 0), in 1e-8. */
export interface Transfer {
  readonly account: string;
  readonly asset: string;
  readonly amount: bigint;
  /** Whose position changed with it: the venue took a trade back. Futures only. */
  readonly symbol?: string;
}

/** A venue's account events. */
export interface AccountForms {
  /** The messages about one event of one order. `reportId` counts all reports of the exchange. */
  readonly reports: (
    about: { readonly event: OrderEvent; readonly order: OrderState; readonly step: Step; readonly reportId: number },
    desk: Desk,
  ) => readonly object[];
  /** The message about what a step changed of the balances; undefined when it tells nothing. */
  readonly balances: (touched: Touched, nowMs: number, desk: Desk) => object | undefined;
  /** The messages about money that came from outside, or went there (below 0). */
  readonly transferred: (transfer: Transfer, nowMs: number, desk: Desk) => readonly object[];
  /** The last message under a subscription that the venue ends; undefined when it just falls silent. */
  readonly ended: (subscription: AccountSubscription, nowMs: number) => object | undefined;
}

/** All account subscriptions of one exchange. */
export class AccountStreams {
  readonly #desk: Desk;
  readonly #forms: AccountForms;
  readonly #subscriptions = new Map<string, Set<AccountSubscription>>();
  readonly #emptied: ((account: string) => void)[] = [];
  #lastReportId = 0;

  constructor(desk: Desk, forms: AccountForms) {
    this.#desk = desk;
    this.#forms = forms;
  }

  /** Starts telling. */
  add(subscription: AccountSubscription): void {
    const present = this.#subscriptions.get(subscription.account);
    if (present === undefined) this.#subscriptions.set(subscription.account, new Set([subscription]));
    else present.add(subscription);
  }

  /** Stops telling. */
  remove(subscription: AccountSubscription): void {
    const present = this.#subscriptions.get(subscription.account);
    if (present?.delete(subscription) !== true || present.size > 0) return;
    for (const listener of this.#emptied) listener(subscription.account);
  }

  /** True while anybody listens to an account. */
  hasListener(account: string): boolean {
    return (this.#subscriptions.get(account)?.size ?? 0) > 0;
  }

  /** Calls `listener` when the last subscription of an account ends. */
  onEmptied(listener: (account: string) => void): void {
    this.#emptied.push(listener);
  }

  /** Ends all subscriptions that `isEnding` says, with the venue's last word on each; they stay on their connections. */
  end(isEnding: (subscription: AccountSubscription) => boolean): void {
    for (const subscriptions of this.#subscriptions.values()) {
      for (const subscription of [...subscriptions]) {
        if (!isEnding(subscription)) continue;
        const last = this.#forms.ended(subscription, this.#desk.now());
        if (last !== undefined) this.#tell([subscription], last, undefined);
        this.remove(subscription);
      }
    }
  }

  /** Ends all subscriptions that `isEnding` says without a word. */
  fallSilent(isEnding: (subscription: AccountSubscription) => boolean): void {
    for (const subscriptions of this.#subscriptions.values()) {
      for (const subscription of [...subscriptions]) if (isEnding(subscription)) this.remove(subscription);
    }
  }

  /** Tells of money from outside. */
  transferred(transfer: Transfer): void {
    if (!this.hasListener(transfer.account)) return;
    for (const message of this.#forms.transferred(transfer, this.#desk.now(), this.#desk)) {
      this.#tell(this.#of(transfer.account), message, undefined);
    }
  }

  /** Tells what a step of the floor changed. */
  publish(step: Step): void {
    const touched = new Map<string, { account: string; symbols: Set<string>; hasTraded: boolean }>();
    for (const event of step.events) {
      if (event.kind === "level") continue;
      const orders = event.kind === "traded" ? [event.taker, event.maker] : [event.order];
      for (const order of orders) {
        if (order.account === HOUSE) continue;
        this.#lastReportId += 1;
        const one = touched.get(order.account) ?? { account: order.account, symbols: new Set(), hasTraded: false };
        touched.set(order.account, one);
        one.symbols.add(order.symbol);
        one.hasTraded ||= event.kind === "traded";
        if (!this.hasListener(order.account)) continue;
        const reports = this.#forms.reports({ event, order, step, reportId: this.#lastReportId }, this.#desk);
        for (const report of reports) this.#tell(this.#of(order.account), report, order.symbol);
      }
    }
    for (const one of touched.values()) {
      if (!this.hasListener(one.account)) continue;
      const message = this.#forms.balances(one, step.nowMs, this.#desk);
      if (message !== undefined) this.#tell(this.#of(one.account), message, undefined);
    }
  }

  #of(account: string): Iterable<AccountSubscription> {
    return this.#subscriptions.get(account) ?? [];
  }

  #tell(subscriptions: Iterable<AccountSubscription>, event: object, symbol: string | undefined): void {
    const text = JSON.stringify(event);
    for (const { connection, wrap } of subscriptions) connection.publish(wrap(text), { stream: "user", symbol });
  }
}
