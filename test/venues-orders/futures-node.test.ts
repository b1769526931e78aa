/**
 * A whole node on the futures venue: its feed, its orders, its position, its dead man's switch; then its engine is killed,
 * and the next epoch knows what the first one did. One story, told in order.
 */
import type { AuditRecord } from "@baton/core";
import { startExchange, type RunningExchange } from "@baton/exchange";
import { createHmac, randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { call, eventually, type Told } from "../cluster/calls.ts";
import { startLoneNode, type LoneNode } from "../rig/lone-node.ts";

const symbol = "BTC/USDT:USDT";
const countdownMs = 8_000;
/** Enough for 0.01 of a bitcoin at leverage 1, and not for 0.03. */
const wallet = "1500";

let exchange: RunningExchange;
let lone: LoneNode;

beforeAll(async () => {
  exchange = await startExchange({
    ...{ port: 0, personality: "usdm", seed: 7, flow: { rate: 20 } },
    keys: [{ key: "node-a", secret: "secret-a", account: "desk" }],
    deposits: { USDT: wallet },
  });
  lone = await startLoneNode({
    files: { "api-key": "node-a", secret: "secret-a" },
    config: (folder) => ({
      venues: [
        {
          ...{ id: "futures", mode: "sandbox", exchange: "binanceusdm", account: "desk", symbols: [symbol] },
          ...{ apiKeyFile: `${folder}/api-key`, secretFile: `${folder}/secret`, validityMs: 1_000, deadlineMs: 1_000 },
          ...{ restUrl: exchange.url, wsUrl: exchange.url.replace(/^http/, "ws"), uniqueness: "open-only" },
          deadMansSwitch: { policy: "arm-on-lead", timeoutMs: countdownMs },
        },
      ],
      feeds: [{ id: "book", venue: "futures", symbols: [symbol], staleAfterMs: 2_000 }],
      risk: {
        defaults: { orderQuantityMax: "1", orderNotionalMax: "20000", collarBps: 500, positionMax: "1" },
        orderRate: { count: 1_000, perMs: 1_000 },
      },
    }),
  });
  await leading(1);
}, 180_000);
afterAll(async () => {
  await lone?.[Symbol.asyncDispose]();
  await exchange?.close();
});

/** Waits until the node leads this epoch and may trade. */
async function leading(epoch: number): Promise<void> {
  await eventually(`the node trades in epoch ${epoch}`, async () => {
    const { status, body } = await call(lone, "GET", "/cluster");
    const { node, trading } = status === 200 ? body : {};
    return node?.role === "leader" && trading?.isAllowed === true && body.leader?.epoch === epoch ? true : undefined;
  });
}

async function bestBid(): Promise<number> {
  return eventually("the feed has a live book", async () => {
    const { body } = await call(lone, "GET", `/v1/books/${symbol}?depth=1`);
    return body.quality === "live" ? Number(body.bids[0][0]) : undefined;
  });
}

async function order(over: Record<string, unknown>): Promise<Told> {
  await bestBid();
  const body = { symbol, venue: "futures", side: "buy", type: "market", timeInForce: "IOC", ...over };
  return call(lone, "POST", "/v1/orders", { body, key: randomUUID() });
}

async function ended(told: Told, status: string): Promise<void> {
  expect(told.status, JSON.stringify(told.body)).toBe(202);
  await eventually(`the order is ${status}`, async () => {
    const { body } = await call(lone, "GET", `/v1/orders/${told.body.intentId}`);
    return body.status === status ? true : undefined;
  });
}

/** A request of somebody else who has a key of the account; gives the status. */
async function signed(method: string, path: string, parameters: Readonly<Record<string, string>>): Promise<number> {
  const text = new URLSearchParams({ ...parameters, timestamp: `${Date.now()}` }).toString();
  const signature = createHmac("sha256", "secret-a").update(text).digest("hex");
  const headers = { "X-MBX-APIKEY": "node-a" };
  return (await fetch(`${exchange.url}${path}?${text}&signature=${signature}`, { method, headers })).status;
}

const position = async (): Promise<string | undefined> =>
  (await call(lone, "GET", "/v1/positions")).body.positions?.find((one: any) => one.symbol === symbol)?.quantity;
const records = <T extends AuditRecord["type"]>(type: T): readonly (AuditRecord & { readonly type: T })[] =>
  exchange.audit().filter((one): one is AuditRecord & { readonly type: T } => one.type === type);
/** What the exchange has of the account, by its own log. */
const truth = (): number =>
  records("fill")
    .filter(({ account }) => account === "desk")
    .reduce((sum, { side, quantity }) => sum + (side === "BUY" ? Number(quantity) : -Number(quantity)), 0);

test("shows both connections of its feed, and has a price", async () => {
  const feeds = await eventually("the feed is live", async () => {
    const { body } = await call(lone, "GET", "/v1/feeds");
    return body.feeds?.[0]?.quality === "live" ? body.feeds : undefined;
  });
  expect(feeds[0].lines.map(({ line, state }: any) => [line, state])).toEqual([
    ["public-a1", "live"],
    ["market-a1", "live"],
  ]);
});

test("buys, and its position is the venue's", async () => {
  await ended(await order({ quantity: "0.01" }), "filled");
  await eventually("the position is there", async () => ((await position()) === "0.01" ? true : undefined));
  expect(truth()).toBeCloseTo(0.01, 9);
});

test("takes no reduce-only order for more than it holds, and records none", async () => {
  const more = await order({ side: "sell", quantity: "0.011", reduceOnly: true });
  expect(more).toMatchObject({ status: 422, body: { code: "reduce-only" } });
  const turned = await order({ side: "buy", quantity: "0.001", reduceOnly: true });
  expect(turned).toMatchObject({ status: 422, body: { code: "reduce-only" } });
  expect((await call(lone, "GET", "/v1/orders?all=1")).body.orders).toHaveLength(1);
});

test("takes no order for which there is no margin, and one that only reduces the position without any", async () => {
  const opened = await order({ quantity: "0.03" });
  expect(opened).toMatchObject({ status: 422, body: { code: "margin" } });
  await ended(await order({ side: "sell", quantity: "0.004" }), "filled");
  await eventually("the position is smaller", async () => ((await position()) === "0.006" ? true : undefined));
});

test("sets the dead man's switch again and again while it leads", async () => {
  const armed = (): number => records("dms-arm").length;
  const before = armed();
  expect(before).toBeGreaterThan(0);
  await eventually("it is set twice more", async () => (armed() >= before + 2 ? true : undefined));
  expect(new Set(records("dms-arm").map(({ timeoutMs }) => timeoutMs))).toEqual(new Set([countdownMs]));
});

test("killed, it knows in its next epoch what it holds, sets the switch before anything else, and closes the position by an order that can do nothing else", async () => {
  const price = ((await bestBid()) * 0.97).toFixed(1);
  const resting = await order({ type: "limit", timeInForce: "GTC", quantity: "0.002", price });
  await ended(resting, "new");
  const lastN = exchange.audit().at(-1)?.n ?? 0;
  await lone.node.killEngine();
  await leading(2);
  expect(await position()).toBe("0.006");
  // Nothing was cancelled, neither by the switch nor by us.
  expect((await call(lone, "GET", `/v1/orders/${resting.body.intentId}`)).body.status).toBe("new");
  expect(records("dms-fire")).toEqual([]);
  const first = await eventually("the switch is set by the new epoch", async () =>
    records("dms-arm").find(({ n }) => n > lastN),
  );
  const closing = await order({ side: "sell", quantity: "0.006", reduceOnly: true });
  await ended(closing, "filled");
  const { terms, events } = (await call(lone, "GET", `/v1/orders/${closing.body.intentId}`)).body;
  const answer = events.find((event: any) => event.kind === "attempt.answered")?.outcome.order;
  expect([terms.reduceOnly, answer.reduceOnly]).toEqual([true, true]);
  const placed = records("recv").find(({ n, call: name }) => n > lastN && name === "order.place");
  expect(placed?.n).toBeGreaterThan(first.n);
  await eventually("nothing is held", async () => (Number(await position()) === 0 ? true : undefined));
  expect(truth()).toBeCloseTo(0, 9);
  expect(records("accept").filter(({ account }) => account === "desk")).toHaveLength(4);
});

test("an OCO of more than is held goes out by reduce-only orders: its stop closes the position and turns none", async () => {
  await ended(await order({ quantity: "0.004" }), "filled");
  await eventually("the position is there", async () => ((await position()) === "0.004" ? true : undefined));
  const bid = await bestBid();
  const around = { takePrice: (bid * 1.2).toFixed(1), stopPrice: (bid * 1.1).toFixed(1), aggressionBps: 100 };
  const oco = { algo: "oco", symbol, venue: "futures", side: "sell", quantity: "0.01", ...around };
  const told = await call(lone, "POST", "/v1/orders", { body: oco, key: randomUUID() });
  expect(told.status, JSON.stringify(told.body)).toBe(202);
  const { parentId } = told.body;
  await eventually("nothing is held", async () => (Number(await position()) === 0 ? true : undefined));
  // It still wants to sell more: many looks later the account is as flat as before.
  const book = async (): Promise<number> => (await call(lone, "GET", `/v1/books/${symbol}?depth=1`)).body.updateId;
  const before = await book();
  await eventually("the market went on", async () => ((await book()) > before + 20 ? true : undefined));
  expect(truth()).toBeCloseTo(0, 9);
  const { status, children } = (await call(lone, "GET", `/v1/orders/${parentId}`)).body;
  expect([status, children.length]).toEqual(["running", 1]);
  const { terms } = (await call(lone, "GET", `/v1/orders/${children[0]}`)).body;
  expect([terms.quantity, terms.reduceOnly]).toEqual(["0.004", true]);
  expect((await call(lone, "DELETE", `/v1/orders/${parentId}`)).status).toBeLessThan(300);
});

test("a reduce-only order whose position somebody else closed a moment ago ends as the venue says it, and opens nothing", async () => {
  await ended(await order({ quantity: "0.003" }), "filled");
  await eventually("the position is there", async () => ((await position()) === "0.003" ? true : undefined));
  // The account's events are lost, so that the node cannot know yet.
  const fault = exchange.arm({ fault: "user-event-loss" });
  const byHand = { symbol: "BTCUSDT", side: "SELL", type: "MARKET", quantity: "0.003", newClientOrderId: "by-hand" };
  expect(await signed("POST", "/fapi/v1/order", byHand)).toBe(200);
  const late = await order({ side: "sell", quantity: "0.003", reduceOnly: true });
  await ended(late, "rejected");
  const { events } = (await call(lone, "GET", `/v1/orders/${late.body.intentId}`)).body;
  expect(events.find((event: any) => event.kind === "attempt.answered")?.outcome).toMatchObject({ code: "-2022" });
  expect(truth()).toBeCloseTo(0, 9);
  exchange.clearFaults(fault);
});
