/**
 * Where the matching engine meets the world: each order, cancel or step of the market's own flow runs here as one
 * synchronous step, and what it caused goes on in one order, first into the audit, then to whoever listens (account
 * streams, market streams). Only client orders are audited; the house's are the weather.
 */
import type { AuditEntry, AuditLog } from "../audit/audit-log.ts";
import { amountDecimal } from "../amounts.ts";
import type { ExchangeClock } from "../exchange-clock.ts";
import type { AuditCancel, AuditOrderFields } from "@baton/core";
import { MatchingEngine, type MatchingEvent, type MatchingOptions, type Placed } from "../matching/matching-engine.ts";
import type { NewOrder } from "../matching/new-order.ts";
import type { Refusal } from "../matching/refusals.ts";
import { HOUSE } from "../flow/order-flow.ts";
import { isMarket, type OrderState, type Trade, type TradeShare } from "../matching/order.ts";
import type { Transfer } from "../streams/account-streams.ts";
import { BookMemory, type PastBook } from "./book-memory.ts";
import { OrderHistory } from "./order-history.ts";
import { TradeTape } from "./trade-tape.ts";

/** Who asked, for the audit. */
export interface Origin {
  readonly recvN: number;
  readonly apiKey: string;
  readonly source: string;
}

/** Why an order was cancelled. */
export type CancelCause = AuditCancel["cause"];

/** What everybody can see of a market: its levels and its trades, whoever made them. */
export type MarketEvent =
  Exclude<MatchingEvent, { readonly kind: "traded" }> | { readonly kind: "traded"; readonly trade: Trade };

/** What one step caused. */
export interface Step {
  /** What it did to orders. */
  readonly events: readonly MatchingEvent[];
  /** What is told about it in public: the same, unless the market is mirrored from another venue. */
  readonly market: readonly MarketEvent[];
  readonly nowMs: number;
  /** The client's id of the cancel request, where one caused the step. */
  readonly cancelId?: string | undefined;
}

/** A market that is mirrored from another venue, as the floor sees it. */
export interface Mirror {
  /** True while the other venue's market is known. */
  isLive(symbol: string): boolean;
  /** Its book; empty while it is not known. */
  book(symbol: string): PastBook;
  place(request: NewOrder, nowMs: number): Placed | Refusal;
  /** Called with all that a step did to orders. */
  follow(events: readonly MatchingEvent[]): void;
}

/** Books, balances, tapes and histories of one exchange. */
export class TradingFloor {
  readonly engine: MatchingEngine;
  readonly history: OrderHistory = new OrderHistory();
  readonly #audit: AuditLog;
  readonly #clock: ExchangeClock;
  readonly #tapes: ReadonlyMap<string, TradeTape>;
  readonly #pastBooks: ReadonlyMap<string, BookMemory>;
  readonly #origins = new Map<number, Origin>();
  readonly #listeners: ((step: Step) => void)[] = [];
  #events: MatchingEvent[] = [];
  #mirror: Mirror | undefined;

