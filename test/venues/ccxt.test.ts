/**
 * A third party's client against the simulated exchange: if unmodified ccxt trades on it, it cannot merely agree with
 * our own engine about what Binance's protocol is.
 */
import { startExchange } from "@baton/exchange";
import type { RunningExchange } from "@baton/exchange";
import { InsufficientFunds, InvalidNonce, NetworkError, OrderNotFound, type binance } from "ccxt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unmodifiedCcxt } from "./unmodified-ccxt.ts";

const symbol = "BTC/USDT";
let exchange: RunningExchange;
let client: binance;
let nextId = 0;

beforeAll(async () => {
  exchange = await startExchange({
    seed: 11,
    keys: [{ key: "ccxt-key", secret: "ccxt-secret", account: "desk" }],
    flow: { rate: 60 },
  });
  client = await unmodifiedCcxt(exchange, { apiKey: "ccxt-key", secret: "ccxt-secret" });
  await client.loadMarkets();
});

afterAll(async () => {
  await client?.close();
  await exchange?.close();
});

/** 32 hex characters, as the engine makes them. */
function clientOrderId(): string {
  nextId += 1;
  return nextId.toString(16).padStart(32, "0");
}

async function restingOrder(): Promise<{ readonly id: string; readonly clientOrderId: string }> {
  const newClientOrderId = clientOrderId();
  const order = await client.createOrder(symbol, "limit", "buy", 0.01, 50_000, { newClientOrderId });
  return { id: `${order.id}`, clientOrderId: newClientOrderId };
}

describe("ccxt over REST", () => {
  test("loads the markets with their steps and bounds", () => {
    expect(Object.keys(client.markets ?? {}).sort()).toEqual(["BTC/USDT", "ETH/USDT", "SOL/USDT"]);
    const market = client.market(symbol);
    expect(market.spot).toBe(true);
    expect(market.precision).toMatchObject({ amount: 0.00001, price: 0.01 });
    expect(market.limits.cost?.min).toBe(5);
  });

  test("places a limit order and finds it again by its client's id", async () => {
    const placed = await restingOrder();
    const found = await client.fetchOrder("", symbol, { origClientOrderId: placed.clientOrderId });
    expect(found).toMatchObject({
      id: placed.id,
      clientOrderId: placed.clientOrderId,
      status: "open",
      side: "buy",
      amount: 0.01,
      filled: 0,
      price: 50_000,
    });
    const open = await client.fetchOpenOrders(symbol);
    expect(open.map((order) => order.id)).toContain(placed.id);
  });

  test("cancels an order once; the second cancel finds nothing", async () => {
    const placed = await restingOrder();
    const cancelled = await client.cancelOrder("", symbol, { origClientOrderId: placed.clientOrderId });
    expect(cancelled).toMatchObject({ id: placed.id, status: "canceled" });
    await expect(client.cancelOrder(placed.id, symbol)).rejects.toBeInstanceOf(OrderNotFound);
  });

  test("cancels all orders of a symbol", async () => {
    await restingOrder();
    await restingOrder();
    await client.cancelAllOrders(symbol);
    expect(await client.fetchOpenOrders(symbol)).toEqual([]);
  });

  test("a market order fills, and its trade and the balances say the same", async () => {
    const before = await client.fetchBalance();
    const order = await client.createOrder(symbol, "market", "buy", 0.02);
    expect(order).toMatchObject({ status: "closed", filled: 0.02, remaining: 0 });
    const trades = (await client.fetchMyTrades(symbol)).filter((trade) => trade.order === order.id);
    expect(trades.reduce((sum, trade) => sum + Number(trade.amount), 0)).toBeCloseTo(0.02, 8);
    const paid = trades.reduce((sum, trade) => sum + (trade.cost ?? 0), 0);
    const fee = trades.reduce((sum, trade) => sum + (trade.fee?.cost ?? 0), 0);
    expect(trades[0]?.fee?.currency).toBe("BTC");
    const after = await client.fetchBalance();
    expect(Number(after["BTC"]?.total) - Number(before["BTC"]?.total)).toBeCloseTo(0.02 - fee, 8);
    expect(Number(before["USDT"]?.total) - Number(after["USDT"]?.total)).toBeCloseTo(paid, 4);
  });

  test("says no in words that ccxt understands", async () => {
    await expect(client.fetchOrder("999999999", symbol)).rejects.toBeInstanceOf(OrderNotFound);
    await expect(client.createOrder("SOL/USDT", "limit", "sell", 8_000, 700)).resolves.toBeDefined();
    const poor = await startExchange({
      keys: [{ key: "ccxt-key", secret: "ccxt-secret", account: "poor" }],
      deposits: { USDT: "10" },
    });
    const poorClient = await unmodifiedCcxt(poor, { apiKey: "ccxt-key", secret: "ccxt-secret" });
    try {
      await poorClient.loadMarkets();
      await expect(poorClient.createOrder(symbol, "limit", "buy", 1, 50_000)).rejects.toBeInstanceOf(InsufficientFunds);
      poor.arm({ fault: "clock-skew", skewMs: 60_000 });
      await expect(poorClient.fetchBalance()).rejects.toBeInstanceOf(InvalidNonce);
    } finally {
      await poorClient.close();
      await poor.close();
    }
  });

  test("reads the book, the trades, the candles and the ticker", async () => {
    const book = await client.fetchOrderBook(symbol, 20);
    expect(book.bids).toHaveLength(20);
    expect(Number(book.bids[0]?.[0])).toBeLessThan(Number(book.asks[0]?.[0]));
    await client.createOrder(symbol, "market", "sell", 0.01);
    const trades = await client.fetchTrades(symbol);
    expect(trades.at(-1)?.price).toBeGreaterThan(0);
    const candles = await client.fetchOHLCV(symbol, "1m");
    const [opened, open, high, low, close, volume] = candles.at(-1) as [number, number, number, number, number, number];
    expect(opened % 60_000).toBe(0);
    expect(high).toBeGreaterThanOrEqual(Math.max(open, close));
    expect(low).toBeLessThanOrEqual(Math.min(open, close));
    expect(volume).toBeGreaterThan(0);
    const ticker = await client.fetchTicker(symbol);
    expect(ticker.last).toBeGreaterThan(low * 0.99);
  });
});

