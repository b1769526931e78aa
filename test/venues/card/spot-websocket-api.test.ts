/**
 * Binance spot's card, WebSocket API and account events: `web-socket-api.md` and `user-data-stream.md` as of 2026-07-21.
 * A book made by hand: asks of one coin at 60,000 and 60,010, a bid of one at 59,990.
 */
import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startExchange, type RunningExchange } from "@baton/exchange";
import { RawSocket, signedParameters, type Credentials, type Message, type Parameters } from "./raw.ts";

const desk: Credentials = { apiKey: "desk-key", secret: "desk-secret" };
const market: Credentials = { apiKey: "market-key", secret: "market-secret" };
const pair = generateKeyPairSync("ed25519");
const ed25519: Credentials = { apiKey: "ed-key", secret: pair.privateKey };
let exchange: RunningExchange;
const sockets: RawSocket[] = [];

beforeAll(async () => {
  const pem = pair.publicKey.export({ type: "spki", format: "pem" }) as string;
  exchange = await startExchange({
    keys: [
      { key: desk.apiKey, secret: "desk-secret", account: "desk" },
      { key: market.apiKey, secret: "market-secret", account: "market" },
      { key: "ed-key", secret: pem, account: "desk" },
    ],
    flow: { isOff: true },
  });
  const socket = await open();
  for (const [side, price] of [
    ["SELL", "60000"],
    ["SELL", "60010"],
    ["BUY", "59990"],
  ] as const) {
    await socket.ask({
      method: "order.place",
      params: signedParameters(market, { ...resting, side, price, quantity: "1" }),
    });
  }
});

afterAll(async () => {
  for (const socket of sockets) socket.close();
  await exchange.close();
});

async function open(query = ""): Promise<RawSocket> {
  const socket = await RawSocket.open(`${exchange.url}/ws-api/v3${query}`);
  sockets.push(socket);
  return socket;
}

const resting: Parameters = {
  symbol: "BTCUSDT",
  side: "BUY",
  type: "LIMIT",
  timeInForce: "GTC",
  quantity: "0.01",
  price: "50000",
};
const number: unknown = expect.any(Number);
const text: unknown = expect.any(String);
const weight = { rateLimitType: "REQUEST_WEIGHT", interval: "MINUTE", intervalNum: 1, limit: number, count: number };

