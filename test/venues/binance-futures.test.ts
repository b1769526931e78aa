/** The `binance` package's USD-M clients, unmodified, against the exchange's futures personality. */
import { startExchange, type RunningExchange } from "@baton/exchange";
import { USDMClient, WebsocketAPIClient, WebsocketClient } from "binance";
import { afterAll, beforeAll, expect, test } from "vitest";

const symbol = "BTCUSDT";
const quiet = { trace: silent, info: silent, error: silent };
const credentials = { api_key: "k", api_secret: "s" };
const resting = { symbol, side: "BUY", type: "LIMIT", timeInForce: "GTC", quantity: 0.01, price: 50_000 } as const;

let exchange: RunningExchange;
let client: USDMClient;
const ends: (() => void)[] = [];

beforeAll(async () => {
  const keys = [{ key: "k", secret: "s", account: "desk" }];
  exchange = await startExchange({ personality: "usdm", seed: 17, keys, flow: { rate: 60 } });
  client = new USDMClient({ ...credentials, baseUrl: exchange.url });
});
afterAll(async () => {
  for (const end of ends) end();
  await exchange?.close();
});

test("places, queries and cancels; the count of orders is in the headers", async () => {
  const newClientOrderId = client.generateNewOrderId();
  const placed = await client.submitNewOrder({ ...resting, newClientOrderId });
  expect(placed).toMatchObject({ clientOrderId: newClientOrderId, status: "NEW", positionSide: "BOTH" });
  const named = { symbol, origClientOrderId: newClientOrderId };
  expect(await client.getOrder(named)).toMatchObject({ orderId: placed.orderId, price: "50000.0" });
  expect((await client.getAllOpenOrders({ symbol })).map((one) => one.orderId)).toContain(placed.orderId);
  await expect(client.submitNewOrder({ ...resting, newClientOrderId })).rejects.toMatchObject({ code: -4116 });
  expect(await client.cancelOrder(named)).toMatchObject({ status: "CANCELED" });
  await expect(client.cancelOrder(named)).rejects.toMatchObject({ code: -2011 });
  expect(client.getRateLimitStates()["x-mbx-used-weight-1m"]).toBeGreaterThan(0);
});

test("trades a position and reads it, the balance, the income and the account", async () => {
  await client.setLeverage({ symbol, leverage: 10 });
  const order = { symbol, type: "MARKET", quantity: 0.02, newOrderRespType: "RESULT" } as const;
  expect(await client.submitNewOrder({ ...order, side: "BUY" })).toMatchObject({ status: "FILLED" });
  const [position] = await client.getPositionsV3({ symbol });
  expect(position).toMatchObject({ positionAmt: "0.020", positionSide: "BOTH" });
  expect(Number(position?.entryPrice)).toBeGreaterThan(50_000);
  await client.submitNewOrder({ ...order, side: "SELL", reduceOnly: "true" });
  expect(await client.getPositionsV3({ symbol })).toEqual([]);
  expect((await client.getIncomeHistory({ symbol })).map((one) => one.incomeType)).toContain("REALIZED_PNL");
  expect((await client.getBalanceV3())[0]).toMatchObject({ asset: "USDT" });
  expect(Number((await client.getAccountInformationV3()).totalWalletBalance)).toBeGreaterThan(1_000_000);
  expect(await client.getCurrentPositionMode()).toEqual({ dualSidePosition: false });
});

test("the dead man's switch cancels what it was set for, and only that", async () => {
  const guarded = await client.submitNewOrder({ ...resting });
  const other = await client.submitNewOrder({ ...resting, symbol: "ETHUSDT", quantity: 0.1, price: 2_500 });
  expect(await client.setCancelOrdersOnTimeout({ symbol, countdownTime: 200 })).toMatchObject({ symbol });
  const statusOf = async (): Promise<string> => (await client.getOrder({ symbol, orderId: guarded.orderId })).status;
  await expect.poll(statusOf, { timeout: 60_000, interval: 50 }).toBe("CANCELED");
  const left = await client.getAllOpenOrders();
  expect(left.map((one) => one.orderId)).toContain(other.orderId);
  await client.cancelAllOpenOrders({ symbol: "ETHUSDT" });
});

test("market data over the public and the market connection, the account's over the private one", async () => {
  const messages: Message[] = [];
  const wsUrl = exchange.url.replace("http", "ws");
  const socket = new WebsocketClient({ ...credentials, wsUrl, restOptions: { baseUrl: exchange.url } }, quiet);
  socket.on("message", (one) => messages.push(one as unknown as Message));
  ends.push(() => socket.closeAll(true));
  const heard = async (fits: (one: Message) => boolean): Promise<Message> => {
    let found: Message | undefined;
    await expect.poll(() => (found = messages.find(fits)) !== undefined, { timeout: 60_000, interval: 10 }).toBe(true);
    return found as Message;
  };
  await socket.subscribe(["btcusdt@depth@100ms", "btcusdt@aggTrade", "btcusdt@markPrice@1s"], "usdm");
  expect(await heard((one) => one["e"] === "depthUpdate")).toHaveProperty("pu");
  await heard((one) => one["e"] === "aggTrade");
  expect(await heard((one) => one["e"] === "markPriceUpdate")).toHaveProperty("r");

  await socket.subscribeUsdFuturesUserDataStream();
  // It says so before its connection is there.
  const isHeard = (): boolean => exchange.audit().some((one) => one.type === "sub" && one.stream === "user");
  await expect.poll(isHeard, { timeout: 60_000, interval: 10 }).toBe(true);
  await client.submitNewOrder({ symbol, side: "BUY", type: "MARKET", quantity: 0.01 });
  const isFilled = (one: Message): boolean =>
    one["e"] === "ORDER_TRADE_UPDATE" && (one["o"] as Message)["X"] === "FILLED";
  expect((await heard(isFilled))["o"]).toMatchObject({ s: symbol, ps: "BOTH", z: "0.010" });
  const update = (await heard((one) => one["e"] === "ACCOUNT_UPDATE"))["a"] as { readonly P: readonly Message[] };
  expect(update.P[0]).toMatchObject({ s: symbol, pa: "0.010", ps: "BOTH" });
});

test("trades over the WebSocket API", async () => {
  const wsUrl = exchange.url.replace("http", "ws");
  const api = new WebsocketAPIClient({ ...credentials, wsUrl, attachEventListeners: false }, quiet);
  ends.push(() => api.getWSClient().closeAll(true));
  const newClientOrderId = client.generateNewOrderId();
  const order = { ...resting, newClientOrderId, timestamp: Date.now() };
  expect((await api.submitNewFuturesOrder("usdm", order)).result).toMatchObject({ clientOrderId: newClientOrderId });
  const named = { symbol, origClientOrderId: newClientOrderId, timestamp: Date.now() };
  expect((await api.getFuturesOrderStatus("usdm", named)).result).toMatchObject({ status: "NEW" });
  expect((await api.cancelFuturesOrder("usdm", named)).result).toMatchObject({ status: "CANCELED" });
});

type Message = Readonly<Record<string, unknown>>;

function silent(): void {
  // The client logs every step; nobody reads it here.
}
