/**
 * Bad weather from a seed: three loops that know nothing of each other, so that their faults overlap. One strikes nodes,
 * one at a time, and waits until all are in sync again; one freezes a member of etcd; one gives the exchange a fault at a
 * time on single orders. Which fault comes when follows from the seed; how the processes meet it does not.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Cluster, ClusterOptions } from "../rig/cluster.ts";
import type { OrderFlow } from "../flow/order-flow.ts";
import { seededRandom } from "../flow/random.ts";
import type { Random } from "../flow/random.ts";
import { changesLeader, strike } from "../demo/faults.ts";
import type { FaultKind } from "../demo/faults.ts";
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

const venueFaults: readonly Readonly<Record<string, unknown>>[] = [
  { fault: "ack-lost" },
  { fault: "ack-stall" },
  { fault: "body-stall" },
  { fault: "truncated-json" },
  { fault: "drop-before-accept" },
  { fault: "accept-late", delayMs: 600 },
  { fault: "http-error", point: "after-accept", status: 502 },
  { fault: "http-error", point: "before-accept", status: 503 },
  { fault: "error-1007" },
  { fault: "query-lag", delayMs: 400, match: { call: "*" } },
];

const recoverWithinMs = 20_000;

/** Lets it storm until `isOver`; then everything is undone and this settles. */
export async function storm(
  cluster: Cluster,
  weather: { readonly flow: OrderFlow; readonly seed: number; readonly stage: Stage; readonly isOver: () => boolean },
): Promise<void> {
  const random = (loop: number): Random => seededRandom(weather.seed * 3 + loop);
  let hasFailed = false;
  const shared: Weather = { ...weather, isOver: () => hasFailed || weather.isOver() };
  const loops = [
    strikeNodes(cluster, shared, random(0)),
    freezeEtcd(cluster, shared, random(1)),
    troubleVenue(cluster, shared, random(2)),
  ];
  // One loop's failure ends the others before it is told.
  const ends = await Promise.allSettled(loops.map((loop) => loop.catch((error: unknown) => fail(error))));
  function fail(error: unknown): never {
    hasFailed = true;
    throw error;
  }
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

type Weather = Parameters<typeof storm>[1];

async function strikeNodes(cluster: Cluster, { flow, stage, isOver }: Weather, random: Random): Promise<void> {
  while (!isOver()) {
    await delay(random.whole(1_000, 4_000));
    const kind = nodeFaults[random.whole(0, nodeFaults.length - 1)] ?? "none";
    const outMs = random.whole(500, 3_000);
    const recovered = flow.untilEpochAfter(flow.epoch, recoverWithinMs);
    const struck = await strike(kind, cluster);
    stage.tell(struck.sentence, "loud");
    if (changesLeader(kind) && (await recovered) === undefined) {
      throw new Error(`${kind}: no order was acknowledged in a later epoch within ${recoverWithinMs} ms`);
    }
    await delay(outMs);
    const undone = await struck.undo();
    if (undone !== undefined) stage.tell(undone);
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

async function troubleVenue(cluster: Cluster, { isOver }: Weather, random: Random): Promise<void> {
  while (!isOver()) {
    await delay(random.whole(300, 1_500));
    const fault = venueFaults[random.whole(0, venueFaults.length - 1)];
    const body = JSON.stringify({ match: { call: "order.place" }, count: random.whole(1, 3), ...fault });
    const answer = await fetch(`${cluster.exchange.endpoint}/__faults`, { method: "POST", body });
    if (!answer.ok) throw new Error(`the exchange refused the fault ${body}: ${await answer.text()}`);
  }
}
