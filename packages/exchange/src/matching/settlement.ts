/**
 * The spot market's money: what an order must have locked, and what a trade moves: base against quote, each side's commission taken out of what
 * it receives (as Binance does without BNB), and what a better price leaves over goes back at once.
 */
import { assert } from "@baton/core";
import { notional, ONE } from "../amounts.ts";
import type { Book } from "./book.ts";
import type { Clearing, Match, Moved } from "./clearing.ts";
import type { Instrument } from "./instrument.ts";
import type { Ledger } from "./ledger.ts";
import type { NewOrder } from "./new-order.ts";
import { isMarket, isOpen, type OrderState, type OrderType, type Side, type Trade, type TradeShare } from "./order.ts";
import { refused, type Refusal } from "./refusals.ts";

/** What must be locked before an order is taken. */
interface Need {
  readonly asset: string;
  readonly amount: bigint;
  /** The base quantity; differs from the request's only for market orders in quote currency. */
  readonly quantity: bigint;
}

interface Terms {
  readonly side: Side;
  readonly type: OrderType;
  readonly quantity: bigint;
  readonly quoteQuantity: bigint;
  readonly price: bigint;
  readonly stopPrice?: bigint;
  readonly triggeredAtMs?: number;
}

/** Moves the money of one matching engine. */
export class Settlement implements Clearing {
  readonly #ledger: Ledger;
  readonly #feeAccount: string;
  readonly #makerFee: bigint;
  readonly #takerFee: bigint;
  readonly #locks = new Map<number, { readonly asset: string; amount: bigint }>();

  constructor(options: {
    readonly ledger: Ledger;
    readonly feeAccount: string;
    readonly makerFee: bigint;
    readonly takerFee: bigint;
  }) {
    this.#ledger = options.ledger;
    this.#feeAccount = options.feeAccount;
    this.#makerFee = options.makerFee;
    this.#takerFee = options.takerFee;
  }

  refusal(request: NewOrder, rules: Instrument, book: Book): Refusal | undefined {
    const need = this.#need(request, rules, book);
    if (this.#ledger.canAfford(request.account, need.asset, need.amount)) return undefined;
    return refused(-2010, "Account has insufficient balance for requested action.");
  }

  quantity(request: NewOrder, rules: Instrument, book: Book): bigint {
    return this.#need(request, rules, book).quantity;
  }

  tradeable(_order: OrderState, wanted: bigint): bigint {
    return wanted;
  }

  lock(order: OrderState, rules: Instrument, book: Book): void {
    const { asset, amount } = this.#need(order, rules, book);
    this.#ledger.lock(order.account, asset, amount);
    this.#locks.set(order.orderId, { asset, amount });
  }

  relock(order: OrderState, rules: Instrument, book: Book): Refusal | undefined {
    const lock = this.#locks.get(order.orderId);
    assert(lock !== undefined, "a waiting order has a lock");
    const { asset, amount } = this.#need(order, rules, book);
    if (amount > lock.amount && !this.#ledger.canAfford(order.account, asset, amount - lock.amount)) {
      return refused(-2010, "Account has insufficient balance for requested action.");
    }
    if (amount > lock.amount) this.#ledger.lock(order.account, asset, amount - lock.amount);
    else this.#ledger.release(order.account, asset, lock.amount - amount);
    lock.amount = amount;
    return undefined;
  }

  /** What `terms` would need on this book now; a market order that waits for its stop price, at that price. */
  #need(terms: Terms, rules: Instrument, book: Book): Need {
    const waitsFor = terms.triggeredAtMs === undefined ? terms.stopPrice : undefined;
    const reach = isMarket(terms) && waitsFor === undefined ? marketReach(terms, rules, book) : undefined;
    const quantity = reach?.quantity ?? terms.quantity;
    if (terms.side === "SELL") return { asset: rules.base, amount: quantity, quantity };
    const price = isMarket(terms) ? (waitsFor ?? terms.price) : terms.price;
    return { asset: rules.quote, amount: reach?.cost ?? notional(price, quantity), quantity };
  }

