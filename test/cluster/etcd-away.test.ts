/**
 * One cluster of real processes and what becomes of its etcd. One member's loss changes nothing. Without etcd a leader goes
 * on with peer promises; without them it stops at its deadline and may take its orders back before. The parts run in order.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCluster } from "../rig/cluster.ts";
import type { Cluster } from "../rig/cluster.ts";
import { play, trials } from "./etcd-trials.ts";
import type { TrialSeen } from "./etcd-trials.ts";
import { auditEnd, auditOf, call, callLeader, eventually, operate, placed, restingBuy } from "./calls.ts";

type Seat = Cluster["nodes"][number];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ links: "all" });
});
afterAll(async () => {
  for (const member of cluster?.etcd.members ?? []) member.thaw();
  await cluster?.stop();
});

const logOf = (node: Seat): string => readFileSync(join(dirname(node.configFile), "node.log"), "utf8");

/** What a node said of leadership, venue and etcd: why an epoch ended that should not have. */
function leadershipWords(node: Seat): string {
  const words = logOf(node)
    .split("\n")
    .filter((line) => /leader|epoch|yield|etcd|venue/.test(line));
  return `${node.id}:\n${words.slice(-40).join("\n")}\n`;
}

function leaseMs(): number {
  const config = JSON.parse(readFileSync(cluster.nodes[0]?.configFile ?? "", "utf8"));
  return 1_000 * (config.leadership.leaseTtlSeconds as number);
}

async function configured(leadership: Record<string, unknown>): Promise<Seat> {
  await Promise.all(cluster.nodes.map((node) => node.stop()));
  for (const node of cluster.nodes) {
    const config = JSON.parse(readFileSync(node.configFile, "utf8")) as { leadership: Record<string, unknown> };
    Object.assign(config.leadership, leadership);
    writeFileSync(node.configFile, JSON.stringify(config));
  }
  await Promise.all(cluster.nodes.map((node) => node.start()));
  // In the set is also who has not joined this epoch yet; once something is committed it has joined, or is out of it.
  await callLeader(cluster, 202, async (node) =>
    call(node, "POST", "/v1/orders", { body: await passingBuy(node), key: JSON.stringify(leadership) + Date.now() }),
  );
  await cluster.untilInSync();
  return await cluster.leader();
}

/** An order that the leader of the moment takes. */
const placeWithLeader = (key: string): Promise<unknown> =>
  callLeader(cluster, 202, async (node) => call(node, "POST", "/v1/orders", { body: await restingBuy(node), key }));

const isLong = process.env["BATON_LONG"] === "1";

test("no freeze, kill or partition of a single member of etcd changes the epoch, and orders go on (I15)", async () => {
  const forMs = leaseMs() + 1_200;
  const seen: TrialSeen[] = [];
  for (const trial of trials(isLong ? 50 : 5)) seen.push(await play(cluster, trial, forMs));
  for (const { fault, victim, epochs, orders, longestAnswerMs } of seen) {
    const answered = `${orders.filter((status) => status === 202).length} of ${orders.length} orders taken`;
    const longest = `the longest answer took ${Math.round(longestAnswerMs)} ms`;
    process.stdout.write(`${fault} of ${victim}: epoch ${epochs.join(" → ")}, ${answered}, ${longest}\n`);
  }
  const epochs = new Set(seen.flatMap((trial) => trial.epochs));
  if (epochs.size > 1) process.stdout.write(cluster.nodes.map(leadershipWords).join(""));
  expect(epochs).toHaveProperty("size", 1);
  expect(new Set(seen.flatMap(({ orders }) => orders))).toEqual(new Set([202]));
}, 600_000);

/** The one directed link between two nodes: `from` dials `to`. */
function wayOf(from: Seat, to: Seat): Seat["links"]["toPeers"][number] {
  const others = cluster.nodes.filter((node) => node !== from);
  return from.links.toPeers[others.indexOf(to)] as Seat["links"]["toPeers"][number];
}

/** Expires at once: hundreds of open orders could not be taken back in the half of a lease that a later part has for it. */
const passingBuy = (node: Seat): Promise<Record<string, unknown>> => restingBuy(node, { timeInForce: "IOC" });

const epochOf = async (node: Seat): Promise<number> => (await call(node, "GET", "/cluster")).body.epoch as number;

test.each(["out", "back", "both"] as const)(
  "a leader that one peer reaches no more (%s) goes on without it, in the same epoch, and takes it in again",
  async (direction) => {
    const leader = await cluster.leader();
    const peer = cluster.nodes.find((node) => node !== leader) as Seat;
    const epoch = await epochOf(leader);
    wayOf(peer, leader).cut(direction);
    try {
      await eventually("the set is without it, and orders pass", async () => {
        const { status } = await call(leader, "POST", "/v1/orders", { body: await passingBuy(leader) });
        const { body } = await call(leader, "GET", "/cluster");
        return status === 202 && !body.insync.members.includes(peer.id) ? true : undefined;
      });
      // Longer than the silence after which a member of the set would pre-empt: one that is out of it may not.
      const end = performance.now() + 1_500;
      while (performance.now() < end) {
        const [key, body] = [randomUUID(), await passingBuy(leader)];
        // Where the other one stands still for a moment, an order waits for it; the leader takes it all the same.
        await eventually("an order passes", async () => {
          const { status } = await call(leader, "POST", "/v1/orders", { body, key });
          return status === 202 ? true : undefined;
        });
      }
    } finally {
      wayOf(peer, leader).heal();
    }
    await cluster.untilInSync();
    expect([await cluster.leader(), await epochOf(leader)]).toEqual([leader, epoch]);
  },
);

