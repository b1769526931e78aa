/**
 * The futures venue's money: wallets in the quote asset, one position per account and symbol, and the margin that orders
 * and positions need. A trade moves both positions, pays out what closing won or lost, and takes the fee from the wallet.
 *
 * What one account wins another has lost, but not always in the same trade, so the account `clearing` stands between: its
 * balance and the worth of all positions together are always nothing. Nobody is liquidated: a wallet may go below zero.
 */
import { notional, ONE } from "../amounts.ts";
import { HOUSE } from "../flow/order-flow.ts";
import type { Book } from "../matching/book.ts";
import type { Clearing, MakeClearing, Match, Moved } from "../matching/clearing.ts";
import type { Instrument } from "../matching/instrument.ts";
import type { NewOrder } from "../matching/new-order.ts";
import type { OrderState, Side, Trade, TradeShare } from "../matching/order.ts";
import type { Refusal } from "../matching/refusals.ts";
import { flat, reducible, size, traded, unrealised, untraded, type Position } from "./positions.ts";
import { marginInsufficient, reduceOnlyRejected } from "./refusals.ts";

type Parts = Parameters<MakeClearing>[0];

/** Stands between winners and losers. */
export const CLEARING = "clearing";

const LEVERAGE_USUAL = 20;

/** What an account has, needs and may still use, in the quote asset. */
export interface Funds {
  readonly wallet: bigint;
  readonly unrealised: bigint;
  /** For what is held. */
  readonly positionMargin: bigint;
  /** For what open orders could add. */
  readonly orderMargin: bigint;
  /** Wallet and unrealised, less both margins; never below 0. */
  readonly available: bigint;
}

/** The money of one futures exchange. */
export class Margin implements Clearing {
  readonly #positions = new Map<string, Map<string, Position>>();
  readonly #leverage = new Map<string, number>();
  readonly #marginType = new Map<string, "CROSSED" | "ISOLATED">();
  #parts: Parts | undefined;
  #market: { readonly instruments: readonly Instrument[]; readonly mark: (symbol: string) => bigint } | undefined;

  /** Joins it to its engine. */
  attach(parts: Parts): this {
    this.#parts = parts;
    parts.ledger.open(CLEARING, { isUnlimited: true });
    return this;
  }

  /** Tells it where mark prices come from. */
  trade(market: { readonly instruments: readonly Instrument[]; readonly mark: (symbol: string) => bigint }): void {
    this.#market = market;
  }

  /** The position of an account on a symbol. */
  position(account: string, symbol: string): Position {
    return this.#positions.get(account)?.get(symbol) ?? flat;
  }

