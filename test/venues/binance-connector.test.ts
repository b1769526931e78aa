/**
 * Binance's own connector, unmodified, against the exchange: place, query, cancel, market data and the account's events,
 * over REST, over streams and over the WebSocket API. It knows nothing but the venue's documents.
 */
import { startExchange, type RunningExchange } from "@baton/exchange";
import { Spot, WebsocketAPI, WebsocketStream } from "@binance/connector";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const quiet = { debug: silent, info: silent, warn: silent, error: silent };
const symbol = "BTCUSDT";
const resting = { price: "50000", quantity: "0.01", timeInForce: "GTC" };

let exchange: RunningExchange;
let client: Spot;
const ends: (() => void)[] = [];

beforeAll(async () => {
  exchange = await startExchange({ seed: 7, keys: [{ key: "k", secret: "s", account: "desk" }], flow: { rate: 60 } });
  client = new Spot("k", "s", { baseURL: exchange.url, logger: quiet });
});
afterAll(async () => {
  for (const end of ends) end();
  await exchange?.close();
});

describe("REST", () => {
  test("places an order, finds it by its client's id, cancels it", async () => {
    const placed = (await call("newOrder", symbol, "BUY", "LIMIT", { ...resting, newClientOrderId: "rest-1" })).data;
    expect(placed).toMatchObject({ clientOrderId: "rest-1", status: "NEW", origQty: "0.01000000" });
    const found = (await call("getOrder", symbol, { origClientOrderId: "rest-1" })).data;
    expect(found).toMatchObject({ orderId: placed["orderId"], status: "NEW", price: "50000.00000000" });
    const open = (await call("openOrders", { symbol })).data as unknown as readonly { orderId: number }[];
    expect(open.map((one) => one.orderId)).toContain(placed["orderId"]);
    const cancelled = (await call("cancelOrder", symbol, { orderId: placed["orderId"] })).data;
    expect(cancelled).toMatchObject({ origClientOrderId: "rest-1", status: "CANCELED" });
  });

  test("signs what it escapes: an id with a slash and a colon", async () => {
    const options = { ...resting, newClientOrderId: "desk/a:1" };
    expect((await call("newOrder", symbol, "BUY", "LIMIT", options)).data).toMatchObject({ clientOrderId: "desk/a:1" });
    expect((await call("cancelOpenOrders", symbol)).status).toBe(200);
  });

  test("replaces an order by another, and is told what became of each when one fails", async () => {
    const first = (await call("newOrder", symbol, "BUY", "LIMIT", { ...resting })).data;
    const next = { ...resting, price: "51000", cancelOrderId: first["orderId"], newClientOrderId: "replaced-1" };
    const replaced = await call("cancelAndReplace", symbol, "BUY", "LIMIT", "STOP_ON_FAILURE", next);
    expect(replaced.data).toMatchObject({
      cancelResult: "SUCCESS",
      newOrderResult: "SUCCESS",
      newOrderResponse: { clientOrderId: "replaced-1", status: "NEW" },
    });
    const again = call("cancelAndReplace", symbol, "BUY", "LIMIT", "STOP_ON_FAILURE", next);
    const notTried = { code: -2022, data: { cancelResult: "FAILURE", newOrderResult: "NOT_ATTEMPTED" } };
    await expect(again).rejects.toMatchObject({ response: { status: 400, data: notTried } });
    const anyway = { ...next, newClientOrderId: "replaced-2" };
    const half = call("cancelAndReplace", symbol, "BUY", "LIMIT", "ALLOW_FAILURE", anyway);
    const partly = { code: -2021, data: { cancelResult: "FAILURE", newOrderResult: "SUCCESS" } };
    await expect(half).rejects.toMatchObject({ response: { status: 409, data: partly } });
    expect((await call("openOrders", { symbol })).data).toHaveLength(2);
    await call("cancelOpenOrders", symbol);
  });

  test("a market order is filled, and its trades and the balances say so", async () => {
    const placed = (await call("newOrder", symbol, "BUY", "MARKET", { quantity: "0.02" })).data;
    expect(placed).toMatchObject({ status: "FILLED", executedQty: "0.02000000" });
    const trades = (await call("myTrades", symbol, { orderId: placed["orderId"] })).data as unknown as {
      qty: string;
    }[];
    expect(trades.reduce((sum, one) => sum + Number(one.qty), 0)).toBeCloseTo(0.02, 8);
    const { balances } = (await call("account")).data as { balances: { asset: string; free: string }[] };
    expect(Number(balances.find((one) => one.asset === "BTC")?.free)).toBeGreaterThan(1_000_000);
  });

  test("asks about the market: rules, book, trades, candles, tickers of several symbols", async () => {
    const info = (await call("exchangeInfo")).data as { symbols: { symbol: string }[] };
    expect(info.symbols.map((one) => one.symbol)).toContain(symbol);
    const book = (await call("depth", symbol, { limit: 10 })).data as { bids: unknown[] };
    expect(book.bids).toHaveLength(10);
    expect((await call("trades", symbol)).status).toBe(200);
    expect((await call("klines", symbol, "1m")).status).toBe(200);
    const tickers = (await call("bookTicker", "", [symbol, "ETHUSDT"])).data as unknown as { symbol: string }[];
    expect(tickers.map((one) => one.symbol)).toEqual([symbol, "ETHUSDT"]);
  });

  test("is refused in the venue's words", async () => {
    const unknown = call("getOrder", symbol, { origClientOrderId: "nobody" });
    await expect(unknown).rejects.toMatchObject({ response: { status: 400, data: { code: -2013 } } });
    const stranger = new Spot("k", "wrong", { baseURL: exchange.url, logger: quiet });
    const forged = stranger["account"]?.();
    await expect(forged).rejects.toMatchObject({ response: { status: 400, data: { code: -1022 } } });
  });
});

