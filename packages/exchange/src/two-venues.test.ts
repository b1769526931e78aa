/** Two venues at once: each has its own market, accounts, faults and audit, and signs its records with its name. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startExchange, type RunningExchange } from "./exchange.ts";
import { SignedClient } from "./testing/signed-client.ts";

const keys = [{ key: "k", secret: "s", account: "desk" }];
let spot: RunningExchange;
let futures: RunningExchange;

beforeAll(async () => {
  spot = await startExchange({ name: "north", seed: 1, keys, flow: { rate: 20 } });
  futures = await startExchange({ name: "south", personality: "usdm", seed: 1, keys, flow: { rate: 20 } });
});
afterAll(async () => {
  await spot?.close();
  await futures?.close();
});

const order = { symbol: "BTCUSDT", side: "BUY", type: "LIMIT", timeInForce: "GTC", quantity: "0.01", price: "50000" };

test("one key trades on both, and each audit tells its own venue's orders under its name", async () => {
  const id = { newClientOrderId: "same-on-both" };
  const there = new SignedClient(spot.url, { key: "k", secret: "s" });
  const here = new SignedClient(futures.url, { key: "k", secret: "s" });
  expect((await there.send("POST", "/api/v3/order", { ...order, ...id })).status).toBe(200);
  expect((await here.send("POST", "/fapi/v1/order", { ...order, ...id })).status).toBe(200);
  for (const [exchange, name] of [
    [spot, "north"],
    [futures, "south"],
  ] as const) {
    const records = exchange.audit();
    expect(new Set(records.map((one) => one.venue))).toEqual(new Set([name]));
    expect(records.map((one) => one.n)).toEqual(records.map((_one, index) => index + 1));
    expect(records.filter((one) => one.type === "accept")).toMatchObject([{ clientOrderId: "same-on-both" }]);
  }
});

test("a fault strikes the venue that it was armed at", async () => {
  spot.arm({ fault: "maintenance", delayMs: 0 });
  const [there, here] = await Promise.all([fetch(`${spot.url}/api/v3/time`), fetch(`${futures.url}/fapi/v1/time`)]);
  expect([there.status, here.status]).toEqual([503, 200]);
  expect(futures.audit().some((one) => one.type === "fault")).toBe(false);
  spot.clearFaults();
});
