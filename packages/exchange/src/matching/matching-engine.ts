/**
 * The matching engine: every decision of the exchange about orders, without a clock, a socket or a die. Time comes in
 * with each call, what happened goes out as events in the order in which it happened.
 *
 * Decided here: whether an order is taken (filters, funds, client order id), with whom it trades (best price first, then
 * earliest arrival), at what price (the resting order's), and how it ends. A refusal is a value and changes nothing.
 * Invariants, checked by the tests beside: nothing is created or lost (the sum of every asset over all accounts stays),
 * no book is ever crossed, an order never trades more than it asked for nor at a worse price than it allowed.
 *
 * Orders of one account that meet each other follow `selfTradePreventionMode`; the default is EXPIRE_TAKER, so that no
 * trade has one account on both sides unless it asks for NONE.
 */
import { assert } from "@baton/core";
import { notional } from "../amounts.ts";
import { Book, type LevelChange } from "./book.ts";
import { refusingFilter } from "./filters.ts";
import type { Instrument } from "./instrument.ts";
import { Ledger } from "./ledger.ts";
import {
  isOpen,
  type OrderState,
  type OrderType,
  type SelfTradePrevention,
  type Side,
  type TimeInForce,
  type Trade,
} from "./order.ts";
import { OrderIndex, type Uniqueness } from "./order-index.ts";
import { Settlement } from "./settlement.ts";

/** The account that fees go to. */
const FEE_ACCOUNT = "fees";

/** A request for a new order; amounts in 1e-8. */
export interface NewOrder {
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
}

/** Why the exchange said no, in Binance's codes. */
export interface Refusal {
  readonly kind: "refused";
  readonly code: number;
  readonly message: string;
}

/** What happened, in order. */
export type MatchingEvent =
  | { readonly kind: "accepted"; readonly order: OrderState }
  | { readonly kind: "traded"; readonly trade: Trade; readonly taker: OrderState; readonly maker: OrderState }
  | { readonly kind: "cancelled"; readonly order: OrderState }
  | { readonly kind: "expired"; readonly order: OrderState; readonly reason: string }
  | LevelChange;

/** The engine's answer to a new order: its state after matching. */
export interface Placed {
  readonly kind: "placed";
  readonly order: OrderState;
  readonly trades: readonly Trade[];
}

export interface MatchingOptions {
  readonly instruments: readonly Instrument[];
  /** Share of the received amount, in 1e-8 (0.001 is 100_000). */
  readonly makerFee: bigint;
  readonly takerFee: bigint;
  readonly uniqueness: (account: string) => Uniqueness;
  /** Called for each event, in order, while the call that caused it runs. */
  readonly onEvent: (event: MatchingEvent) => void;
}

/** One exchange's books, orders and balances. */
export class MatchingEngine {
  readonly ledger: Ledger = new Ledger();
  readonly orders: OrderIndex = new OrderIndex();
  readonly #options: MatchingOptions;
  readonly #instruments: ReadonlyMap<string, Instrument>;
  readonly #books: ReadonlyMap<string, Book>;
  readonly #lastPrice = new Map<string, bigint>();
  readonly #lastTradeId = new Map<string, number>();
  readonly #settlement: Settlement;
  /** The market's own participants: no balance check, nothing remembered of them once closed. */
  readonly #house = new Set<string>();
  #lastOrderId = 0;

  constructor(options: MatchingOptions) {
    this.#options = options;
    this.#instruments = new Map(options.instruments.map((one) => [one.symbol, one]));
    this.#books = new Map(options.instruments.map((one) => [one.symbol, new Book(one.symbol, options.onEvent)]));
    this.ledger.open(FEE_ACCOUNT, { isUnlimited: false });
    this.#settlement = new Settlement({ ledger: this.ledger, feeAccount: FEE_ACCOUNT, ...options });
  }

  /** Opens an account with what it starts with; `isHouse` marks the market's own participants. */
  openAccount(account: string, deposits: ReadonlyMap<string, bigint>, options = { isHouse: false }): void {
    this.ledger.open(account, { isUnlimited: options.isHouse });
    if (options.isHouse) this.#house.add(account);
    for (const [asset, amount] of deposits) this.ledger.deposit(account, asset, amount);
  }

