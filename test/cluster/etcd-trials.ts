/**
 * Trials on single members of etcd: one is frozen, killed, partitioned from the other members, or cut from everybody, for
 * longer than a lease lives, and comes back. Orders go on through the leader meanwhile. What is told of a trial: whether
 * the epoch moved, what orders were answered, and the longest wait for an answer.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Cluster } from "../rig/cluster.ts";
import type { EtcdMember } from "../rig/etcd.ts";
import { call, eventually, restingBuy } from "./calls.ts";

/** `partition`: from the other members, its clients still reach it. `isolation`: from everybody. */
export const etcdFaults = ["freeze", "kill", "partition", "isolation"] as const;

export interface Trial {
  readonly fault: (typeof etcdFaults)[number];
  readonly victim: "etcd's leader" | "a follower of etcd";
}

export interface TrialSeen extends Trial {
  readonly member: string;
  readonly epochs: readonly [before: number, after: number];
  /** Status of each order, in order. */
  readonly orders: readonly number[];
  readonly longestAnswerMs: number;
}

/** Every fault on etcd's leader and on a follower in turn, `count` of them. */
export function trials(count: number): readonly Trial[] {
  return Array.from({ length: count }, (_, at) => ({
    fault: etcdFaults[Math.floor(at / 2) % etcdFaults.length] as Trial["fault"],
    victim: at % 2 === 0 ? "etcd's leader" : "a follower of etcd",
  }));
}

const orderEveryMs = 100;

/** Plays one trial on a cluster that is well, and waits until it is well again. */
export async function play(cluster: Cluster, trial: Trial, forMs: number): Promise<TrialSeen> {
  const { leader: first, followers } = await cluster.etcd.roles();
  const member = trial.victim === "etcd's leader" ? first : followers[Math.floor(Math.random() * followers.length)];
  if (member === undefined) throw new Error("etcd has followers");
  const leader = await cluster.leader();
  const before = await epochOf(leader);
  const orders: number[] = [];
  let longestAnswerMs = 0;
  // A keepalive and a member's loss meet at any phase.
  await delay(Math.random() * 250);
  await inflict(cluster, trial, member);
  try {
    const end = performance.now() + forMs;
    while (performance.now() < end) {
      const body = await restingBuy(leader);
      const asked = performance.now();
      const told = await call(leader, "POST", "/v1/orders", { body }).catch(() => undefined);
      orders.push(told?.status ?? 0);
      longestAnswerMs = Math.max(longestAnswerMs, performance.now() - asked);
      if (told?.status === 202) void call(leader, "DELETE", `/v1/orders/${told.body.intentId}`).catch(() => undefined);
      await delay(orderEveryMs);
    }
  } finally {
    await undo(cluster, trial, member);
  }
  await eventually("every member of etcd is healthy", async () => {
    const each = await Promise.all(cluster.etcd.members.map(isHealthy));
    return each.every(Boolean) ? true : undefined;
  });
  await cluster.untilInSync();
  const after = await epochOf(await cluster.leader());
  return { ...trial, member: member.name, epochs: [before, after], orders, longestAnswerMs };
}

async function inflict(cluster: Cluster, { fault }: Trial, member: EtcdMember): Promise<void> {
  switch (fault) {
    case "freeze":
      return member.freeze();
    case "kill":
      return await member.kill();
    case "partition":
      return await cluster.etcd.partition(member);
    case "isolation":
      await cluster.etcd.partition(member);
      for (const link of waysTo(cluster, member)) link.cut();
  }
}

async function undo(cluster: Cluster, { fault }: Trial, member: EtcdMember): Promise<void> {
  if (fault === "freeze") member.thaw();
  if (fault === "kill") await member.restart();
  cluster.etcd.heal();
  for (const link of waysTo(cluster, member)) link.heal();
}

/** The engines' links to one member. */
function waysTo(cluster: Cluster, member: EtcdMember): readonly { cut(): void; heal(): void }[] {
  const at = cluster.etcd.members.indexOf(member);
  return cluster.nodes.flatMap((node) => node.links.toEtcd[at] ?? []);
}

async function isHealthy(member: EtcdMember): Promise<boolean> {
  const answer = await fetch(`${member.endpoint}/health`, { signal: AbortSignal.timeout(3_000) });
  return ((await answer.json()) as { health?: string }).health === "true";
}

async function epochOf(node: Cluster["nodes"][number]): Promise<number> {
  return (await call(node, "GET", "/cluster")).body.epoch as number;
}
