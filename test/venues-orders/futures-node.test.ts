/**
 * A whole node on the futures venue: its feed, its orders, its position, its dead man's switch; then its engine is killed,
 * and the next epoch knows what the first one did. A spot venue beside it takes a trade back, as the futures venue does of
 * another contract. One story, told in order.
 */
import type { AuditRecord } from "@baton/core";
import { startExchange, type RunningExchange } from "@baton/exchange";
import { execFile } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { call, eventually, type Told } from "../cluster/calls.ts";
import { startLoneNode, type LoneNode } from "../rig/lone-node.ts";

const symbol = "BTC/USDT:USDT";
const eth = "ETH/USDT:USDT";
/** Longer than a killed engine takes to come back on a machine that does other things too. */
const countdownMs = 20_000;
/** What the venues take back. */
const taken = [
  { venue: "futures", symbol: eth, quantity: "0.05", named: "ETHUSDT" },
  { venue: "spot", symbol: "BTC/USDT", quantity: "0.001", named: "BTCUSDT" },
] as const;
const exchangeOf = { futures: (): RunningExchange => exchange, spot: (): RunningExchange => spot };
/** Enough for 0.01 of a bitcoin at leverage 1, and not for 0.03. */
const wallet = "1500";

let exchange: RunningExchange;
let spot: RunningExchange;
let lone: LoneNode;

beforeAll(async () => {
  exchange = await startExchange({
    ...{ port: 0, personality: "usdm", seed: 7, flow: { rate: 20 } },
    keys: [{ key: "node-a", secret: "secret-a", account: "desk" }],
    deposits: { USDT: wallet },
  });
  spot = await startExchange({
    ...{ port: 0, seed: 8, flow: { rate: 20 } },
    keys: [{ key: "node-a", secret: "secret-a", account: "desk" }],
  });
  lone = await startLoneNode({
    // A minute is too long for a story of seconds.
    main: fileURLToPath(new URL("../../packages/engine/src/testing/impatient-main.ts", import.meta.url)),
    files: { "api-key": "node-a", secret: "secret-a" },
    config: (folder) => ({
      venues: [
        {
          ...{ id: "futures", mode: "sandbox", exchange: "binanceusdm", account: "desk", symbols: [symbol, eth] },
          ...spokenTo(folder, exchange),
          deadMansSwitch: { policy: "arm-on-lead", timeoutMs: countdownMs },
        },
        {
          ...{ id: "spot", mode: "sandbox", exchange: "binance", account: "other", symbols: ["BTC/USDT"] },
          ...spokenTo(folder, spot),
        },
      ],
      feeds: [
        { id: "book", venue: "futures", symbols: [symbol, eth], staleAfterMs: 2_000 },
        { id: "spot-book", venue: "spot", symbols: ["BTC/USDT"], staleAfterMs: 2_000 },
      ],
      strategies: taken.map(({ venue, symbol: of }) => ({
        ...{ id: `listens-${venue}`, venue, symbols: [of], budgetMs: 1_000 },
        module: fileURLToPath(new URL("./listening.ts", import.meta.url)),
      })),
      risk: {
        defaults: { orderQuantityMax: "1", orderNotionalMax: "20000", collarBps: 500, positionMax: "1" },
        orderRate: { count: 1_000, perMs: 1_000 },
      },
    }),
  });
  await leading(1);
}, 300_000);
afterAll(async () => {
  await lone?.[Symbol.asyncDispose]();
  await Promise.all([exchange?.close(), spot?.close()]);
});

/** How the node speaks to one of the exchanges. */
function spokenTo(folder: string, { url }: RunningExchange): object {
  return {
    ...{ apiKeyFile: `${folder}/api-key`, secretFile: `${folder}/secret`, validityMs: 1_000, deadlineMs: 1_000 },
    ...{ restUrl: url, wsUrl: url.replace(/^http/, "ws"), uniqueness: "open-only" },
  };
}

