/**
 * Binance's futures over REST: the book's snapshot, how far the venue is, and trades that the stream left out.
 *
 * A silent book is proved by its levels, not by its number: on futures update ids are left out between messages, and no
 * document says that the number REST shows belongs to a change that the stream tells of. A quiet contract must not look
 * like a dead stream because of that.
 */
import type { MarketTrade, SymbolId } from "@baton/core";
import { areLevels, canonicalDecimal, readBinanceFuturesSnapshot, wallMs } from "@baton/core";
import type { Fields } from "../frame-fields.ts";
import { isAmount, isId } from "../frame-fields.ts";
import type { VenueHistory } from "../protocol.ts";
import type { RestGet } from "../rest.ts";
import { unreadable } from "../rest.ts";
import { contractCode } from "./symbols.ts";

/** Weight 20. */
const snapshotLevels = 1_000;
/** Levels that are compared: weight 2. */
const proofLevels = 10;
/** Most trades of one answer. */
const tradesMax = 1_000;

/**
 * Questions by what makes them, each at a pace of its own. Repairs weigh twenty and come seldom, in bursts. The proofs are
 * for silent streams and never end: at their usual paces all of them together weigh 1,000 a minute, of the venue's 2,400.
 */
export interface UsdmQuestions {
  readonly repairs: RestGet;
  readonly bookProofs: RestGet;
  readonly tradeProofs: RestGet;
}

/** The venue's history behind these. */
export function usdmHistory({ repairs, bookProofs, tradeProofs }: UsdmQuestions): VenueHistory {
  const aggregates = async (
    get: RestGet,
    symbol: SymbolId,
    query: string,
    signal: AbortSignal,
  ): Promise<readonly MarketTrade[]> => {
    const answer = await get(`/fapi/v1/aggTrades?symbol=${contractCode(symbol)}&${query}`, signal);
    if (!Array.isArray(answer)) throw unreadable("a list of trades");
    return (answer as readonly Fields[]).map((row) => tradeOf(symbol, row)).toSorted((a, b) => a.id - b.id);
  };
  const depth = (symbol: SymbolId, limit: number): string =>
    `/fapi/v1/depth?symbol=${contractCode(symbol)}&limit=${limit}`;
  return {
    async bookSnapshot(symbol, signal) {
      const answer = await repairs(depth(symbol, snapshotLevels), signal);
      const frame = readBinanceFuturesSnapshot(answer, snapshotLevels);
      if (frame === "bad") throw unreadable("a book");
      return { frame, updateId: frame.mark.lastId, sentWallMs: undefined };
    },
    async bestNow(symbol, signal) {
      const { bids, asks } = ((await bookProofs(depth(symbol, proofLevels), signal)) ?? {}) as Fields;
      if (!areLevels(bids) || !areLevels(asks)) throw unreadable("a book");
      return { bids, asks };
    },
    async lastUpdateId(symbol, signal) {
      const { lastUpdateId } = ((await bookProofs(depth(symbol, proofLevels), signal)) ?? {}) as Fields;
      if (!isId(lastUpdateId)) throw unreadable("a book");
      return lastUpdateId;
    },
    lastTradeId: async (symbol, signal) => (await aggregates(tradeProofs, symbol, "limit=1", signal)).at(-1)?.id ?? 0,
    async trades({ symbol, fromId, toId, signal }) {
      const limit = Math.min(tradesMax, toId - fromId + 1);
      const found = await aggregates(repairs, symbol, `fromId=${fromId}&limit=${limit}`, signal);
      return found.filter(({ id }) => id >= fromId && id <= toId);
    },
  };
}

function tradeOf(symbol: SymbolId, { a: id, p: price, q: quantity, T: time, m: isBuyerMaker }: Fields): MarketTrade {
  if (!isId(id) || !isId(time) || !isAmount(price) || !isAmount(quantity)) throw unreadable("a trade");
  return {
    symbol,
    id,
    price: canonicalDecimal(price),
    quantity: canonicalDecimal(quantity),
    taker: isBuyerMaker === true ? "sell" : "buy",
    tradedWallMs: wallMs(time),
    source: "repair",
  };
}
