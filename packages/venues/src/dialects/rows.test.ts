/** What a venue writes and should not: it is unreadable, and never an id or an instant that something is counted from. */
import { expect, test } from "vitest";
import { id, type SymbolId } from "@baton/core";
import { parseTrade } from "./binance/wire.ts";
import { parseUserMessage } from "./binance/user-events.ts";
import { readOrder as readBybitOrder, readTrade as readBybitTrade } from "./bybit/rows.ts";
import { stream as coinbase } from "./coinbase/user-events.ts";
import { readTrade as readKrakenTrade } from "./kraken/rows.ts";
import { stream as kraken } from "./kraken/user-events.ts";

const symbolOf = (): SymbolId => id<SymbolId>("BTC/USDT");

test("a trade whose id is no whole number, where the venue counts its trades, cannot be read", () => {
  const row = {
    ...{ symbol: "BTCUSDT", orderId: 9, price: "1", qty: "1", commission: "0", commissionAsset: "BTC" },
    ...{ time: 1_700_000_000_000, isBuyer: true, isMaker: true },
  };
  expect(parseTrade({ ...row, id: 7 }, symbolOf)).toMatchObject({ tradeId: "7" });
  for (const odd of ["9f1c2d3e-uuid", "", " 7", "0x7", "1e3", -1, 1.5, 2 ** 60, null]) {
    expect(parseTrade({ ...row, id: odd }, symbolOf)).toBeUndefined();
  }
  const report = { e: "executionReport", s: "BTCUSDT", c: "mine", C: "", S: "BUY", q: "1", p: "1", x: "TRADE" };
  const trade = { X: "FILLED", i: 9, l: "1", z: "1", L: "1", n: "0", N: "BTC", T: 1_700_000_000_000, m: true };
  const told = (t: unknown): unknown => parseUserMessage(JSON.stringify({ ...report, ...trade, t }), symbolOf).kind;
  expect([told(7), told("9f1c2d3e-uuid")]).toEqual(["facts", "unreadable"]);
});

test("a trade at an instant that no date can have cannot be read", () => {
  const bybit = {
    ...{ symbol: "BTCUSDT", orderId: "o", side: "Buy", execId: "9f1c", execPrice: "1", execQty: "1", execFee: "0" },
    isMaker: true,
  };
  expect(readBybitTrade({ ...bybit, execTime: "1700000000000" }, symbolOf)).toBeDefined();
  for (const execTime of [1e21, -1, Number.NaN, "9999999999999999", ""]) {
    expect(readBybitTrade({ ...bybit, execTime }, symbolOf)).toBeUndefined();
  }
  const krakens = { ordertxid: "o", pair: "XBTUSDT", type: "buy", price: "1", vol: "1", fee: "0", maker: true };
  expect(readKrakenTrade(["T-1", { ...krakens, time: 1_700_000_000.5 }], symbolOf)).toBeDefined();
  expect(readKrakenTrade(["T-1", { ...krakens, time: 1e20 }], symbolOf)).toBeUndefined();
});

test("an order that a change does not name keeps its name, and is not somebody else's", () => {
  const order = {
    ...{ order_id: "o", product_id: "BTC-USD", status: "OPEN", order_side: "BUY" },
    ...{ cumulative_quantity: "1", leaves_quantity: "2", limit_price: "3" },
  };
  const told = (more: object): unknown => {
    const message = coinbase.parse(
      JSON.stringify({ channel: "user", sequence_num: 1, events: [{ orders: [{ ...order, ...more }] }] }),
      symbolOf,
    );
    const [fact] = message.kind === "facts" ? message.facts : [];
    return fact?.kind === "change" ? fact.change.clientOrderId : fact;
  };
  expect([told({ client_order_id: "mine" }), told({ client_order_id: "" }), told({})]).toEqual(["mine", "", undefined]);
});

test("a word that only every object knows is no standing of an order, nor a channel", () => {
  const order = { symbol: "BTCUSDT", orderId: "o", orderLinkId: "c", side: "Buy", qty: "1", cumExecQty: "0" };
  expect(readBybitOrder({ ...order, orderStatus: "New" }, symbolOf)?.status).toBe("open");
  for (const orderStatus of ["constructor", "toString", "__proto__", "", 1, null]) {
    expect(readBybitOrder({ ...order, orderStatus }, symbolOf)).toBeUndefined();
  }
  const told = (message: object): string => kraken.parse(JSON.stringify(message), symbolOf).kind;
  expect(told({ channel: "constructor", data: [] })).toBe("other");
  const report = { order_id: "o", exec_type: "new", order_status: "valueOf" };
  expect(told({ channel: "executions", data: [report] })).toBe("unreadable");
});
