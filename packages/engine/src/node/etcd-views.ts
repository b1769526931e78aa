/** What this node knows of etcd itself, and of a cluster that nobody leads, as the admin contract shows it. */
import type { ClusterView, Config, MemberView } from "@baton/core";
import { lossRangeOf } from "@baton/core";
import { monoNow } from "../clock.ts";
import type { EngineNode } from "./node.ts";

/** A read of etcd older than this says nothing of now. */
export const etcdFreshMs = 3_000;

/** How etcd answers this node, and where its own leader is. */
export function etcdView(node: EngineNode, config: Config): ClusterView["etcd"] {
  const { view } = node.leadership.state;
  const { etcdHealth } = node.housekeeping;
  const isFresh = (node.viewAgeMs ?? Infinity) < etcdFreshMs;
  const address = view?.leader === undefined ? undefined : view.members.get(view.leader.value.node)?.address;
  return {
    isReachable: isFresh,
    endpoints: config.etcd.endpoints.map((endpoint) => {
      const looked = etcdHealth?.endpoints.find((one) => one.endpoint === endpoint);
      return { endpoint, isHealthy: looked?.isHealthy ?? isFresh };
    }),
    ageMs: node.viewAgeMs ?? null,
    revision: view?.revision ?? null,
    leaderEndpoint: etcdHealth?.leaderEndpoint ?? null,
    sitsWithLeader: address === undefined ? null : (node.housekeeping.sitsWith(address) ?? null),
  };
}

/** What etcd shows while nobody leads, and what a failover would lose; null while somebody leads or nothing is known. */
export function leaderlessView(
  node: EngineNode,
  members: readonly MemberView[],
): NonNullable<ClusterView["leaderless"]> | null {
  const { state } = node.leadership;
  const { view, leaderAbsentSinceMonoMs } = state;
  if (view === undefined || view.leader !== undefined || leaderAbsentSinceMonoMs === undefined) return null;
  const outside = members.filter((member) => !member.isInSync);
  return {
    forMs: Math.round(monoNow() - leaderAbsentSinceMonoMs),
    uncleanAfterMs: node.uncleanAfterMs,
    losses: outside.map((member) => {
      const published = view.members.get(member.node);
      const { sentence } = lossRangeOf(state, view, published ?? member);
      return { node: member.node, ...(published !== undefined && { journal: published.journal }), sentence };
    }),
  };
}