test("a leader that is cut off from etcd alone ends at its deadline, and a standby takes over when its lease has run out", async () => {
  const leader = await cluster.leader();
  const epoch = await epochOf(leader);
  const before = logOf(leader).length;
  for (const link of leader.links.toEtcd) link.cut();
  try {
    const successor = await eventually("another leads", async () => {
      const now = await cluster.leader();
      return now === leader ? undefined : now;
    });
    expect(await epochOf(successor)).toBe(epoch + 1);
    await eventually("it says why its boot ended", async () =>
      /This boot ends: the lease is lost: no renewal was confirmed in time/.test(logOf(leader).slice(before))
        ? true
        : undefined,
    );
    const { body } = await call(successor, "GET", "/history");
    // A boot that has ended is silent too: where etcd is slow to see the lease run out, that is noticed first.
    expect(body.entries.find((each: any) => each.kind === "epoch" && each.epoch === epoch + 1)).toMatchObject({
      reason: expect.stringMatching(/^(expired|crash-release|pre-emption)$/),
    });
  } finally {
    for (const link of leader.links.toEtcd) link.heal();
  }
  await cluster.untilInSync();
});

test("a leader that was replaced behind a cut and does not know it tells no client less than its successor acknowledged", async () => {
  const old = await cluster.leader();
  const known = await call(old, "POST", "/v1/orders", { body: await restingBuy(old) });
  expect(known.status).toBe(202);
  const others = { ...cluster, nodes: cluster.nodes.filter((node) => node !== old) };
  const successor = others.nodes[0] as Seat;
  // Clients and the venue still reach it, and its lease has a while to live; an operator's word waits for no silence.
  const links = [...old.links.toPeers, ...old.links.fromPeers, ...old.links.toEtcd];
  for (const link of links) link.cut();
  try {
    await operate(successor, { what: "failover", to: successor.id });
    const taken = await callLeader(others, 202, async (node) =>
      call(node, "POST", "/v1/orders", { body: await restingBuy(node), key: "behind-the-cut" }),
    );
    await callLeader(others, 202, (node) =>
      call(node, "DELETE", `/v1/orders/${known.body.intentId}`, { key: "cancelled-behind-the-cut" }),
    );
    const path = `/v1/orders/${taken.body.intentId}`;
    const asked = [
      ["GET", path],
      ["GET", `/v1/orders/${known.body.intentId}`],
      ["GET", "/v1/orders"],
      ["GET", "/v1/positions"],
      ["DELETE", path],
    ] as const;
    const told = await Promise.all(
      asked.map(([method, what]) =>
        // Its process may end meanwhile: then nothing is told.
        call(old, method, what).then(
          ({ status, body }) => [method, what, status, body.code],
          () => [method, what, 503, "refused"],
        ),
      ),
    );
    expect(told).toEqual(asked.map((each) => [...each, 503, "refused"]));
  } finally {
    for (const link of links) link.heal();
  }
  await cluster.untilInSync();
});

test("a leader whose host is lost together with etcd's leader is followed within its lease, an election and a second", async () => {
  const leader = await cluster.leader();
  const epoch = await epochOf(leader);
  const taken = await call(leader, "POST", "/v1/orders", { body: await restingBuy(leader), key: "before-both" });
  expect(taken.status).toBe(202);
  const { leader: member } = await cluster.etcd.roles();
  await Promise.all([leader.killAll(), member.kill()]);
  // Nobody is ever told that there is no such order: a successor knows it, or does not answer yet.
  const told = new Set<number>();
  await eventually("a successor tells of the order", async () => {
    for (const node of cluster.nodes.filter((each) => each !== leader)) {
      told.add((await call(node, "GET", `/v1/orders/${taken.body.intentId}`)).status);
    }
    return told.has(200) ? true : undefined;
  });
  expect([...told].filter((status) => status !== 200 && status !== 503)).toEqual([]);
  const successor = await cluster.leader();
  expect(await epochOf(successor)).toBe(epoch + 1);
  await Promise.all([member.restart(), leader.start()]);
  await cluster.untilInSync();
});

test("with failsafe the leader trades on for several leases without etcd, by its peers' promises", async () => {
  const leader = await configured({ failsafe: "on" });
  const { epoch } = (await call(leader, "GET", "/cluster")).body;
  for (const member of cluster.etcd.members) member.freeze();
  const end = performance.now() + 3 * leaseMs();
  try {
    const answers: number[] = [];
    while (performance.now() < end) {
      answers.push((await call(leader, "POST", "/v1/orders", { body: await passingBuy(leader) })).status);
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
  // Anew: an etcd that was frozen may end old leases some time after it wakes, and then a standby is not in the set.
  const leader = await configured({ failsafe: "on" });
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
    await eventually("the leader says so", async () =>
      logOf(leader).slice(before).includes("open orders are cancelled") ? true : undefined,
    );
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
