/**
 * The demo's story, once: start everything, let a TWAP parent and a flow of orders run, strike in the middle, let it run
 * on, stop, wait until nothing is open or in doubt, and give what is on record to the checker.
 */
import { setTimeout as delay } from "node:timers/promises";
import { decimal, id } from "@baton/core";
import type { OrderView, PlaceOrderRequest, SymbolId } from "@baton/core";
import { check } from "../checker/check.ts";
import type { Verdict } from "../checker/check.ts";
import type { Evidence } from "../checker/evidence.ts";
import { OrderFlow } from "../flow/order-flow.ts";
import { OrderMaker } from "../flow/order-maker.ts";
import { seededRandom } from "../flow/random.ts";
import { clientOf, startCluster } from "../rig/cluster.ts";
import type { Cluster, Uniqueness } from "../rig/cluster.ts";
import { rigSymbols } from "../rig/node-config.ts";
import { until } from "../rig/processes.ts";
import { changesLeader, linksFor, strike } from "./faults.ts";
import type { FaultKind, Struck } from "./faults.ts";
import type { Stage } from "./stage.ts";

export interface DemoOptions {
  readonly fault: FaultKind;
  /** At least so many orders are asked for. */
  readonly orders: number;
  readonly perSecond: number;
  readonly seed: number;
  readonly uniqueness: Uniqueness;
  /** Kept after the end; default: a temporary folder that is removed. */
  readonly dir?: string;
}

/** A run and all that the checker saw of it. */
export interface DemoRun {
  readonly verdict: Verdict;
  readonly evidence: Evidence;
}

/** How long a doubt may take: proof time (validity, clock error, processing bound, query lag), the old lease, and room. */
const settleWithinMs = 20_000;
const recoverWithinMs = 15_000;

/** Starts the cluster that a fault needs. */
export function startDemoCluster(options: DemoOptions, stage: Stage): Promise<Cluster> {
  return startCluster({
    seed: options.seed,
    uniqueness: options.uniqueness,
    links: linksFor(options.fault),
    onStep: (sentence) => stage.tell(sentence),
    ...(options.dir !== undefined && { dir: options.dir }),
  });
}

/** Plays the story on a started cluster and judges it. */
export async function runDemo(cluster: Cluster, options: DemoOptions, stage: Stage): Promise<DemoRun> {
  const plan = scheduleOf(options);
  const flow = await openFlow(cluster, options);
  const picture = watch(cluster, flow, stage);
  try {
    await flow.start();
    stage.tell(`orders flow: ${options.perSecond} a second on ${rigSymbols.join(", ")}, through the API of every node`);
    const parent = await flow.placeParent(parentRequest(plan), `${runName(options)}-parent`);
    stage.tell(`TWAP ${parent}: ${plan.slices} slices within ${seconds(plan.parentMs)}`);
    await delay(plan.beforeMs);
    const struck = await strikeAndRecover(cluster, options, flow, stage);
    await delay(plan.afterMs);
    const undone = await struck.undo();
    if (undone !== undefined) stage.tell(undone, "loud");
    await until(() => (flow.count.asked >= options.orders ? true : undefined), {
      what: `${options.orders} orders are asked for`,
      withinMs: 600_000,
    });
    await untilParentEnded(cluster, parent);
    await delay(undone === undefined ? 0 : plan.afterMs);
    stage.tell("the flow stops");
    await flow.finish();
    await untilSettled(cluster);
    stage.tell("nothing is open and nothing in doubt");
    const orders = await allOrders(cluster);
    return await judge(cluster, { flow, struck, orders });
  } finally {
    picture.stop();
    await flow.finish();
  }
}

/** Times of the story from the number of orders: the fault strikes in the middle of the parent. */
function scheduleOf(options: DemoOptions): { beforeMs: number; afterMs: number; parentMs: number; slices: number } {
  const flowMs = (options.orders / options.perSecond) * 1_000;
  const parentMs = Math.max(5_000, Math.round(flowMs * 0.8));
  return { beforeMs: parentMs / 2 - 200, afterMs: 2_500, parentMs, slices: 20 };
}

async function openFlow(cluster: Cluster, options: DemoOptions): Promise<OrderFlow> {
  const symbols = rigSymbols.map((symbol) => id<SymbolId>(symbol));
  const answer = await fetch(`${cluster.exchange.endpoint}/api/v3/exchangeInfo`);
  const info = (await answer.json()) as {
    symbols: readonly { symbol: string; filters: readonly Readonly<Record<string, string>>[] }[];
  };
  const instruments = symbols.map((symbol) => {
    const filters = info.symbols.find((each) => each.symbol === symbol.replace("/", ""))?.filters ?? [];
    const step = (filter: string, field: string): string =>
      filters.find((each) => each["filterType"] === filter)?.[field] ?? "0.01";
    return {
      symbol,
      tickSize: decimal(step("PRICE_FILTER", "tickSize")),
      lotSize: decimal(step("LOT_SIZE", "stepSize")),
    };
  });
  return new OrderFlow({
    clients: cluster.nodes.map((node) => clientOf(node)),
    maker: new OrderMaker(seededRandom(options.seed), instruments),
    symbols,
    perSecond: options.perSecond,
    run: runName(options),
  });
}

