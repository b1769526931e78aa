/**
 * OKX: `BTC-USDT` is its own name for the market. Each message of the book names the one before; the snapshot comes over
 * the stream or, as OKX has announced, over REST alone; each channel of a request is answered by itself under its id.
 *
 * Sources: https://www.okx.com/docs-v5/en/#overview-websocket-subscribe, …-ws-order-book-channel, …-ws-trades-channel,
 * …-get-order-book, …-get-trades, and the change log https://www.okx.com/docs-v5/log_en/.
 */
import type { Dialect, Told } from "../dialect.ts";
import { bestOf } from "../dialect.ts";
import type { Levels, Market } from "../scripted-market.ts";
import { levelsOf, windowChanges } from "../scripted-market.ts";

const depth = 400;

/** Two odd messages: a reset, after which ids are lower, and one that says that nothing is new. */
export interface OkxDialect extends Dialect {
  /** The next change has a lower id than the one before. */
  resetNext(market: Market): void;
  quiet(market: Market): Told;
}

/** A venue that speaks so, with or without a snapshot at the beginning of its stream. */
export function okxDialect(options: { readonly streamsSnapshots: boolean }): OkxDialect {
  const ids = new Map<string, number>();
  const resets = new Set<string>();
  const idOf = (m: Market): number => ids.get(m.code) ?? 123_456;
  let lastMs = 0;
  /** Every message of the book has a millisecond of its own, as at a push each hundred. */
  const stamp = (): string => String((lastMs = Math.max(lastMs + 1, Date.now())));
  const rows = (side: string[][]): string[][] => side.map((row) => [...row, "0", "1"]);
  const sides = ({ bids, asks }: Levels): Levels => ({ asks: rows(asks), bids: rows(bids) });
  const bookText = (m: Market, action: "snapshot" | "update", levels: Levels, prevSeqId: number): string =>
    JSON.stringify({
      ...{ arg: { channel: "books", instId: m.code }, action },
      data: [{ ...sides(levels), ts: stamp(), checksum: 0, prevSeqId, seqId: idOf(m) }],
    });
  const answer = (event: string, id: unknown, stream: string): string => {
    const [channel, instId] = stream.split(":");
    return JSON.stringify({ id, event, arg: { channel, instId }, connId: "a4d3ae55" });
  };
  const error = (id: unknown, code: string, msg: string): string =>
    JSON.stringify({ id, event: "error", code, msg, connId: "a4d3ae55" });
  return {
    resetNext: (m) => void resets.add(m.code),
    quiet(m) {
      const text = bookText(m, "update", { bids: [], asks: [] }, idOf(m));
      return { stream: `books:${m.code}`, text: () => text };
    },
    paths: ["/ws/v5/public"],
    hasSparseTradeIds: true,
    busy: { status: 429, body: { code: "50011", msg: "Too Many Requests", data: [] } },
    moved(m, { levelsBefore }) {
      const before = idOf(m);
      ids.set(m.code, resets.delete(m.code) ? 7 : before + 7);
      const text = bookText(m, "update", windowChanges(levelsBefore, levelsOf(m), depth, true), before);
      return [{ stream: `books:${m.code}`, text: () => text }];
    },
    traded: (m, trades) =>
      trades.map((made) => {
        const data = [{ instId: m.code, ...tradeOf(made), count: "1", source: "0", seqId: 1_234 }];
        const text = JSON.stringify({ arg: { channel: "trades", instId: m.code }, data });
        return { stream: `trades:${m.code}`, text: () => text };
      }),
    read(text) {
      if (text === "ping") return { kind: "ping", reply: "pong" };
      const { id, op, args } = JSON.parse(text) as Request;
      const streams = args.map(({ channel, instId }) => `${channel}:${instId}`);
      return { kind: "streams", id, isSubscribing: op === "subscribe", streams };
    },
    marketOf: (stream, codes) => codes.find((code) => stream === `books:${code}` || stream === `trades:${code}`),
    answers: ({ id, isSubscribing }, outcomes) =>
      outcomes.map(({ stream, is }) =>
        is === "unknown"
          ? error(id, "60018", `Wrong URL or channel:${stream.replace(":", ",instId:")} doesn't exist.`)
          : answer(isSubscribing ? "subscribe" : "unsubscribe", id, stream),
      ),
    refusal: ({ id }) => error(id, "60014", "Requests too frequent"),
    snapshot: (m, stream) =>
      options.streamsSnapshots && stream.startsWith("books:")
        ? bookText(m, "snapshot", bestOf(levelsOf(m), depth), -1)
        : undefined,
    rest(url, markets) {
      const m = markets.get(url.searchParams.get("instId") ?? "");
      if (m === undefined) return { body: { code: "51001", msg: "Instrument ID doesn't exist.", data: [] } };
      const good = (data: unknown): { body: unknown } => ({ body: { code: "0", msg: "", data } });
      if (url.pathname === "/api/v5/market/books") {
        const best = bestOf(levelsOf(m), Number(url.searchParams.get("sz") ?? 1));
        return good([{ ...sides(best), ts: stamp(), seqId: idOf(m) }]);
      }
      if (url.pathname !== "/api/v5/market/trades") return undefined;
      const limit = Math.min(500, Number(url.searchParams.get("limit") ?? 100));
      return good(
        m.trades
          .slice(-limit)
          .toReversed()
          .map((made) => ({ instId: m.code, ...tradeOf(made) })),
      );
    },
  };
}

function tradeOf({ id, price, qty, time, isBuyerTaker }: Market["trades"][number]): Readonly<Record<string, string>> {
  return { tradeId: String(id), px: price, sz: qty, side: isBuyerTaker ? "buy" : "sell", ts: String(time) };
}

interface Request {
  readonly id?: string;
  readonly op: string;
  readonly args: readonly { readonly channel: string; readonly instId: string }[];
}
