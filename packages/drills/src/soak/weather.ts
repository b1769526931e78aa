/**
 * Bad weather from a seed: loops that know nothing of each other, so that their faults overlap. One strikes nodes, one at
 * a time, and waits until all are in sync again; one freezes a member of etcd; two give the exchange faults, on single
 * requests and on the account's stream. Which fault comes when follows from the seed; how the processes meet it does not.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Cluster, ClusterOptions } from "../rig/cluster.ts";
import type { OrderFlow } from "../flow/order-flow.ts";
import { seededRandom } from "../flow/random.ts";
import type { Random } from "../flow/random.ts";
import { verdictOf } from "../rig/switchover.ts";
import { changesLeader, strike } from "../demo/faults.ts";
import type { FaultKind } from "../demo/faults.ts";
import { stillness } from "../demo/session.ts";
import type { Stage } from "../demo/stage.ts";

/** What the cluster must have been started with. */
export const weatherLinks: NonNullable<ClusterOptions["links"]> = "all";

const nodeFaults: readonly FaultKind[] = [
  "leader-kill",
  "leader-freeze",
  "leader-cut",
  "leader-uplink",
  "standby-kill",
  "switchover",
];

type VenueFault = Readonly<Record<string, unknown>>;

const place = { match: { call: "order.place" } } as const;
const cancel = { match: { call: "order.cancel" } } as const;

/** On requests: each strikes one to three of them. */
const requestFaults: readonly VenueFault[] = [
  { ...place, fault: "ack-lost" },
  { ...place, fault: "ack-stall" },
  { ...place, fault: "body-stall" },
  { ...place, fault: "truncated-json" },
  { ...place, fault: "drop-before-accept" },
  { ...place, fault: "accept-late", delayMs: 600 },
  { ...place, fault: "accept-late", delayMs: 1_200 },
  { ...place, fault: "http-error", point: "after-accept", status: 502 },
  { ...place, fault: "http-error", point: "before-accept", status: 503 },
  { ...place, fault: "error-1000", point: "after-accept" },
  { ...place, fault: "error-1006", point: "before-accept" },
  { ...place, fault: "error-1007" },
  { ...place, fault: "error-1021" },
  { ...place, fault: "403-html" },
  { ...cancel, fault: "ack-lost" },
  { ...cancel, fault: "drop-before-accept" },
  { ...cancel, fault: "http-error", point: "after-accept", status: 502 },
];

const user = { match: { stream: "user" } } as const;

/** On what the venue tells: the account's stream, and questions. They end by themselves. */
const tellingFaults: readonly VenueFault[] = [
  { ...user, fault: "user-event-loss", count: 3 },
  { ...user, fault: "stream-duplicate", count: 3 },
  { ...user, fault: "stream-reorder", count: 2, delayMs: 200 },
  { ...user, fault: "stream-replay", count: 1 },
  { ...user, fault: "stream-drop", count: 1 },
  { ...user, fault: "stream-stall", durationMs: 2_000 },
  { fault: "query-lag", delayMs: 400, match: { call: "*" }, durationMs: 3_000 },
  { fault: "orders-purged", durationMs: 2_000 },
];

/** Lease, election and room. */
const succeedWithinMs = 8_000;
const recoverWithinMs = 60_000;

/** Lets it storm until `isOver`; then everything is undone and this settles. Gives how often each fault struck a node. */
export async function storm(
  cluster: Cluster,
  weather: { readonly flow: OrderFlow; readonly seed: number; readonly stage: Stage; readonly isOver: () => boolean },
): Promise<ReadonlyMap<string, number>> {
  const random = (loop: number): Random => seededRandom(weather.seed * 5 + loop);
  let hasFailed = false;
  const shared: Weather = { ...weather, struck: new Map(), isOver: () => hasFailed || weather.isOver() };
  const loops = [
    strikeNodes(cluster, shared, random(0)),
    freezeEtcd(cluster, shared, random(1)),
    troubleVenue(cluster, shared, { random: random(2), faults: requestFaults, pauseMs: [300, 1_500] }),
    troubleVenue(cluster, shared, { random: random(3), faults: tellingFaults, pauseMs: [2_000, 6_000] }),
  ];
  // One loop's failure ends the others before it is told.
  const ends = await Promise.allSettled(loops.map((loop) => loop.catch((error: unknown) => fail(error))));
  function fail(error: unknown): never {
    hasFailed = true;
    throw error;
  }
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return shared.struck;
}

interface Weather {
  readonly flow: OrderFlow;
  readonly stage: Stage;
  readonly struck: Map<string, number>;
  readonly isOver: () => boolean;
}

async function strikeNodes(cluster: Cluster, weather: Weather, random: Random): Promise<void> {
  const { flow, stage, isOver, struck: count } = weather;
  while (!isOver()) {
    await delay(random.whole(1_000, 4_000));
    const kind = nodeFaults[random.whole(0, nodeFaults.length - 1)] ?? "none";
    const outMs = random.whole(500, 3_000);
    const succeeded = flow.untilEpochAfter(flow.epoch, succeedWithinMs);
    const struck = await strike(kind, cluster);
    count.set(kind, (count.get(kind) ?? 0) + 1);
    stage.tell(struck.sentence, "loud");
    // A switchover that meets other bad weather may be given up, with a reason; then nobody waits for its epoch.
    const isRefused = struck.operation !== undefined && (await verdictOf(cluster, struck.operation)).phase !== "done";
    if (changesLeader(kind) && !isRefused && (await succeeded) === undefined) {
      // A leader that was alone in the in-sync set has no successor, and nobody else may lead until it is back.
      stage.tell(`${kind}: nobody succeeded within ${succeedWithinMs} ms`, "loud");
    }
    await delay(outMs);
    const undone = await struck.undo();
    if (undone !== undefined) stage.tell(undone);
    if ((await flow.untilEpochAfter(flow.epoch - 1, recoverWithinMs)) === undefined)
      throw new Error(`${kind}: undone, and no order acknowledged${await stillness(cluster, flow, recoverWithinMs)}`);
    await cluster.untilInSync();
  }
}

async function freezeEtcd(cluster: Cluster, { stage, isOver }: Weather, random: Random): Promise<void> {
  while (!isOver()) {
    await delay(random.whole(3_000, 8_000));
    const member = cluster.etcd.members[random.whole(0, cluster.etcd.members.length - 1)];
    if (member === undefined || isOver()) return;
    stage.tell(`SIGSTOP: ${member.name}`, "quiet");
    member.freeze();
    await delay(random.whole(300, 2_000));
    member.thaw();
  }
}

async function troubleVenue(
  cluster: Cluster,
  { isOver }: Weather,
  trouble: {
    readonly random: Random;
    readonly faults: readonly VenueFault[];
    readonly pauseMs: readonly [number, number];
  },
): Promise<void> {
  const { random, faults, pauseMs } = trouble;
  while (!isOver()) {
    await delay(random.whole(...pauseMs));
    const fault = faults[random.whole(0, faults.length - 1)];
    const isLasting = fault !== undefined && ("durationMs" in fault || "count" in fault);
    const count = random.whole(1, 3);
    const body = JSON.stringify({ ...fault, ...(!isLasting && { count }) });
    const answer = await fetch(`${cluster.exchange.endpoint}/__faults`, { method: "POST", body });
    if (!answer.ok) throw new Error(`the exchange refused the fault ${body}: ${await answer.text()}`);
  }
}
