/**
 * The `binance` package, unmodified, against the exchange: place, query, cancel, market data and the account's events.
 * Its clocks stay unsynchronised (its default): the spot client's `getServerTime` asks the public host whatever `baseUrl`
 * says, so nothing here calls it.
 */
import { startExchange, type RunningExchange } from "@baton/exchange";
import { MainClient, WebsocketAPIClient, WebsocketClient } from "binance";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const symbol = "BTCUSDT";
const quiet = { trace: silent, info: silent, error: silent };
const credentials = { api_key: "k", api_secret: "s" };

let exchange: RunningExchange;
let client: MainClient;
const ends: (() => void)[] = [];

beforeAll(async () => {
  exchange = await startExchange({ seed: 9, keys: [{ key: "k", secret: "s", account: "desk" }], flow: { rate: 60 } });
  client = new MainClient({ ...credentials, baseUrl: exchange.url });
});
afterAll(async () => {
  for (const end of ends) end();
  await exchange?.close();
});

describe("REST", () => {
  test("places an order, finds it by its client's id, cancels it", async () => {
    const newClientOrderId = client.generateNewOrderId();
    const placed = await client.submitNewOrder({
      symbol,
      side: "BUY",
      type: "LIMIT",
      timeInForce: "GTC",
      quantity: 0.01,
      price: 50_000,
      newClientOrderId,
    });
    expect(placed).toMatchObject({ clientOrderId: newClientOrderId, symbol });
    const found = await client.getOrder({ symbol, origClientOrderId: newClientOrderId });
    expect(found).toMatchObject({ orderId: placed.orderId, status: "NEW", price: "50000.00000000" });
    expect((await client.getOpenOrders({ symbol })).map((one) => one.orderId)).toContain(placed.orderId);
    const cancelled = await client.cancelOrder({ symbol, origClientOrderId: newClientOrderId });
    expect(cancelled).toMatchObject({ orderId: placed.orderId, status: "CANCELED" });
  });

  test("a market order is filled, and its trades and the balances say so", async () => {
    const placed = await client.submitNewOrder({ symbol, side: "BUY", type: "MARKET", quantity: 0.02 });
    expect(placed).toMatchObject({ status: "FILLED", executedQty: "0.02000000" });
    const trades = await client.getAccountTradeList({ symbol, orderId: placed.orderId });
    expect(trades.reduce((sum, one) => sum + Number(one.qty), 0)).toBeCloseTo(0.02, 8);
    const { balances } = await client.getAccountInformation();
    expect(Number(balances.find((one) => one.asset === "BTC")?.free)).toBeGreaterThan(1_000_000);
  });

  test("asks about the market, and reads the used weight", async () => {
    await client.testConnectivity();
    const info = await client.getExchangeInfo();
    expect(info.symbols.map((one) => one.symbol)).toContain(symbol);
    expect((await client.getOrderBook({ symbol, limit: 10 })).bids).toHaveLength(10);
    expect((await client.getRecentTrades({ symbol })).length).toBeGreaterThan(0);
    expect((await client.getKlines({ symbol, interval: "1m" })).length).toBeGreaterThan(0);
    expect(client.getRateLimitStates()["x-mbx-used-weight-1m"]).toBeGreaterThan(0);
  });

  test("is refused in the venue's words", async () => {
    await expect(client.getOrder({ symbol, orderId: 999_999_999 })).rejects.toMatchObject({ code: -2013 });
    const stranger = new MainClient({ ...credentials, api_secret: "wrong", baseUrl: exchange.url });
    await expect(stranger.getAccountInformation()).rejects.toMatchObject({ code: -1022 });
  });
});

describe("streams", () => {
  test("market data over a combined connection, and more of it later", async () => {
    const { socket, until } = listen();
    await socket.subscribe(["btcusdt@trade", "btcusdt@depth@100ms"], "main");
    await until((one) => one["e"] === "trade" && one["s"] === symbol);
    await until((one) => one["e"] === "depthUpdate");
    await socket.subscribe("ethusdt@aggTrade", "main");
    expect(await until((one) => one["e"] === "aggTrade" && one["s"] === "ETHUSDT")).toHaveProperty("a");
  });

  test("the account's events under a listen key", async () => {
    const { socket, until } = listen();
    await socket.subscribeSpotUserDataStream();
    // It says so before its connection is there.
    await subscribed();
    const newClientOrderId = client.generateNewOrderId();
    const order = { symbol, side: "BUY", type: "LIMIT", timeInForce: "GTC", quantity: 0.01, price: 50_000 } as const;
    await client.submitNewOrder({ ...order, newClientOrderId });
    const report = await until((one) => one["e"] === "executionReport" && one["c"] === newClientOrderId);
    expect(report).toMatchObject({ x: "NEW", X: "NEW" });
  });
});

describe("the WebSocket API", () => {
  test("places, queries and cancels; the account's events come by signature", async () => {
    const messages: Message[] = [];
    const api = new WebsocketAPIClient({ ...credentials, wsUrl: sockets(), attachEventListeners: false }, quiet);
    ends.push(() => api.getWSClient().closeAll(true));
    api.getWSClient().on("message", (one) => messages.push(one as unknown as Message));
    await api.subscribeUserDataStream("mainWSAPI");
    const newClientOrderId = client.generateNewOrderId();
    const terms = { symbol, side: "SELL", type: "LIMIT", timeInForce: "GTC", quantity: 0.01, price: 90_000 } as const;
    // Its types do not ask for a timestamp here, and it adds none; the venue refuses a signed request without.
    const order = { ...terms, newClientOrderId, timestamp: Date.now() };
    const placed = await api.submitNewSpotOrder(order);
    expect(placed.result).toMatchObject({ clientOrderId: newClientOrderId });
    await expect.poll(() => messages.some((one) => one["c"] === newClientOrderId), { timeout: 60_000 }).toBe(true);
    const asked = { symbol, origClientOrderId: newClientOrderId, timestamp: Date.now() };
    expect((await api.getSpotOrderStatus(asked)).result).toMatchObject({ status: "NEW" });
    expect((await api.cancelSpotOrder(asked)).result).toMatchObject({ status: "CANCELED" });
  });
});

type Message = Readonly<Record<string, unknown>>;

/** Waits until the exchange has seen an account subscription. */
async function subscribed(): Promise<void> {
  const isThere = (): boolean => exchange.audit().some((one) => one.type === "sub" && one.stream === "user");
  await expect.poll(isThere, { timeout: 60_000, interval: 10 }).toBe(true);
}

function silent(): void {
  // The client logs every step; nobody reads it here.
}

function sockets(): string {
  return exchange.url.replace("http", "ws");
}

/** A stream client that knows this exchange only, and the wait for one message. */
function listen(): {
  readonly socket: WebsocketClient;
  readonly until: (fits: (one: Message) => boolean) => Promise<Message>;
} {
  const messages: Message[] = [];
  const restOptions = { baseUrl: exchange.url };
  const socket = new WebsocketClient({ ...credentials, wsUrl: sockets(), restOptions }, quiet);
  socket.on("message", (one) => messages.push(one as unknown as Message));
  ends.push(() => socket.closeAll(true));
  const until = async (fits: (one: Message) => boolean): Promise<Message> => {
    let found: Message | undefined;
    await expect.poll(() => (found = messages.find(fits)) !== undefined, { timeout: 60_000, interval: 10 }).toBe(true);
    return found as Message;
  };
  return { socket, until };
}
