/**
 * One cluster of real processes without etcd: with peer promises its leader goes on, without them it stops at its deadline
 * and may take its orders back before. The parts run in order.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCluster } from "../rig/cluster.ts";
import type { Cluster } from "../rig/cluster.ts";
import { auditEnd, auditOf, call, callLeader, eventually, placed, restingBuy } from "./calls.ts";

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

/** An order that the leader of the moment takes. */
const placeWithLeader = (key: string): Promise<unknown> =>
  callLeader(cluster, 202, async (node) => call(node, "POST", "/v1/orders", { body: await restingBuy(node), key }));

test("with failsafe the leader trades on for several leases without etcd, by its peers' promises", async () => {
  const leader = await configured({ failsafe: "on" });
  const { epoch } = (await call(leader, "GET", "/cluster")).body;
  const leaseMs = 1_000 * (JSON.parse(readFileSync(leader.configFile, "utf8")).leadership.leaseTtlSeconds as number);
  for (const member of cluster.etcd.members) member.freeze();
  const end = performance.now() + 3 * leaseMs;
  try {
    const answers: number[] = [];
    while (performance.now() < end) {
      answers.push((await call(leader, "POST", "/v1/orders", { body: await restingBuy(leader) })).status);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(new Set(answers)).toEqual(new Set([202]));
    expect(logOf(leader)).toContain(`the deadline of epoch ${epoch} rests on promises`);
  } finally {
    for (const member of cluster.etcd.members) member.thaw();
  }
  await cluster.leader();
  await cluster.untilInSync();
});

test("a standby that starts anew while etcd is away answers and is warm, and gives the leader neither promise nor acknowledgement", async () => {
  const leader = await cluster.leader();
  const standby = cluster.nodes.find((node) => node !== leader) as Seat;
  const { epoch } = (await call(leader, "GET", "/cluster")).body;
  for (const member of cluster.etcd.members) member.freeze();
  try {
    await eventually("the leader goes on by promises", async () =>
      logOf(leader).includes(`the deadline of epoch ${epoch} rests on promises`) ? true : undefined,
    );
    const before = logOf(leader).length;
    await standby.killEngine();
    await eventually("its new boot answers", async () => {
      const { status, body } = await call(standby, "GET", "/cluster");
      return status === 200 && body.node.role === "starting" ? true : undefined;
    });
    await eventually("it is warm", async () =>
      (await call(standby, "GET", "/v1/books/BTC/USDT")).body.quality === "live" ? true : undefined,
    );
    await eventually("the leader's boot has ended at its deadline", async () =>
      /This boot ends: the lease is lost/.test(logOf(leader).slice(before)) ? true : undefined,
    );
    expect(logOf(leader).slice(before)).not.toMatch(/Takes \w+ into the in-sync set/);
  } finally {
    for (const member of cluster.etcd.members) member.thaw();
  }
  await cluster.leader();
  await cluster.untilInSync();
});

test("without it orders end with the deadline, and onQuorumLoss takes back what is open before", async () => {
  const leader = await configured({ failsafe: "off", onQuorumLoss: "cancel" });
  const body = await restingBuy(leader);
  const taken = await call(leader, "POST", "/v1/orders", { body, key: "before-the-loss" });
  expect(taken.status).toBe(202);
  const id = taken.body.clientOrderId as string;
  const wrote = (type: string): boolean =>
    auditOf(cluster).some((each) => each.type === type && "clientOrderId" in each && each.clientOrderId === id);
  await eventually("it is open at the exchange", async () => (wrote("accept") ? true : undefined));
  const before = logOf(leader).length;
  for (const member of cluster.etcd.members) member.freeze();
  try {
    // The leader ends its boot at the deadline, so it may be gone before it is asked: the exchange and the log know.
    await eventually("the exchange has taken it back", async () => (wrote("cancel") ? true : undefined));
    expect(logOf(leader).slice(before)).toContain("open orders are cancelled");
    await eventually("the leader's boot has ended at its deadline", async () =>
      /This boot ends: the lease is lost/.test(logOf(leader).slice(before)) ? true : undefined,
    );
    const end = auditEnd(cluster);
    const asked = await Promise.all(
      cluster.nodes.map((node) =>
        call(node, "POST", "/v1/orders", { body, key: "after-the-end" }).catch(() => undefined),
      ),
    );
    expect(asked.map((told) => told?.status ?? 503)).toEqual([503, 503, 503]);
    expect(placed(cluster, end)).toEqual([]);
  } finally {
    for (const member of cluster.etcd.members) member.thaw();
  }
  await placeWithLeader("when-it-is-back");
});
