/**
 * What an order must have behind it and what a trade moves: the part of an exchange that is money. Spot locks what an
 * order would spend and exchanges it at the trade (`settlement.ts`); futures ask for margin and move a position. The
 * matching engine asks here and knows neither.
 */
import type { Book } from "./book.ts";
import type { Instrument } from "./instrument.ts";
import type { Ledger } from "./ledger.ts";
import type { NewOrder } from "./new-order.ts";
import type { OrderIndex } from "./order-index.ts";
import type { OrderState, Trade, TradeShare } from "./order.ts";
import type { Refusal } from "./refusals.ts";

/** What a trade is made from. */
export interface Match {
  readonly tradeId: number;
  readonly taker: OrderState;
  readonly maker: OrderState;
  readonly quantity: bigint;
  readonly nowMs: number;
}

/** What an account has more, or less (below 0), of an asset; with the symbol whose position moved with it, where one did. */
export interface Moved {
  readonly asset: string;
  readonly amount: bigint;
  readonly symbol?: string;
}

/** The money of one matching engine. */
export interface Clearing {
  /** Why an order cannot be carried now; undefined when it can. The account of the market itself is carried always. */
  refusal(request: NewOrder, rules: Instrument, book: Book): Refusal | undefined;
  /** The base quantity that a request asks for on this book; differs from its own only for orders in quote currency. */
  quantity(request: NewOrder, rules: Instrument, book: Book): bigint;
  /** Sets aside what an accepted order needs. */
  lock(order: OrderState, rules: Instrument, book: Book): void;
  /**
   * Sets aside what a conditional order needs now that it works: of a market order that is another amount than while it
   * waited. A refusal when the account has not got it; then the order keeps what it holds and has to be closed.
   */
  relock(order: OrderState, rules: Instrument, book: Book): Refusal | undefined;
  /** Gives back what a closed order still holds. */
  releaseRest(order: OrderState): void;
  /** Moves the money of a trade at the maker's price. */
  settle(match: Match, rules: Instrument): Trade;
  /**
   * Moves one side of a trade back, commission included, with the house in the place of the other side; what the account
   * has of it. Undefined, with nothing moved, when the account no longer has what it received.
   */
  takeBack(
    trade: Trade,
    share: TradeShare,
    by: { readonly rules: Instrument; readonly house: string; readonly nowMs: number },
  ): readonly Moved[] | undefined;
  /** How much of `wanted` an order may still trade: all of it, unless it may only reduce a position. */
  tradeable(order: OrderState, wanted: bigint): bigint;
}

/** Makes the clearing of one engine. */
export type MakeClearing = (parts: {
  readonly ledger: Ledger;
  readonly orders: OrderIndex;
  readonly feeAccount: string;
  /** In 1e-8. */
  readonly makerFee: bigint;
  readonly takerFee: bigint;
}) => Clearing;
