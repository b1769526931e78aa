/**
 * From the decision to trade to the order's bytes at the venue, and where that time goes: a cluster of three nodes on
 * loopback, the simulated exchange, one order at a time. Beside it, in turns of the same run, the engine's venue room alone
 * (no API, risk or journal before it), a bare ccxt `createOrder` and a bare signed request on a kept-alive socket. The end of each way is the same: the exchange's own record of its arrival.
 * Orders come at a steady pace, so that what is measured is one order's way and not a queue.
 * All of it shares one disk and one machine's cores, as no deployment does: read the ratios and the parts.
 */
import { setTimeout as delay } from "node:timers/promises";
import { readAudit, startCluster } from "@baton/drills";
import type { Cluster } from "@baton/drills";
import { besidePeer, Timings } from "./figure.ts";
import type { Figure } from "./figure.ts";
import { accessOf, adapterClient, bareClient, ccxtClient, engineClient } from "./order-clients.ts";
import type { OrderClient, OrderPlan, Placed } from "./order-clients.ts";

const rounds = 10;
const perRound = 60;
const everyMs = 20;

/** What the engine notes of each order; see `packages/engine/src/order-trace.ts`. */
export interface Trace {
  readonly clientOrderId: string;
  readonly wishedMonoMs: number;
  readonly decidedMonoMs: number;
  readonly durableMonoMs: number;
  readonly committedMonoMs: number;
  readonly signedMonoMs: number;
  readonly socketMonoMs: number;
  readonly answeredMonoMs?: number;
}

interface Way {
  readonly name: string;
  readonly client: OrderClient;
  readonly placed: Placed[];
}

/** Measures all of it, about a minute. */
export async function runWay(): Promise<readonly Figure[]> {
  await using cluster = await startCluster();
  const leader = await cluster.leader();
  const standby = cluster.nodes.find((node) => node !== leader);
  const access = await accessOf((standby ?? leader).configFile);
  const plan = await planOf(leader.endpoint);
  const ways: readonly [Way, Way, Way, Way] = [
    { name: "engine", client: engineClient(leader.endpoint, "bench"), placed: [] },
    { name: "ccxt createOrder", client: await ccxtClient(access), placed: [] },
    { name: "keep-alive request", client: bareClient(access), placed: [] },
    { name: "venue room alone", client: await adapterClient(access), placed: [] },
  ];
  await untilTrades(ways[0].client, plan);
  const traces: Trace[] = [];
  for (let round = -1; round < rounds; round += 1) {
    const shift = (round + 1) % ways.length;
    for (const way of [...ways.slice(shift), ...ways.slice(0, shift)]) {
      const placed: Placed[] = [];
      for (let count = 0; count < perRound; count += 1) {
        const next = performance.now() + everyMs;
        placed.push(await way.client.place(plan));
        await delay(Math.max(0, next - performance.now()));
      }
      // The first round is for the compiler and the sockets.
      if (round < 0) continue;
      way.placed.push(...placed);
      if (way.name === "engine") traces.push(...(await tracesOf(leader.endpoint, perRound)));
    }
  }
  await Promise.all(ways.map((way) => way.client.close()));
  return figuresOf(ways, traces, arrivals(cluster));
}

