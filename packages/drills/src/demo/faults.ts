/**
 * The faults that the demo and the soak know: what each does to a running cluster, and how it is undone. A fault's instant
 * is taken right before the act, on both clocks, because that is when a user's gap begins.
 */
import { randomUUID } from "node:crypto";
import { assertNever } from "@baton/core";
import type { OperationId } from "@baton/core";
import type { FaultEvidence } from "../checker/evidence.ts";
import type { Cluster, LinkPlan } from "../rig/cluster.ts";
import type { EngineNode } from "../rig/engine-node.ts";
import { askSwitchover } from "../rig/switchover.ts";

/** Every fault, in the order of the documentation. */
export const faultKinds = [
  "leader-kill",
  "leader-freeze",
  "leader-cut",
  "leader-uplink",
  "standby-kill",
  "switchover",
  "none",
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** A fault that has struck. */
export interface Struck {
  readonly evidence: FaultEvidence;
  readonly victim: EngineNode | undefined;
  /** What was done, as a sentence. */
  readonly sentence: string;
  /** Of a switchover: the operation, whose verdict says whether it happened. */
  readonly operation?: OperationId;
  /** Undoes what can be undone (thaw, heal, start again) and says so. */
  undo(): Promise<string | undefined>;
}

/** What the rig must have prepared for a fault. */
export function linksFor(kind: FaultKind): LinkPlan {
  return kind === "leader-cut" ? "all" : kind === "leader-uplink" ? "uplinks" : "none";
}

/** True when the fault takes the leader's place, so that a later epoch must follow. */
export function changesLeader(kind: FaultKind): boolean {
  return kind !== "none" && kind !== "standby-kill";
}

/** Does it. */
export async function strike(kind: FaultKind, cluster: Cluster): Promise<Struck> {
  const leader = await cluster.leader();
  const standby = cluster.nodes.find((node) => node !== leader);
  // Its pid is looked up before the clock starts.
  await leader.enginePid();
  await standby?.enginePid();
  const instant = (): FaultEvidence => ({
    kind,
    atMonoMs: Number(process.hrtime.bigint()) / 1e6,
    atWallMs: Date.now(),
  });
  switch (kind) {
    case "none":
      return { evidence: instant(), victim: undefined, sentence: "no fault: the leader stays", undo: nothing };
    case "leader-kill": {
      const evidence = instant();
      await leader.killEngine();
      return {
        evidence,
        victim: leader,
        sentence: `SIGKILL: the engine of leader ${leader.id} is dead in the middle of its work`,
        undo: () => startAgain(leader),
      };
    }
    case "leader-freeze": {
      const evidence = instant();
      await leader.freeze();
      return {
        evidence,
        victim: leader,
        sentence: `SIGSTOP: leader ${leader.id} and its supervisor stand still, sockets open`,
        undo: async () => {
          await leader.thaw();
          return `SIGCONT: ${leader.id} runs again and still believes what it believed`;
        },
      };
    }
    case "leader-cut":
      return cut(leader, [...leader.links.toPeers, ...leader.links.fromPeers, ...leader.links.toEtcd], {
        evidence: instant(),
        sentence: `leader ${leader.id} is cut off from etcd and from its peers; the exchange it still reaches`,
      });
    case "leader-uplink":
      return cut(leader, leader.links.toExchange, {
        evidence: instant(),
        sentence: `leader ${leader.id} has lost its way to the exchange; the others have theirs`,
      });
    case "standby-kill": {
      if (standby === undefined) throw new Error("there is no standby to kill");
      const evidence = instant();
      await standby.killAll();
      return {
        evidence,
        victim: standby,
        sentence: `SIGKILL: standby ${standby.id} and its supervisor are gone, as when a host is lost`,
        undo: () => startAgain(standby),
      };
    }
    case "switchover": {
      const evidence = instant();
      const id = `demo-${randomUUID()}` as OperationId;
      await askSwitchover(cluster, id, "demonstration");
      return {
        evidence,
        operation: id,
        victim: leader,
        sentence: `baton switchover: leader ${leader.id} is asked to hand over`,
        undo: nothing,
      };
    }
    default:
      return assertNever(kind, "fault");
  }
}

function cut(
  leader: EngineNode,
  links: readonly { cut(): void; heal(): void }[],
  told: { evidence: FaultEvidence; sentence: string },
): Struck {
  if (links.length === 0) throw new Error("this cluster was started without links that can be cut");
  for (const link of links) link.cut();
  return {
    ...told,
    victim: leader,
    undo: () => {
      for (const link of links) link.heal();
      return Promise.resolve(`the links of ${leader.id} pass again`);
    },
  };
}

async function startAgain(node: EngineNode): Promise<string> {
  if (node.isRunning) return `${node.id} is up again under its supervisor`;
  await node.start();
  return `${node.id} is started again on its old disk, as its service manager would`;
}

function nothing(): Promise<undefined> {
  return Promise.resolve(undefined);
}
