/**
 * The demo's story, once: start everything, let a TWAP parent and a flow of orders run, strike in the middle, let it run
 * on, stop, wait until nothing is open or in doubt, and give what is on record to the checker.
 */
import { setTimeout as delay } from "node:timers/promises";
import { decimal, id } from "@baton/core";
import type { PlaceOrderRequest, SymbolId } from "@baton/core";
import type { OrderFlow } from "../flow/order-flow.ts";
import { startCluster } from "../rig/cluster.ts";
import type { Cluster, Uniqueness } from "../rig/cluster.ts";
import { rigSymbols } from "../rig/node-config.ts";
import { until } from "../rig/processes.ts";
import { verdictOf } from "../rig/switchover.ts";
import { changesLeader, linksFor, strike } from "./faults.ts";
import type { FaultKind, Struck } from "./faults.ts";
import { judge, openFlow, untilParentEnded, untilSettled, watch } from "./session.ts";
import type { JudgedRun } from "./session.ts";
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

/** A bound for what hangs, not a measure: the measure is the RTO that is printed. */
const recoverWithinMs = 60_000;

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
export async function runDemo(cluster: Cluster, options: DemoOptions, stage: Stage): Promise<JudgedRun> {
  const plan = scheduleOf(options);
  const flow = await openFlow(cluster, { ...options, run: runName(options) });
  const picture = watch(cluster, flow, stage);
  try {
    await flow.start();
    stage.tell(`orders flow: ${options.perSecond} a second on ${rigSymbols.join(", ")}, through the API of every node`);
    const parent = await flow.placeParent(parentRequest(plan), `${runName(options)}-parent`);
    stage.tell(`TWAP ${parent}: ${plan.slices} slices within ${seconds(plan.parentMs)}`);
    await delay(plan.beforeMs);
    // One fault at a time: who is out of the set, as one may be that had no processor, would not be there to take over.
    await cluster.untilInSync();
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
    if (flow.count.refused > 0) stage.tell(`refused by checks before they were recorded: ${flow.refusalText()}`);
    await untilSettled(cluster);
    stage.tell("nothing is open and nothing in doubt");
    return await judge(cluster, { flow, fault: struck.evidence });
  } finally {
    picture.stop();
    await flow.finish();
  }
}

/** Times of the story from the number of orders: the fault strikes in the middle of the parent. */
function scheduleOf(options: DemoOptions): { beforeMs: number; afterMs: number; parentMs: number; slices: number } {
  const flowMs = (options.orders / options.perSecond) * 1_000;
  // A slice's window is longer than any takeover here, so that no slice passes unexecuted while nobody leads.
  const slices = 20;
  const parentMs = Math.max(slices * 500, Math.round(flowMs * 0.95));
  return { beforeMs: parentMs / 2 - parentMs / slices / 2, afterMs: 2_500, parentMs, slices };
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
  if (!changesLeader(options.fault)) return await strikeUntilItHolds(cluster, options.fault, stage);
  const recovered = flow.untilEpochAfter(flow.epoch, recoverWithinMs);
  const struck = await strikeUntilItHolds(cluster, options.fault, stage);
  const epoch = await recovered;
  if (epoch === undefined) throw new Error(`no order was acknowledged in a later epoch within ${recoverWithinMs} ms`);
  const ms = Math.round(Number(process.hrtime.bigint()) / 1e6 - struck.evidence.atMonoMs);
  stage.tell(`epoch ${epoch}: orders are acknowledged again after ${ms} ms`, "good");
  return struck;
}

/** A leader gives a switchover up, with a reason, where nobody keeps up; whoever wants it asks again. */
async function strikeUntilItHolds(cluster: Cluster, fault: FaultKind, stage: Stage): Promise<Struck> {
  for (;;) {
    const struck = await strike(fault, cluster);
    stage.tell(struck.sentence, "loud");
    if (struck.operation === undefined) return struck;
    const { phase, detail } = await verdictOf(cluster, struck.operation);
    if (phase === "done") return struck;
    stage.tell(`the switchover was ${phase}: ${detail}`);
    await cluster.untilInSync();
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