  /** Gives a closed order's remaining lock back. */
  releaseRest(order: OrderState): void {
    const lock = this.#locks.get(order.orderId);
    if (lock === undefined) return;
    assert(!isOpen(order), "only a closed order gives its lock back");
    this.#locks.delete(order.orderId);
    if (lock.amount > 0n) this.#ledger.release(order.account, lock.asset, lock.amount);
  }

  /** Exchanges base for quote at the maker's price and takes both commissions. */
  settle(match: Match, rules: Instrument): Trade {
    const { taker, maker, quantity } = match;
    const price = maker.price;
    const quote = notional(price, quantity);
    const [buyer, seller] = taker.side === "BUY" ? [taker, maker] : [maker, taker];
    const buyerFee = (quantity * this.#rate(buyer === maker)) / ONE;
    const sellerFee = (quote * this.#rate(seller === maker)) / ONE;
    this.#spend(buyer, seller.account, rules.quote, quote);
    this.#spend(seller, buyer.account, rules.base, quantity);
    this.#ledger.payFree(buyer.account, this.#feeAccount, rules.base, buyerFee);
    this.#ledger.payFree(seller.account, this.#feeAccount, rules.quote, sellerFee);
    if (!isMarket(buyer)) this.#giveBack(buyer, notional(buyer.price - price, quantity));
    return {
      tradeId: match.tradeId,
      takerOrderId: taker.orderId,
      symbol: taker.symbol,
      price,
      quantity,
      quote,
      atMs: match.nowMs,
      isBuyerMaker: buyer === maker,
      buyer: share(buyer, buyerFee, rules.base),
      seller: share(seller, sellerFee, rules.quote),
    };
  }

  /** What it received, less its commission, goes to the house; what it paid comes back. */
  takeBack(
    trade: Trade,
    side: TradeShare,
    { rules, house }: { readonly rules: Instrument; readonly house: string },
  ): readonly Moved[] | undefined {
    const [base, quote] = [
      { asset: rules.base, amount: trade.quantity },
      { asset: rules.quote, amount: trade.quote },
    ];
    const [received, paid] = trade.buyer === side ? [base, quote] : [quote, base];
    const { account, commission } = side;
    const returned = received.amount - commission;
    if (!this.#ledger.canAfford(account, received.asset, returned)) return undefined;
    this.#ledger.payFree(account, house, received.asset, returned);
    this.#ledger.payFree(house, account, paid.asset, paid.amount);
    return [{ asset: received.asset, amount: -returned }, paid];
  }

  #rate(isMaker: boolean): bigint {
    return isMaker ? this.#makerFee : this.#takerFee;
  }

  #spend(order: OrderState, to: string, asset: string, amount: bigint): void {
    const lock = this.#locks.get(order.orderId);
    assert(lock !== undefined && lock.asset === asset && lock.amount >= amount, "a trade spends what was locked");
    lock.amount -= amount;
    this.#ledger.payLocked(order.account, to, asset, amount);
  }

  #giveBack(order: OrderState, amount: bigint): void {
    const lock = this.#locks.get(order.orderId);
    if (lock === undefined || amount === 0n) return;
    lock.amount -= amount;
    this.#ledger.release(order.account, lock.asset, amount);
  }
}

/** How far a market order reaches into the book, and what that costs a buyer. */
function marketReach(terms: Terms, rules: Instrument, book: Book): { quantity: bigint; cost: bigint } {
  let quantity = 0n;
  let cost = 0n;
  for (const level of book.facing(terms.side)) {
    const wanted =
      terms.quantity > 0n
        ? terms.quantity - quantity
        : floorToStep(((terms.quoteQuantity - cost) * ONE) / level.price, rules.stepSize);
    if (wanted <= 0n) break;
    const there = level.total + level.hidden;
    const taken = wanted < there ? wanted : there;
    quantity += taken;
    cost += notional(level.price, taken);
  }
  return { quantity: terms.quantity > 0n ? terms.quantity : quantity, cost };
}

function floorToStep(amount: bigint, step: bigint): bigint {
  return amount - (amount % step);
}

function share(order: OrderState, commission: bigint, commissionAsset: string): Trade["buyer"] {
  return { orderId: order.orderId, account: order.account, commission, commissionAsset };
}
