/**
 * Two feeds as one: the first provider while it is fresh, the second while the first is not and its price is sane. Core
 * decides per symbol (`stepFallback`); here both feeds are asked, and a change of provider is told.
 *
 * Only prices and books fall back. Trades are always the first provider's: another venue's trades are other trades.
 */
import type { Clock, Fallback, FallbackRules, ProviderWord, SymbolId } from "@baton/core";
import { fallbackRules, newFallback, stepFallback } from "@baton/core";
import type { BookView, Feed, FeedChange, Top } from "./market-view.ts";
import { machineClock } from "./world.ts";

/** What of a feed a provider must offer. */
export type Provider = Pick<Feed, "id" | "top" | "book" | "onTop" | "onState">;

export interface FallbackFeed {
  /** The price to use now; its `feed` says whose it is. Undefined while neither provider may be believed. */
  top(symbol: SymbolId): Top | undefined;
  /** The book of the provider in use. */
  book(symbol: SymbolId, depth: number): BookView | undefined;
  /** Which provider is in use for the symbol, and why. */
  source(symbol: SymbolId): { readonly feed: string | undefined; readonly reason: string };
  /** Changed prices of the provider in use, and nothing of the other. */
  onTop(listener: (top: Top) => void): () => void;
  /** Each change of provider. */
  onState(listener: (change: FeedChange) => void): () => void;
  /** Lets go of the two feeds, which stay open. */
  close(): void;
}

/** Combines two feeds that stay their owner's. Their symbols are called the same. */
export function openFallbackFeed(options: {
  readonly id: string;
  readonly first: Provider;
  readonly second: Provider;
  readonly rules?: Partial<FallbackRules>;
  readonly clock?: Clock;
}): FallbackFeed {
  const { id, first, second, clock = machineClock } = options;
  const rules: FallbackRules = { ...fallbackRules, ...options.rules };
  const states = new Map<SymbolId, Fallback>();
  const topListeners = new Set<(top: Top) => void>();
  const stateListeners = new Set<(change: FeedChange) => void>();

  const look = (symbol: SymbolId): Fallback => {
    const before = states.get(symbol) ?? newFallback;
    const nowMono = clock.mono();
    const after = stepFallback(before, rules, {
      nowMono,
      first: wordOf(first.top(symbol)),
      second: wordOf(second.top(symbol)),
    });
    states.set(symbol, after);
    if (after.use !== before.use) {
      const change: FeedChange = {
        type: "source",
        feed: id,
        symbol,
        source: providerOf(after)?.id,
        reason: after.sentence,
        atMono: nowMono,
      };
      for (const listener of stateListeners) listener(change);
    }
    return after;
  };
  const providerOf = ({ use }: Fallback): Provider | undefined => {
    if (use === "none") return undefined;
    return use === "first" ? first : second;
  };
  const onTop =
    (from: Provider) =>
    (top: Top): void => {
      const state = look(top.symbol);
      if (providerOf(state) === from) for (const listener of topListeners) listener(top);
    };
  const onState = (change: FeedChange): void => {
    if (change.type === "quality") look(change.symbol);
  };
  const stops = [first, second].flatMap((one) => [one.onTop(onTop(one)), one.onState(onState)]);

  return {
    top: (symbol) => providerOf(look(symbol))?.top(symbol),
    book: (symbol, depth) => providerOf(look(symbol))?.book(symbol, depth),
    source(symbol) {
      const state = look(symbol);
      return { feed: providerOf(state)?.id, reason: state.sentence };
    },
    onTop(listener) {
      topListeners.add(listener);
      return () => void topListeners.delete(listener);
    },
    onState(listener) {
      stateListeners.add(listener);
      return () => void stateListeners.delete(listener);
    },
    close() {
      for (const stop of stops) stop();
    },
  };
}

/** Good enough to compare with; nothing is priced with it. */
function wordOf(top: Top | undefined): ProviderWord | undefined {
  return top === undefined ? undefined : { quality: top.quality, middle: (Number(top.bid) + Number(top.ask)) / 2 };
}
