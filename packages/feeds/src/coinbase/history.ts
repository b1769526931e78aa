/**
 * Coinbase over REST, without a key: the newest trades, and the best levels to compare a silent book with. The book has no
 * number that the stream knows: its snapshot comes with a fresh subscription.
 *
 * Sources: https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/public/get-public-product-book,
 * …/public/get-public-market-trades; https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/guides/sdk-rest-api-overview
 * (public answers are kept for a second unless `cache-control: no-cache` asks for a fresh one). How many trades one answer
 * carries is not documented; public clients ask for up to 1,000.
 */
import type { Levels, MarketTrade, SymbolId } from "@baton/core";
import { areLevels } from "@baton/core";
import type { Fields } from "../frame-fields.ts";
import { rowsOf } from "../frame-fields.ts";
import type { VenueHistory } from "../protocol.ts";
import type { RestGet } from "../rest.ts";
import { unreadable } from "../rest.ts";
import { coinbaseTrade } from "./frames.ts";
import { coinbaseProduct } from "./symbols.ts";

/** Most trades that are asked for, of the newest. */
const tradesMax = 1_000;
/** Levels that are compared. */
const levels = 10;
const market = "/api/v3/brokerage/market";

/** The venue's history behind `get`, which asks for fresh answers. */
export function coinbaseHistory(get: RestGet): VenueHistory {
  const trades = async (symbol: SymbolId, limit: number, signal: AbortSignal): Promise<readonly MarketTrade[]> => {
    const path = `${market}/products/${coinbaseProduct(symbol)}/ticker?limit=${limit}`;
    const { trades: list } = ((await get(path, signal)) ?? {}) as Fields;
    if (!Array.isArray(list)) throw unreadable("a list of trades");
    const found = rowsOf(list).map((row): MarketTrade => {
      const trade = coinbaseTrade(row);
      if (trade === undefined) throw unreadable("a trade");
      return { ...trade, symbol, source: "repair" };
    });
    return found.toSorted((a, b) => a.id - b.id);
  };
  return {
    async bestNow(symbol, signal) {
      const path = `${market}/product_book?product_id=${coinbaseProduct(symbol)}&limit=${levels}`;
      const { pricebook } = ((await get(path, signal)) ?? {}) as Fields;
      const { bids, asks } = (pricebook ?? {}) as Fields;
      return { bids: sideOf(bids), asks: sideOf(asks) };
    },
    lastTradeId: async (symbol, signal) => (await trades(symbol, 1, signal)).at(-1)?.id ?? 0,
    trades: ({ symbol, signal }) => trades(symbol, tradesMax, signal),
  };
}

function sideOf(rows: unknown): Levels {
  const pairs: unknown = Array.isArray(rows) ? rowsOf(rows).map(({ price, size }) => [price, size]) : undefined;
  if (!areLevels(pairs)) throw unreadable("a book");
  return pairs;
}