  constructor(options: Omit<MatchingOptions, "onEvent"> & { readonly audit: AuditLog; readonly clock: ExchangeClock }) {
    this.#audit = options.audit;
    this.#clock = options.clock;
    this.engine = new MatchingEngine({ ...options, onEvent: (event) => this.#events.push(event) });
    this.#tapes = new Map(options.instruments.map((one) => [one.symbol, new TradeTape()]));
    this.#pastBooks = new Map(options.instruments.map((one) => [one.symbol, new BookMemory()]));
  }

  /** Calls `listener` after each step, when the audit already has it. */
  onStep(listener: (step: Step) => void): void {
    this.#listeners.push(listener);
  }

  /** From now on the public market is another venue's, and orders meet its quotes. */
  mirrorBy(mirror: Mirror): void {
    this.#mirror = mirror;
  }

  /** False while a mirrored market is not known: nothing can trade on it. */
  isKnown(symbol: string): boolean {
    return this.#mirror?.isLive(symbol) ?? true;
  }

  /** The book that everybody sees. */
  publicBook(symbol: string): PastBook {
    return this.#mirror?.book(symbol) ?? this.engine.book(symbol);
  }

  /** What a mirrored venue told about its market. */
  tell(market: readonly MarketEvent[]): void {
    const monoMs = this.#clock.mono();
    for (const event of market) this.#rememberMarket(event, monoMs);
    const nowMs = this.#clock.server();
    for (const listener of this.#listeners) listener({ events: [], market, nowMs });
  }

  /** The tape of a traded symbol. */
  tape(symbol: string): TradeTape {
    return this.#tapes.get(symbol) as TradeTape;
  }

  /** What the book of a traded symbol looked like. */
  pastBook(symbol: string): BookMemory {
    return this.#pastBooks.get(symbol) as BookMemory;
  }

  /** A client's new order. */
  place(request: NewOrder, origin: Origin): Placed | Refusal {
    return this.#step({ origin }, (nowMs) => (this.#mirror ?? this.engine).place(request, nowMs));
  }

  /** A client's cancel of one order; undefined when it was not open. */
  cancel(
    orderId: number,
    cancel: { readonly cancelId?: string; readonly origin: Origin; readonly cause: "request" | "cancel-all" },
  ): OrderState | undefined {
    return this.#step(cancel, (nowMs) => this.engine.cancel(orderId, nowMs));
  }

  /** The venue's own cancel of all open orders of an account, on one symbol or on all; how many there were. */
  cancelAll(whose: { readonly account: string; readonly symbol?: string }, cause: CancelCause): number {
    const open = this.engine.orders.open(whose.account, whose.symbol);
    for (const order of open) this.#step({ cause }, (nowMs) => this.engine.cancel(order.orderId, nowMs));
    return open.length;
  }

  /**
   * Takes a client's side of a trade back: what the trade moved goes back with the commission, and the account's trades no
   * longer have it; the order stays as it was. What moved is returned; nothing, where the account no longer has what it
   * received.
   */
  bust(trade: Trade, share: TradeShare): readonly Transfer[] {
    const { account } = share;
    return this.#step({}, (nowMs) => {
      const moved = this.engine.takeBack(trade, share, nowMs);
      if (moved === undefined) return [];
      const origin = this.#origins.get(share.orderId);
      this.#audit.append({
        type: "bust",
        account,
        symbol: trade.symbol,
        orderId: share.orderId,
        tradeId: trade.tradeId,
        price: amountDecimal(trade.price),
        quantity: amountDecimal(trade.quantity),
        ...(origin === undefined ? {} : { apiKey: origin.apiKey }),
      });
      this.history.forgetTrade(account, trade);
      return moved.map((each) => ({ account, ...each }));
    });
  }

  /** Adds a record that no order or trade makes. */
  audit(entry: AuditEntry): void {
    this.#audit.append(entry);
  }

  /** Anything the market does by itself. */
  run(act: (nowMs: number) => void): void {
    this.#step({}, act);
  }

  #step<T>(
    context: {
      readonly origin?: Origin;
      readonly cancelId?: string;
      readonly cause?: CancelCause;
    },
    act: (nowMs: number) => T,
  ): T {
    const nowMs = this.#clock.server();
    const result = act(nowMs);
    const events = this.#events;
    this.#events = [];
    if (events.length === 0) return result;
    const monoMs = this.#clock.mono();
    for (const event of events) {
      if (event.kind === "accepted" && context.origin !== undefined) {
        this.#origins.set(event.order.orderId, context.origin);
      }
      this.#record(event, context.cause ?? "request", context.origin);
      this.#remember(event, monoMs);
      if (this.#mirror === undefined) this.#rememberMarket(event, monoMs);
    }
    this.#mirror?.follow(events);
    const market = this.#mirror === undefined ? events : [];
    for (const listener of this.#listeners) listener({ events, market, nowMs, cancelId: context.cancelId });
    return result;
  }

  #record(event: MatchingEvent, cause: CancelCause, asker: Origin | undefined): void {
    if (event.kind === "level") return;
    if (event.kind === "traded") {
      this.#recordFill(event.taker, event.trade, false);
      this.#recordFill(event.maker, event.trade, true);
      return;
    }
    const { order } = event;
    const origin = this.#origins.get(order.orderId);
    if (order.account === HOUSE || origin === undefined) return;
    switch (event.kind) {
      case "accepted":
        this.#audit.append({
          type: "accept",
          recvN: origin.recvN,
          ...fields(order, origin),
          quantity: amountDecimal(order.quantity),
          ...(isMarket(order) ? {} : { price: amountDecimal(order.price), timeInForce: order.timeInForce }),
          orderType: order.type,
        });
        return;
      case "cancelled":
        this.#audit.append({
          type: "cancel",
          cause,
          ...fields(order, asker ?? origin),
          ...(asker === undefined ? {} : { recvN: asker.recvN }),
        });
        return;
      case "triggered":
        return;
      case "expired":
        this.#audit.append({ type: "expire", cause: event.reason, ...fields(order, origin) });
    }
  }

  #recordFill(order: OrderState, trade: Trade, isMaker: boolean): void {
    const origin = this.#origins.get(order.orderId);
    if (order.account === HOUSE || origin === undefined) return;
    const share = order.side === "BUY" ? trade.buyer : trade.seller;
    this.#audit.append({
      type: "fill",
      tradeId: trade.tradeId,
      isMaker,
      ...fields(order, origin),
      quantity: amountDecimal(trade.quantity),
      price: amountDecimal(trade.price),
      commission: amountDecimal(share.commission),
      commissionAsset: share.commissionAsset,
    });
  }

  #rememberMarket(event: MarketEvent, monoMs: number): void {
    if (event.kind === "level") this.pastBook(event.symbol).add(event, monoMs);
    else if (event.kind === "traded") this.tape(event.trade.symbol).add(event.trade);
  }

  #remember(event: MatchingEvent, monoMs: number): void {
    if (event.kind === "level") return;
    if (event.kind !== "traded") {
      if (event.order.account !== HOUSE) this.history.addState(event.order, monoMs);
      return;
    }
    for (const order of [event.taker, event.maker]) {
      if (order.account === HOUSE) continue;
      this.history.addState(order, monoMs);
      // A trade with oneself (only under selfTradePreventionMode NONE) is one trade of the account, not two.
      if (order === event.maker && event.taker.account === order.account) continue;
      this.history.addTrade(order.account, event.trade, monoMs);
    }
  }
}

function fields(order: OrderState, origin: Origin): AuditOrderFields {
  return {
    apiKey: origin.apiKey,
    account: order.account,
    source: origin.source,
    symbol: order.symbol,
    side: order.side,
    clientOrderId: order.clientOrderId,
    orderId: order.orderId,
  };
}
