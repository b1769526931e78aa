/** The futures personality over its sockets, by the venue's own documents. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunningExchange } from "../exchange.ts";
import { FuturesRig } from "../testing/futures-rig.ts";
import type { Answer, CollectingSocket, Message, SignedClient } from "../testing/signed-client.ts";

let rig: FuturesRig;
let exchange: RunningExchange;
let client: SignedClient;
const patience = { timeout: 40_000, interval: 20 };

beforeEach(async () => {
  rig = await FuturesRig.start({ flow: { rate: 60 } });
  ({ exchange, client } = rig);
});
afterEach(() => rig.close());

const resting = { symbol: "BTCUSDT", side: "BUY", type: "LIMIT", timeInForce: "GTC", quantity: "0.01", price: "50000" };

const open = (path: string): Promise<CollectingSocket> => rig.open(path);

async function place(over: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return client.send("POST", "/fapi/v1/order", { ...resting, ...over });
}

function code(answer: Answer): number {
  return (JSON.parse(answer.body) as { code: number }).code;
}

async function listenKey(): Promise<string> {
  return (JSON.parse((await client.sendRaw("POST", "/fapi/v1/listenKey")).body) as { listenKey: string }).listenKey;
}

test.each([
  ["-4116", { newClientOrderId: "twice" }, -4116],
  ["-1111: more places than the quantity's step", { quantity: "0.0105" }, -1111],
  ["-4014: between two ticks", { price: "50000.05" }, -4014],
  ["-4164: worth too little", { quantity: "0.001" }, -4164],
  ["-4016: beyond the price band", { price: "90000" }, -4016],
  ["-5022: post-only that would take", { timeInForce: "GTX", price: "65000" }, -5022],
  ["-5021: fill-or-kill that cannot be filled", { timeInForce: "FOK" }, -5021],
  ["-2022: reduce-only with nothing to reduce", { reduceOnly: "true" }, -2022],
  ["-4061: another position side than the account's", { positionSide: "LONG" }, -4061],
  ["-4120: conditional orders are taken elsewhere", { type: "STOP_MARKET" }, -4120],
  ["-1115: no such time in force", { timeInForce: "DAY" }, -1115],
])("an order is refused with %s", async (_name, over: Record<string, string>, expected) => {
  await place({ newClientOrderId: "twice" });
  const answer = await place(over);
  expect([answer.status, code(answer)]).toEqual([400, expected]);
  expect(exchange.audit().findLast((one) => one.type === "reject")).toMatchObject({ code: expected });
});

test("an order valid on arrival and too old at the engine gets -5028", async () => {
  let answered: readonly number[] = [];
  // One that took longer than its window to arrive is refused before the engine: once more, with more time.
  for (const windowMs of [1_000, 4_000, 16_000]) {
    const fault = exchange.arm({ fault: "accept-late", delayMs: 1.2 * windowMs, count: 1 });
    answered = [code(await place({ recvWindow: `${windowMs}` }))];
    const isLate = exchange.audit().some((one) => one.type === "fault" && one.faultId === fault);
    exchange.clearFaults(fault);
    if (isLate) break;
  }
  expect(answered).toEqual([-5028]);
});

test("a fill tells the account's order, trade and position, and the audit has the same", async () => {
  const socket = await open(`/private/ws?listenKey=${await listenKey()}`);
  const answer = await place({ type: "MARKET", timeInForce: "", price: "", newOrderRespType: "RESULT" });
  expect(code(answer)).toBe(-1105);
  const { timeInForce: _tif, price: _price, ...market } = resting;
  const filled = await client.send("POST", "/fapi/v1/order", { ...market, type: "MARKET", newOrderRespType: "RESULT" });
  expect(JSON.parse(filled.body)).toMatchObject({ status: "FILLED", executedQty: "0.010", positionSide: "BOTH" });
  const update = await socket.heard((one) => one["e"] === "ACCOUNT_UPDATE");
  expect((update["a"] as { P: Message[] }).P).toMatchObject([{ s: "BTCUSDT", pa: "0.010", ps: "BOTH" }]);
  const report = await socket.heard((one) => one["e"] === "ORDER_TRADE_UPDATE" && orderOf(one)["X"] === "FILLED");
  const fill = exchange.audit().findLast((one) => one.type === "fill");
  expect(orderOf(report)).toMatchObject({ t: fill?.tradeId, i: fill?.orderId, N: "USDT" });
  await socket.heard((one) => one["e"] === "TRADE_LITE");
});

test("an acknowledgement tells the order as it was accepted, whatever it traded since", async () => {
  const { timeInForce: _tif, price: _price, ...market } = resting;
  const answer = await client.send("POST", "/fapi/v1/order", { ...market, type: "MARKET" });
  expect(JSON.parse(answer.body)).toMatchObject({ status: "NEW", executedQty: "0.000", cumQuote: "0" });
});

test("each difference carries the last update id of the one before it, at every speed", async () => {
  const socket = await open("/public/stream?streams=btcusdt@depth@100ms/btcusdt@depth/btcusdt@depth@500ms");
  const of = (stream: string): Message[] =>
    socket.messages.filter((one) => one["stream"] === stream).map((one) => one["data"] as Message);
  const streams = ["btcusdt@depth@100ms", "btcusdt@depth", "btcusdt@depth@500ms"];
  await socket.until(() => streams.every((stream) => of(stream).length >= 4));
  for (const stream of streams) {
    const told = of(stream);
    expect(told.slice(1).map((one) => one["pu"])).toEqual(told.slice(0, -1).map((one) => one["u"]));
  }
});

test("each address has its own streams, takes the others' names and tells nothing of them; the old one has all", async () => {
  const names = ["btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@aggTrade", "btcusdt@markPrice@1s"];
  const [books, trades, old] = await Promise.all(
    ["/public", "/market", ""].map(async (route) => open(`${route}/stream?streams=${names.join("/")}`)),
  );
  const told = (socket: CollectingSocket | undefined): unknown[] =>
    [
      ...new Set(socket?.messages.flatMap((one) => (typeof one["stream"] === "string" ? [one["stream"]] : []))),
    ].toSorted();
  await old?.until(() => told(old).length === 4);
  // The others hear the same messages in the same turns; one more of each is behind whatever they might have heard.
  const heard = (old?.messages.length ?? 0) + 40;
  await old?.until(() => old.messages.length >= heard);
  await books?.until(() => told(books).length === 2);
  await trades?.until(() => told(trades).length === 2);
  expect([told(books), told(trades)]).toEqual([names.slice(0, 2).toSorted(), names.slice(2).toSorted()]);
  books?.say({ method: "LIST_SUBSCRIPTIONS", id: 9 });
  expect(await books?.heard((one) => one["id"] === 9)).toEqual({ result: names, id: 9 });
});

test("a countdown cancels its symbol's orders once, unless it is set anew or taken back", async () => {
  const set = (symbol: string, countdownTime: number): Promise<Answer> =>
    client.send("POST", "/fapi/v1/countdownCancelAll", { symbol, countdownTime });
  await place({ newClientOrderId: "guarded" });
  await place({ symbol: "ETHUSDT", quantity: "0.1", price: "2500", newClientOrderId: "kept" });
  await set("ETHUSDT", 3_000);
  await set("ETHUSDT", 0);
  expect(JSON.parse((await set("BTCUSDT", 150)).body)).toEqual({ symbol: "BTCUSDT", countdownTime: "150" });
  await expect.poll(() => ended("guarded"), patience).toMatchObject({ cause: "dead-mans-switch" });
  await new Promise((resolve) => setTimeout(resolve, 3_100));
  expect(ended("kept")).toBeUndefined();
  const of = (type: string): unknown[] => exchange.audit().filter((one) => one.type === type);
  expect(of("dms-arm")).toHaveLength(3);
  expect(of("dms-fire")).toMatchObject([{ account: "desk", symbol: "BTCUSDT" }]);
});

test("a countdown can be made one of the whole account, as other venues have it", async () => {
  await place({ newClientOrderId: "guarded" });
  await place({ symbol: "ETHUSDT", quantity: "0.1", price: "2500", newClientOrderId: "beside" });
  exchange.arm({ fault: "account-wide-switch" });
  await client.send("POST", "/fapi/v1/countdownCancelAll", { symbol: "BTCUSDT", countdownTime: 50 });
  await expect.poll(() => ended("guarded"), patience).toMatchObject({ cause: "dead-mans-switch" });
  await expect.poll(() => ended("beside"), patience).toMatchObject({ cause: "dead-mans-switch" });
});

test("a countdown that ends during maintenance fires when trading resumes", async () => {
  await place({ newClientOrderId: "guarded" });
  const fault = exchange.arm({ fault: "maintenance", mode: "halt" });
  await client.send("POST", "/fapi/v1/countdownCancelAll", { symbol: "BTCUSDT", countdownTime: 50 });
  const fired = (): boolean => exchange.audit().some((one) => one.type === "dms-fire");
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(fired()).toBe(false);
  exchange.clearFaults(fault);
  await expect.poll(fired, patience).toBe(true);
  await expect.poll(() => ended("guarded"), patience).toMatchObject({ cause: "dead-mans-switch" });
});

test("a listen key that ran out says so and falls silent; asking again gives another", async () => {
  const short = await FuturesRig.start({ limits: { listenKeyLifeMs: 4_000 }, flow: { isOff: true } });
  try {
    const post = async (method: string): Promise<Record<string, unknown>> =>
      JSON.parse((await short.client.sendRaw(method, "/fapi/v1/listenKey")).body) as Record<string, unknown>;
    const { listenKey: first } = await post("POST");
    const socket = await short.open(`/private/ws?listenKey=${String(first)}`);
    expect(await post("PUT")).toEqual({ listenKey: first });
    await socket.heard((one) => one["e"] === "listenKeyExpired" && one["listenKey"] === first);
    expect(await post("PUT")).toMatchObject({ code: -1125 });
    expect((await post("POST"))["listenKey"]).not.toBe(first);
  } finally {
    await short.close();
  }
});

test("orders are counted in ten seconds and in a minute, filled or not", async () => {
  await place({ newClientOrderId: "one" });
  const { timeInForce: _tif, price: _price, ...market } = resting;
  const answer = await client.send("POST", "/fapi/v1/order", { ...market, type: "MARKET" });
  expect(answer.headers).toMatchObject({ "x-mbx-order-count-1m": "2" });
});

test("the spot venue's addresses are not this one's", async () => {
  expect((await client.sendRaw("GET", "/api/v3/time")).status).toBe(404);
  await expect(open("/ws-api/v3")).rejects.toThrow(/404/);
});

function orderOf(message: Message | undefined): Message {
  return (message?.["o"] ?? {}) as Message;
}

function ended(clientOrderId: string): unknown {
  return exchange.audit().find((one) => one.type === "cancel" && one.clientOrderId === clientOrderId);
}
