/**
 * Market data as the desk sees it: every node runs its own feeds, so a takeover needs no snapshot. Of the feeds that carry
 * a symbol the freshest that is not stale gives the price; with none there is no price, and a reason. A feed with a fallback is
 * asked through it: what the other provider says counts under that provider's name.
 */
import type { BookMark, Config, MarketView, MonoMs, SymbolId, TradeEvent, VenueId } from "@baton/core";
import { assert, id } from "@baton/core";
import type { BookView, FallbackFeed, Feed, FeedChange, FeedStatus, Top } from "@baton/feeds";
import { openFallbackFeed, openFeed } from "@baton/feeds";
import { monoNow, systemClock } from "../clock.ts";

/** The marks of one book, as one node tells another. */
export interface FeedMarks {
  readonly feed: string;
  readonly symbol: SymbolId;
  readonly marks: readonly BookMark[];
}

export class Markets {
  readonly #feeds: readonly Feed[];
  /** All that some feed carries, by venue. */
  readonly #symbols = new Map<VenueId, readonly SymbolId[]>();
  /** By the id of the feed that they stand in for. */
  readonly #fallbacks = new Map<string, FallbackFeed>();

  constructor(
    config: Config,
    on: {
      readonly change: (change: FeedChange) => void;
      readonly top: (top: Top) => void;
      readonly trade: (venue: VenueId, feed: string, event: TradeEvent) => void;
    },
  ) {
    this.#feeds = config.feeds.map((feed) => {
      const venue = config.venues.find((each) => each.id === feed.venue);
      assert(venue !== undefined, "the configuration names only feeds of its venues");
      // Paper orders meet a mirror of the live market; what is decided on is that market itself.
      const own = venue.mode === "paper" ? undefined : venue;
      return openFeed({
        id: feed.id,
        venue: feed.venue,
        exchange: venue.exchange,
        mode: venue.mode === "sandbox" ? "sandbox" : "live",
        symbols: feed.symbols,
        wsUrl: feed.wsUrl ?? own?.wsUrl,
        restUrl: feed.restUrl ?? own?.restUrl,
        staleAfterMs: feed.staleAfterMs,
        clock: systemClock,
        ...(feed.lines === undefined
          ? {}
          : {
              lines: feed.lines.map(({ wsUrl, localAddress }) => ({
                wsUrls: wsUrl === undefined ? undefined : [wsUrl],
                localAddress,
              })),
            }),
      });
    });
    for (const { venue, symbols } of config.feeds) {
      this.#symbols.set(venue, [...(this.#symbols.get(venue) ?? []), ...symbols]);
    }
    for (const feed of this.#feeds) {
      feed.onState(on.change);
      feed.onTop(on.top);
      feed.onTrade((event) => on.trade(id<VenueId>(feed.venue), feed.id, event));
    }
    for (const { id: feedId, fallback } of config.feeds) {
      const first = this.#feeds.find((feed) => feed.id === feedId);
      const second = this.#feeds.find((feed) => feed.id === fallback);
      if (first === undefined || second === undefined) continue;
      const both = openFallbackFeed({ id: feedId, first, second, clock: systemClock });
      both.onState(on.change);
      this.#fallbacks.set(feedId, both);
    }
  }

  /** The price to decide on now, or why there is none. */
  price(venue: VenueId, symbol: SymbolId): MarketView {
    const now = monoNow();
    const best = this.#freshest(venue, symbol, now);
    if (best === undefined) return { kind: "stale", why: this.#whyStale(venue, symbol) };
    const { feed, updateId, bid, ask } = best;
    return { kind: "fresh", basis: { feed, updateId, ageMs: Math.max(0, Math.round(best.ageMs(now))), bid, ask } };
  }

  /** A venue of which no feed here has a fresh price of anything; undefined while there is none such. */
  unseen(): VenueId | undefined {
    return [...this.#symbols.keys()].find((venue) => !this.sees(venue));
  }

  /**
   * Whether some symbol of the venue has a fresh price; true where no feed is of it. Asked many times a second, and of every
   * symbol while none is fresh: so nobody is asked for reasons here, which would be the status of a whole feed for each.
   */
  sees(venue: VenueId): boolean {
    const symbols = this.#symbols.get(venue);
    if (symbols === undefined) return true;
    const now = monoNow();
    return symbols.some((symbol) => this.#freshest(venue, symbol, now) !== undefined);
  }

  /** The venue has just been seen to answer: connections that wait to be dialled again are dialled now. */
  hurry(venue: VenueId): void {
    for (const feed of this.#feeds) if (feed.venue === venue) feed.hurry();
  }

  /** The best book there is, stale ones included. */
  book(symbol: SymbolId, depth: number): BookView | undefined {
    const books = this.#feeds.flatMap((feed) => feed.book(symbol, depth) ?? []);
    return books.find((book) => book.quality === "live") ?? books[0];
  }

  /** What each book was at its last updates. */
  marks(): readonly FeedMarks[] {
    return this.#feeds.flatMap((feed) =>
      feed.status().symbols.map(({ symbol }) => ({ feed: feed.id, symbol, marks: feed.marks(symbol) })),
    );
  }

  top(feedId: string, symbol: SymbolId): Top | undefined {
    return this.#feeds.find((feed) => feed.id === feedId)?.top(symbol);
  }

  statuses(): readonly FeedStatus[] {
    return this.#feeds.map((feed) => feed.status());
  }

  /** What the best levels of each side are worth in the quote currency: for people and alerts, so a float will do. */
  depths(levels: number): readonly {
    readonly feed: string;
    readonly symbol: string;
    readonly side: "bid" | "ask";
    readonly quote: number;
  }[] {
    return this.#feeds.flatMap((feed) =>
      feed.status().symbols.flatMap(({ symbol }) => {
        const book = feed.book(symbol, levels);
        if (book === undefined) return [];
        const worth = (side: typeof book.bids): number =>
          side.reduce((sum, level) => sum + Number(level.price) * Number(level.quantity), 0);
        return [
          { feed: feed.id, symbol, side: "bid" as const, quote: worth(book.bids) },
          { feed: feed.id, symbol, side: "ask" as const, quote: worth(book.asks) },
        ];
      }),
    );
  }

  async close(): Promise<void> {
    for (const both of this.#fallbacks.values()) both.close();
    await Promise.all(this.#feeds.map((feed) => feed.close()));
  }

  #freshest(venue: VenueId, symbol: SymbolId, now: MonoMs): Top | undefined {
    let best: Top | undefined;
    for (const feed of this.#feeds) {
      if (feed.venue !== venue) continue;
      const top = (this.#fallbacks.get(feed.id) ?? feed).top(symbol);
      if (top === undefined || top.quality === "stale") continue;
      if (best === undefined || top.ageMs(now) < best.ageMs(now)) best = top;
    }
    return best;
  }

  #whyStale(venue: VenueId, symbol: SymbolId): string {
    for (const feed of this.#feeds) {
      const status = feed.venue === venue ? feed.status() : undefined;
      const found = status?.symbols.find((each) => each.symbol === symbol);
      if (status !== undefined && found !== undefined) return `${status.id}: ${found.reason}`;
    }
    return `no feed carries ${symbol} of ${venue}`;
  }
}
