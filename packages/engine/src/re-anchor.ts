/**
 * Re-anchoring: etcd came back from a backup, or empty, and no node believes it. This asks every node under a nonce, compares
 * what they answer of their journals, and writes, over exactly what was read, an epoch and a version beyond all that anybody has seen,
 * with those nodes as the in-sync set that hold the latest record. What is decided is decided in
 * `core/succession/anchor.ts`.
 */
import { randomUUID } from "node:crypto";
import type { ExitName, NodeId } from "@baton/core";
import { anchorRecord, id, planAnchor } from "@baton/core";
import { connectEtcd, EtcdUnavailable } from "@baton/cluster";
import { journalFormat } from "@baton/journal";
import { wallNow } from "./clock.ts";
import { loadConfig } from "./config/load.ts";
import { etcdAccessOf } from "./node/etcd-access.ts";

export interface ReAnchorOptions {
  readonly configFile: string;
  /** Typed by the operator; must be the configured name. */
  readonly name: string;
  readonly by: string;
  readonly reason: string;
  /** Nodes that are stopped and stay stopped: their journals are not compared. */
  readonly without?: readonly string[];
  readonly dryRun?: boolean;
  /** How long to wait until every node has published its journal and noticed; default 10,000. */
  readonly timeoutMs?: number;
}

export type ReAnchorVerdict =
  | {
      readonly kind: "done" | "planned";
      readonly epoch: number;
      readonly setVersion: number;
      readonly members: readonly { readonly node: string; readonly journal: string }[];
      readonly sentence: string;
    }
  | { readonly kind: "refused"; readonly exit: ExitName; readonly sentence: string };

const lookEveryMs = 200;

/** Throws `ConfigError`. */
export async function reAnchorCluster(o: ReAnchorOptions): Promise<ReAnchorVerdict> {
  const config = loadConfig(o.configFile);
  if (o.name !== config.cluster.name) {
    return refuse("refused", `the cluster's name is ${config.cluster.name}, typed was ${o.name}`);
  }
  await using etcd = connectEtcd(etcdAccessOf(config));
  const without = (o.without ?? []).map((node) => id<NodeId>(node));
  const nonce = randomUUID();
  const end = performance.now() + (o.timeoutMs ?? 10_000);
  try {
    // A rehearsal asks too: it is what the nodes answer that is planned on, and it changes nothing.
    await etcd.askAnchor({ nonce, by: o.by, atWallMs: wallNow() });
    for (;;) {
      const view = await etcd.read();
      const planned = planAnchor(view, { nodes: config.cluster.nodes, without, nonce });
      if (planned.kind === "plan") {
        const { plan } = planned;
        const { epoch, version: setVersion, members, sentence } = plan;
        if (o.dryRun === true) return { kind: "planned", epoch, setVersion, members, sentence };
        const whose = { etcdClusterId: view.etcdClusterId, by: o.by, reason: o.reason, atWallMs: wallNow() };
        const written = await etcd.reAnchor(view, plan, anchorRecord(plan, whose), journalFormat);
        if (written.kind === "stored") return { kind: "done", epoch, setVersion, members, sentence };
      } else if (performance.now() >= end) {
        return refuse("refused", planned.sentence);
      }
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  } catch (error) {
    if (error instanceof EtcdUnavailable) return refuse("not-healthy", error.message);
    throw error;
  }
}

function refuse(exit: ExitName, sentence: string): ReAnchorVerdict {
  return { kind: "refused", exit, sentence };
}