function runName(options: DemoOptions): string {
  return `${options.fault}-${options.seed}`;
}

function parentRequest(plan: { parentMs: number; slices: number }): PlaceOrderRequest {
  return {
    algo: "twap",
    symbol: id<SymbolId>("BTC/USDT"),
    side: "buy",
    quantity: decimal("0.02"),
    slices: plan.slices,
    durationMs: plan.parentMs,
    aggressionBps: 10,
  };
}

async function strikeAndRecover(
  cluster: Cluster,
  options: DemoOptions,
  flow: OrderFlow,
  stage: Stage,
): Promise<Struck> {
  const leader = await cluster.leader();
  const before = await clientOf(leader).cluster();
  const recovered = flow.untilEpochAfter(before.epoch, recoverWithinMs);
  const struck = await strike(options.fault, cluster);
  stage.tell(struck.sentence, "loud");
  if (!changesLeader(options.fault)) return struck;
  const epoch = await recovered;
  if (epoch === undefined) throw new Error(`no order was acknowledged in a later epoch within ${recoverWithinMs} ms`);
  const ms = Math.round(Number(process.hrtime.bigint()) / 1e6 - struck.evidence.atMonoMs);
  stage.tell(`epoch ${epoch}: orders are acknowledged again after ${ms} ms`, "good");
  return struck;
}

async function untilParentEnded(cluster: Cluster, parent: string): Promise<void> {
  await until(
    async () => {
      const view = await clientOf(await cluster.leader())
        .order(parent)
        .catch(() => undefined);
      return view !== undefined && "slices" in view && view.status !== "running" ? true : undefined;
    },
    { what: `${parent} ends`, withinMs: 120_000 },
  );
}

/** Waits until the leader has no open order and none in doubt, and the others have all its records. */
async function untilSettled(cluster: Cluster): Promise<void> {
  await until(
    async () => {
      const client = clientOf(await cluster.leader());
      const view = await client.cluster().catch(() => undefined);
      if (view === undefined || view.orders.inDoubt > 0) return undefined;
      const { orders } = await client.orders();
      for (const order of orders) await client.cancelOrder(order.id).catch(() => undefined);
      return orders.length === 0 ? true : undefined;
    },
    { what: "nothing is open and nothing in doubt", withinMs: settleWithinMs },
  );
  // Standbys learn the last commit point with the next heartbeat.
  await delay(300);
}

async function allOrders(cluster: Cluster): Promise<OrderView[]> {
  const orders: OrderView[] = [];
  for await (const order of clientOf(await cluster.leader(), 10_000).everyOrder({ all: true })) orders.push(order);
  return orders;
}

async function judge(
  cluster: Cluster,
  run: { flow: OrderFlow; struck: Struck; orders: readonly OrderView[] },
): Promise<DemoRun> {
  const records = await cluster.evidence();
  const evidence: Evidence = {
    ...records,
    acknowledged: run.flow.acknowledged,
    fault: run.struck.evidence,
    orders: run.orders,
    endedWallMs: Date.now(),
  };
  return { verdict: check(evidence), evidence };
}

/** Redraws the picture of the nodes four times a second until it is stopped; without a terminal there is nothing to draw. */
function watch(cluster: Cluster, flow: OrderFlow, stage: Stage): { stop(): void } {
  const stopping = new AbortController();
  if (stage.hasPicture) void redraw(cluster, flow, stage, stopping.signal);
  return {
    stop: () => {
      stopping.abort();
      stage.close();
    },
  };
}

async function redraw(cluster: Cluster, flow: OrderFlow, stage: Stage, stopping: AbortSignal): Promise<void> {
  let before = { at: performance.now(), acknowledged: 0 };
  while (!stopping.aborted) {
    const nodes = await Promise.all(
      cluster.nodes.map(async (node) => {
        const view = await clientOf(node, 200)
          .cluster()
          .catch(() => undefined);
        return { id: node.id, view };
      }),
    );
    const now = { at: performance.now(), acknowledged: flow.count.acknowledged };
    const perSecond = ((now.acknowledged - before.acknowledged) * 1_000) / Math.max(1, now.at - before.at);
    before = now;
    if (stopping.aborted) return;
    stage.show({ nodes, ordersPerSecond: Math.round(perSecond), ...flow.count });
    await delay(250);
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