describe("ccxt.pro over WebSockets", () => {
  test("watches trades as they happen", async () => {
    const trades = await client.watchTrades(symbol);
    expect(trades[0]?.symbol).toBe(symbol);
    expect(trades[0]?.amount).toBeGreaterThan(0);
  });

  test("keeps a book that follows the exchange's numbering", async () => {
    let book = await client.watchOrderBook(symbol);
    const first = Number(book.nonce);
    for (let round = 0; round < 5; round += 1) book = await client.watchOrderBook(symbol);
    expect(Number(book.nonce)).toBeGreaterThan(first);
    expect(Number(book.bids[0]?.[0])).toBeLessThan(Number(book.asks[0]?.[0]));
  });

  test("watches its own orders by a signed subscription", async () => {
    const pending = client.watchOrders(symbol);
    await subscribed(1);
    const newClientOrderId = clientOrderId();
    const placed = await client.createOrder(symbol, "limit", "buy", 0.01, 51_000, { newClientOrderId });
    const seen = [...(await pending)];
    while (!seen.some((order) => order.clientOrderId === newClientOrderId)) {
      seen.push(...(await client.watchOrders(symbol)));
    }
    expect(seen.find((order) => order.clientOrderId === newClientOrderId)).toMatchObject({ id: placed.id });
  });

  test("places an order over the WebSocket API", async () => {
    const order = await client.createOrderWs(symbol, "limit", "buy", 0.01, 49_000);
    const found = await client.fetchOrder(`${order.id}`, symbol);
    expect(found.price).toBe(49_000);
  });

  test("connects and subscribes again after its connection was cut", async () => {
    await client.watchTrades(symbol);
    // What was on its way before is still told; of an end that comes with the last of it in one piece ccxt tells nobody.
    const untilItEnds = async (): Promise<void> => {
      for (let round = 0; ; round += 1) {
        if (round % 20 === 0) exchange.arm({ fault: "stream-drop" });
        await client.watchTrades(symbol);
      }
    };
    await expect(untilItEnds()).rejects.toBeInstanceOf(NetworkError);
    const trades = await client.watchTrades(symbol);
    expect(trades.length).toBeGreaterThan(0);
    expect(exchange.audit().some((record) => record.type === "fault" && record.fault === "stream-drop")).toBe(true);
  });
});

/** Waits until the exchange has seen `count` account subscriptions. */
async function subscribed(count: number): Promise<void> {
  const isThere = (): boolean =>
    exchange.audit().filter((one) => one.type === "sub" && one.stream === "user" && one.action === "subscribe")
      .length >= count;
  await expect.poll(isThere, { timeout: 60_000, interval: 10 }).toBe(true);
}
