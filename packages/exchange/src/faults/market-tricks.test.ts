/** What the market does with a client's order when it is told to: trades it in part, ahead of its cancel, or takes a trade back. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startExchange, type RunningExchange } from "../exchange.ts";
import { CollectingSocket, SignedClient, type Message } from "../testing/signed-client.ts";

let exchange: RunningExchange;
let client: SignedClient;
const sockets: CollectingSocket[] = [];

beforeEach(async () => {
  exchange = await startExchange({ seed: 5, keys: [{ key: "k", secret: "s", account: "desk" }], flow: { rate: 20 } });
  client = new SignedClient(exchange.url, { key: "k", secret: "s" });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close();
  await exchange.close();
});

async function account(): Promise<(fits: (event: Message) => boolean) => Promise<Message>> {
  const socket = await CollectingSocket.open(`${exchange.url}/ws-api/v3`);
  sockets.push(socket);
  socket.say({ id: 1, method: "userDataStream.subscribe.signature", params: client.signedParameters() });
  await socket.heard((one) => one["id"] === 1);
  const event = (one: Message): Message => (one["event"] ?? {}) as Message;
  return async (fits) => event(await socket.heard((one) => fits(event(one))));
}

const json = async (answer: Promise<{ readonly body: string }>): Promise<unknown> => JSON.parse((await answer).body);
const named = { symbol: "BTCUSDT", origClientOrderId: "one" };
const order = (): Promise<unknown> => json(client.send("GET", "/api/v3/order", named));
const cancel = (): Promise<unknown> => json(client.send("DELETE", "/api/v3/order", named));
const balance = async (asset: string): Promise<number> => {
  const { balances } = (await json(client.send("GET", "/api/v3/account"))) as {
    balances: { asset: string; free: string; locked: string }[];
  };
  const found = balances.find((one) => one.asset === asset);
  return Number(found?.free ?? 0) + Number(found?.locked ?? 0);
};

test("an order trades in part as soon as it rests, far from the market, and its answer says NEW", async () => {
  const heard = await account();
  exchange.arm({ fault: "partial-fill", percent: 30, count: 1 });
  expect(await json(client.place("one"))).toMatchObject({ status: "NEW", executedQty: "0.00000000" });
  expect(await heard((event) => event["x"] === "TRADE")).toMatchObject({
    c: "one",
    X: "PARTIALLY_FILLED",
    l: "0.00300000",
    L: "50000.00000000",
    m: true,
  });
  expect(await order()).toMatchObject({ status: "PARTIALLY_FILLED", executedQty: "0.00300000" });
  expect(await json(client.place("two"))).toMatchObject({ status: "NEW" });
  expect(exchange.audit().filter((one) => one.type === "fault")).toMatchObject([{ fault: "partial-fill" }]);
});

describe("a cancel that comes too late", () => {
  test("finds its order filled: −2011, and the fill is told and audited before the refusal", async () => {
    const heard = await account();
    await client.place("one");
    exchange.arm({ fault: "fill-before-cancel", match: { account: "desk" } });
    expect(await cancel()).toEqual({ code: -2011, msg: "Unknown order sent." });
    expect(await heard((event) => event["x"] === "TRADE")).toMatchObject({ c: "one", X: "FILLED", l: "0.01000000" });
    expect(await order()).toMatchObject({ status: "FILLED" });
    const tail = exchange.audit().filter((one) => ["fault", "fill", "reject"].includes(one.type));
    expect(tail.map((one) => one.type)).toEqual(["fault", "fill", "reject"]);
    expect(tail[0]).toMatchObject({ fault: "fill-before-cancel", call: "order.cancel" });
  });

  test("finds it filled in part: the rest is cancelled, and the answer tells what traded", async () => {
    await client.place("one");
    exchange.arm({ fault: "fill-before-cancel", percent: 40 });
    expect(await cancel()).toMatchObject({ status: "CANCELED", executedQty: "0.00400000" });
  });

  test("happens on futures too", async () => {
    const futures = await startExchange({
      personality: "usdm",
      keys: [{ key: "k", secret: "s", account: "desk" }],
      flow: { rate: 0 },
    });
    try {
      const trader = new SignedClient(futures.url, { key: "k", secret: "s" });
      const terms = {
        symbol: "BTCUSDT",
        side: "BUY",
        type: "LIMIT",
        timeInForce: "GTC",
        quantity: "0.01",
        price: "55000",
      };
      await trader.send("POST", "/fapi/v1/order", { ...terms, newClientOrderId: "one" });
      futures.arm({ fault: "fill-before-cancel" });
      expect(await json(trader.send("DELETE", "/fapi/v1/order", named))).toMatchObject({ code: -2011 });
      expect(await json(trader.send("GET", "/fapi/v3/positionRisk", { symbol: "BTCUSDT" }))).toMatchObject([
        { positionAmt: "0.010" },
      ]);
    } finally {
      await futures.close();
    }
  });
});

test("a busted trade is gone from the account's trades and its money is back, told only as money that moved", async () => {
  const heard = await account();
  const before = [await balance("BTC"), await balance("USDT")];
  exchange.arm({ fault: "trade-bust", delayMs: 2_500, count: 1 });
  await client.send("POST", "/api/v3/order", { symbol: "BTCUSDT", side: "BUY", type: "MARKET", quantity: "0.0001" });
  expect(await json(client.send("GET", "/api/v3/myTrades", { symbol: "BTCUSDT" }))).toHaveLength(1);
  const gone = await heard((event) => event["e"] === "balanceUpdate" && event["a"] === "BTC");
  expect(Number(gone["d"])).toBeCloseTo(-0.000_099_9, 8);
  await heard((event) => event["e"] === "balanceUpdate" && event["a"] === "USDT");
  expect([await balance("BTC"), await balance("USDT")]).toEqual(before);
  expect(await json(client.send("GET", "/api/v3/myTrades", { symbol: "BTCUSDT" }))).toEqual([]);
  const records = exchange.audit();
  const fill = records.find((one) => one.type === "fill");
  expect(records.find((one) => one.type === "bust")).toMatchObject({
    account: "desk",
    tradeId: fill?.tradeId,
    quantity: "0.0001",
  });
});

test("busted futures give back the position, what they won and the fee; the order keeps what it executed, and what could only reduce ends", async () => {
  const futures = await startExchange({
    ...{ personality: "usdm", seed: 5, flow: { rate: 0 } },
    keys: [{ key: "k", secret: "s", account: "desk" }],
  });
  try {
    const trader = new SignedClient(futures.url, { key: "k", secret: "s" });
    const { listenKey } = JSON.parse((await trader.sendRaw("POST", "/fapi/v1/listenKey")).body) as Message;
    const socket = await CollectingSocket.open(`${futures.url}/private/ws?listenKey=${String(listenKey)}`);
    sockets.push(socket);
    const place = (terms: Readonly<Record<string, string>>): Promise<unknown> =>
      json(trader.send("POST", "/fapi/v1/order", { symbol: "BTCUSDT", newOrderRespType: "RESULT", ...terms }));
    const market = (side: string, quantity: string): Promise<unknown> => place({ side, type: "MARKET", quantity });
    const trades = (): Promise<unknown> => json(trader.send("GET", "/fapi/v1/userTrades", { symbol: "BTCUSDT" }));
    const income = async (): Promise<number> =>
      ((await json(trader.send("GET", "/fapi/v1/income"))) as { income: string }[]).length;
    const standing = async (): Promise<Message> => {
      const [wallet] = (await json(trader.send("GET", "/fapi/v3/balance"))) as Message[];
      const [position] = (await json(trader.send("GET", "/fapi/v3/positionRisk", { symbol: "BTCUSDT" }))) as Message[];
      return { wallet: wallet?.["balance"], position: position?.["positionAmt"], entry: position?.["entryPrice"] };
    };
    await market("BUY", "0.02");
    const before = await standing();
    const [listed, earned] = [await trades(), await income()];

    // One that closes a part: with it goes what it won or lost.
    futures.arm({ fault: "trade-bust", delayMs: 50 });
    await market("SELL", "0.005");
    const changed = (one: Message): { m?: string; P?: Message[]; B?: Message[] } => one["a"] ?? {};
    const told = await socket.heard(
      (one) => changed(one).m === "ADJUSTMENT" && changed(one).P?.[0]?.["pa"] === "0.020",
    );
    expect(changed(told).B).toMatchObject([{ a: "USDT", wb: before["wallet"] }]);
    futures.clearFaults();
    expect([await standing(), await trades(), await income()]).toEqual([before, listed, earned]);

    // One that opens: what protected it has nothing left to reduce.
    await market("SELL", "0.02");
    futures.arm({ fault: "trade-bust", delayMs: 2_500 });
    await market("BUY", "0.01");
    const rest = { type: "LIMIT", timeInForce: "GTC", price: "65000", newClientOrderId: "guard" };
    expect(await place({ ...rest, side: "SELL", quantity: "0.01", reduceOnly: "true" })).toMatchObject({
      status: "NEW",
    });
    await socket.heard((one) => {
      const { c, X } = (one["o"] ?? {}) as Message;
      return c === "guard" && X === "EXPIRED";
    });
    expect(await standing()).toMatchObject({ position: undefined });
    const records = futures.audit();
    const last = records.findLast((one) => one.type === "bust");
    expect(last).toMatchObject({ tradeId: records.findLast((one) => one.type === "fill")?.tradeId });
    const which = { symbol: "BTCUSDT", orderId: `${last?.orderId}` };
    const kept = { status: "FILLED", executedQty: "0.010" };
    expect(await json(trader.send("GET", "/fapi/v1/order", which))).toMatchObject(kept);
  } finally {
    await futures.close();
  }
});

test("a fault's percent is above nothing and at most all", () => {
  expect(() => exchange.arm({ fault: "partial-fill", percent: 0 })).toThrow('"percent" is above 0 and at most 100');
  expect(() => exchange.arm({ fault: "partial-fill", percent: 101 })).toThrow('"percent"');
});