  /** The mark price of a symbol. */
  mark(symbol: string): bigint {
    if (this.#market === undefined) throw new Error("the market is not joined yet");
    return this.#market.mark(symbol);
  }

  /** Quantities of a symbol over all accounts, the market's own included; they sum to nothing. */
  *held(symbol: string): Iterable<bigint> {
    for (const positions of this.#positions.values()) yield positions.get(symbol)?.quantity ?? 0n;
  }

  leverage(account: string, symbol: string): number {
    return this.#leverage.get(`${account} ${symbol}`) ?? LEVERAGE_USUAL;
  }

  setLeverage(account: string, symbol: string, leverage: number): void {
    this.#leverage.set(`${account} ${symbol}`, leverage);
  }

  marginType(account: string, symbol: string): "CROSSED" | "ISOLATED" {
    return this.#marginType.get(`${account} ${symbol}`) ?? "CROSSED";
  }

  setMarginType(account: string, symbol: string, type: "CROSSED" | "ISOLATED"): void {
    this.#marginType.set(`${account} ${symbol}`, type);
  }

  /** The funds of an account; with `adding`, as if that order were open. */
  funds(account: string, asset: string, adding?: NewOrder): Funds {
    const wallet = this.#joined().ledger.balance(account, asset).free;
    let [open, positionMargin, orderMargin] = [0n, 0n, 0n];
    for (const rules of this.#market?.instruments ?? []) {
      if (rules.quote !== asset) continue;
      const position = this.position(account, rules.symbol);
      const mark = this.mark(rules.symbol);
      open += unrealised(position, mark);
      const held = this.positionMargin(account, rules.symbol);
      positionMargin += held;
      orderMargin += this.#worst(account, rules.symbol, adding) - held;
    }
    const left = wallet + open - positionMargin - orderMargin;
    return { wallet, unrealised: open, positionMargin, orderMargin, available: left > 0n ? left : 0n };
  }

  /** The margin of what is held. */
  positionMargin(account: string, symbol: string): bigint {
    const held = notional(this.mark(symbol), size(this.position(account, symbol).quantity));
    return held / BigInt(this.leverage(account, symbol));
  }

  refusal(request: NewOrder, rules: Instrument): Refusal | undefined {
    const position = this.position(request.account, request.symbol);
    if (request.reducesOnly === true) {
      return reducible(position, request.side) > 0n ? undefined : reduceOnlyRejected;
    }
    const before = this.#worst(request.account, request.symbol, undefined);
    if (this.#worst(request.account, request.symbol, request) <= before) return undefined;
    const { wallet, unrealised: open, positionMargin, orderMargin } = this.funds(request.account, rules.quote, request);
    return wallet + open >= positionMargin + orderMargin ? undefined : marginInsufficient;
  }

  quantity(request: NewOrder): bigint {
    return request.quantity;
  }

  lock(_order: OrderState, _rules: Instrument, _book: Book): void {
    // Margin is counted from the open orders, not set aside.
  }

  /** Conditional orders are no orders of this venue. */
  relock(): Refusal | undefined {
    return undefined;
  }

  releaseRest(_order: OrderState): void {
    // As for `lock`.
  }

  tradeable(order: OrderState, wanted: bigint): bigint {
    if (order.reducesOnly !== true) return wanted;
    const most = reducible(this.position(order.account, order.symbol), order.side);
    return most < wanted ? most : wanted;
  }

  settle(match: Match, rules: Instrument): Trade {
    const { taker, maker, quantity } = match;
    const price = maker.price;
    const quote = notional(price, quantity);
    const [buyer, seller] = taker.side === "BUY" ? [taker, maker] : [maker, taker];
    const settleSide = (order: OrderState, side: Side): Trade["buyer"] => {
      const step = traded(this.position(order.account, rules.symbol), { side, quantity, quote, atMs: match.nowMs });
      this.#settle(order.account, rules, step);
      const { ledger, feeAccount, makerFee, takerFee } = this.#joined();
      const commission = (quote * (order === maker ? makerFee : takerFee)) / ONE;
      ledger.payFree(order.account, feeAccount, rules.quote, commission);
      const { orderId, account } = order;
      return { orderId, account, commission, commissionAsset: rules.quote, realised: step.won };
    };
    return {
      tradeId: match.tradeId,
      takerOrderId: taker.orderId,
      symbol: taker.symbol,
      price,
      quantity,
      quote,
      atMs: match.nowMs,
      isBuyerMaker: buyer === maker,
      buyer: settleSide(buyer, "BUY"),
      seller: settleSide(seller, "SELL"),
    };
  }

  /** The house trades in the place of the other side; whose side it is has its commission back. */
  takeBack(
    trade: Trade,
    share: TradeShare,
    { rules, house, nowMs }: { readonly rules: Instrument; readonly house: string; readonly nowMs: number },
  ): readonly Moved[] {
    const { account, realised: won = 0n } = share;
    const { quantity, quote } = trade;
    const made = { side: trade.buyer === share ? "BUY" : "SELL", quantity, quote, atMs: nowMs } as const;
    const undone = untraded(this.position(account, rules.symbol), { ...made, won });
    this.#settle(account, rules, undone);
    this.#settle(house, rules, traded(this.position(house, rules.symbol), made));
    const { ledger, feeAccount } = this.#joined();
    ledger.payFree(feeAccount, share.account, share.commissionAsset, share.commission);
    return [{ asset: rules.quote, amount: undone.won + share.commission, symbol: trade.symbol }];
  }

  /** A position becomes another, and what that won or lost is paid. */
  #settle(account: string, rules: Instrument, { after, won }: ReturnType<typeof traded>): void {
    const positions = this.#positions.get(account) ?? new Map<string, Position>();
    this.#positions.set(account, positions.set(rules.symbol, after));
    const { ledger } = this.#joined();
    if (won >= 0n) ledger.payFree(CLEARING, account, rules.quote, won);
    else ledger.payFree(account, CLEARING, rules.quote, -won);
  }

  /** The margin of the larger of the two ways in which all open orders of a side could fill. */
  #worst(account: string, symbol: string, adding: NewOrder | undefined): bigint {
    if (account === HOUSE) return 0n;
    const mark = this.mark(symbol);
    let [bids, asks] = [0n, 0n];
    const add = (side: Side, price: bigint, quantity: bigint): void => {
      const value = notional(price === 0n ? mark : price, quantity);
      if (side === "BUY") bids += value;
      else asks += value;
    };
    for (const order of this.#joined().orders.open(account, symbol)) {
      if (order.reducesOnly !== true) add(order.side, order.price, order.quantity - order.executed);
    }
    if (adding?.symbol === symbol && adding.reducesOnly !== true) add(adding.side, adding.price, adding.quantity);
    const { quantity } = this.position(account, symbol);
    const held = notional(mark, size(quantity));
    const signed = quantity < 0n ? -held : held;
    const [long, short] = [size(signed + bids), size(signed - asks)];
    return (long > short ? long : short) / BigInt(this.leverage(account, symbol));
  }

  #joined(): Parts {
    if (this.#parts === undefined) throw new Error("the margin is not joined to an engine yet");
    return this.#parts;
  }
}
