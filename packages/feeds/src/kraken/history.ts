/**
 * Kraken over REST: trades that the stream left out, and the best levels to compare a silent book with. Its book has no
 * number, so a snapshot cannot be joined to the stream: that comes with a fresh subscription.
 *
 * Sources: https://docs.kraken.com/api/docs/rest-api/get-recent-trades, …/get-order-book, …/guides/spot-rest-ratelimits.
 */
import type { MarketTrade, SymbolId } from "@baton/core";
import { areLevels, canonicalDecimal, wallMs } from "@baton/core";
import type { Fields } from "../frame-fields.ts";
import { isAmount } from "../frame-fields.ts";
import type { VenueHistory } from "../protocol.ts";
import type { RestGet } from "../rest.ts";
import { RestRefused, unreadable } from "../rest.ts";

/** Most trades of one answer, of the newest; or of the oldest after `since`. */
const tradesMax = 1_000;
/** Levels that are compared: those that the stream's checksum proves. */
const levels = 10;

/** The venue's history behind `get`. */
export function krakenHistory(get: RestGet): VenueHistory {
  const resultOf = async (path: string, signal: AbortSignal): Promise<unknown> => {
    const { error, result } = ((await get(path, signal)) ?? {}) as Fields;
    if (Array.isArray(error) && error.length > 0) {
      throw new RestRefused("rest-refused", `GET ${path} was answered ${String(error[0]).slice(0, 120)}`);
    }
    // The pair's own name there is not always the one that was asked for; it is the one that is not `last`.
    const own = Object.entries((result ?? {}) as Fields).find(([name]) => name !== "last");
    if (own === undefined) throw unreadable("about a pair");
    return own[1];
  };
  const trades = async (symbol: SymbolId, query: string, signal: AbortSignal): Promise<readonly MarketTrade[]> => {
    const answer = await resultOf(`/0/public/Trades?pair=${pairCode(symbol)}${query}`, signal);
    if (!Array.isArray(answer)) throw unreadable("a list of trades");
    return answer.map((one: unknown) => tradeOf(symbol, one)).toSorted((a, b) => a.id - b.id);
  };
  return {
    async bestNow(symbol, signal) {
      const answer = await resultOf(`/0/public/Depth?pair=${pairCode(symbol)}&count=${levels}`, signal);
      const { bids, asks } = (answer ?? {}) as Fields;
      // Each level has its time behind price and quantity.
      const pairs = (side: unknown): unknown =>
        Array.isArray(side) ? side.map((one: unknown) => (Array.isArray(one) ? one.slice(0, 2) : one)) : side;
      const [best, worst] = [pairs(bids), pairs(asks)];
      if (!areLevels(best) || !areLevels(worst)) throw unreadable("a book");
      return { bids: best, asks: worst };
    },
    lastTradeId: async (symbol, signal) => (await trades(symbol, "&count=1", signal)).at(-1)?.id ?? 0,
    async trades({ symbol, fromId, toId, sinceWallMs, signal }) {
      // `since` is in nanoseconds and exclusive; a millisecond sooner costs nothing.
      const since = sinceWallMs === undefined ? "" : `&since=${sinceWallMs - 1}000000`;
      const found = await trades(symbol, `${since}&count=${tradesMax}`, signal);
      return found.filter(({ id }) => id >= fromId && id <= toId);
    },
  };
}

/** `BTC/USD` is `XBTUSD` over REST: the older interface kept the older codes of two currencies. */
function pairCode(symbol: SymbolId): string {
  const old: Readonly<Record<string, string>> = { BTC: "XBT", DOGE: "XDG" };
  return symbol
    .split("/")
    .map((code) => old[code] ?? code)
    .join("");
}

/** `[price, volume, seconds, "b" | "s", "m" | "l", misc, trade id]` */
function tradeOf(symbol: SymbolId, one: unknown): MarketTrade {
  if (!Array.isArray(one)) throw unreadable("a trade");
  const [price, quantity, seconds, side, , , id] = one as readonly unknown[];
  if (!Number.isSafeInteger(id) || typeof seconds !== "number" || !isAmount(price) || !isAmount(quantity)) {
    throw unreadable("a trade");
  }
  return {
    symbol,
    id: id as number,
    price: canonicalDecimal(price),
    quantity: canonicalDecimal(quantity),
    taker: side === "s" ? "sell" : "buy",
    tradedWallMs: wallMs(Math.floor(seconds * 1_000)),
    source: "repair",
  };
}
