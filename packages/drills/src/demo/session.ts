/**
 * What the demo, the soak and the bench of takeovers share of a run: a flow of orders made for the instruments that the
 * exchange lists, the live picture, the wait until nothing is open or in doubt, the verdict on what is on record, and why a
 * flow stands still.
 */
import { setTimeout as delay } from "node:timers/promises";
import { decimal, id } from "@baton/core";
import type { OrderView, SymbolId } from "@baton/core";
import { check } from "../checker/check.ts";
import type { Verdict } from "../checker/check.ts";
import type { Evidence, FaultEvidence } from "../checker/evidence.ts";
import { OrderFlow } from "../flow/order-flow.ts";
import { OrderMaker } from "../flow/order-maker.ts";
import { seededRandom } from "../flow/random.ts";
import { clientOf } from "../rig/cluster.ts";
import type { Cluster } from "../rig/cluster.ts";
import { rigSymbols } from "../rig/node-config.ts";
import { until } from "../rig/processes.ts";
import type { Stage } from "./stage.ts";

/** A run and all that the checker saw of it. */
export interface JudgedRun {
  readonly verdict: Verdict;
  readonly evidence: Evidence;
}

/**
 * How long a run may take to settle, by what the engine declares: a doubt that the last takeover inherited lasts for the old
 * lease, the validity, the venue's bound, its lag and both clocks' errors (5.5 s here), a fill that the account's stream
 * lost is found by the next sweep (30 s); and the room that a loaded machine needs.
 */
const settleWithinMs = 45_000;

/** A flow on every symbol of the rig; `run` names it in its idempotency keys. */
export async function openFlow(
  cluster: Cluster,
  options: { readonly seed: number; readonly perSecond: number; readonly run: string },
): Promise<OrderFlow> {
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
    run: options.run,
  });
}

/** Waits until a parent order has ended. */
export async function untilParentEnded(cluster: Cluster, parent: string): Promise<void> {
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

/** Ends a parent order: those that rest until somebody takes them back are taken back. */
export async function endParent(cluster: Cluster, parent: string): Promise<void> {
  await until(
    async () => {
      const client = clientOf(await cluster.leader());
      const view = await client.order(parent).catch(() => undefined);
      if (view === undefined || !("slices" in view)) return undefined;
      if (view.status !== "running" && view.status !== "paused") return true;
      if (view.algorithm.name === "iceberg") await client.cancelOrder(parent).catch(() => undefined);
      return undefined;
    },
    { what: `${parent} ends`, withinMs: 60_000 },
  );
}

/** Waits until the leader has no open order and none in doubt, and the others have all its records. */
export async function untilSettled(cluster: Cluster): Promise<void> {
  let last = "no leader has answered";
  const ask = async (): Promise<true | undefined> => {
    const client = clientOf(await cluster.leader());
    const view = await client.cluster().catch(() => undefined);
    if (view === undefined) return undefined;
    const { open: count, inDoubt, fillsMissing } = view.orders;
    last = `${view.node.id} has ${count} open, ${inDoubt} in doubt, ${fillsMissing} whose fills are missing`;
    const open = await client.orders().catch(() => undefined);
    for (const order of open?.orders ?? []) await client.cancelOrder(order.id).catch(() => undefined);
    return inDoubt === 0 && fillsMissing === 0 && open?.orders.length === 0 ? true : undefined;
  };
  try {
    await until(ask, { what: "nothing is open and nothing in doubt", withinMs: settleWithinMs });
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : String(cause)}: ${last}`, { cause });
  }
  // Standbys learn the last commit point with the next heartbeat.
  await delay(300);
}

/** Reads what is on record and judges it. */
export async function judge(
  cluster: Cluster,
  run: { readonly flow: OrderFlow; readonly fault: FaultEvidence },
): Promise<JudgedRun> {
  const orders = await allOrders(cluster);
  const records = await cluster.evidence();
  const evidence: Evidence = {
    ...records,
    acknowledged: run.flow.acknowledged,
    fault: run.fault,
    orders,
    endedWallMs: Date.now(),
  };
  return { verdict: check(evidence), evidence };
}

async function allOrders(cluster: Cluster): Promise<OrderView[]> {
  const orders: OrderView[] = [];
  for await (const order of clientOf(await cluster.leader(), 10_000).everyOrder({ all: true })) orders.push(order);
  return orders;
}

/** Redraws the picture of the nodes four times a second until it is stopped; without a terminal there is nothing to draw. */
export function watch(cluster: Cluster, flow: OrderFlow, stage: Stage): { stop(): void } {
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

/** What is on record of a flow that waited in vain for `withinMs`: what orders were answered, and what each node said last. */
export async function stillness(cluster: Cluster, flow: OrderFlow, withinMs: number): Promise<string> {
  const said = await Promise.all(cluster.nodes.map(async (node) => `node ${node.id}:\n${await node.lastSaid(60)}`));
  return [` within ${withinMs} ms`, `orders: ${flow.answersWithin(withinMs)}`, ...said].join("\n");
}
