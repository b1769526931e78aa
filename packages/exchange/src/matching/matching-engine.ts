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
import type { Clearing, MakeClearing, Moved } from "./clearing.ts";
import { refusingFilter, type FilterName } from "./filters.ts";
import type { Instrument } from "./instrument.ts";
import { Ledger } from "./ledger.ts";
import type { NewOrder } from "./new-order.ts";
import { isMarket, isOpen, isWaiting, type OrderState, type RareTerms, type Trade, type TradeShare } from "./order.ts";
import { OrderIndex, type Uniqueness } from "./order-index.ts";
import { PreventedMatches } from "./prevention.ts";
import { spotRefusals, type Refusal, type Refusals } from "./refusals.ts";
import { Settlement } from "./settlement.ts";
import { isReached, WaitingStops } from "./stops.ts";

/** The account that fees go to. */
const FEE_ACCOUNT = "fees";

/** What happened, in order. */
export type MatchingEvent =
  | { readonly kind: "accepted"; readonly order: OrderState }
  | { readonly kind: "traded"; readonly trade: Trade; readonly taker: OrderState; readonly maker: OrderState }
  /** The condition of a conditional order was met: from now on it works. */
  | { readonly kind: "triggered"; readonly order: OrderState }
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
  /** What orders need and trades move; spot's when nothing is said. */
  readonly makeClearing?: MakeClearing;
  /** The words of refusals; spot's when nothing is said. */
  readonly refusals?: Refusals;
  /**
   * It follows another market, whose trades make the last price (`setLastPrice`) and call for `activate`; order and trade
   * ids count from `firstId`. Absent: its own trades do, and ids count from 1.
   */
  readonly follows?: { readonly firstId: number };
  /** Called for each event, in order, while the call that caused it runs. */
  readonly onEvent: (event: MatchingEvent) => void;
}

/** One exchange's books, orders and balances. */
export class MatchingEngine {
  readonly ledger: Ledger = new Ledger();
  readonly orders: OrderIndex = new OrderIndex();
  readonly prevented: PreventedMatches = new PreventedMatches();
  readonly #options: MatchingOptions;
  readonly #instruments: ReadonlyMap<string, Instrument>;
  readonly #books: ReadonlyMap<string, Book>;
  readonly #lastPrice = new Map<string, bigint>();
  readonly #lastTradeId = new Map<string, number>();
  readonly #clearing: Clearing;
  readonly #refusals: Refusals;
  /** The market's own participants: no balance check, nothing remembered of them once closed. */
  readonly #house = new Set<string>();
  /** Open orders that may only reduce a position. */
  readonly #reducing = new Set<number>();
  readonly #stops = new WaitingStops();
  readonly #firstId: number;
  #lastOrderId: number;

  constructor(options: MatchingOptions) {
    this.#options = options;
    this.#firstId = options.follows?.firstId ?? 1;
    this.#lastOrderId = this.#firstId - 1;
    this.#instruments = new Map(options.instruments.map((one) => [one.symbol, one]));
    this.#books = new Map(options.instruments.map((one) => [one.symbol, new Book(one.symbol, options.onEvent)]));
    this.ledger.open(FEE_ACCOUNT, { isUnlimited: false });
    this.#refusals = options.refusals ?? spotRefusals;
    const { ledger, orders } = this;
    const { makerFee, takerFee } = options;
    const parts = { ledger, orders, feeAccount: FEE_ACCOUNT, makerFee, takerFee };
    this.#clearing = options.makeClearing === undefined ? new Settlement(parts) : options.makeClearing(parts);
  }

