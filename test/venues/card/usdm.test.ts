/**
 * Binance USDT-margined futures' card: developers.binance.com/docs/derivatives/usds-margined-futures. A book made by hand:
 * asks of one coin at 60,000 and 60,010, a bid of one at 59,990.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startExchange, type RunningExchange } from "@baton/exchange";
import {
  RawSocket,
  send,
  sendSigned,
  signedParameters,
  type Answer,
  type Credentials,
  type Parameters,
} from "./raw.ts";

const desk: Credentials = { apiKey: "desk-key", secret: "desk-secret" };
const market: Credentials = { apiKey: "market-key", secret: "market-secret" };
let exchange: RunningExchange;
const sockets: RawSocket[] = [];

beforeAll(async () => {
  exchange = await startExchange({
    personality: "usdm",
    keys: [
      { key: desk.apiKey, secret: "desk-secret", account: "desk" },
      { key: market.apiKey, secret: "market-secret", account: "market" },
    ],
    flow: { isOff: true },
  });
  for (const [side, price] of [
    ["SELL", "60000"],
    ["SELL", "60010"],
    ["BUY", "59990"],
  ] as const) {
    await place({ side, price, quantity: "1" }, market);
  }
});

afterAll(async () => {
  for (const socket of sockets) socket.close();
  await exchange.close();
});

async function open(path: string): Promise<RawSocket> {
  const socket = await RawSocket.open(exchange.url + path);
  sockets.push(socket);
  return socket;
}

function asks(path: string): Promise<Answer> {
  return send(exchange.url + path);
}

function signed(method: string, path: string, parameters: Parameters = {}, by = desk): Promise<Answer> {
  return sendSigned(exchange.url, by, { method, path, parameters });
}

const resting: Parameters = {
  symbol: "BTCUSDT",
  side: "BUY",
  type: "LIMIT",
  timeInForce: "GTC",
  quantity: "0.01",
  price: "55000",
};

/** A limit order that rests unless `over` says otherwise; `""` leaves a parameter out. */
function place(over: Parameters = {}, by = desk): Promise<Answer> {
  const all = Object.entries({ ...resting, ...over }).filter(([, value]) => value !== "");
  return signed("POST", "/fapi/v1/order", Object.fromEntries(all), by);
}

const number: unknown = expect.any(Number);
const text: unknown = expect.any(String);

