/** The market as one node's feed tells it: the top of each book, fresh or too old to decide on. */
import type { MarketView, MonoMs, SymbolId } from "@baton/core";
import { amountDecimal } from "@baton/exchange";

export interface Top {
  readonly bid: bigint;
  readonly ask: bigint;
  readonly updateId: number;
}

export class Prices {
  readonly #staleAfterMs: number;
  readonly #tops = new Map<SymbolId, Top & { readonly atMono: MonoMs }>();

  /** A price older than this is no ground for an order. */
  constructor(staleAfterMs: number) {
    this.#staleAfterMs = staleAfterMs;
  }

  note(symbol: SymbolId, top: Top, now: MonoMs): void {
    this.#tops.set(symbol, { ...top, atMono: now });
  }

  view(symbol: SymbolId, now: MonoMs): MarketView {
    const top = this.#tops.get(symbol);
    if (top === undefined) return { kind: "stale", why: "no price has come yet" };
    const ageMs = now - top.atMono;
    if (ageMs > this.#staleAfterMs) return { kind: "stale", why: `the price is older than ${this.#staleAfterMs} ms` };
    const { updateId } = top;
    const sides = { bid: amountDecimal(top.bid), ask: amountDecimal(top.ask) };
    return { kind: "fresh", basis: { feed: "feed", updateId, ageMs: Math.round(ageMs), ...sides } };
  }
}
