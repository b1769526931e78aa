/**
 * Trades of an account with itself that were prevented: what Binance keeps of each, and tells of it. Pure records; that a
 * match is prevented is decided where it would have happened.
 */
import type { OrderState, SelfTradePrevention } from "./order.ts";

/** One prevented match. The quantities are what each side that ended had left; absent where it did not end. */
export interface PreventedMatch {
  readonly preventedMatchId: number;
  readonly account: string;
  readonly symbol: string;
  readonly takerOrderId: number;
  readonly makerOrderId: number;
  readonly mode: SelfTradePrevention;
  readonly price: bigint;
  /** What would have traded. */
  readonly quantity: bigint;
  readonly takerPrevented?: bigint;
  readonly makerPrevented?: bigint;
  readonly atMs: number;
}

/** All of one exchange; ids count per symbol. */
export class PreventedMatches {
  readonly #bySymbol = new Map<string, PreventedMatch[]>();

  /** Keeps one more. */
  add(taker: OrderState, maker: OrderState, atMs: number): PreventedMatch {
    const present = this.#bySymbol.get(taker.symbol) ?? [];
    this.#bySymbol.set(taker.symbol, present);
    const mode = taker.selfTradePrevention;
    const [takerLeft, makerLeft] = [taker.quantity - taker.executed, maker.quantity - maker.executed];
    const one: PreventedMatch = {
      preventedMatchId: present.length,
      account: taker.account,
      symbol: taker.symbol,
      takerOrderId: taker.orderId,
      makerOrderId: maker.orderId,
      mode,
      price: maker.price,
      quantity: takerLeft < makerLeft ? takerLeft : makerLeft,
      ...(mode === "EXPIRE_MAKER" ? {} : { takerPrevented: takerLeft }),
      ...(mode === "EXPIRE_TAKER" ? {} : { makerPrevented: makerLeft }),
      atMs,
    };
    present.push(one);
    return one;
  }

  /** Those of an account on a symbol, oldest first. */
  of(account: string, symbol: string): readonly PreventedMatch[] {
    return (this.#bySymbol.get(symbol) ?? []).filter((one) => one.account === account);
  }
}
