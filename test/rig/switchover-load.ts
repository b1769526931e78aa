/**
 * Switchovers while everybody trades: a flow of orders through the API of every node, resting orders in the book, a TWAP
 * under way, and the leadership going round in the middle. What the exchange and the journals say of it afterwards is given
 * to the checker; what a planned change of leader must never do to an order is counted beside it.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { decimal, id } from "@baton/core";
import type { AuditRecord, OperationId, OrderView, SymbolId } from "@baton/core";
import { askSwitchover, clientOf, judge, openFlow, untilParentEnded, untilSettled, verdictOf } from "@baton/drills";
import type { Cluster, Evidence, Finding } from "@baton/drills";
import { call, callLeader, eventually, restingBuy } from "../cluster/calls.ts";

export interface LoadOptions {
  readonly perSecond: number;
  readonly switchovers: number;
  /** Time between two of them. */
  readonly everyMs: number;
  readonly restingOrders: number;
}

/** What was seen; everything but the counts of orders and the gap has to be nothing. */
export interface LoadResult {
  readonly asked: number;
  readonly acknowledged: number;
  readonly switchovers: number;
  /** Switchovers that the leader refused or gave up, going on itself, because nobody kept up; each was asked for anew. */
  readonly aborted: number;
  /** Asked for again and again, and never answered. */
  readonly givenUp: number;
  /** How often a client was told to ask again later, since more was recorded than left. */
  readonly overloaded: number;
  /** Refused for good, by code; a check may say no, a switchover may not. */
  readonly refusals: string;
  /** Orders that ended at the exchange by a cancel that nobody had asked for. */
  readonly cancelled: number;
  /** Intents that came to the exchange more than once, counting what it did not refuse. */
  readonly replaced: number;
  /** Resting orders that do not rest in the book any more, under the id of their one placing. */
  readonly restingLost: number;
  /** The most orders whose fate a switchover left open for its successor to prove. */
  readonly handedOverInDoubt: number;
  /** Left when the flow had ended and every doubt had its time to be proved. */
  readonly inDoubt: number;
  /** Requests to place that came to the exchange in a second, from the first switchover to the last. */
  readonly placedPerSecond: number;
  /** Longest time between two requests to place at the exchange, while the flow was on. */
  readonly longestGapMs: number;
  /** Each change of leader, as the exchange saw it. */
  readonly changes: readonly LeaderChange[];
  readonly findings: readonly Finding[];
}

/** From the last order of one leader to the first of the next. */
export interface LeaderChange {
  readonly gapMs: number;
  /** The part of it before the new epoch's first record. */
  readonly untilOpeningMs: number;
  /** Orders that the former leader took back unsent. */
  readonly withdrawn: number;
}

/**
 * An inherited doubt is proved 5.5 s after its leader's end here (lease, validity, the venue's bound and lag, both clocks'
 * errors); the rest is for a loaded machine.
 */
const doubtsEndWithinMs = 20_000;

/** Plays it on a cluster that is in sync; what it placed has ended when it returns. */
export async function switchUnderLoad(cluster: Cluster, o: LoadOptions): Promise<LoadResult> {
  const run = `load-${randomUUID().slice(0, 8)}`;
  const faultAt = { kind: "switchover", atMonoMs: Number(process.hrtime.bigint()) / 1e6, atWallMs: Date.now() };
  const resting = await rest(cluster, o.restingOrders, run);
  const flow = await openFlow(cluster, { seed: 7, perSecond: o.perSecond, run });
  await flow.start();
  const parent = await flow.placeParent(
    {
      ...{ algo: "twap", symbol: id<SymbolId>("BTC/USDT"), side: "buy", quantity: decimal("0.01") },
      ...{ slices: 10, durationMs: Math.max(5_000, o.switchovers * o.everyMs), aggressionBps: 10 },
    },
    `${run}-parent`,
  );
  await delay(o.everyMs);
  const fromMonoMs = Number(process.hrtime.bigint()) / 1e6;
  let aborted = 0;
  for (let count = 0; count < o.switchovers; count += 1) {
    while (!(await isSwitchedOver(cluster))) aborted += 1;
    await delay(o.everyMs);
  }
  const untilMonoMs = Number(process.hrtime.bigint()) / 1e6;
  await untilParentEnded(cluster, parent);
  await flow.finish();
  const stillResting = await openOf(cluster, resting);
  const inDoubt = await doubtsLeft(cluster);
  await untilSettled(cluster);
  const { verdict, evidence } = await judge(cluster, { flow, fault: faultAt });
  const audit = evidence.audit.filter(({ monoMs }) => monoMs >= faultAt.atMonoMs);
  return {
    ...{ asked: flow.count.asked, acknowledged: flow.count.acknowledged, switchovers: o.switchovers, aborted },
    ...{ overloaded: flow.count.overloaded, givenUp: flow.count.givenUp, refusals: flow.refusalText(), inDoubt },
    cancelled: unasked(audit, evidence.orders ?? []),
    handedOverInDoubt: handedOverInDoubt(evidence, faultAt.atWallMs),
    replaced: twice(audit, evidence.orders ?? []),
    restingLost: resting.length - stillResting,
    ...placing(audit, fromMonoMs, untilMonoMs),
    changes: changesOf(audit, evidence, faultAt.atWallMs),
    findings: verdict.findings,
  };
}