describe("requests", () => {
  test("1: ping and time, with the weight that was used", async () => {
    const socket = await open();
    expect(await socket.ask({ method: "ping" })).toEqual({ id: 1, status: 200, result: {}, rateLimits: [weight] });
    expect(await socket.ask({ method: "time" })).toEqual({
      id: 2,
      status: 200,
      result: { serverTime: number },
      rateLimits: [weight],
    });
  });

  test("2: rate limits are left out of one answer, or of all of a connection but those that ask for them", async () => {
    const plain = await open();
    const none = { id: 1, status: 200, result: {} };
    expect(await plain.ask({ method: "ping", params: { returnRateLimits: false } })).toEqual(none);
    const quiet = await open("?returnRateLimits=false");
    expect(await quiet.ask({ method: "ping" })).toEqual(none);
    const asked = await quiet.ask({ method: "ping", params: { returnRateLimits: true } });
    expect(asked).toEqual({ ...none, id: 2, rateLimits: [weight] });
  });

  test.each([
    ["depth", { symbol: "BTCUSDT", limit: 5 }, { lastUpdateId: number }],
    ["exchangeInfo", { symbols: ["BTCUSDT", "ETHUSDT"] }, { timezone: "UTC" }],
    ["ticker.24hr", { symbol: "BTCUSDT", type: "MINI" }, { symbol: "BTCUSDT" }],
    ["ticker.tradingDay", { symbol: "BTCUSDT" }, { symbol: "BTCUSDT" }],
    ["ticker", { symbols: ["BTCUSDT"], windowSize: "1h" }, [{ symbol: "BTCUSDT" }]],
    ["ticker.price", { symbol: "BTCUSDT" }, { price: text }],
    ["ticker.book", { symbol: "BTCUSDT" }, { bidPrice: "59990.00000000" }],
    ["avgPrice", { symbol: "BTCUSDT" }, { mins: 5 }],
    ["trades.recent", { symbol: "BTCUSDT" }, []],
    ["trades.historical", { symbol: "BTCUSDT", fromId: 0 }, []],
    ["trades.aggregate", { symbol: "BTCUSDT" }, []],
    ["klines", { symbol: "BTCUSDT", interval: "1m" }, []],
    ["uiKlines", { symbol: "BTCUSDT", interval: "1m" }, []],
  ])("3: %s", async (method, params, result) => {
    const socket = await open();
    expect(await socket.ask({ method, params })).toMatchObject({ id: 1, status: 200, result });
  });

  test("4: an id is told again as it came; what is no request is answered without one", async () => {
    const socket = await open();
    for (const id of [42, "7069b743-f477-4ae3-81db-db9b8df085d2", null]) {
      socket.say(JSON.stringify({ id, method: "ping" }));
      expect((await socket.first((one) => one["id"] === id))["status"]).toBe(200);
    }
    socket.say("{");
    const wrong = await socket.first((one) => one["status"] === 400);
    expect(wrong).toMatchObject({ id: null, error: { code: -1135, msg: "Invalid JSON Request" } });
  });

  test("5: errors have the status and the code of REST", async () => {
    const socket = await open();
    expect(await socket.ask({ method: "depth", params: { symbol: "NONE" } })).toMatchObject({
      status: 400,
      error: { code: -1121, msg: "Invalid symbol." },
    });
    const stranger = signedParameters({ apiKey: "stranger", secret: "x" }, { symbol: "BTCUSDT", orderId: 1 });
    expect(await socket.ask({ method: "order.status", params: stranger })).toMatchObject({
      status: 401,
      error: { code: -2015 },
    });
    const forged = { ...signedParameters(desk, { symbol: "BTCUSDT", orderId: 1 }), signature: "00".repeat(32) };
    expect(await socket.ask({ method: "order.status", params: forged })).toMatchObject({
      status: 400,
      error: { code: -1022, msg: "Signature for this request is not valid." },
    });
  });

  test("6: too much weight tells the time from which on requests are taken again", async () => {
    const small = await startExchange({ keys: [], flow: { isOff: true }, limits: { weightPerMinute: 10 } });
    const socket = await RawSocket.open(`${small.url}/ws-api/v3`);
    try {
      let answer: Message = {};
      // Counted by the minute, which may end meanwhile: then it is counted from nothing once more.
      for (let count = 0; count < 40 && answer["status"] !== 429; count += 1)
        answer = await socket.ask({ method: "ping" });
      expect(answer).toMatchObject({
        status: 429,
        error: { code: -1003, data: { serverTime: number, retryAfter: number } },
      });
      const { data } = answer["error"] as { data: { serverTime: number; retryAfter: number } };
      expect(data.retryAfter).toBeGreaterThan(data.serverTime);
    } finally {
      socket.close();
      await small.close();
    }
  });
});