  /**
   * Opens an account with what it starts with. `isHouse` marks the market's own participants; who `mayOwe` can lose more
   * than it has.
   */
  openAccount(
    account: string,
    deposits: ReadonlyMap<string, bigint>,
    options: { readonly isHouse: boolean; readonly mayOwe?: boolean } = { isHouse: false },
  ): void {
    this.ledger.open(account, { isUnlimited: options.isHouse || options.mayOwe === true });
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

  /** A trade elsewhere that this market follows: filters look at its price from now on. */
  setLastPrice(symbol: string, price: bigint): void {
    this.#lastPrice.set(symbol, price);
  }

  /** Why a new order would be refused before matching, without placing it; undefined when it would be taken. */
  refusal(request: NewOrder): Refusal | undefined {
    const rules = this.#rules(request.symbol);
    const isHouse = this.#house.has(request.account);
    const filter = isHouse ? undefined : this.#refusingFilter(request, rules);
    if (filter !== undefined) return this.#refusals.filter(filter, rules);
    const rule = isHouse ? "none" : this.#options.uniqueness(request.account);
    if (this.orders.isTaken(request.account, request.clientOrderId, rule)) return this.#refusals.duplicate;
    if (isReached(request, this.lastPrice(request.symbol))) return this.#refusals.wouldTrigger;
    if (request.type === "LIMIT_MAKER" && this.#wouldTrade(request)) return this.#refusals.wouldTake;
    const { notFillable } = this.#refusals;
    if (notFillable !== undefined && request.timeInForce === "FOK" && !this.#isFillable(request)) return notFillable;
    return isHouse ? undefined : this.#clearing.refusal(request, rules, this.book(request.symbol));
  }

  #refusingFilter(request: NewOrder, rules: Instrument): FilterName | undefined {
    const { account, symbol, icebergQuantity } = request;
    return refusingFilter(rules, request, {
      reference: this.lastPrice(symbol),
      open: this.orders.openCount(account, symbol),
      waiting: this.#stops.count(account, symbol),
      // Counted only where it matters: it looks at every open order.
      icebergs:
        icebergQuantity === undefined
          ? 0
          : this.orders.open(account, symbol).filter((one) => one.icebergQuantity !== undefined).length,
    });
  }

  /** Takes a new order, matches it, and rests or ends what is left. */
  place(request: NewOrder, nowMs: number): Placed | Refusal {
    const placed = this.#take(request, nowMs);
    if (this.#options.follows === undefined) this.#activateDue(request.symbol, nowMs);
    return placed;
  }

  /** A conditional order that waits though the last price has reached it; for `activate`. */
  dueStop(symbol: string): OrderState | undefined {
    return this.#stops.due(symbol, this.lastPrice(symbol));
  }

  /** A waiting order begins to work: it trades as if it came now, or ends where its account cannot carry it any more. */
  activate(orderId: number, nowMs: number): void {
    const waiting = this.orders.byId(orderId);
    assert(waiting !== undefined && isWaiting(waiting), "only a waiting order is activated");
    const order = this.#save({ ...waiting, triggeredAtMs: nowMs, updatedAtMs: nowMs });
    if (isMarket(order)) {
      const refusal = this.#clearing.relock(order, this.#rules(order.symbol), this.book(order.symbol));
      if (refusal !== undefined) {
        this.#expire(order, "REJECTED", nowMs);
        return;
      }
    }
    this.#options.onEvent({ kind: "triggered", order });
    this.#work(order, nowMs);
  }

  #activateDue(symbol: string, nowMs: number): void {
    for (let due = this.dueStop(symbol); due !== undefined; due = this.dueStop(symbol)) {
      this.activate(due.orderId, nowMs);
    }
  }

  #take(request: NewOrder, nowMs: number): Placed | Refusal {
    const refusal = this.refusal(request);
    if (refusal !== undefined) return refusal;
    const rules = this.#rules(request.symbol);
    const book = this.book(request.symbol);
    this.#lastOrderId += 1;
    const taker: OrderState = {
      orderId: this.#lastOrderId,
      account: request.account,
      symbol: request.symbol,
      clientOrderId: request.clientOrderId,
      side: request.side,
      type: request.type,
      timeInForce: request.timeInForce,
      quantity: request.quantity === 0n ? this.#clearing.quantity(request, rules, book) : request.quantity,
      quoteQuantity: request.quoteQuantity,
      price: request.price,
      executed: 0n,
      executedQuote: 0n,
      status: "NEW",
      selfTradePrevention: request.selfTradePrevention,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      isWorking: false,
      ...(request.reducesOnly === true ? { reducesOnly: true } : {}),
      ...rareTerms(request),
    };
    if (this.#house.has(taker.account)) this.orders.addUnnamed(taker);
    else this.orders.add(taker);
    if (taker.reducesOnly === true) this.#reducing.add(taker.orderId);
    this.#stops.follow(taker);
    this.#clearing.lock(taker, rules, book);
    this.#options.onEvent({ kind: "accepted", order: taker });
    return isWaiting(taker) ? { kind: "placed", order: taker, trades: [] } : this.#work(taker, nowMs);
  }

  /** An accepted order meets the book. */
  #work(taker: OrderState, nowMs: number): Placed {
    const limit = isMarket(taker) ? undefined : taker.price;
    if (taker.timeInForce === "FOK" && !this.#isFillable(taker)) {
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

  /** The house trades with a resting order at its own price, whatever stands before it; at most what the order shows. */
  fillFromOutside(orderId: number, wanted: bigint, nowMs: number): void {
    const maker = this.orders.byId(orderId);
    assert(maker?.isWorking === true && isOpen(maker), "only a resting order is filled from outside");
    const level = this.book(maker.symbol)
      .levels(maker.side)
      .find(({ price }) => price === maker.price);
    const shown = level?.queue.get(orderId) ?? 0n;
    const [house] = this.#house;
    assert(house !== undefined, "there is a house");
    this.#lastOrderId += 1;
    const quantity = this.#clearing.tradeable(maker, wanted < shown ? wanted : shown);
    const taker: OrderState = {
      orderId: this.#lastOrderId,
      account: house,
      symbol: maker.symbol,
      clientOrderId: house,
      side: maker.side === "BUY" ? "SELL" : "BUY",
      type: "LIMIT",
      timeInForce: "IOC",
      quantity,
      quoteQuantity: 0n,
      price: maker.price,
      executed: 0n,
      executedQuote: 0n,
      status: "NEW",
      selfTradePrevention: "NONE",
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      isWorking: false,
    };
    this.orders.addUnnamed(taker);
    this.#clearing.lock(taker, this.#rules(maker.symbol), this.book(maker.symbol));
    this.#finish(this.#trade(taker, maker, quantity, [], nowMs), false, nowMs);
  }

  /**
   * Takes a client's side of a trade back, see `Clearing`. The order stays as it was; what rests and could only reduce a
   * position that is gone with the trade is ended.
   */
  takeBack(trade: Trade, share: TradeShare, nowMs: number): readonly Moved[] | undefined {
    const [house] = this.#house;
    assert(house !== undefined, "there is a house");
    const moved = this.#clearing.takeBack(trade, share, { rules: this.#rules(trade.symbol), house, nowMs });
    if (moved !== undefined) this.#expireReduced(trade.symbol, [share.account], nowMs);
    return moved;
  }

  /** Trades an accepted order against the book as far as it goes, then rests or ends it. */
  #match(accepted: OrderState, limit: bigint | undefined, nowMs: number): Placed {
    const book = this.book(accepted.symbol);
    const trades: Trade[] = [];
    let taker = accepted;
    let isPrevented = false;
    while (this.#left(taker) > 0n) {
      const level = book.facing(taker.side)[0];
      if (level === undefined || !book.crosses(taker.side, limit, level.price)) break;
      const [makerId, makerLeft] = level.queue.entries().next().value as [number, bigint];
      const maker = this.orders.byId(makerId);
      assert(maker !== undefined, "a resting order is known");
      if (maker.account === taker.account && taker.selfTradePrevention !== "NONE") {
        const prevented = this.prevented.add(taker, maker, nowMs);
        if (taker.selfTradePrevention !== "EXPIRE_TAKER") this.#expire({ ...maker, prevented }, "STP", nowMs);
        if (taker.selfTradePrevention === "EXPIRE_MAKER") continue;
        taker = { ...taker, prevented };
        isPrevented = true;
        break;
      }
      const makerMay = this.#clearing.tradeable(maker, makerLeft);
      if (makerMay === 0n) {
        this.#expire(maker, "REDUCE_ONLY", nowMs);
        continue;
      }
      const left = this.#left(taker);
      taker = this.#trade(taker, maker, left < makerMay ? left : makerMay, trades, nowMs);
      if (this.#reducing.size > 0) this.#expireReduced(taker.symbol, [taker.account, maker.account], nowMs);
    }
    return { kind: "placed", order: this.#finish(taker, isPrevented, nowMs), trades };
  }

  /** What an incoming order may still trade. */
  #left(taker: OrderState): bigint {
    return this.#clearing.tradeable(taker, taker.quantity - taker.executed);
  }

  /** After a position changed: resting orders that could only reduce a position that is no longer there are ended. */
  #expireReduced(symbol: string, accounts: readonly string[], nowMs: number): void {
    for (const orderId of this.#reducing) {
      const order = this.orders.byId(orderId);
      if (order === undefined || !order.isWorking || order.symbol !== symbol) continue;
      if (!accounts.includes(order.account) || this.#clearing.tradeable(order, 1n) > 0n) continue;
      this.#expire(order, "REDUCE_ONLY", nowMs);
    }
  }

  #trade(taker: OrderState, maker: OrderState, quantity: bigint, trades: Trade[], nowMs: number): OrderState {
    const tradeId = (this.#lastTradeId.get(taker.symbol) ?? this.#firstId - 1) + 1;
    this.#lastTradeId.set(taker.symbol, tradeId);
    if (this.#options.follows === undefined) this.#lastPrice.set(taker.symbol, maker.price);
    const trade = this.#clearing.settle({ tradeId, taker, maker, quantity, nowMs }, this.#rules(taker.symbol));
    const makerAfter = this.#save(filled(maker, trade));
    const takerAfter = this.#save(filled(taker, trade));
    this.book(taker.symbol).reduce(maker.side, maker.orderId, maker.price, quantity);
    if (!isOpen(makerAfter)) this.#clearing.releaseRest(makerAfter);
    trades.push(trade);
    this.#options.onEvent({ kind: "traded", trade, taker: takerAfter, maker: makerAfter });
    return takerAfter;
  }

  /** What becomes of an incoming order after matching: filled, resting, or ended by its time in force. */
  #finish(taker: OrderState, isPrevented: boolean, nowMs: number): OrderState {
    if (!isOpen(taker)) {
      this.#clearing.releaseRest(taker);
      return taker;
    }
    if (isPrevented) return this.#expire(taker, "STP", nowMs);
    if (taker.reducesOnly === true && this.#left(taker) === 0n) return this.#expire(taker, "REDUCE_ONLY", nowMs);
    if (isMarket(taker)) return this.#expire(taker, "INSUFFICIENT_LIQUIDITY", nowMs);
    if (taker.timeInForce === "IOC") return this.#expire(taker, "UNFILLED_IOC_QUANTITY_EXPIRED", nowMs);
    if (taker.timeInForce === "FOK") return this.#expire(taker, "UNFILLED_FOK_ORDER_EXPIRED", nowMs);
    const resting = this.#save({ ...taker, isWorking: true });
    this.book(taker.symbol).rest({
      side: taker.side,
      orderId: taker.orderId,
      price: taker.price,
      quantity: taker.quantity - taker.executed,
      ...(taker.icebergQuantity === undefined ? {} : { peak: taker.icebergQuantity }),
    });
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
    if (before.isWorking) this.book(before.symbol).remove(before.side, before.orderId, before.price);
    this.#clearing.releaseRest(after);
    return this.#save(after);
  }

  #save(order: OrderState): OrderState {
    if (order.reducesOnly === true && !isOpen(order)) this.#reducing.delete(order.orderId);
    this.#stops.follow(order);
    if (this.#house.has(order.account)) this.orders.updateUnnamed(order);
    else this.orders.update(order);
    return order;
  }

  #isFillable(terms: Pick<OrderState, "symbol" | "side" | "type" | "price" | "quantity">): boolean {
    const limit = isMarket(terms) ? undefined : terms.price;
    return this.book(terms.symbol).reachable(terms.side, limit, terms.quantity) >= terms.quantity;
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

function rareTerms(request: NewOrder): RareTerms {
  const { stopPrice, icebergQuantity, strategyId, strategyType } = request;
  return {
    ...(stopPrice === undefined ? {} : { stopPrice }),
    ...(icebergQuantity === undefined ? {} : { icebergQuantity }),
    ...(strategyId === undefined ? {} : { strategyId }),
    ...(strategyType === undefined ? {} : { strategyType }),
  };
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
