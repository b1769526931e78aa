/** Unmodified ccxt's `binanceusdm`, REST and pro, against the exchange's futures personality. */
import { startExchange, type RunningExchange } from "@baton/exchange";
import { OrderNotFound } from "ccxt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unmodifiedCcxtFutures, type CcxtFutures } from "./unmodified-ccxt.ts";

const symbol = "BTC/USDT:USDT";
let exchange: RunningExchange;
let client: CcxtFutures;
let nextId = 0;

beforeAll(async () => {
  exchange = await startExchange({
    personality: "usdm",
    seed: 13,
    keys: [{ key: "k", secret: "s", account: "desk" }],
    flow: { rate: 60 },
  });
  client = await unmodifiedCcxtFutures(exchange, { apiKey: "k", secret: "s" });
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

async function positionNow(): Promise<number> {
  const [position] = await client.fetchPositions([symbol]);
  return position === undefined ? 0 : Number(position.contracts) * (position.side === "short" ? -1 : 1);
}

/** Brings the position back to nothing. */
async function flatten(): Promise<void> {
  const held = await positionNow();
  if (held === 0) return;
  await client.createOrder(symbol, "market", held > 0 ? "sell" : "buy", Math.abs(held), undefined, {
    reduceOnly: true,
  });
}

describe("ccxt's binanceusdm over REST", () => {
  test("loads the contracts with their steps and bounds", () => {
    expect(Object.keys(client.markets ?? {}).sort()).toEqual(["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"]);
    const market = client.market(symbol);
    expect(market).toMatchObject({ swap: true, linear: true, contractSize: 1, active: true });
    expect(market.precision).toMatchObject({ amount: 0.001, price: 0.1 });
    expect(market.limits.cost?.min).toBe(100);
  });

  test("places a limit order, finds it by its client's id, cancels it", async () => {
    const newClientOrderId = clientOrderId();
    const placed = await client.createOrder(symbol, "limit", "buy", 0.01, 50_000, { newClientOrderId });
    expect(placed).toMatchObject({ status: "open", clientOrderId: newClientOrderId, reduceOnly: false });
    const found = await client.fetchOrder("", symbol, { origClientOrderId: newClientOrderId });
    expect(found).toMatchObject({ id: placed.id, price: 50_000, amount: 0.01, filled: 0 });
    expect((await client.fetchOpenOrders(symbol)).map((one) => one.id)).toContain(placed.id);
    const cancelled = await client.cancelOrder("", symbol, { origClientOrderId: newClientOrderId });
    expect(cancelled).toMatchObject({ id: placed.id, status: "canceled" });
    await expect(client.cancelOrder(`${placed.id}`, symbol)).rejects.toBeInstanceOf(OrderNotFound);
  });

  test("one position goes long, flips short and closes, and its P&L ends in the wallet", async () => {
    await flatten();
    const before = Number((await client.fetchBalance())["USDT"]?.total);
    const started = (await client.fetchMyTrades(symbol)).length;
    await client.createOrder(symbol, "market", "buy", 0.02);
    expect(await positionNow()).toBe(0.02);
    await client.createOrder(symbol, "market", "sell", 0.05);
    expect(await positionNow()).toBe(-0.03);
    await flatten();
    expect(await positionNow()).toBe(0);
    const trades = (await client.fetchMyTrades(symbol)).slice(started);
    const won = trades.reduce((sum, one) => sum + Number((one.info as { realizedPnl: string }).realizedPnl), 0);
    const paid = trades.reduce((sum, one) => sum + Number(one.fee?.cost), 0);
    const after = Number((await client.fetchBalance())["USDT"]?.total);
    expect(after - before).toBeCloseTo(won - paid, 6);
  });

  test("reduce-only never opens and never flips", async () => {
    await flatten();
    const opening = client.createOrder(symbol, "market", "sell", 0.01, undefined, { reduceOnly: true });
    await expect(opening).rejects.toThrow(/-2022/);
    await client.createOrder(symbol, "market", "buy", 0.02);
    const closed = await client.createOrder(symbol, "market", "sell", 0.05, undefined, { reduceOnly: true });
    expect(Number(closed.filled)).toBe(0.02);
    expect(await positionNow()).toBe(0);
  });

  test("an id that an open order has is refused, and accepted again once that one is over", async () => {
    const params = { newClientOrderId: clientOrderId() };
    const first = await client.createOrder(symbol, "limit", "buy", 0.01, 50_000, params);
    await expect(client.createOrder(symbol, "limit", "buy", 0.01, 50_000, params)).rejects.toThrow(/-4116/);
    await client.cancelOrder(`${first.id}`, symbol);
    await expect(client.createOrder(symbol, "limit", "buy", 0.01, 50_000, params)).resolves.toBeDefined();
    await client.cancelAllOrders(symbol);
    expect(await client.fetchOpenOrders(symbol)).toEqual([]);
  });

  test("places and cancels several at once, each told for itself", async () => {
    const of = (price: number): Parameters<typeof client.createOrders>[0][number] => ({
      symbol,
      type: "limit",
      side: "buy",
      amount: 0.01,
      price,
      params: { newClientOrderId: clientOrderId() },
    });
    const placed = await client.createOrders([of(50_000), of(51_000)]);
    expect(placed.map((one) => one.status)).toEqual(["open", "open"]);
    const cancelled = await client.cancelOrders([...placed.map((one) => `${one.id}`), "999999999"], symbol);
    // The venue's answer has a row for the third, with -2011; ccxt drops it, because it names no symbol.
    expect(cancelled.map((one) => one.status)).toEqual(["canceled", "canceled"]);
    expect(client.last_http_response).toContain('{"code":-2011,"msg":"Unknown order sent."}');
    expect(exchange.audit().findLast((one) => one.type === "reject")).toMatchObject({ code: -2011 });
  });

  test("post-only, fill-or-kill and margin are refused in the venue's words", async () => {
    const taking = client.createOrder(symbol, "limit", "buy", 0.01, 66_000, { timeInForce: "GTX" });
    await expect(taking).rejects.toThrow(/-5022/);
    const whole = client.createOrder(symbol, "limit", "buy", 0.01, 50_000, { timeInForce: "FOK" });
    await expect(whole).rejects.toThrow(/-5021/);
    await client.setLeverage(1, "ETH/USDT:USDT");
    const large = client.createOrder("ETH/USDT:USDT", "limit", "buy", 8_000, 2_900);
    // ccxt knows -2019 as InsufficientFunds only at the venue's own address; at any other its class says less.
    await expect(large).rejects.toThrow(/-2019/);
  });

  test("sets what clients set at the start", async () => {
    expect(await client.setLeverage(5, symbol)).toMatchObject({ leverage: 5 });
    await expect(client.setMarginMode("isolated", "SOL/USDT:USDT")).resolves.toMatchObject({ code: 200 });
    await expect(client.setPositionMode(false)).rejects.toThrow(/-4059/);
    expect(await client.fetchPositionMode()).toMatchObject({ hedged: false });
    expect(Number((await client.fetchLeverage(symbol)).longLeverage)).toBe(5);
    expect((await client.fetchLeverageTiers([symbol]))[symbol]?.[0]?.maxLeverage).toBe(125);
    expect((await client.fetchTradingFee(symbol)).taker).toBe(0.0005);
  });

  test("reads book, trades, candles, tickers, mark price and funding", async () => {
    const book = await client.fetchOrderBook(symbol, 20);
    expect(Number(book.bids[0]?.[0])).toBeLessThan(Number(book.asks[0]?.[0]));
    expect((await client.fetchTrades(symbol)).at(-1)?.price).toBeGreaterThan(0);
    expect((await client.fetchOHLCV(symbol, "1m")).length).toBeGreaterThan(0);
    expect((await client.fetchTicker(symbol)).last).toBeGreaterThan(0);
    const funding = await client.fetchFundingRate(symbol);
    expect(funding.markPrice).toBeGreaterThan(Number(book.bids[0]?.[0]) * 0.99);
    expect(funding.fundingRate).toBe(0.0001);
    expect((await client.fetchFundingRateHistory(symbol)).length).toBeGreaterThan(0);
    expect((await client.fetchOpenInterest(symbol)).openInterestAmount).toBeGreaterThanOrEqual(0);
  });
});

describe("ccxt.pro's binanceusdm over WebSockets", () => {
  test("watches trades, a book that follows the venue's numbering, and the mark price", async () => {
    expect((await client.watchTrades(symbol))[0]?.amount).toBeGreaterThan(0);
    let book = await client.watchOrderBook(symbol);
    const first = Number(book.nonce);
    for (let round = 0; round < 5; round += 1) book = await client.watchOrderBook(symbol);
    expect(Number(book.nonce)).toBeGreaterThan(first);
    expect(Number(book.bids[0]?.[0])).toBeLessThan(Number(book.asks[0]?.[0]));
    expect((await client.watchMarkPrice(symbol)).markPrice).toBeGreaterThan(0);
    expect((await client.watchTicker(symbol)).last).toBeGreaterThan(0);
  });

  test("watches its own orders and its position under a listen key", async () => {
    await flatten();
    const pending = client.watchOrders(symbol);
    await subscribed();
    const newClientOrderId = clientOrderId();
    await client.createOrder(symbol, "market", "buy", 0.01, undefined, { newClientOrderId });
    const seen = [...(await pending)];
    const isDone = (): boolean => seen.some((one) => one.clientOrderId === newClientOrderId && one.status === "closed");
    while (!isDone()) seen.push(...(await client.watchOrders(symbol)));
    expect(isDone()).toBe(true);
    const watched = client.watchPositions([symbol]);
    await client.createOrder(symbol, "market", "buy", 0.01);
    expect((await watched)[0]).toMatchObject({ symbol, side: "long" });
    await flatten();
  });

  test("places, queries and cancels over the WebSocket API", async () => {
    const placed = await client.createOrderWs(symbol, "limit", "buy", 0.01, 49_000);
    expect(await client.fetchOrderWs(`${placed.id}`, symbol)).toMatchObject({ price: 49_000, status: "open" });
    expect(await client.cancelOrderWs(`${placed.id}`, symbol)).toMatchObject({ status: "canceled" });
    expect(Number((await client.fetchBalanceWs())["USDT"]?.total)).toBeGreaterThan(1_000_000);
  });
});

/** Waits until the exchange has seen an account subscription. */
async function subscribed(): Promise<void> {
  const isThere = (): boolean =>
    exchange.audit().some((one) => one.type === "sub" && one.stream === "user" && one.action === "subscribe");
  await expect.poll(isThere, { timeout: 60_000, interval: 10 }).toBe(true);
}