  /** The rules of a symbol; undefined when it is not traded here. */
  instrument(symbol: string): Instrument | undefined {
    return this.#instruments.get(symbol);
  }

  /** All instruments. */
  instruments(): readonly Instrument[] {
    return this.#options.instruments;
  }

  /** The book of a traded symbol; read only for the caller. */
  book(symbol: string): Book {
    const book = this.#books.get(symbol);
    assert(book !== undefined, `${symbol} is traded here`);
    return book;
  }

  /** The last trade's price, or the opening price before any. */
  lastPrice(symbol: string): bigint {
    return this.#lastPrice.get(symbol) ?? this.#rules(symbol).openingPrice;
  }

  /** Why a new order would be refused before matching, without placing it; undefined when it would be taken. */
  refusal(request: NewOrder): Refusal | undefined {
    const rules = this.#rules(request.symbol);
    const isHouse = this.#house.has(request.account);
    const filter = refusingFilter(rules, request, {
      reference: this.lastPrice(request.symbol),
      open: isHouse ? 0 : this.orders.openCount(request.account, request.symbol),
    });
    if (filter !== undefined) return refused(-1013, `Filter failure: ${filter}`);
    const rule = isHouse ? "none" : this.#options.uniqueness(request.account);
    if (this.orders.isTaken(request.account, request.clientOrderId, rule))
      return refused(-2010, "Duplicate order sent.");
    if (request.type === "LIMIT_MAKER" && this.#wouldTrade(request)) {
      return refused(-2010, "Order would immediately match and take.");
    }
    const need = this.#settlement.need(request, rules, this.book(request.symbol));
    if (!this.ledger.canAfford(request.account, need.asset, need.amount)) {
      return refused(-2010, "Account has insufficient balance for requested action.");
    }
    return undefined;
  }

