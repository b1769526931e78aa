/**
 * OKX over REST: snapshots that the stream continues, the best levels to compare a silent book with, and the newest
 * trades.
 *
 * Sources: https://www.okx.com/docs-v5/en/#order-book-trading-market-data-get-order-book (40 in two seconds and address),
 * …-get-trades (100 in two seconds).
 */
import type { MarketTrade, SymbolId } from "@baton/core";
import { areLevels, readOkxSnapshot } from "@baton/core";
import type { Fields } from "../frame-fields.ts";
import { rowsOf } from "../frame-fields.ts";
import type { VenueHistory } from "../protocol.ts";
import type { RestGet } from "../rest.ts";
import { RestRefused, unreadable } from "../rest.ts";
import { okxTrade } from "./frames.ts";
import { okxInstrument } from "./symbols.ts";

/** Most levels a side of one answer: as many as the stream keeps. */
const snapshotLevels = 400;
/** Levels that are compared. */
const levels = 10;
/** Most trades of one answer, of the newest. */
const tradesMax = 500;

/** The venue's history behind `get`. */
export function okxHistory(get: RestGet): VenueHistory {
  const answerOf = async (path: string, signal: AbortSignal): Promise<Fields> => {
    const answer = ((await get(path, signal)) ?? {}) as Fields;
    if (answer["code"] !== "0") {
      const why = `${String(answer["code"])} ${String(answer["msg"])}`.slice(0, 120);
      throw new RestRefused("rest-refused", `GET ${path} was answered ${why}`);
    }
    return answer;
  };
  const trades = async (symbol: SymbolId, limit: number, signal: AbortSignal): Promise<readonly MarketTrade[]> => {
    const answer = await answerOf(`/api/v5/market/trades?instId=${okxInstrument(symbol)}&limit=${limit}`, signal);
    if (!Array.isArray(answer["data"])) throw unreadable("a list of trades");
    const found = rowsOf(answer["data"]).map((row): MarketTrade => {
      const trade = okxTrade(row);
      if (trade === undefined) throw unreadable("a trade");
      return { ...trade, symbol, source: "repair" };
    });
    return found.toSorted((a, b) => a.id - b.id);
  };
  const book = (symbol: SymbolId, depth: number, signal: AbortSignal): Promise<Fields> =>
    answerOf(`/api/v5/market/books?instId=${okxInstrument(symbol)}&sz=${depth}`, signal);
  return {
    async bookSnapshot(symbol, signal) {
      const frame = readOkxSnapshot(await book(symbol, snapshotLevels, signal), snapshotLevels);
      if (frame === "bad") throw unreadable("a book");
      return { frame, updateId: frame.mark.madeAtMs * 1_000, sentWallMs: undefined };
    },
    async bestNow(symbol, signal) {
      const [best] = rowsOf((await book(symbol, levels, signal))["data"]);
      const { bids, asks } = best ?? {};
      if (!areLevels(bids) || !areLevels(asks)) throw unreadable("a book");
      return { bids, asks };
    },
    lastTradeId: async (symbol, signal) => (await trades(symbol, 1, signal)).at(-1)?.id ?? 0,
    trades: ({ symbol, signal }) => trades(symbol, tradesMax, signal),
  };
}