describe("USDT-M futures, REST", () => {
  test.each([
    ["/fapi/v1/ping", {}],
    ["/fapi/v1/time", { serverTime: number }],
    ["/fapi/v1/depth?symbol=BTCUSDT&limit=5", { lastUpdateId: number, E: number, T: number, bids: [[text, text]] }],
    ["/fapi/v1/premiumIndex?symbol=BTCUSDT", { markPrice: "59995", lastFundingRate: text, nextFundingTime: number }],
    ["/fapi/v1/ticker/bookTicker?symbol=BTCUSDT", { bidPrice: text, askPrice: text, lastUpdateId: number }],
    ["/fapi/v1/openInterest?symbol=BTCUSDT", { openInterest: "0" }],
    ["/fapi/v1/fundingRate?symbol=BTCUSDT&limit=1", [{ fundingRate: text, fundingTime: number }]],
    ["/fapi/v1/klines?symbol=BTCUSDT&interval=1m", []],
    ["/fapi/v1/continuousKlines?pair=BTCUSDT&contractType=PERPETUAL&interval=1m", []],
    ["/fapi/v1/indexPriceKlines?pair=BTCUSDT&interval=1m", []],
    ["/fapi/v1/exchangeInfo", { symbols: [{ contractType: "PERPETUAL", marginAsset: "USDT" }, {}, {}] }],
  ])("1: %s", async (path, answer) => {
    const { status, json } = await asks(path);
    expect(status).toBe(200);
    expect(json).toMatchObject(answer);
  });

  test.each([
    [{ symbol: "NONE" }, -1121],
    [{ side: "HOLD" }, -1117],
    [{ type: "HOPE" }, -1116],
    [{ timeInForce: "EVER" }, -1115],
    [{ type: "STOP_MARKET", stopPrice: "1" }, -4120],
    [{ price: "55000.05" }, -4014],
    [{ price: "90000" }, -4016],
    [{ quantity: "0.0001" }, -1111],
    [{ quantity: "0" }, -4003],
    [{ quantity: "0.001" }, -4164],
    [{ positionSide: "LONG" }, -4061],
    [{ reduceOnly: "true" }, -2022],
    [{ closePosition: "true" }, -4136],
    [{ priceMatch: "QUEUE" }, -5037],
    [{ timeInForce: "GTX", price: "60000" }, -5022],
    [{ timeInForce: "FOK", price: "60000", quantity: "5" }, -5021],
  ] as [Parameters, number][])("2: an order with %j is answered with %j", async (over, code) => {
    const { status, json } = await place(over);
    expect([status, json]).toEqual([400, { code, msg: text }]);
  });

  test("3: an order is placed, queried, listed and cancelled, with every documented field", async () => {
    const placed = await place({ newClientOrderId: "one", price: "54000" });
    const order = {
      orderId: number,
      symbol: "BTCUSDT",
      status: "NEW",
      clientOrderId: "one",
      price: text,
      avgPrice: text,
      origQty: text,
      executedQty: text,
      cumQuote: text,
      timeInForce: "GTC",
      type: "LIMIT",
      reduceOnly: false,
      closePosition: false,
      side: "BUY",
      positionSide: "BOTH",
      stopPrice: text,
      workingType: "CONTRACT_PRICE",
      priceProtect: false,
      origType: "LIMIT",
      priceMatch: "NONE",
      selfTradePreventionMode: "EXPIRE_MAKER",
      goodTillDate: 0,
    };
    expect(placed.json).toEqual({ ...order, cumQty: text, updateTime: number });
    const named = { symbol: "BTCUSDT", origClientOrderId: "one" };
    const queried = { ...order, time: number, updateTime: number };
    expect((await signed("GET", "/fapi/v1/order", named)).json).toEqual(queried);
    expect((await signed("GET", "/fapi/v1/openOrder", named)).json).toEqual(queried);
    expect((await signed("GET", "/fapi/v1/openOrders", { symbol: "BTCUSDT" })).json).toContainEqual(queried);
    expect((await signed("DELETE", "/fapi/v1/order", named)).json).toMatchObject({ status: "CANCELED" });
    expect((await signed("DELETE", "/fapi/v1/order", named)).json).toEqual({ code: -2011, msg: "Unknown order sent." });
    expect((await signed("GET", "/fapi/v1/order", { symbol: "BTCUSDT", orderId: 999_999 })).json).toEqual({
      code: -2013,
      msg: "Order does not exist.",
    });
    expect((await signed("DELETE", "/fapi/v1/allOpenOrders", { symbol: "BTCUSDT" })).json).toEqual({
      code: 200,
      msg: "The operation of cancel all open order is done.",
    });
  });

  test("4: a trade makes a position, and reduce-only takes it back", async () => {
    expect((await place({ price: "60000", newOrderRespType: "RESULT" })).json).toMatchObject({ status: "FILLED" });
    const risk = (): Promise<Answer> => signed("GET", "/fapi/v3/positionRisk", { symbol: "BTCUSDT" });
    expect((await risk()).json).toMatchObject([{ symbol: "BTCUSDT", positionSide: "BOTH", positionAmt: "0.010" }]);
    expect((await signed("GET", "/fapi/v1/userTrades", { symbol: "BTCUSDT" })).json).toMatchObject([
      { buyer: true, maker: false, commissionAsset: "USDT", realizedPnl: "0" },
    ]);
    const back = { side: "SELL", type: "MARKET", timeInForce: "", price: "", reduceOnly: "true" };
    expect((await place(back)).status).toBe(200);
    expect(((await risk()).json as { positionAmt: string }[]).every((one) => Number(one.positionAmt) === 0)).toBe(true);
  });

  test.each([
    ["GET", "/fapi/v2/balance", {}, [{ asset: "USDT" }]],
    ["GET", "/fapi/v3/account", {}, { totalWalletBalance: text }],
    ["GET", "/fapi/v1/leverageBracket", { symbol: "BTCUSDT" }, { brackets: [{ bracket: 1 }] }],
    ["GET", "/fapi/v1/commissionRate", { symbol: "BTCUSDT" }, { makerCommissionRate: "0.0002" }],
    ["GET", "/fapi/v1/positionSide/dual", {}, { dualSidePosition: false }],
    ["GET", "/fapi/v1/forceOrders", {}, []],
    ["GET", "/fapi/v1/adlQuantile", { symbol: "BTCUSDT" }, { adlQuantile: { BOTH: 0 } }],
    ["GET", "/fapi/v1/rateLimit/order", {}, [{ interval: "SECOND" }, { interval: "MINUTE" }]],
    ["POST", "/fapi/v1/leverage", { symbol: "BTCUSDT", leverage: 7 }, { leverage: 7 }],
    ["POST", "/fapi/v1/marginType", { symbol: "ETHUSDT", marginType: "CROSSED" }, { code: -4046 }],
    ["POST", "/fapi/v1/positionSide/dual", { dualSidePosition: "true" }, { code: -4084 }],
    ["POST", "/fapi/v1/countdownCancelAll", { symbol: "BTCUSDT", countdownTime: 0 }, { countdownTime: "0" }],
  ] as [string, string, Parameters, object][])("5: %s %s", async (method, path, parameters, answer) => {
    expect((await signed(method, path, parameters)).json).toMatchObject(answer);
  });
});

