/**
 * The ways in which a leader is lost, as the takeover benchmark knows them: what strikes, how it is undone, what cluster it
 * needs, how often it is done, and what the gap may be. Each instant is taken right before the act.
 */
import { randomUUID } from "node:crypto";
import type { OperationId } from "@baton/core";
import { clientOf } from "@baton/drills";
import type { Cluster, ClusterOptions } from "@baton/drills";
import { monoNow } from "./order-clients.ts";

type ClusterNode = Cluster["nodes"][number];

/** A fault that has struck. */
export interface Struck {
  readonly atMonoMs: number;
  readonly atWallMs: number;
  undo(): Promise<void>;
  /** Why the leader stayed where it was, if its own word is that it did. */
  whyNone?(): Promise<string | undefined>;
}

export interface LossKind {
  readonly name: string;
  readonly says: string;
  readonly cluster: ClusterOptions;
  readonly samples: number;
  /** The promise on the gap in ms: p99 where there are 300 samples, else on the maximum. */
  readonly goalMs: number;
  strike(cluster: Cluster, leader: ClusterNode): Promise<Struck>;
}

/** The rig's lease, and its etcd's election timeout: etcd elects within twice that. */
const leaseTtlMs = 2_000;
const etcdElectionMs = 1_000;
/** An engine may die so often under one supervisor before that is replaced: its pauses double with each death. */
const deathsPerSupervisor = 3;
const deaths = new Map<ClusterNode, number>();

export const lossKinds: readonly LossKind[] = [
  {
    name: "switchover",
    says: "planned switchover",
    cluster: {},
    samples: 300,
    goalMs: 250,
    async strike(_cluster, leader) {
      const at = instant();
      const id = `bench-${randomUUID()}` as OperationId;
      await clientOf(leader, 5_000).operate({ id, what: "switchover", reason: "benchmark" });
      const whyNone = async (): Promise<string | undefined> => {
        const answer = await fetch(`${leader.endpoint}/operations/${id}`);
        const { phase, detail } = (await answer.json()) as { phase?: string; detail?: string };
        return phase === "aborted" || phase === "failed" ? `${phase}: ${detail}` : undefined;
      };
      return { ...at, undo: () => Promise.resolve(), whyNone };
    },
  },
  {
    name: "kill",
    says: "leader's process killed, its supervisor lives",
    cluster: {},
    samples: 300,
    goalMs: 500,
    async strike(_cluster, leader) {
      let at = instant();
      await leader.killEngine(() => (at = instant()));
      return { ...at, undo: () => reviveEngine(leader) };
    },
  },
  {
    name: "host-lost",
    says: "leader and its supervisor killed",
    cluster: {},
    samples: 50,
    goalMs: 1_500,
    async strike(_cluster, leader) {
      let at = instant();
      await leader.killAll(() => (at = instant()));
      return { ...at, undo: () => leader.start() };
    },
  },
  {
    name: "freeze",
    says: "leader and its supervisor frozen",
    cluster: {},
    samples: 50,
    goalMs: 1_500,
    async strike(_cluster, leader) {
      let at = instant();
      await leader.freeze(() => (at = instant()));
      return { ...at, undo: () => leader.thaw() };
    },
  },
  {
    name: "cut",
    says: "leader cut off from etcd and its peers",
    cluster: { links: "all" },
    samples: 50,
    goalMs: 1_500,
    strike: (_cluster, leader) => Promise.resolve(cut(leader)),
  },
  {
    name: "cut-no-preempt",
    says: "the same, pre-emption turned off",
    cluster: { links: "all", preempt: false },
    samples: 50,
    goalMs: leaseTtlMs + 800,
    strike: (_cluster, leader) => Promise.resolve(cut(leader)),
  },
  {
    name: "with-etcd-leader",
    says: "leader's host lost together with etcd's leader",
    cluster: {},
    samples: 50,
    goalMs: leaseTtlMs + etcdElectionMs + 1_000,
    async strike(cluster, leader) {
      const { leader: member } = await cluster.etcd.roles();
      let at = instant();
      const killed: Promise<void>[] = [];
      await leader.killAll(() => {
        at = instant();
        killed.push(member.kill());
      });
      await Promise.all(killed);
      return {
        ...at,
        undo: async () => {
          await member.restart();
          await leader.start();
        },
      };
    },
  },
];

function instant(): Pick<Struck, "atMonoMs" | "atWallMs"> {
  return { atMonoMs: monoNow(), atWallMs: Date.now() };
}

function cut(leader: ClusterNode): Struck {
  const links = [...leader.links.toPeers, ...leader.links.fromPeers, ...leader.links.toEtcd];
  const at = instant();
  for (const link of links) link.cut();
  return {
    ...at,
    undo: () => {
      for (const link of links) link.heal();
      return Promise.resolve();
    },
  };
}

/** Its supervisor starts it again; one that has seen too many deaths is replaced, in order. */
async function reviveEngine(node: ClusterNode): Promise<void> {
  const count = (deaths.get(node) ?? 0) + 1;
  deaths.set(node, count % deathsPerSupervisor);
  if (count < deathsPerSupervisor && node.isRunning) return;
  await node.stop();
  await node.start();
}
