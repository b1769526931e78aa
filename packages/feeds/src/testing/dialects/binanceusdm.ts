/**
 * Binance's USDⓈ-margined futures: spot's words for what is asked, other messages, and two addresses that each have some of
 * the streams. Update ids are left out between messages, and the number that REST shows lies ahead of the last one that
 * was told: it belongs to what comes next.
 *
 * Sources: https://developers.binance.com/docs/derivatives/usds-margined-futures: Websocket Market Streams, Important
 * WebSocket Change Notice, Order Book, Compressed/Aggregate Trades List.
 */
import type { Dialect } from "../dialect.ts";
import { levelsOf } from "../scripted-market.ts";
import { binanceDialect } from "./binance.ts";

const of = (code: string, suffix: string): string => `${code.toLowerCase()}@${suffix}`;
const said = (stream: string, data: unknown): { stream: string; text: () => string } => {
  const text = JSON.stringify({ stream, data });
  return { stream, text: () => text };
};
/** What the market calls `updateId`, as it is told. */
const told = (updateId: number): number => 3 * updateId;

export const binanceUsdmDialect: Dialect = {
  ...binanceDialect,
  paths: ["/public/stream", "/market/stream"],
  carries: (stream, { path }) => stream.endsWith("@aggTrade") === (path === "/market/stream"),
  moved(m, { before, changes }) {
    const { bids, asks } = levelsOf(m);
    const [b, a] = [bids[0], asks[0]];
    const { code: s } = m;
    const [u, at] = [told(m.updateId), Date.now()];
    return [
      said(of(s, "bookTicker"), { e: "bookTicker", u, E: at, T: at, s, b: b?.[0], B: b?.[1], a: a?.[0], A: a?.[1] }),
      said(of(s, "depth@100ms"), {
        ...{ e: "depthUpdate", E: at, T: at, s, U: told(before) + 1, u, pu: told(before) },
        ...changes,
      }),
    ];
  },
  traded: (m, trades) =>
    trades.map(({ id, price, qty, time, isBuyerTaker }) =>
      said(of(m.code, "aggTrade"), {
        ...{ e: "aggTrade", E: time, s: m.code, a: id, p: price, q: qty, f: 2 * id, l: 2 * id + 1, T: time },
        m: !isBuyerTaker,
      }),
    ),
  rest(url, markets) {
    const m = markets.get(url.searchParams.get("symbol") ?? "");
    if (m === undefined) return { status: 400, body: { code: -1121, msg: "Invalid symbol." } };
    const limit = Number(url.searchParams.get("limit") ?? 500);
    const fromId = url.searchParams.get("fromId");
    switch (url.pathname) {
      case "/fapi/v1/depth": {
        const { bids, asks } = levelsOf(m);
        const at = Date.now();
        return {
          body: {
            ...{ lastUpdateId: told(m.updateId) + 1, E: at, T: at },
            ...{ bids: bids.slice(0, limit), asks: asks.slice(0, limit) },
          },
        };
      }
      case "/fapi/v1/aggTrades": {
        const found =
          fromId === null ? m.trades.slice(-limit) : m.trades.filter(({ id }) => id >= Number(fromId)).slice(0, limit);
        return {
          body: found.map(({ id, price, qty, time, isBuyerTaker }) => ({
            ...{ a: id, p: price, q: qty, f: 2 * id, l: 2 * id + 1, T: time, m: !isBuyerTaker },
          })),
        };
      }
      default:
        return undefined;
    }
  },
};