describe("streams", () => {
  test("raw and combined, from the address and subscribed later", async () => {
    const heard = listen({});
    heard.stream.trade("btcusdt");
    await heard.until((one) => one["e"] === "trade" && one["s"] === symbol);
    heard.stream.subscribe("ethusdt@bookTicker");
    await heard.until((one) => one["s"] === "ETHUSDT" && one["b"] !== undefined);

    const combined = listen({ combinedStreams: true });
    combined.stream.diffBookDepth("btcusdt", "100ms");
    const message = await combined.until((one) => one["stream"] === "btcusdt@depth@100ms");
    expect(message["data"]).toMatchObject({ e: "depthUpdate", s: symbol });
  });

  test("the account's events under a listen key, until it is closed", async () => {
    const { listenKey } = (await call("createListenKey")).data as { listenKey: string };
    const heard = listen({});
    heard.stream.userData(listenKey);
    await subscribed(1);
    await call("newOrder", symbol, "BUY", "LIMIT", { ...resting, newClientOrderId: "listened-1" });
    const report = await heard.until((one) => one["e"] === "executionReport" && one["c"] === "listened-1");
    expect(report).toMatchObject({ x: "NEW", X: "NEW", q: "0.01000000" });
    expect((await call("renewListenKey", listenKey)).status).toBe(200);
    expect((await call("closeListenKey", listenKey)).status).toBe(200);
    await expect(call("renewListenKey", listenKey)).rejects.toMatchObject({ response: { data: { code: -1125 } } });
  });
});

describe("the WebSocket API", () => {
  test("places, queries, cancels, and tells the account's events by signature", async () => {
    const heard = speak();
    const api = await heard.opened;
    api.sendSignatureMessage("userDataStream.subscribe.signature", { id: "account" });
    expect(await heard.until((one) => one["id"] === "account")).toMatchObject({ status: 200 });
    api.newOrder(symbol, "SELL", "LIMIT", { ...resting, price: "90000", newClientOrderId: "api-1", id: "place" });
    expect(await heard.until((one) => one["id"] === "place")).toMatchObject({ status: 200, result: { status: "NEW" } });
    const told = await heard.until((one) => (one["event"] as Message | undefined)?.["c"] === "api-1");
    expect(told["event"]).toMatchObject({ e: "executionReport", S: "SELL", x: "NEW" });
    api.getOrder(symbol, { origClientOrderId: "api-1", id: "query" });
    expect(await heard.until((one) => one["id"] === "query")).toMatchObject({ result: { clientOrderId: "api-1" } });
    api.cancelOrder(symbol, { origClientOrderId: "api-1", id: "cancel" });
    expect(await heard.until((one) => one["id"] === "cancel")).toMatchObject({ result: { status: "CANCELED" } });
  });

  test("gives listen keys too", async () => {
    const heard = speak();
    (await heard.opened).startUserDataStream();
    const answer = await heard.until((one) => (one["result"] as Message | undefined)?.["listenKey"] !== undefined);
    expect(answer["status"]).toBe(200);
  });
});

type Message = Readonly<Record<string, unknown>>;

function silent(): void {
  // The connector logs every step; nobody reads it here.
}

async function call(method: string, ...args: readonly unknown[]): ReturnType<Spot[string]> {
  const asked = client[method];
  if (asked === undefined) throw new RangeError(`the connector has no ${method}`);
  return asked.call(client, ...args);
}

/** What a connection hears, and the wait for one message. */
function ear(): {
  readonly hear: (text: string) => void;
  readonly until: (fits: (one: Message) => boolean) => Promise<Message>;
} {
  const messages: Message[] = [];
  const until = async (fits: (one: Message) => boolean): Promise<Message> => {
    let found: Message | undefined;
    await expect.poll(() => (found = messages.find(fits)) !== undefined, { timeout: 60_000, interval: 10 }).toBe(true);
    return found as Message;
  };
  return { hear: (text) => messages.push(JSON.parse(text) as Message), until };
}

function listen(options: Readonly<Record<string, unknown>>): {
  readonly stream: WebsocketStream;
  readonly until: ReturnType<typeof ear>["until"];
} {
  const { hear, until } = ear();
  const wsURL = exchange.url.replace("http", "ws");
  const stream = new WebsocketStream({ ...options, wsURL, logger: quiet, callbacks: { message: hear } });
  ends.push(() => stream.disconnect());
  return { stream, until };
}

function speak(): { readonly opened: Promise<WebsocketAPI>; readonly until: ReturnType<typeof ear>["until"] } {
  const { hear, until } = ear();
  const wsURL = `${exchange.url.replace("http", "ws")}/ws-api/v3`;
  const opened = new Promise<WebsocketAPI>((resolve) => {
    const api = new WebsocketAPI("k", "s", { wsURL, logger: quiet, callbacks: { message: hear, open: resolve } });
    ends.push(() => api.disconnect());
  });
  return { opened, until };
}

async function subscribed(count: number): Promise<void> {
  const subs = (): number => exchange.audit().filter((one) => one.type === "sub" && one.stream === "user").length;
  await expect.poll(subs, { timeout: 60_000, interval: 10 }).toBeGreaterThanOrEqual(count);
}
