/**
 * Kraken spot v2: `BTC/USD` is its own name for the market. Acknowledgements for each symbol, amounts as JSON numbers with
 * all their digits, a checksum (zlib's) with each message of the book, heartbeats, pongs, trades by REST since a time.
 *
 * Sources: https://docs.kraken.com/api/docs/websocket-v2/book, …/trade, …/ping, …/heartbeat, …/status,
 * https://docs.kraken.com/api/docs/guides/spot-ws-book-v2, https://docs.kraken.com/api/docs/rest-api/get-recent-trades.
 */
import { crc32 } from "node:zlib";
import type { Dialect } from "../dialect.ts";
import { bestOf } from "../dialect.ts";
import type { Levels, Market } from "../scripted-market.ts";
import { levelsOf, windowChanges } from "../scripted-market.ts";

const depth = 10;

/** Its checksums can be spoiled: those of a market, so many times. */
export interface KrakenDialect extends Dialect {
  readonly checksumsToSpoil: Map<string, number>;
}

/** A venue that speaks so. */
export function krakenDialect(): KrakenDialect {
  const checksumsToSpoil = new Map<string, number>();
  let lastUs = 0;
  /** Every message has a microsecond of its own. */
  const stamp = (): string => timeText((lastUs = Math.max(lastUs + 1, Date.now() * 1_000)));
  const bookText = (m: Market, type: string, sides: Levels): string => {
    const left = checksumsToSpoil.get(m.code) ?? 0;
    if (left > 0) checksumsToSpoil.set(m.code, left - 1);
    const checksum = (checksumOf(bestOf(levelsOf(m), depth)) ^ (left > 0 ? 1 : 0)) >>> 0;
    const rows = (side: string[][]): string => side.map(([p, q]) => `{"price":${p},"qty":${q}}`).join(",");
    return `{"channel":"book","type":"${type}","data":[{"symbol":"${m.code}","bids":[${rows(sides.bids)}],"asks":[${rows(sides.asks)}],"checksum":${checksum},"timestamp":"${stamp()}"}]}`;
  };
  return {
    checksumsToSpoil,
    paths: ["/v2"],
    busy: { status: 200, body: { error: ["EGeneral:Too many requests"] } },
    greeting: () =>
      '{"channel":"status","type":"update","data":[{"system":"online","api_version":"v2","connection_id":1,"version":"2.0.9"}]}',
    beat: () => '{"channel":"heartbeat"}',
    moved(m, { levelsBefore }) {
      const text = bookText(m, "update", windowChanges(levelsBefore, levelsOf(m), depth, false));
      return [{ stream: `book:${m.code}`, text: () => text }];
    },
    traded(m, trades) {
      const rows = trades.map(
        ({ id, price, qty, time, isBuyerTaker }) =>
          `{"symbol":"${m.code}","side":"${isBuyerTaker ? "buy" : "sell"}","price":${price},"qty":${qty},"ord_type":"limit","trade_id":${id},"timestamp":"${timeText(time * 1_000)}"}`,
      );
      const text = `{"channel":"trade","type":"update","data":[${rows.join(",")}]}`;
      return [{ stream: `trade:${m.code}`, text: () => text }];
    },
    read(text) {
      const { method, params, req_id: id } = JSON.parse(text) as Request;
      const now = timeText(Date.now() * 1_000);
      if (method === "ping") {
        return { kind: "ping", reply: JSON.stringify({ method: "pong", req_id: id, time_in: now, time_out: now }) };
      }
      const streams = (params?.symbol ?? []).map((symbol) => `${params?.channel ?? ""}:${symbol}`);
      return { kind: "streams", id, isSubscribing: method === "subscribe", streams };
    },
    marketOf: (stream, codes) => codes.find((code) => stream === `book:${code}` || stream === `trade:${code}`),
    answers: ({ id, isSubscribing }, outcomes) =>
      outcomes.map(({ stream, is }) => {
        const [channel = "", symbol = ""] = stream.split(":");
        const now = timeText(Date.now() * 1_000);
        const method = isSubscribing ? "subscribe" : "unsubscribe";
        const said = { method, req_id: id, success: is === "done", time_in: now, time_out: now };
        if (is === "done") {
          return JSON.stringify({ ...said, result: { channel, symbol, ...(channel === "book" ? { depth } : {}) } });
        }
        const already = isSubscribing ? "Already subscribed" : "Subscription Not Found";
        const error = is === "already" ? already : `Currency pair not supported ${symbol}`;
        return JSON.stringify({ ...said, error, symbol });
      }),
    refusal: ({ id, isSubscribing }) =>
      JSON.stringify({
        ...{ error: "Exceeded msg rate", method: isSubscribing ? "subscribe" : "unsubscribe" },
        ...{ req_id: id, success: false },
      }),
    snapshot: (m, stream) =>
      stream.startsWith("book:") ? bookText(m, "snapshot", bestOf(levelsOf(m), depth)) : undefined,
    rest(url, markets) {
      const pair = url.searchParams.get("pair") ?? "";
      const found = [...markets].find(([code]) => code.replace("/", "").replace("BTC", "XBT") === pair);
      if (found === undefined) return { body: { error: ["EQuery:Unknown asset pair"] } };
      const [, m] = found;
      const count = Number(url.searchParams.get("count") ?? 1_000);
      const key = `X${pair.slice(0, 3)}Z${pair.slice(3)}`;
      if (url.pathname === "/0/public/Depth") {
        const rows = (side: string[][]): unknown => side.slice(0, count).map((row) => [...row, 1_700_000_000]);
        const { bids, asks } = levelsOf(m);
        return { body: { error: [], result: { [key]: { asks: rows(asks), bids: rows(bids) } } } };
      }
      const since = url.searchParams.get("since");
      const after = m.trades.filter(({ time }) => since === null || time * 1_000_000 > Number(since));
      const rows = (since === null ? after.slice(-count) : after.slice(0, count)).map(
        ({ id, price, qty, time }) => [price, qty, time / 1_000, "b", "l", "", id] as const,
      );
      return { body: { error: [], result: { [key]: rows, last: `${(after.at(-1)?.time ?? 0) * 1_000_000}` } } };
    },
  };
}

interface Request {
  readonly method: string;
  readonly params?: { readonly channel: string; readonly symbol: readonly string[] };
  readonly req_id?: number;
}

function checksumOf({ bids, asks }: Levels): number {
  const digits = (text: string): string => text.replace(".", "").replace(/^0+/, "");
  return crc32([...asks, ...bids].map((row) => row.map(digits).join("")).join(""));
}

function timeText(us: number): string {
  return `${new Date(Math.floor(us / 1_000)).toISOString().slice(0, -1)}${String(us % 1_000).padStart(3, "0")}Z`;
}