function figuresOf(
  ways: readonly [Way, Way, Way, Way],
  traces: readonly Trace[],
  arrived: ReadonlyMap<string, number>,
): readonly Figure[] {
  const [engine, ccxtWay, bare, adapter] = ways;
  const arrivedOf = (clientOrderId: string): number => arrived.get(clientOrderId) ?? Number.NaN;
  const own = timed(traces, (trace) => arrivedOf(trace.clientOrderId) - trace.wishedMonoMs);
  const figures: Figure[] = [];
  const arrival = (way: Way): Timings =>
    timed(way.placed, (placed) => arrivedOf(placed.clientOrderId) - placed.wishedMonoMs);
  for (const peer of [ccxtWay, bare]) {
    const theirs = arrival(peer);
    for (const percentile of [50, 99]) {
      figures.push(
        besidePeer({
          name: `decision to the venue: p${percentile}`,
          unit: "ms",
          value: own.at(percentile),
          samples: own.count,
          peer: { name: peer.name, value: theirs.at(percentile) },
        }),
      );
    }
  }
  const alone = arrival(adapter);
  figures.push({
    name: "venue room alone, beyond a keep-alive request: p50",
    unit: "ms",
    value: alone.at(50) - arrival(bare).at(50),
    samples: alone.count,
    goal: { atMost: 0.5 },
  });
  const parts: readonly (readonly [string, (trace: Trace) => number])[] = [
    ["to the socket", (trace) => trace.socketMonoMs - trace.wishedMonoMs],
    ["risk", (trace) => trace.decidedMonoMs - trace.wishedMonoMs],
    ["commit on the own disk", (trace) => trace.durableMonoMs - trace.decidedMonoMs],
    ["replicate", (trace) => Math.max(0, trace.committedMonoMs - trace.durableMonoMs)],
    ["permit and budget", (trace) => trace.signedMonoMs - trace.committedMonoMs],
    ["sign", (trace) => trace.socketMonoMs - trace.signedMonoMs],
    ["send", (trace) => arrivedOf(trace.clientOrderId) - trace.socketMonoMs],
  ];
  for (const [name, of] of parts) figures.push(...both(`of it, ${name}`, timed(traces, of)));
  figures.push(
    ...both(
      "API: 202, durable on two nodes",
      timed(engine.placed, (placed) => placed.answeredMonoMs - placed.wishedMonoMs),
    ),
  );
  return figures;
}

function both(name: string, timings: Timings): readonly Figure[] {
  return [50, 99].map((percentile) => ({
    name: `${name}: p${percentile}`,
    unit: "ms",
    value: timings.at(percentile),
    samples: timings.count,
  }));
}

function timed<T>(of: readonly T[], ms: (each: T) => number): Timings {
  const timings = new Timings();
  for (const each of of) {
    const took = ms(each);
    if (Number.isNaN(took)) throw new Error("an order has not arrived at the exchange, or was not traced to its end");
    timings.add(took);
  }
  return timings;
}

/** When each named order was received, by the exchange's log. */
function arrivals(cluster: Cluster): ReadonlyMap<string, number> {
  const at = new Map<string, number>();
  for (const record of readAudit(cluster.exchange.auditFile)) {
    if (record.type !== "recv" || record.call !== "order.place" || record.clientOrderId === undefined) continue;
    at.set(record.clientOrderId, record.monoMs);
  }
  return at;
}

/** The newest orders' traces, once the last of them was answered. */
async function tracesOf(endpoint: string, limit: number): Promise<readonly Trace[]> {
  const end = performance.now() + 5_000;
  for (;;) {
    const answer = await fetch(`${endpoint}/v1/traces?limit=${limit}`);
    const { traces } = (await answer.json()) as { traces: readonly Trace[] };
    if (traces.length === limit && traces.every((trace) => trace.answeredMonoMs !== undefined)) return traces;
    if (performance.now() > end) throw new Error("orders stay without an answer of the exchange");
    await delay(10);
  }
}

/** One percent below the market: expires at once. */
async function planOf(endpoint: string): Promise<OrderPlan> {
  const end = performance.now() + 20_000;
  for (;;) {
    const answer = await fetch(`${endpoint}/v1/books/BTC%2FUSDT?depth=1`);
    const book = (await answer.json()) as { bids?: readonly (readonly [string, string])[] };
    const bid = book.bids?.[0]?.[0];
    if (bid !== undefined) {
      return { symbol: "BTC/USDT", quantity: "0.001", price: (Math.floor(Number(bid) * 99) / 100).toFixed(2) };
    }
    if (performance.now() > end) throw new Error("the leader has no book of BTC/USDT");
    await delay(50);
  }
}

/** A leader takes orders once it has read its account. */
async function untilTrades(client: OrderClient, plan: OrderPlan): Promise<void> {
  const end = performance.now() + 20_000;
  for (;;) {
    try {
      await client.place(plan);
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await delay(100);
    }
  }
}
