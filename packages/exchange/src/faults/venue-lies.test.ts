/** What a venue does to whole clients: keys revoked, networks that swallow, maintenance ahead, orders cancelled behind their back. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startExchange, type RunningExchange } from "../exchange.ts";
import { CollectingSocket, SignedClient, type Message } from "../testing/signed-client.ts";

let exchange: RunningExchange;
let client: SignedClient;
const sockets: CollectingSocket[] = [];
const patience = { timeout: 40_000, interval: 20 };
const symbol = "BTCUSDT";

beforeEach(async () => {
  const keys = [
    { key: "k", secret: "s", account: "desk" },
    { key: "other", secret: "s", account: "desk" },
  ];
  exchange = await startExchange({ seed: 5, keys, flow: { rate: 50 } });
  client = new SignedClient(exchange.url, { key: "k", secret: "s" });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close();
  await exchange.close();
});

async function account(of: SignedClient = client): Promise<CollectingSocket> {
  const socket = await CollectingSocket.open(`${exchange.url}/ws-api/v3`);
  sockets.push(socket);
  socket.say({ id: 1, method: "userDataStream.subscribe.signature", params: of.signedParameters() });
  await socket.heard((one) => one["id"] === 1);
  return socket;
}

function cancelled(clientOrderId: string): unknown {
  return exchange.audit().find((one) => one.type === "cancel" && one.clientOrderId === clientOrderId);
}

test("a revoked key is refused everywhere and loses its stream; the account's other key trades on", async () => {
  const socket = await account();
  const other = new SignedClient(exchange.url, { key: "other", secret: "s" });
  const kept = await account(other);
  await client.place("before");
  exchange.arm({ fault: "key-revoked", match: { apiKey: "k" } });
  await socket.heard((one) => (one["event"] as Message | undefined)?.["e"] === "eventStreamTerminated");
  expect(await client.place("after")).toMatchObject({ status: 401, body: expect.stringContaining("-2015") as string });
  expect((await client.send("GET", "/api/v3/account")).status).toBe(401);
  expect((await client.sendRaw("POST", "/api/v3/userDataStream")).status).toBe(401);
  socket.say({ id: 2, method: "userDataStream.subscribe.signature", params: client.signedParameters() });
  expect(await socket.heard((one) => one["id"] === 2)).toMatchObject({ status: 401 });
  expect((await other.place("by-the-other")).status).toBe(200);
  await kept.heard((one) => (one["event"] as Message | undefined)?.["c"] === "by-the-other");
  expect(exchange.audit().findLast((one) => one.type === "reject")).toMatchObject({ code: -2015, apiKey: "k" });
});

describe("a black hole", () => {
  const far = (): SignedClient => new SignedClient(exchange.url, { key: "k", secret: "s", from: "127.0.0.2" });

  test("swallows one address in both directions and no other, and an order written into it arrives when it closes", async () => {
    const fault = exchange.arm({ fault: "black-hole", match: { source: "127.0.0.2" } });
    let isAnswered = false;
    const sent = far().place("swallowed");
    void sent.then(() => (isAnswered = true));
    expect((await client.place("beside")).status).toBe(200);
    const accepted = (): (string | undefined)[] =>
      exchange
        .audit()
        .filter((one) => one.type === "accept")
        .map((one) => one.clientOrderId);
    expect([accepted(), isAnswered]).toEqual([["beside"], false]);
    exchange.clearFaults(fault);
    expect((await sent).status).toBe(200);
    expect(accepted()).toEqual(["beside", "swallowed"]);
  });

  test("holds an answer back whose request was heard before it opened, and the audit says so", async () => {
    exchange.arm({ fault: "accept-late", delayMs: 2_500, count: 1 });
    const sent = far().place("late");
    const heard = (type: string): boolean => exchange.audit().some((one) => one.type === type);
    await expect.poll(() => heard("recv"), patience).toBe(true);
    const fault = exchange.arm({ fault: "black-hole", match: { source: "127.0.0.2" } });
    await expect.poll(() => heard("ack-failed"), patience).toBe(true);
    expect(exchange.audit().find((one) => one.type === "ack-failed")).toMatchObject({ cause: "black-hole" });
    exchange.clearFaults(fault);
    expect((await sent).status).toBe(200);
  });

  test("stops streams without ending them, and what they said meanwhile comes late", async () => {
    const socket = await CollectingSocket.open(`${exchange.url}/ws/btcusdt@trade`, {}, "127.0.0.2");
    sockets.push(socket);
    await socket.until(() => socket.messages.length > 0);
    const fault = exchange.arm({ fault: "black-hole", match: { source: "127.0.0.2" } });
    const traded = (): Promise<number> =>
      fetch(`${exchange.url}/api/v3/trades?symbol=${symbol}&limit=1`)
        .then((answer) => answer.json() as Promise<{ id: number }[]>)
        .then(([last]) => last?.id ?? 0);
    const before = await traded();
    await expect.poll(traded, patience).toBeGreaterThan(before + 5);
    const told = Number(socket.messages.at(-1)?.["t"]);
    expect(told).toBeLessThanOrEqual(before + 1);
    exchange.clearFaults(fault);
    await socket.until(() => Number(socket.messages.at(-1)?.["t"]) > before + 5);
    const ids = socket.messages.map((one) => Number(one["t"]));
    expect(ids.slice(1)).toEqual(ids.slice(0, -1).map((id) => id + 1));
  });
});

test("maintenance is announced before it begins, and over when it said", async () => {
  const announced = async (): Promise<unknown> => (await fetch(`${exchange.url}/__announcements`)).json();
  expect(await announced()).toEqual([]);
  // Three times, so that each of its states lasts for as long as it is looked at.
  const arm = (startsInMs: number, durationMs: number): number =>
    exchange.arm({ fault: "maintenance", mode: "halt", startsInMs, durationMs, match: { symbol } });
  const ahead = arm(60_000, 60_000);
  expect(await announced()).toMatchObject([{ state: "scheduled", mode: "halt", symbol }]);
  expect((await client.place("ahead")).status).toBe(200);
  exchange.clearFaults(ahead);
  const ongoing = arm(100, 60_000);
  await expect.poll(announced, patience).toMatchObject([{ state: "ongoing" }]);
  expect((await client.place("during")).status).toBe(400);
  exchange.clearFaults(ongoing);
  const brief = arm(100, 200);
  await expect.poll(announced, patience).toEqual([]);
  expect((await client.place("after")).status).toBe(200);
  const told = exchange
    .audit()
    .filter((one) => one.type.startsWith("fault-") && "faultId" in one && one.faultId === brief);
  expect(told.map((one) => one.type)).toEqual(["fault-armed", "fault-begun", "fault-cleared"]);
});

test("a post-only market takes what rests and cancels, and nothing that could take", async () => {
  exchange.arm({ fault: "maintenance", mode: "post-only" });
  expect((await client.place("taking")).status).toBe(400);
  const resting = {
    symbol,
    side: "BUY",
    type: "LIMIT_MAKER",
    quantity: "0.01",
    price: "50000",
    newClientOrderId: "rests",
  };
  expect((await client.send("POST", "/api/v3/order", resting)).status).toBe(200);
  expect((await client.send("DELETE", "/api/v3/order", { symbol, origClientOrderId: "rests" })).status).toBe(200);
});

describe("cancel on disconnect", () => {
  test("cancels an account's orders when its last stream has been gone for the window", async () => {
    exchange.arm({ fault: "cancel-on-disconnect", delayMs: 100, match: { account: "desk" } });
    const [first, second] = [await account(), await account()];
    await client.place("resting");
    first.close();
    await expect
      .poll(() => exchange.audit().filter((one) => one.type === "sub" && one.action === "closed").length, patience)
      .toBe(1);
    expect(cancelled("resting")).toBeUndefined();
    second.close();
    await expect.poll(() => cancelled("resting"), patience).toMatchObject({ cause: "disconnect" });
  });

  test("leaves them to who comes back in time", async () => {
    exchange.arm({ fault: "cancel-on-disconnect", delayMs: 3_000 });
    (await account()).close();
    await client.place("resting");
    await account();
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    expect(cancelled("resting")).toBeUndefined();
  });
});

test("listen keys can be made to run out at once", async () => {
  const { listenKey } = JSON.parse((await client.sendRaw("POST", "/api/v3/userDataStream")).body) as Message;
  const socket = await CollectingSocket.open(`${exchange.url}/ws/${String(listenKey)}`);
  sockets.push(socket);
  exchange.arm({ fault: "listen-key-expired", match: { account: "desk" } });
  expect(await socket.heard((one) => one["e"] === "listenKeyExpired")).toMatchObject({ listenKey });
  expect(exchange.audit().some((one) => one.type === "fault" && one.fault === "listen-key-expired")).toBe(true);
});

test("a clock that drifts refuses good requests after a while, not at once", async () => {
  // Ten times too fast: a minute is six seconds of the client's.
  exchange.arm({ fault: "clock-skew", driftPpm: 9_000_000 });
  expect((await client.send("GET", "/api/v3/account", { recvWindow: 60_000 })).status).toBe(200);
  await expect.poll(async () => (await client.send("GET", "/api/v3/account")).body, patience).toContain("-1021");
});
