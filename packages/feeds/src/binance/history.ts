/**
 * Binance over REST: the book's snapshot, how far the venue is, and trades that the stream left out. Every answer is
 * checked before it is believed.
 */
import type { BookSnapshot, MarketTrade, SymbolId } from "@baton/core";
import { areLevels, canonicalDecimal, wallMs } from "@baton/core";
import type { Fields } from "../frame-fields.ts";
import { isAmount, isId } from "../frame-fields.ts";
import type { NumberedHistory } from "../protocol.ts";
import type { RestGet } from "../rest.ts";
import { RestRefused, unreadable } from "../rest.ts";
import { marketCode } from "./symbols.ts";

/** Weight 50 a request; a thousand levels a side outlast any gap that we repair within seconds. */
const snapshotLevelsMax = 1_000;
/** Most trades of one answer. */
const tradesMax = 1_000;

/** The venue's history behind `get`. */
export function binanceHistory(get: RestGet): NumberedHistory {
  const depth = async (symbol: SymbolId, limit: number, signal: AbortSignal): Promise<BookSnapshot> => {
    const answer = await get(`/api/v3/depth?symbol=${marketCode(symbol)}&limit=${limit}`, signal);
    const { lastUpdateId, bids, asks } = answer as Fields;
    if (!isId(lastUpdateId) || !areLevels(bids) || !areLevels(asks)) throw unreadable("a book");
    return { lastId: lastUpdateId, bids, asks, limit };
  };
  let hasNoHistorical = false;
  return {
    snapshot: (symbol, signal) => depth(symbol, snapshotLevelsMax, signal),
    lastUpdateId: async (symbol, signal) => (await depth(symbol, 5, signal)).lastId,
    async lastTradeId(symbol, signal) {
      // The last aggregate names the last trade in it, for a sixth of the weight of asking for the trade itself.
      const answer = await get(`/api/v3/aggTrades?symbol=${marketCode(symbol)}&limit=1`, signal);
      if (!Array.isArray(answer)) throw unreadable("a list of trades");
      const last = (answer as readonly Fields[]).at(-1);
      if (last === undefined) return 0;
      if (!isId(last["l"])) throw unreadable("a list of trades");
      return last["l"];
    },
    async trades({ symbol, fromId, toId, signal }) {
      const code = marketCode(symbol);
      const limit = Math.min(tradesMax, toId - fromId + 1);
      if (!hasNoHistorical) {
        try {
          const path = `/api/v3/historicalTrades?symbol=${code}&fromId=${fromId}&limit=${limit}`;
          return tradesOf(symbol, await get(path, signal), fromId, toId);
        } catch (error) {
          // Some gateways do not offer old trades, or only with a key. Recent ones can be had by everybody.
          const status = error instanceof RestRefused ? error.status : undefined;
          if (status !== 404 && status !== 401 && status !== 403) throw error;
          hasNoHistorical = true;
        }
      }
      return tradesOf(symbol, await get(`/api/v3/trades?symbol=${code}&limit=${tradesMax}`, signal), fromId, toId);
    },
  };
}

function tradesOf(symbol: SymbolId, answer: unknown, fromId: number, toId: number): readonly MarketTrade[] {
  if (!Array.isArray(answer)) throw unreadable("a list of trades");
  const trades: MarketTrade[] = [];
  for (const entry of answer as readonly Fields[]) {
    const { id, price, qty: quantity, time, isBuyerMaker } = entry;
    if (!isId(id) || !isId(time) || !isAmount(price) || !isAmount(quantity)) throw unreadable("a trade");
    if (id < fromId || id > toId) continue;
    trades.push({
      symbol,
      id,
      price: canonicalDecimal(price),
      quantity: canonicalDecimal(quantity),
      taker: isBuyerMaker === true ? "sell" : "buy",
      tradedWallMs: wallMs(time),
      source: "repair",
    });
  }
  return trades.toSorted((a, b) => a.id - b.id);
}
