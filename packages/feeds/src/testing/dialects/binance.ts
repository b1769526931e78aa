/**
 * Binance spot: `BTCUSDT` is its own name for the market.
 *
 * Sources: https://github.com/binance/binance-spot-api-docs: web-socket-streams.md, rest-api.md.
 */
import type { Dialect } from "../dialect.ts";
import { levelsOf } from "../scripted-market.ts";

const of = (code: string, suffix: string): string => `${code.toLowerCase()}@${suffix}`;

export const binanceDialect: Dialect = {
  paths: ["/stream"],
  busy: { status: 503, body: { code: -1, msg: "away" } },
  moved(m, { before, changes }) {
    const { bids, asks } = levelsOf(m);
    const said = (stream: string, data: unknown): { stream: string; text: () => string } => {
      const text = JSON.stringify({ stream, data });
      return { stream, text: () => text };
    };
    const { code: s, updateId: u } = m;
    return [
      said(of(m.code, "bookTicker"), { u, s, b: bids[0]?.[0], B: bids[0]?.[1], a: asks[0]?.[0], A: asks[0]?.[1] }),
      said(of(m.code, "depth@100ms"), { e: "depthUpdate", E: Date.now(), s, U: before + 1, u, ...changes }),
    ];
  },
  traded: (m, trades) =>
    trades.map((made) => {
      const stream = of(m.code, "trade");
      const data = {
        ...{ e: "trade", E: made.time, s: m.code, t: made.id, p: made.price, q: made.qty, T: made.time },
        m: !made.isBuyerTaker,
      };
      const text = JSON.stringify({ stream, data });
      return { stream, text: () => text };
    }),
  read(text, { streams }) {
    const { id, method, params } = JSON.parse(text) as { id: number; method: string; params?: string[] };
    if (method === "LIST_SUBSCRIPTIONS") return { kind: "list", reply: JSON.stringify({ result: [...streams], id }) };
    return { kind: "streams", id, isSubscribing: method === "SUBSCRIBE", streams: params ?? [] };
  },
  marketOf: (stream, codes) => codes.find((code) => stream.startsWith(`${code.toLowerCase()}@`)),
  // What stands or does not exist is acknowledged like everything else.
  answers: ({ id }) => [JSON.stringify({ result: null, id })],
  refusal: ({ id }) => JSON.stringify({ error: { code: 2, msg: "Invalid request" }, id }),
  rest(url, markets) {
    const m = markets.get(url.searchParams.get("symbol") ?? "");
    if (m === undefined) return { status: 400, body: { code: -1121, msg: "Invalid symbol." } };
    const limit = Number(url.searchParams.get("limit") ?? 500);
    const fromId = Number(url.searchParams.get("fromId") ?? 0);
    switch (url.pathname) {
      case "/api/v3/depth": {
        const { bids, asks } = levelsOf(m);
        return { body: { lastUpdateId: m.updateId, bids: bids.slice(0, limit), asks: asks.slice(0, limit) } };
      }
      case "/api/v3/aggTrades": {
        const last = m.trades.at(-1);
        return { body: last === undefined ? [] : [{ a: last.id, f: last.id, l: last.id }] };
      }
      case "/api/v3/historicalTrades": {
        const found = m.trades.filter(({ id }) => id >= fromId).slice(0, limit);
        return { body: found.map(({ id, price, qty, time }) => ({ id, price, qty, time, isBuyerMaker: false })) };
      }
      default:
        return undefined;
    }
  },
};
