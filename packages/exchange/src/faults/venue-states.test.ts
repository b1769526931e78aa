/** A venue under maintenance, and one that forgets: what clients are answered, over REST and on the streams. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { startExchange, type RunningExchange } from "../exchange.ts";
import { CollectingSocket, SignedClient, type Answer } from "../testing/signed-client.ts";
import type { FaultRequest } from "./fault.ts";

let exchange: RunningExchange;
let client: SignedClient;
const sockets: CollectingSocket[] = [];

beforeEach(async () => {
  exchange = await startExchange({ seed: 5, keys: [{ key: "k", secret: "s", account: "desk" }], flow: { rate: 100 } });
  client = new SignedClient(exchange.url, { key: "k", secret: "s" });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close();
  await exchange.close();
});

async function arm(fault: FaultRequest): Promise<number> {
  const answer = await fetch(`${exchange.url}/__faults`, { method: "POST", body: JSON.stringify(fault) });
  return ((await answer.json()) as { id: number }).id;
}

async function open(path: string): Promise<CollectingSocket> {
  const socket = await CollectingSocket.open(exchange.url + path);
  sockets.push(socket);
  return socket;
}

function seen(answer: Answer): readonly unknown[] {
  const body = JSON.parse(answer.body) as { code?: number; msg?: string };
  return [answer.status, body.code, body.msg];
}

const cancel = (clientOrderId: string): Promise<Answer> =>
  client.send("DELETE", "/api/v3/order", { symbol: "BTCUSDT", origClientOrderId: clientOrderId });
const query = (clientOrderId: string): Promise<Answer> =>
  client.send("GET", "/api/v3/order", { symbol: "BTCUSDT", origClientOrderId: clientOrderId });

async function statusOf(symbol: string): Promise<string | undefined> {
  const answer = await fetch(`${exchange.url}/api/v3/exchangeInfo?symbol=${symbol}`);
  const { symbols } = (await answer.json()) as { symbols: { status: string }[] };
  return symbols[0]?.status;
}

test("down for maintenance: streams are told and closed, handshakes and every request get 503 and -1016, until it is over", async () => {
  const socket = await open("/ws/btcusdt@trade");
  await client.place("before");
  await arm({ fault: "maintenance", delayMs: 100, retryAfterSeconds: 60 });
  await socket.heard((one) => one["e"] === "serverShutdown");
  await socket.until(() => socket.closedWith !== undefined);
  expect(socket.closedWith).toBe(1001);
  await expect(open("/ws")).rejects.toThrow("503");
  const refused = await client.place("during");
  expect(seen(refused)).toEqual([503, -1016, "This service is no longer available."]);
  expect(refused.headers["retry-after"]).toBe("60");
  expect((await query("before")).status).toBe(503);
  expect((await fetch(`${exchange.url}/api/v3/time`)).status).toBe(503);
  expect(exchange.audit().some((one) => one.type === "accept" && one.clientOrderId === "during")).toBe(false);
  exchange.clearFaults();
  expect((await query("before")).status).toBe(200);
  expect(seen(await query("during"))[1]).toBe(-2013);
  await open("/ws");
});

test("a halted symbol takes no order and cancels none, its market stands still, and the others trade", async () => {
  await client.place("resting");
  const socket = await open("/stream?streams=btcusdt@trade/ethusdt@trade");
  const count = (stream: string): number => socket.messages.filter((one) => one["stream"] === stream).length;
  await socket.until(() => count("btcusdt@trade") > 2);
  await arm({ fault: "maintenance", mode: "halt", match: { symbol: "BTCUSDT" } });
  await socket.ponged();
  const [btc, eth] = [count("btcusdt@trade"), count("ethusdt@trade")];
  expect([await statusOf("BTCUSDT"), await statusOf("ETHUSDT")]).toEqual(["HALT", "TRADING"]);
  expect(seen(await client.place("halted"))).toEqual([400, -2010, "Market is closed."]);
  expect(seen(await cancel("resting"))).toEqual([400, -2011, "Market is closed."]);
  expect((await client.place("elsewhere", { symbol: "ETHUSDT", price: "2000", quantity: "0.1" })).status).toBe(200);
  await socket.until(() => count("ethusdt@trade") > eth + 10);
  expect(count("btcusdt@trade")).toBe(btc);
  exchange.clearFaults();
  expect((await cancel("resting")).status).toBe(200);
  expect(await statusOf("BTCUSDT")).toBe("TRADING");
  const rejects = exchange.audit().filter((one) => one.type === "reject");
  expect(rejects.map((one) => one.code)).toEqual([-2010, -2011]);
});

test("cancel-only: no new order, and cancels pass", async () => {
  await client.place("resting");
  await arm({ fault: "maintenance", mode: "cancel-only" });
  expect(await statusOf("BTCUSDT")).toBe("CANCEL_ONLY");
  expect(seen(await client.place("refused"))).toEqual([400, -2010, "Market is closed."]);
  expect((await cancel("resting")).status).toBe(200);
});

test("a venue that purges forgets closed orders: archived where nothing traded, unknown where something did", async () => {
  await client.place("open");
  await client.place("cancelled");
  await cancel("cancelled");
  await client.send("POST", "/api/v3/order", {
    symbol: "BTCUSDT",
    side: "BUY",
    type: "MARKET",
    quantity: "0.01",
    newClientOrderId: "filled",
  });
  const id = await arm({ fault: "orders-purged" });
  expect((await query("open")).status).toBe(200);
  expect(seen(await query("cancelled"))[1]).toBe(-2026);
  expect(seen(await query("filled"))[1]).toBe(-2013);
  const all = await client.send("GET", "/api/v3/allOrders", { symbol: "BTCUSDT" });
  expect((JSON.parse(all.body) as { clientOrderId: string }[]).map((one) => one.clientOrderId)).toEqual(["open"]);
  // Its trades are kept: what was bought stays bought.
  const trades = await client.send("GET", "/api/v3/myTrades", { symbol: "BTCUSDT" });
  expect((JSON.parse(trades.body) as unknown[]).length).toBeGreaterThan(0);
  exchange.clearFaults(id);
  await arm({ fault: "orders-purged", delayMs: 60_000 });
  expect((await query("filled")).status).toBe(200);
});