  /** Takes a new order, matches it, and rests or ends what is left. */
  place(request: NewOrder, nowMs: number): Placed | Refusal {
    const refusal = this.refusal(request);
    if (refusal !== undefined) return refusal;
    const rules = this.#rules(request.symbol);
    const book = this.book(request.symbol);
    const need = this.#settlement.need(request, rules, book);
    this.#lastOrderId += 1;
    const taker: OrderState = {
      orderId: this.#lastOrderId,
      account: request.account,
      symbol: request.symbol,
      clientOrderId: request.clientOrderId,
      side: request.side,
      type: request.type,
      timeInForce: request.timeInForce,
      quantity: request.quantity === 0n ? need.quantity : request.quantity,
      quoteQuantity: request.quoteQuantity,
      price: request.price,
      executed: 0n,
      executedQuote: 0n,
      status: "NEW",
      selfTradePrevention: request.selfTradePrevention,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      isWorking: false,
    };
    if (this.#house.has(taker.account)) this.orders.addUnnamed(taker);
    else this.orders.add(taker);
    this.#settlement.lock(taker.orderId, taker.account, need);
    this.#options.onEvent({ kind: "accepted", order: taker });

    const limit = taker.type === "MARKET" ? undefined : taker.price;
    if (taker.timeInForce === "FOK" && book.reachable(taker.side, limit, taker.quantity) < taker.quantity) {
      return { kind: "placed", order: this.#finish(taker, false, nowMs), trades: [] };
    }
    return this.#match(taker, limit, nowMs);
  }

  /** Cancels one open order; undefined when it is not open (any more). */
  cancel(orderId: number, nowMs: number): OrderState | undefined {
    const order = this.orders.byId(orderId);
    if (order === undefined || !isOpen(order)) return undefined;
    const cancelled = this.#close(order, { ...order, status: "CANCELED", updatedAtMs: nowMs });
    this.#options.onEvent({ kind: "cancelled", order: cancelled });
    return cancelled;
  }

  /** Trades an accepted order against the book as far as it goes, then rests or ends it. */
  #match(accepted: OrderState, limit: bigint | undefined, nowMs: number): Placed {
    const book = this.book(accepted.symbol);
    const trades: Trade[] = [];
    let taker = accepted;
    let isPrevented = false;
    while (taker.executed < taker.quantity) {
      const level = book.facing(taker.side)[0];
      if (level === undefined || !book.crosses(taker.side, limit, level.price)) break;
      const [makerId, makerLeft] = level.queue.entries().next().value as [number, bigint];
      const maker = this.orders.byId(makerId);
      assert(maker !== undefined, "a resting order is known");
      if (maker.account === taker.account && taker.selfTradePrevention !== "NONE") {
        if (taker.selfTradePrevention === "EXPIRE_BOTH") this.#expire(maker, "STP", nowMs);
        isPrevented = true;
        break;
      }
      const left = taker.quantity - taker.executed;
      taker = this.#trade(taker, maker, left < makerLeft ? left : makerLeft, trades, nowMs);
    }
    return { kind: "placed", order: this.#finish(taker, isPrevented, nowMs), trades };
  }

  #trade(taker: OrderState, maker: OrderState, quantity: bigint, trades: Trade[], nowMs: number): OrderState {
    const tradeId = (this.#lastTradeId.get(taker.symbol) ?? 0) + 1;
    this.#lastTradeId.set(taker.symbol, tradeId);
    this.#lastPrice.set(taker.symbol, maker.price);
    const trade = this.#settlement.settle({ tradeId, taker, maker, quantity, nowMs }, this.#rules(taker.symbol));
    const makerAfter = this.#save(filled(maker, trade));
    const takerAfter = this.#save(filled(taker, trade));
    this.book(taker.symbol).reduce(maker.side, maker.orderId, maker.price, quantity);
    if (!isOpen(makerAfter)) this.#settlement.releaseRest(makerAfter);
    trades.push(trade);
    this.#options.onEvent({ kind: "traded", trade, taker: takerAfter, maker: makerAfter });
    return takerAfter;
  }

  /** What becomes of an incoming order after matching: filled, resting, or ended by its time in force. */
  #finish(taker: OrderState, isPrevented: boolean, nowMs: number): OrderState {
    if (!isOpen(taker)) {
      this.#settlement.releaseRest(taker);
      return taker;
    }
    if (isPrevented) return this.#expire(taker, "STP", nowMs);
    if (taker.type === "MARKET") return this.#expire(taker, "INSUFFICIENT_LIQUIDITY", nowMs);
    if (taker.timeInForce === "IOC") return this.#expire(taker, "UNFILLED_IOC_QUANTITY_EXPIRED", nowMs);
    if (taker.timeInForce === "FOK") return this.#expire(taker, "UNFILLED_FOK_ORDER_EXPIRED", nowMs);
    const resting = this.#save({ ...taker, isWorking: true });
    this.book(taker.symbol).rest(taker.side, taker.orderId, taker.price, taker.quantity - taker.executed);
    return resting;
  }

  #expire(order: OrderState, reason: string, nowMs: number): OrderState {
    const status = reason === "STP" ? "EXPIRED_IN_MATCH" : "EXPIRED";
    const expired = this.#close(order, { ...order, status, updatedAtMs: nowMs, expiryReason: reason });
    this.#options.onEvent({ kind: "expired", order: expired, reason });
    return expired;
  }

  /** Takes an order off the book (if it rests there) and gives back what it still holds. */
  #close(before: OrderState, after: OrderState): OrderState {
    if (before.isWorking) {
      this.book(before.symbol).reduce(before.side, before.orderId, before.price, before.quantity - before.executed);
    }
    this.#settlement.releaseRest(after);
    return this.#save(after);
  }

  #save(order: OrderState): OrderState {
    if (this.#house.has(order.account)) this.orders.updateUnnamed(order);
    else this.orders.update(order);
    return order;
  }

  #wouldTrade(request: NewOrder): boolean {
    const book = this.book(request.symbol);
    const best = book.facing(request.side)[0];
    return best !== undefined && book.crosses(request.side, request.price, best.price);
  }

  #rules(symbol: string): Instrument {
    const rules = this.#instruments.get(symbol);
    assert(rules !== undefined, `${symbol} is traded here`);
    return rules;
  }
}

function filled(order: OrderState, trade: Trade): OrderState {
  const executed = order.executed + trade.quantity;
  return {
    ...order,
    executed,
    executedQuote: order.executedQuote + notional(trade.price, trade.quantity),
    status: executed === order.quantity ? "FILLED" : "PARTIALLY_FILLED",
    updatedAtMs: trade.atMs,
  };
}

function refused(code: number, message: string): Refusal {
  return { kind: "refused", code, message };
}
