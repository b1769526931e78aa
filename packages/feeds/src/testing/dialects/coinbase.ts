/**
 * Coinbase Advanced Trade: `BTC-USD` is its own name for the market. Every message of a connection has the next number,
 * whatever its channel; each request is answered by the list of all that stands; a subscription of trades begins with old
 * ones; heartbeats each second for those who want them.
 *
 * Sources: https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels,
 * https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/websocket/level2.md, …/market-trades.md, …/heartbeats.md,
 * …/rest-api/public/get-public-product-book, …/get-public-market-trades.
 */
import type { Connection, Dialect } from "../dialect.ts";
import { bestOf } from "../dialect.ts";
import type { Levels, MadeTrade, Market } from "../scripted-market.ts";
import { levelsOf, windowChanges } from "../scripted-market.ts";

const heartbeats = "heartbeats:";

/** A venue that speaks so. */
export const coinbaseDialect: Dialect = {
  paths: ["/"],
  hasSparseTradeIds: true,
  busy: { status: 429, body: { error: "rate_limit", message: "rate limit exceeded" } },
  beat(connection) {
    if (!connection.streams.has(heartbeats)) return undefined;
    return message(connection, "heartbeats", [{ current_time: new Date().toISOString(), heartbeat_counter: 1 }]);
  },
  moved(m, { levelsBefore }) {
    const updates = rowsOf(windowChanges(levelsBefore, levelsOf(m), Infinity, true));
    const event = { type: "update", product_id: m.code, updates };
    return [{ stream: `level2:${m.code}`, text: (connection) => message(connection, "l2_data", [event]) }];
  },
  traded(m, trades) {
    // The newest first.
    const event = { type: "update", trades: trades.map((made) => tradeOf(m, made)).toReversed() };
    return [{ stream: `market_trades:${m.code}`, text: (connection) => message(connection, "market_trades", [event]) }];
  },
  read(text) {
    const { type, product_ids: products, channel } = JSON.parse(text) as Request;
    const streams = (products ?? [""]).map((product) => `${channel}:${product}`);
    return { kind: "streams", id: undefined, isSubscribing: type === "subscribe", streams };
  },
  isOwn: (stream) => stream === heartbeats,
  marketOf: (stream, codes) => codes.find((code) => stream === `level2:${code}` || stream === `market_trades:${code}`),
  answers(_, __, connection) {
    const subscriptions: Record<string, string[]> = {};
    for (const stream of connection.streams) {
      const [channel = "", product = ""] = stream.split(":");
      (subscriptions[channel] ??= []).push(product === "" ? channel : product);
    }
    return [message(connection, "subscriptions", [{ subscriptions }])];
  },
  refusal: () => JSON.stringify({ type: "error", message: "rate limit exceeded" }),
  snapshot(m, stream, connection) {
    if (stream.startsWith("level2:")) {
      return message(connection, "l2_data", [
        { type: "snapshot", product_id: m.code, updates: rowsOf(levelsOf(m), "1970-01-01T00:00:00Z") },
      ]);
    }
    const old = m.trades.slice(-20).toReversed();
    return message(connection, "market_trades", [{ type: "snapshot", trades: old.map((made) => tradeOf(m, made)) }]);
  },
  rest(url, markets) {
    const limit = Number(url.searchParams.get("limit") ?? 10);
    const unknown = { status: 404, body: { error: "NOT_FOUND" } };
    if (url.pathname === "/api/v3/brokerage/market/product_book") {
      const m = markets.get(url.searchParams.get("product_id") ?? "");
      if (m === undefined) return unknown;
      const side = (rows: string[][]): unknown => rows.map(([price, size]) => ({ price, size }));
      const { bids, asks } = bestOf(levelsOf(m), limit);
      return {
        body: { pricebook: { product_id: m.code, bids: side(bids), asks: side(asks), time: timeText(Date.now()) } },
      };
    }
    const product = /^\/api\/v3\/brokerage\/market\/products\/([^/]+)\/ticker$/.exec(url.pathname)?.[1];
    if (product === undefined) return undefined;
    const m = markets.get(product);
    if (m === undefined) return unknown;
    const trades = m.trades.slice(-limit).toReversed();
    return { body: { trades: trades.map((made) => ({ ...tradeOf(m, made), bid: "", ask: "" })) } };
  },
};

function message(connection: Connection, channel: string, events: readonly unknown[]): string {
  const sequence_num = connection.next();
  return JSON.stringify({ channel, client_id: "", timestamp: timeText(Date.now()), sequence_num, events });
}

function rowsOf({ bids, asks }: Levels, event_time: string = timeText(Date.now())): readonly unknown[] {
  const rows = (side: string, levels: string[][]): readonly unknown[] =>
    levels.map(([price_level, new_quantity]) => ({ side, event_time, price_level, new_quantity }));
  return [...rows("bid", bids), ...rows("offer", asks)];
}

/** `side` is the maker's. */
function tradeOf(m: Market, { id, price, qty, time, isBuyerTaker }: MadeTrade): Readonly<Record<string, string>> {
  const side = isBuyerTaker ? "SELL" : "BUY";
  return { trade_id: String(id), product_id: m.code, price, size: qty, time: timeText(time), side };
}

/** With nine places, as Coinbase writes it. */
function timeText(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "456789Z");
}

interface Request {
  readonly type: string;
  readonly product_ids?: readonly string[];
  readonly channel: string;
}