describe("USDT-M futures, streams and WebSocket API", () => {
  test("6: account events under a listen key, at the private address", async () => {
    const { json } = await send(`${exchange.url}/fapi/v1/listenKey`, {
      method: "POST",
      headers: { "X-MBX-APIKEY": desk.apiKey },
    });
    const { listenKey } = json as { listenKey: string };
    const socket = await open(`/private/ws?listenKey=${listenKey}`);
    await place({ newClientOrderId: "told", price: "54500" });
    const report = await socket.first((one) => one["e"] === "ORDER_TRADE_UPDATE");
    expect(report).toMatchObject({
      E: number,
      T: number,
      o: { c: "told", x: "NEW", X: "NEW", S: "BUY", ps: "BOTH", R: false },
    });
    exchange.deposit("desk", "USDT", "12.5");
    expect(await socket.first((one) => one["e"] === "ACCOUNT_UPDATE")).toMatchObject({
      a: { m: "DEPOSIT", B: [{ a: "USDT", bc: "12.5" }], P: [] },
    });
  });

  test("7: market streams under the public and the market address, and without one", async () => {
    for (const path of ["/public/stream?streams=btcusdt@bookTicker", "/stream?streams=btcusdt@bookTicker"]) {
      const socket = await open(path);
      await place({ side: "SELL", price: "59999.9", newClientOrderId: "" });
      const { data } = (await socket.first((one) => one["stream"] === "btcusdt@bookTicker")) as { data: object };
      expect(data).toMatchObject({ e: "bookTicker", s: "BTCUSDT", b: text, a: text, T: number, E: number });
    }
    const marks = await open("/market/ws/btcusdt@markPrice@1s");
    expect(await marks.first(() => true)).toMatchObject({
      e: "markPriceUpdate",
      s: "BTCUSDT",
      p: text,
      i: text,
      r: text,
    });
  });

  test("8: a difference names the one before it", async () => {
    const socket = await open("/public/ws/btcusdt@depth@100ms");
    for (let count = 0; count < 3; count += 1) {
      await place({ price: `${54_000 - count}` });
      await socket.first(() => socket.heard.length > count);
    }
    const [first, second] = socket.heard;
    expect(second).toMatchObject({ e: "depthUpdate", pu: first?.["u"] });
  });

  test("9: the WebSocket API places, asks and cancels", async () => {
    const socket = await open("/ws-fapi/v1");
    const ask = (method: string, parameters: Parameters): Promise<unknown> =>
      socket.ask({ method, params: signedParameters(desk, parameters) });
    expect(await ask("order.place", { ...resting, newClientOrderId: "ws" })).toMatchObject({
      status: 200,
      result: { status: "NEW", clientOrderId: "ws" },
      rateLimits: [{ rateLimitType: "ORDERS" }, { rateLimitType: "ORDERS" }, { rateLimitType: "REQUEST_WEIGHT" }],
    });
    const named = { symbol: "BTCUSDT", origClientOrderId: "ws" };
    expect(await ask("order.status", named)).toMatchObject({ result: { status: "NEW" } });
    expect(await ask("order.cancel", named)).toMatchObject({ result: { status: "CANCELED" } });
    expect(await ask("account.position", { symbol: "BTCUSDT" })).toMatchObject({ status: 200 });
  });
});
