/**
 * Genesis: writes the cluster's UUID, epoch 0 and the first in-sync set, once. The set is of the nodes that have published
 * themselves in etcd (each waits with the journal it would make), unless members are given.
 */
import { randomUUID } from "node:crypto";
import type { ClusterId, ExitName, JournalId, Member, NodeId } from "@baton/core";
import { id } from "@baton/core";
import { connectEtcd, EtcdUnavailable } from "@baton/cluster";
import { loadConfig } from "./config/load.ts";
import { etcdAccessOf } from "./node/etcd-access.ts";

export interface InitOptions {
  readonly configFile: string;
  /** Typed by the operator; must be the configured name. */
  readonly name: string;
  readonly members?: readonly { readonly node: string; readonly journal: string }[];
  readonly dryRun?: boolean;
  /** How long to wait until every configured node has published itself; default 10,000. */
  readonly timeoutMs?: number;
}

export type InitVerdict =
  | { readonly kind: "done" | "planned"; readonly clusterId: string; readonly members: readonly Member[] }
  | { readonly kind: "refused"; readonly exit: ExitName; readonly sentence: string };

const schema = 1;
const lookEveryMs = 100;

/** Throws `ConfigError`. */
export async function initCluster(o: InitOptions): Promise<InitVerdict> {
  const config = loadConfig(o.configFile);
  if (o.name !== config.cluster.name) {
    return refuse("refused", `the cluster's name is ${config.cluster.name}, typed was ${o.name}`);
  }
  await using etcd = connectEtcd(etcdAccessOf(config));
  const end = performance.now() + (o.timeoutMs ?? 10_000);
  try {
    for (;;) {
      const view = await etcd.read();
      if (view.cluster !== undefined) return refuse("conflict", `the cluster exists already: ${view.cluster.id}`);
      const members =
        o.members?.map(memberOf) ?? [...view.members.values()].map(({ node, journal }) => ({ node, journal }));
      const missing = config.cluster.nodes.filter((node) => !members.some((member) => member.node === node));
      if (missing.length === 0) {
        const clusterId = id<ClusterId>(randomUUID());
        if (o.dryRun === true) return { kind: "planned", clusterId, members };
        const made = await etcd.initCluster({ id: clusterId, members, schema });
        if (made === "exists") return refuse("conflict", "another init was faster");
        await etcd.setAutofailover(config.leadership.autofailover);
        return { kind: "done", clusterId, members };
      }
      if (performance.now() >= end) {
        return refuse(
          "refused",
          `these nodes have not published themselves in etcd: ${missing.join(", ")}; start them first`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  } catch (error) {
    if (error instanceof EtcdUnavailable) return refuse("not-healthy", error.message);
    throw error;
  }
}

function memberOf(member: { readonly node: string; readonly journal: string }): Member {
  return { node: id<NodeId>(member.node), journal: id<JournalId>(member.journal) };
}

function refuse(exit: ExitName, sentence: string): InitVerdict {
  return { kind: "refused", exit, sentence };
}