describe("trading", () => {
  test("7: an order is placed, tested, queried, listed and cancelled, signed over its sorted parameters", async () => {
    const socket = await open();
    const ask = (method: string, parameters: Parameters): Promise<Message> =>
      socket.ask({ method, params: signedParameters(desk, parameters) });
    expect(await ask("order.test", resting)).toMatchObject({ status: 200, result: {} });
    const placed = await ask("order.place", { ...resting, newClientOrderId: "ws-1", newOrderRespType: "RESULT" });
    expect(placed).toEqual({
      id: 2,
      status: 200,
      result: {
        symbol: "BTCUSDT",
        orderId: number,
        orderListId: -1,
        clientOrderId: "ws-1",
        transactTime: number,
        price: "50000.00000000",
        origQty: "0.01000000",
        executedQty: "0.00000000",
        origQuoteOrderQty: "0.00000000",
        cummulativeQuoteQty: "0.00000000",
        status: "NEW",
        timeInForce: "GTC",
        type: "LIMIT",
        side: "BUY",
        workingTime: number,
        selfTradePreventionMode: "EXPIRE_TAKER",
      },
      rateLimits: [
        { rateLimitType: "ORDERS", interval: "SECOND", intervalNum: 10, limit: number, count: number },
        { rateLimitType: "ORDERS", interval: "DAY", intervalNum: 1, limit: number, count: number },
        weight,
      ],
    });
    const named = { symbol: "BTCUSDT", origClientOrderId: "ws-1" };
    expect(await ask("order.status", named)).toMatchObject({ result: { status: "NEW", isWorking: true } });
    expect(await ask("openOrders.status", { symbol: "BTCUSDT" })).toMatchObject({
      result: [{ clientOrderId: "ws-1" }],
    });
    const replacing = { ...resting, cancelReplaceMode: "STOP_ON_FAILURE", cancelOrigClientOrderId: "ws-1" };
    expect(await ask("order.cancelReplace", { ...replacing, newClientOrderId: "ws-2" })).toMatchObject({
      result: { cancelResult: "SUCCESS", newOrderResult: "SUCCESS" },
    });
    expect(await ask("order.cancel", { symbol: "BTCUSDT", origClientOrderId: "ws-2" })).toMatchObject({
      result: { status: "CANCELED", origClientOrderId: "ws-2" },
    });
    expect(await ask("order.cancel", named)).toMatchObject({
      status: 400,
      error: { code: -2011, msg: "Unknown order sent." },
    });
    await ask("order.place", resting);
    expect(await ask("openOrders.cancelAll", { symbol: "BTCUSDT" })).toMatchObject({
      result: [{ status: "CANCELED" }],
    });
    expect(await ask("allOrders", { symbol: "BTCUSDT", limit: 1 })).toMatchObject({ result: [{ status: "CANCELED" }] });
    expect(await ask("myTrades", { symbol: "BTCUSDT" })).toMatchObject({ result: [] });
    expect(await ask("account.status", {})).toMatchObject({ result: { accountType: "SPOT" } });
    expect(await ask("account.commission", { symbol: "BTCUSDT" })).toMatchObject({ result: { symbol: "BTCUSDT" } });
    expect(await ask("account.rateLimits.orders", {})).toMatchObject({ result: [{ rateLimitType: "ORDERS" }, {}] });
    expect(await ask("myPreventedMatches", { symbol: "BTCUSDT", orderId: 1 })).toMatchObject({ result: [] });
  });
});

