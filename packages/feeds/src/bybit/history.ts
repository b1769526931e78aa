/**
 * Bybit over REST: the newest trades, and the best levels to compare a silent book with. A snapshot cannot be joined to
 * the stream by what is documented: that comes with a fresh subscription.
 *
 * Sources: https://bybit-exchange.github.io/docs/v5/market/orderbook, …/v5/market/recent-trade.
 */
import type { MarketTrade, SymbolId } from "@baton/core";
import { areLevels, canonicalDecimal, wallMs } from "@baton/core";
import type { Fields } from "../frame-fields.ts";
import { idOfText, isAmount, rowsOf } from "../frame-fields.ts";
import type { VenueHistory } from "../protocol.ts";
import type { RestGet } from "../rest.ts";
import { RestRefused, unreadable } from "../rest.ts";
import { bybitTradeId } from "./frames.ts";
import { marketCode } from "../binance/symbols.ts";

/** Most trades of one answer for spot: all that its history has. */
const tradesMax = 60;
/** Levels that are compared. */
const levels = 10;

/** The venue's history behind `get`. */
export function bybitHistory(get: RestGet): VenueHistory {
  const resultOf = async (path: string, signal: AbortSignal): Promise<Fields> => {
    const answer = ((await get(path, signal)) ?? {}) as Fields;
    if (answer["retCode"] !== 0) {
      const why = `${String(answer["retCode"])} ${String(answer["retMsg"])}`.slice(0, 120);
      throw new RestRefused("rest-refused", `GET ${path} was answered ${why}`);
    }
    return (answer["result"] ?? {}) as Fields;
  };
  const trades = async (symbol: SymbolId, limit: number, signal: AbortSignal): Promise<readonly MarketTrade[]> => {
    const path = `/v5/market/recent-trade?category=spot&symbol=${marketCode(symbol)}&limit=${limit}`;
    const { list } = await resultOf(path, signal);
    if (!Array.isArray(list)) throw unreadable("a list of trades");
    return rowsOf(list)
      .map((row) => tradeOf(symbol, row))
      .toSorted((a, b) => a.id - b.id);
  };
  return {
    async bestNow(symbol, signal) {
      const path = `/v5/market/orderbook?category=spot&symbol=${marketCode(symbol)}&limit=${levels}`;
      const { b: bids, a: asks } = await resultOf(path, signal);
      if (!areLevels(bids) || !areLevels(asks)) throw unreadable("a book");
      return { bids, asks };
    },
    lastTradeId: async (symbol, signal) => (await trades(symbol, 1, signal)).at(-1)?.id ?? 0,
    trades: ({ symbol, signal }) => trades(symbol, tradesMax, signal),
  };
}

function tradeOf(symbol: SymbolId, { execId, price, size, side, time }: Fields): MarketTrade {
  const [id, tradedMs] = [bybitTradeId(execId), idOfText(time)];
  if (id === undefined || tradedMs === undefined || !isAmount(price) || !isAmount(size)) throw unreadable("a trade");
  return {
    symbol,
    id,
    price: canonicalDecimal(price),
    quantity: canonicalDecimal(size),
    taker: side === "Sell" ? "sell" : "buy",
    tradedWallMs: wallMs(tradedMs),
    source: "repair",
  };
}
