/**
 * Bybit v5 spot: `BTCUSDT` is its own name for the market. A request of more than ten topics, or of one that stands or does
 * not exist, is refused as a whole; the book's snapshot comes with its subscription; trade ids are counted over all
 * symbols.
 *
 * Sources: https://bybit-exchange.github.io/docs/v5/ws/connect, …/v5/websocket/public/orderbook, …/public/trade,
 * …/v5/market/orderbook, …/v5/market/recent-trade. The words of refusals are those that public clients match.
 */
import type { Dialect, Told } from "../dialect.ts";
import { bestOf } from "../dialect.ts";
import type { Levels, Market } from "../scripted-market.ts";
import { levelsOf, windowChanges } from "../scripted-market.ts";

const depth = 50;
const argsMax = 10;

/** Its service can be restarted: update ids begin anew with a snapshot. */
export interface BybitDialect extends Dialect {
  restarted(market: Market): Told;
}

/** A venue that speaks so. */
export function bybitDialect(): BybitDialect {
  const marks = new Map<string, { u: number; seq: number }>();
  const markOf = (m: Market): { u: number; seq: number } => {
    const mark = marks.get(m.code) ?? { u: 18_521_288, seq: 7_961_638_724 };
    marks.set(m.code, mark);
    return mark;
  };
  const bookText = (m: Market, type: "snapshot" | "delta", { bids: b, asks: a }: Levels): string => {
    const data = { s: m.code, b, a, ...markOf(m) };
    return JSON.stringify({ topic: `orderbook.${depth}.${m.code}`, type, ts: Date.now(), data, cts: Date.now() });
  };
  const idText = (id: number): string => `2290000000${String(id).padStart(9, "0")}`;
  const answer = (success: boolean, why: string, id: unknown, op: string): string =>
    JSON.stringify({ success, ret_msg: why, conn_id: "5e079fdd-9c7f-404d", req_id: id, op });
  return {
    restarted(m) {
      markOf(m).u = 1;
      const text = bookText(m, "snapshot", bestOf(levelsOf(m), depth));
      return { stream: `orderbook.${depth}.${m.code}`, text: () => text };
    },
    paths: ["/v5/public/spot"],
    isAllOrNothing: true,
    hasSparseTradeIds: true,
    busy: { status: 403, body: { retCode: 10_006, retMsg: "Too many visits!" } },
    moved(m, { levelsBefore }) {
      const mark = markOf(m);
      mark.u += 1;
      mark.seq += 3;
      const text = bookText(m, "delta", windowChanges(levelsBefore, levelsOf(m), depth, true));
      return [{ stream: `orderbook.${depth}.${m.code}`, text: () => text }];
    },
    traded(m, trades) {
      const topic = `publicTrade.${m.code}`;
      const data = trades.map(({ id, price, qty, time, isBuyerTaker }) => ({
        ...{ i: idText(id), T: time, p: price, v: qty, S: isBuyerTaker ? "Buy" : "Sell" },
        ...{ s: m.code, BT: false, RPI: false },
      }));
      const text = JSON.stringify({ type: "snapshot", topic, ts: Date.now(), data });
      return [{ stream: topic, text: () => text }];
    },
    read(text) {
      const { op, args, req_id: id } = JSON.parse(text) as { op: string; args?: string[]; req_id?: string };
      if (op === "ping") return { kind: "ping", reply: answer(true, "pong", "", "ping") };
      return { kind: "streams", id, isSubscribing: op === "subscribe", streams: args ?? [] };
    },
    marketOf: (stream, codes) =>
      codes.find((code) => stream === `orderbook.${depth}.${code}` || stream === `publicTrade.${code}`),
    answers({ id, isSubscribing, streams }, outcomes) {
      const op = isSubscribing ? "subscribe" : "unsubscribe";
      if (streams.length > argsMax) return [answer(false, `args size >${argsMax}`, id, op)];
      const wrong = outcomes.find(({ is }) => is !== "done");
      if (wrong === undefined) return [answer(true, op, id, op)];
      const why = wrong.is === "already" ? "already subscribed" : "handler not found";
      return [answer(false, `error:${why},topic:${wrong.stream}`, id, op)];
    },
    refusal: ({ id, isSubscribing }) =>
      answer(false, "error:request too frequent", id, isSubscribing ? "subscribe" : "unsubscribe"),
    snapshot: (m, stream) =>
      stream.startsWith("orderbook.") ? bookText(m, "snapshot", bestOf(levelsOf(m), depth)) : undefined,
    rest(url, markets) {
      const m = markets.get(url.searchParams.get("symbol") ?? "");
      if (m === undefined || url.searchParams.get("category") !== "spot") {
        return { body: { retCode: 10_001, retMsg: "params error: symbol invalid", result: {} } };
      }
      const limit = Number(url.searchParams.get("limit") ?? 1);
      const good = (result: unknown): { body: unknown } => ({
        body: { retCode: 0, retMsg: "OK", result, retExtInfo: {}, time: Date.now() },
      });
      if (url.pathname === "/v5/market/orderbook") {
        const { bids: b, asks: a } = bestOf(levelsOf(m), limit);
        return good({ s: m.code, b, a, ts: Date.now(), ...markOf(m), cts: Date.now() });
      }
      if (url.pathname !== "/v5/market/recent-trade") return undefined;
      const list = m.trades
        .slice(-Math.min(limit, 60))
        .toReversed()
        .map(({ id, price, qty: size, time, isBuyerTaker }) => ({
          ...{ execId: idText(id), symbol: m.code, price, size, side: isBuyerTaker ? "Buy" : "Sell" },
          ...{ time: String(time), isBlockTrade: false },
        }));
      return good({ category: "spot", list });
    },
  };
}