describe("sessions", () => {
  test("8: a session that an Ed25519 key has logged on needs neither key nor signature", async () => {
    const socket = await open();
    const state = { connectedSince: number, returnRateLimits: true, serverTime: number };
    const nobody = { ...state, apiKey: null, authorizedSince: null, userDataStream: false };
    expect((await socket.ask({ method: "session.status" }))["result"]).toEqual(nobody);
    expect(await socket.ask({ method: "userDataStream.subscribe" })).toMatchObject({
      status: 401,
      error: { code: -1002 },
    });
    const logon = await socket.ask({ method: "session.logon", params: signedParameters(ed25519) });
    const somebody = { ...state, apiKey: "ed-key", authorizedSince: number };
    expect(logon["result"]).toEqual({ ...somebody, userDataStream: false });
    expect(await socket.ask({ method: "order.test", params: { ...resting, timestamp: Date.now() } })).toMatchObject({
      status: 200,
    });
    expect(await socket.ask({ method: "order.test", params: resting })).toMatchObject({
      error: { code: -1102, msg: "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed." },
    });
    expect(await socket.ask({ method: "userDataStream.subscribe" })).toMatchObject({ result: { subscriptionId: 0 } });
    expect((await socket.ask({ method: "session.status" }))["result"]).toEqual({ ...somebody, userDataStream: true });
    expect((await socket.ask({ method: "session.logout" }))["result"]).toEqual(nobody);
    expect(await socket.first((one) => one["subscriptionId"] === 0)).toMatchObject({
      event: { e: "eventStreamTerminated", E: number },
    });
    expect(await socket.ask({ method: "order.test", params: { ...resting, timestamp: Date.now() } })).toMatchObject({
      status: 401,
    });
  });

  test("9: an HMAC key cannot log on", async () => {
    const socket = await open();
    expect(await socket.ask({ method: "session.logon", params: signedParameters(desk) })).toMatchObject({
      status: 400,
      error: { code: -4056, msg: "HMAC_SHA256 API key is not supported." },
    });
  });

  test("10: a key named in a request has to sign it, whoever has logged on", async () => {
    const socket = await open();
    await socket.ask({ method: "session.logon", params: signedParameters(ed25519) });
    const params = { ...resting, apiKey: market.apiKey, timestamp: Date.now() };
    expect(await socket.ask({ method: "order.test", params })).toMatchObject({ error: { code: -1102 } });
    expect(await socket.ask({ method: "order.test", params: signedParameters(market, resting) })).toMatchObject({
      status: 200,
    });
  });
});