/** Waits until the node leads this epoch and may trade. */
async function leading(epoch: number): Promise<void> {
  await eventually(`the node trades in epoch ${epoch}`, async () => {
    const { status, body } = await call(lone, "GET", "/cluster");
    const { node, trading } = status === 200 ? body : {};
    return node?.role === "leader" && trading?.isAllowed === true && body.leader?.epoch === epoch ? true : undefined;
  });
}

async function bestBid(of: string = symbol): Promise<number> {
  return eventually("the feed has a live book", async () => {
    const { body } = await call(lone, "GET", `/v1/books/${of}?depth=1`);
    return body.quality === "live" ? Number(body.bids[0][0]) : undefined;
  });
}

async function order(over: Record<string, unknown> & { readonly symbol?: string }): Promise<Told> {
  await bestBid(over.symbol);
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

const position = async (of: string = symbol): Promise<string | undefined> =>
  (await call(lone, "GET", "/v1/positions")).body.positions?.find((one: any) => one.symbol === of)?.quantity;
const records = <T extends AuditRecord["type"]>(type: T): readonly (AuditRecord & { readonly type: T })[] =>
  exchange.audit().filter((one): one is AuditRecord & { readonly type: T } => one.type === type);
/** What the exchange has of the account in bitcoin, by its own log. */
const truth = (): number =>
  records("fill")
    .filter(({ account, symbol: of }) => account === "desk" && of === "BTCUSDT")
    .reduce((sum, { side, quantity }) => sum + (side === "BUY" ? Number(quantity) : -Number(quantity)), 0);

test("shows both connections of its feed, and has a price", async () => {
  const feeds = await eventually("the feed is live", async () => {
    const { body } = await call(lone, "GET", "/v1/feeds");
    const [feed] = body.feeds ?? [];
    return feed?.quality === "live" && feed.lines.every(({ state }: any) => state === "live") ? body.feeds : undefined;
  });
  expect(feeds[0].lines.map(({ line, state }: any) => [line.replace(/\d+$/, ""), state])).toEqual([
    ["public-a", "live"],
    ["market-a", "live"],
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

/** By venue: the order whose trades were taken back, and these trades. */
const gone: Partial<Record<"futures" | "spot", { readonly id: string; readonly trades: readonly string[] }>> = {};

/** The trades of the account on one symbol of one of the exchanges, by its own log. */
function tradesAt({ venue, named }: (typeof taken)[number], type: "fill" | "bust"): readonly string[] {
  return exchangeOf[venue]()
    .audit()
    .flatMap((one) => {
      const isIts = one.type === type && one.account === "desk" && one.symbol === named;
      return isIts && "tradeId" in one ? [`${one.tradeId}`] : [];
    });
}

/** The account's stream is cut, and the account is read anew; so often that two readings are far enough apart. */
async function readAgain<T>(at: RunningExchange, what: string, ask: () => Promise<T | undefined>): Promise<T> {
  let nextMs = 0;
  return eventually(what, async () => {
    if (performance.now() > nextMs) {
      nextMs = performance.now() + 4_500;
      at.arm({ fault: "stream-drop", match: { stream: "user" } });
    }
    return ask();
  });
}

/** What the log of the node says of busts. */
const saidOf = (): readonly any[] =>
  readFileSync(lone.logFile, "utf8")
    .split("\n")
    .flatMap((line) => (line.includes('"event":"fill.busted"') ? [JSON.parse(line)] : []));

/** What the venue has filled it takes back, and what the node says of that in the end is what happened; its order then. */
async function takesBack(one: (typeof taken)[number]): Promise<unknown> {
  const { venue, symbol: of, quantity } = one;
  const at = exchangeOf[venue]();
  at.arm({ fault: "trade-bust", delayMs: 100, match: { account: "desk", symbol: one.named } });
  const told = await order({ venue, symbol: of, quantity });
  await ended(told, "filled");
  const trades = tradesAt(one, "fill");
  await eventually("all of it was taken back", async () =>
    tradesAt(one, "bust").length === trades.length ? true : undefined,
  );
  at.clearFaults();
  const { intentId } = told.body;
  gone[venue] = { id: intentId, trades };
  const view = await readAgain(at, "the node knows", async () => {
    const { body } = await call(lone, "GET", `/v1/orders/${intentId}`);
    return body.events.some(({ kind }: any) => kind === "fill.busted") ? body : undefined;
  });
  expect(view.events.flatMap((event: any) => (event.kind === "fill.busted" ? [event.tradeId] : []))).toEqual(trades);
  expect(await position(of)).toBe("0");
  const metrics = (await call(lone, "GET", "/metrics")).body;
  expect(metrics).toMatch(new RegExp(`^baton_fills_busted_total\\{venue="${venue}"\\} ${trades.length}$`, "m"));
  // What posts the alert is this line of the log.
  const said = await eventually("the log says it", async () => {
    const ids = saidOf().flatMap((each) => (each.venue === venue ? [each.tradeId] : []));
    return ids.length >= trades.length ? ids : undefined;
  });
  expect(said).toEqual(trades);
  const baton = fileURLToPath(new URL("../../packages/cli/src/baton.ts", import.meta.url));
  const parameters = [baton, "orders", "show", intentId, "--endpoint", lone.endpoint];
  const { stdout } = await promisify(execFile)(process.execPath, parameters);
  expect(stdout).toContain(`trade ${trades[0]} was taken back by the venue: no longer among the account's trades`);
  return view;
}

test("what a venue takes back, on futures and on spot, is recorded once, subtracted, counted, shown and warned of", async () => {
  const orders = await Promise.all(taken.map((one) => takesBack(one)));
  expect(orders).toMatchObject(taken.map(() => ({ status: "filled", executed: "0" })));
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
  expect(records("accept").filter(({ symbol: of }) => of === "BTCUSDT")).toHaveLength(4);
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

test("what was taken back is told to nobody again by the next leader, who reads the account anew", async () => {
  const events = await listen();
  for (const one of taken) {
    const { venue, symbol: of, quantity } = one;
    const { id, trades = [] } = gone[venue] ?? {};
    const before = tradesAt(one, "fill").length;
    await ended(await order({ venue, symbol: of, quantity }), "filled");
    const later = tradesAt(one, "fill").slice(before);
    // It is told in the journal's order: a trade that was told again would stand before the later one.
    const told = [
      ...trades.map((each) => `fill ${each}`),
      ...trades.map((each) => `bust ${each}`),
      ...later.map((each) => `fill ${each}`),
    ];
    const state = await readAgain(exchangeOf[venue](), "the strategy heard of the later trade", async () => {
      const states = events
        .facts()
        .filter(({ kind, strategy }) => kind === "strategy.advanced" && strategy === `listens-${venue}`);
      return states.at(-1)?.state.told.includes(told.at(-1)) === true ? states.at(-1).state : undefined;
    });
    expect(state.told).toEqual(told);
    expect(await position(of)).toBe(quantity);
    expect((await call(lone, "GET", `/v1/orders/${id}`)).body).toMatchObject({ status: "filled", executed: "0" });
  }
  const busts = events.facts().filter(({ kind }) => kind === "fill.busted");
  for (const { venue } of taken) {
    const its = busts.flatMap((bust) => (bust.venue === venue ? [bust.tradeId] : []));
    expect(its).toEqual(gone[venue]?.trades);
  }
  expect(events.facts().filter(({ kind }) => kind === "drift.found")).toEqual([]);
  expect(saidOf()).toHaveLength(busts.length);
  events.close();
});

/** All committed events of the node, from the first on. */
async function listen(): Promise<{ facts(): readonly any[]; close(): void }> {
  const stop = new AbortController();
  const answer = await fetch(`${lone.endpoint}/v1/events?after=0`, { signal: stop.signal });
  let text = "";
  const decoder = new TextDecoder();
  void (async () => {
    try {
      for await (const part of answer.body ?? []) text += decoder.decode(part, { stream: true });
    } catch {
      // Closed by the test.
    }
  })();
  return {
    facts: () => [...text.matchAll(/^data: (.*)\n/gm)].map((match) => JSON.parse(match[1] ?? "").event),
    close: () => stop.abort(),
  };
}