/** Buys that rest one percent below the market, spread over the nodes; given back once each is open at the exchange. */
async function rest(cluster: Cluster, count: number, run: string): Promise<readonly string[]> {
  const intents: string[] = [];
  for (let at = 0; at < count; at += 1) {
    const node = cluster.nodes[at % cluster.nodes.length];
    if (node === undefined) throw new Error("a cluster has nodes");
    const told = await eventually("a resting order is taken", async () => {
      const answer = await call(node, "POST", "/v1/orders", { body: await restingBuy(node), key: `${run}-rest-${at}` });
      if (answer.status === 202) return answer;
      throw new Error(JSON.stringify(answer.body));
    });
    intents.push(told.body.intentId as string);
  }
  await eventually("they rest in the book", async () =>
    (await openOf(cluster, intents)) === intents.length ? true : undefined,
  );
  return intents;
}

/** How many of these are open at the exchange under the id of their first and only placing. */
async function openOf(cluster: Cluster, intents: readonly string[]): Promise<number> {
  const views = await Promise.all(
    intents.map(async (intent) => {
      const told = await callLeader(cluster, 200, (leader) => call(leader, "GET", `/v1/orders/${intent}`));
      return told.body;
    }),
  );
  return views.filter((view) => view.status === "new" && view.clientOrderIds.length === 1).length;
}

/** One switchover, from all in sync until its operation has ended; false: the leader stayed where it was. */
async function isSwitchedOver(cluster: Cluster): Promise<boolean> {
  await cluster.untilInSync();
  const operation = `switch-${randomUUID()}` as OperationId;
  await askSwitchover(cluster, operation, "under load");
  const { phase, detail } = await verdictOf(cluster, operation);
  if (phase !== "done") process.stderr.write(`  the switchover was ${phase}: ${detail}\n`);
  return phase === "done";
}

/** Doubts that are left when each had its time to end: the newest began before the flow's last answer. */
async function doubtsLeft(cluster: Cluster): Promise<number> {
  const end = performance.now() + doubtsEndWithinMs;
  for (;;) {
    const inDoubt = await clientOf(await cluster.leader(), 5_000)
      .cluster()
      .then(({ orders }) => orders.inDoubt)
      .catch(() => undefined);
    if (inDoubt === 0) return 0;
    if (inDoubt !== undefined && performance.now() > end) return inDoubt;
    await delay(100);
  }
}

/** The longest list of doubts with which a successor began. */
function handedOverInDoubt({ journals }: Evidence, sinceWallMs: number): number {
  const lists = journals.flatMap(({ events }) =>
    events.flatMap((event) =>
      event.kind === "epoch.opened" && event.reason === "switchover" && event.atWallMs >= sinceWallMs
        ? event.inDoubt.length
        : [],
    ),
  );
  return Math.max(0, ...lists);
}

function idsOf(orders: readonly OrderView[]): ReadonlyMap<string, OrderView> {
  return new Map(orders.flatMap((order) => order.clientOrderIds.map((each) => [each, order] as const)));
}

/** Cancels at the exchange of orders whose cancel no journal asks for. */
function unasked(audit: readonly AuditRecord[], orders: readonly OrderView[]): number {
  const byId = idsOf(orders);
  const cancels = audit.filter((record) => record.type === "cancel");
  return cancels.filter(({ clientOrderId }) => {
    const order = byId.get(clientOrderId ?? "");
    return order?.events.some((event) => event.kind === "cancel.requested") !== true;
  }).length;
}

/**
 * Intents of which more than one request to place reached the exchange and was not refused by it: one that came too late for
 * its window never became an order.
 */
function twice(audit: readonly AuditRecord[], orders: readonly OrderView[]): number {
  const byId = idsOf(orders);
  const refused = new Set(audit.filter(({ type }) => type === "reject").map((record) => record.clientOrderId));
  const seen = new Map<string, number>();
  for (const record of audit) {
    if (record.type !== "recv" || record.call !== "order.place" || refused.has(record.clientOrderId)) continue;
    const intent = byId.get(record.clientOrderId ?? "")?.id ?? record.clientOrderId ?? "";
    seen.set(intent, (seen.get(intent) ?? 0) + 1);
  }
  return [...seen.values()].filter((count) => count > 1).length;
}

function placing(
  audit: readonly AuditRecord[],
  fromMonoMs: number,
  untilMonoMs: number,
): Pick<LoadResult, "placedPerSecond" | "longestGapMs"> {
  const at = audit
    .filter((record) => record.type === "recv" && record.call === "order.place")
    .map(({ monoMs }) => monoMs)
    .filter((monoMs) => monoMs >= fromMonoMs && monoMs <= untilMonoMs);
  const longestGapMs = Math.max(0, ...at.slice(1).map((monoMs, index) => monoMs - (at[index] ?? monoMs)));
  return { placedPerSecond: (at.length * 1_000) / (untilMonoMs - fromMonoMs), longestGapMs };
}

function changesOf(
  audit: readonly AuditRecord[],
  { journals }: Evidence,
  sinceWallMs: number,
): readonly LeaderChange[] {
  const places = audit.flatMap((record) => (record.type === "recv" && record.call === "order.place" ? [record] : []));
  const events = journals[0]?.events ?? [];
  let withdrawn = 0;
  return events.flatMap((event) => {
    if (
      event.kind === "attempt.answered" &&
      event.outcome.kind === "not-sent" &&
      event.outcome.reason === "withdrawn"
    ) {
      withdrawn += 1;
    }
    if (event.kind !== "epoch.opened" || event.reason !== "switchover" || event.atWallMs < sinceWallMs) return [];
    const first = places.findIndex((place) => place.wallMs >= event.atWallMs);
    const [before, after] = [places[first - 1], places[first]];
    const taken = withdrawn;
    withdrawn = 0;
    if (before === undefined || after === undefined) return [];
    const gapMs = after.monoMs - before.monoMs;
    return [{ gapMs, untilOpeningMs: event.atWallMs - before.wallMs, withdrawn: taken }];
  });
}
