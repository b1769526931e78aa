/**
 * One cluster of real processes without etcd: with peer promises its leader goes on, without them it stops at its deadline
 * and may take its orders back before. The parts run in order.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCluster } from "../rig/cluster.ts";
import type { Cluster } from "../rig/cluster.ts";
import { call, eventually, restingBuy } from "./calls.ts";

type Seat = Cluster["nodes"][number];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  for (const member of cluster?.etcd.members ?? []) member.thaw();
  await cluster?.stop();
});

const logOf = (node: Seat): string => readFileSync(join(dirname(node.configFile), "node.log"), "utf8");

async function configured(leadership: Record<string, unknown>): Promise<Seat> {
  await Promise.all(cluster.nodes.map((node) => node.stop()));
  for (const node of cluster.nodes) {
    const config = JSON.parse(readFileSync(node.configFile, "utf8")) as { leadership: Record<string, unknown> };
    Object.assign(config.leadership, leadership);
    writeFileSync(node.configFile, JSON.stringify(config));
  }
  await Promise.all(cluster.nodes.map((node) => node.start()));
  const leader = await cluster.leader();
  await cluster.untilInSync();
  return leader;
}

const place = async (leader: Seat): Promise<number> =>
  (await call(leader, "POST", "/v1/orders", { body: await restingBuy(leader) })).status;

test("with failsafe the leader trades on for several leases without etcd, by its peers' promises", async () => {
  const leader = await configured({ failsafe: "on" });
  const { epoch } = (await call(leader, "GET", "/cluster")).body;
  const leaseMs = 1_000 * (JSON.parse(readFileSync(leader.configFile, "utf8")).leadership.leaseTtlSeconds as number);
  for (const member of cluster.etcd.members) member.freeze();
  const end = performance.now() + 3 * leaseMs;
  try {
    const answers: number[] = [];
    while (performance.now() < end) {
      answers.push(await place(leader));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(new Set(answers)).toEqual(new Set([202]));
    expect(logOf(leader)).toContain(`the deadline of epoch ${epoch} rests on promises`);
  } finally {
    for (const member of cluster.etcd.members) member.thaw();
  }
  await cluster.leader();
  await cluster.untilInSync();
}, 90_000);

test("without it orders end with the deadline, and onQuorumLoss takes back what is open before", async () => {
  const leader = await configured({ failsafe: "off", onQuorumLoss: "cancel" });
  const order = await restingBuy(leader);
  const placed = await call(leader, "POST", "/v1/orders", { body: order });
  const intent = String(placed.body.intentId);
  await eventually("it is open", async () =>
    (await call(leader, "GET", `/v1/orders/${intent}`)).body.status === "new" ? true : undefined,
  );
  for (const member of cluster.etcd.members) member.freeze();
  try {
    await eventually("it is cancelled", async () => {
      const { body } = await call(leader, "GET", `/v1/orders/${intent}`);
      return body.status === "cancelled" ? true : undefined;
    });
    expect(logOf(leader)).toContain("open orders are cancelled");
    await eventually("no order passes any more", async () => {
      // A fenced boot ends, so there may be nobody to ask.
      const status = await call(leader, "POST", "/v1/orders", { body: order }).then(
        (told) => told.status,
        () => 0,
      );
      return status === 202 ? undefined : true;
    });
  } finally {
    for (const member of cluster.etcd.members) member.thaw();
  }
  expect(await place(await cluster.leader())).toBe(202);
}, 90_000);