describe("account events", () => {
  async function subscribed(): Promise<RawSocket> {
    const socket = await open();
    const answer = await socket.ask({ method: "userDataStream.subscribe.signature", params: signedParameters(desk) });
    expect(answer).toMatchObject({ status: 200, result: { subscriptionId: 0 } });
    return socket;
  }

  const report = (socket: RawSocket, fits: (event: Message) => boolean): Promise<Message> =>
    socket.first((one) => {
      const event = one["event"] as Message | undefined;
      return event?.["e"] === "executionReport" && fits(event);
    });

  test("11: subscriptions are listed, one an account, and end with a last word", async () => {
    const socket = await subscribed();
    const again = await socket.ask({ method: "userDataStream.subscribe.signature", params: signedParameters(desk) });
    expect(again).toMatchObject({ error: { code: -2035, msg: "User Data Stream subscription already active." } });
    const other = await socket.ask({ method: "userDataStream.subscribe.signature", params: signedParameters(market) });
    expect(other).toMatchObject({ result: { subscriptionId: 1 } });
    expect(await socket.ask({ method: "session.subscriptions", params: {} })).toMatchObject({
      result: [{ subscriptionId: 0 }, { subscriptionId: 1 }],
    });
    const end = { method: "userDataStream.unsubscribe", params: { subscriptionId: 1 } };
    expect(await socket.ask(end)).toMatchObject({ status: 200, result: {} });
    expect(await socket.first((one) => one["subscriptionId"] === 1)).toEqual({
      subscriptionId: 1,
      event: { e: "eventStreamTerminated", E: number },
    });
    expect(await socket.ask(end)).toMatchObject({ error: { code: -2036 } });
  });

  test("12: an execution report has every documented field, and the balances follow", async () => {
    const socket = await subscribed();
    const params = { ...resting, newClientOrderId: "told", strategyId: 1, strategyType: 1_000_000 };
    await socket.ask({ method: "order.place", params: signedParameters(desk, params) });
    const told = await report(socket, (event) => event["c"] === "told");
    expect(told).toEqual({
      subscriptionId: 0,
      event: {
        e: "executionReport",
        E: number,
        s: "BTCUSDT",
        c: "told",
        S: "BUY",
        o: "LIMIT",
        f: "GTC",
        q: "0.01000000",
        p: "50000.00000000",
        P: "0.00000000",
        F: "0.00000000",
        g: -1,
        C: "",
        x: "NEW",
        X: "NEW",
        r: "NONE",
        i: number,
        l: "0.00000000",
        z: "0.00000000",
        L: "0.00000000",
        n: "0",
        N: null,
        T: number,
        t: -1,
        I: number,
        w: true,
        m: false,
        M: false,
        O: number,
        Z: "0.00000000",
        Y: "0.00000000",
        Q: "0.00000000",
        W: number,
        V: "EXPIRE_TAKER",
        j: 1,
        J: 1_000_000,
      },
    });
    expect(
      await socket.first((one) => (one["event"] as Message | undefined)?.["e"] === "outboundAccountPosition"),
    ).toEqual({
      subscriptionId: 0,
      event: {
        e: "outboundAccountPosition",
        E: number,
        u: number,
        B: [
          { a: "BTC", f: text, l: text },
          { a: "USDT", f: text, l: "500.00000000" },
        ],
      },
    });
    const cancel = { symbol: "BTCUSDT", origClientOrderId: "told", newClientOrderId: "why" };
    await socket.ask({ method: "order.cancel", params: signedParameters(desk, cancel) });
    expect(await report(socket, (event) => event["x"] === "CANCELED")).toMatchObject({
      event: { c: "why", C: "told", X: "CANCELED", w: false },
    });
  });

  test("13: a trade is told with its price, its commission and which side made it", async () => {
    const socket = await subscribed();
    const taking = { ...resting, price: "60000", quantity: "0.5", newClientOrderId: "taker" };
    await socket.ask({ method: "order.place", params: signedParameters(desk, taking) });
    expect(await report(socket, (event) => event["x"] === "TRADE")).toMatchObject({
      event: {
        c: "taker",
        X: "FILLED",
        l: "0.50000000",
        L: "60000.00000000",
        z: "0.50000000",
        Z: "30000.00000000",
        Y: "30000.00000000",
        n: "0.00050000",
        N: "BTC",
        t: 1,
        m: false,
        w: false,
      },
    });
  });

  test("14: a stop is told off the book, then on it; an order that met its own account with the match that was prevented", async () => {
    const socket = await subscribed();
    const ask = (parameters: Parameters): Promise<Message> =>
      socket.ask({ method: "order.place", params: signedParameters(desk, parameters) });
    const stop = { ...resting, type: "STOP_LOSS_LIMIT", stopPrice: "60010", price: "59000", newClientOrderId: "stop" };
    await ask(stop);
    expect(await report(socket, (event) => event["c"] === "stop")).toMatchObject({
      event: { P: "60010.00000000", w: false },
    });
    const silent = await report(socket, (event) => event["c"] === "stop");
    expect(silent["event"]).not.toHaveProperty("W");
    await ask({ ...resting, price: "60010", quantity: "0.6" });
    expect(await report(socket, (event) => event["c"] === "stop" && event["w"] === true)).toMatchObject({
      event: { x: "NEW", X: "NEW", W: number },
    });
    await ask({ ...resting, side: "SELL", price: "59000", quantity: "2", newClientOrderId: "own" });
    const ended = await report(socket, (event) => event["c"] === "own" && event["x"] === "TRADE_PREVENTION");
    expect(ended).toMatchObject({
      event: {
        X: "EXPIRED_IN_MATCH",
        v: 0,
        A: "1.00000000",
        B: "1.00000000",
        u: number,
        U: number,
        Cs: "BTCUSDT",
        pl: "0.01000000",
        pL: "59000.00000000",
        pY: "590.00000000",
      },
    });
  });

  test("15: what comes to the account from outside is a balanceUpdate", async () => {
    const socket = await subscribed();
    exchange.deposit("desk", "BTC", "0.25");
    expect(await socket.first((one) => (one["event"] as Message | undefined)?.["e"] === "balanceUpdate")).toEqual({
      subscriptionId: 0,
      event: { e: "balanceUpdate", E: number, a: "BTC", d: "0.25000000", T: number },
    });
    expect(
      await socket.first((one) => (one["event"] as Message | undefined)?.["e"] === "outboundAccountPosition"),
    ).toMatchObject({ event: { B: [{ a: "BTC" }] } });
  });
});
