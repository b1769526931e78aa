/**
 * The nodes of the cluster as this one sees them: role, position, whether each could take over and why not, and how its
 * journal comes together with the leader's. What a node says of itself in etcd counts, except where the leader, or the
 * node itself, knows better.
 */
import type { MemberView, NodeId, NodeRole, Promotability } from "@baton/core";
import { bars, rejoinStates } from "@baton/core";
import { wallNow } from "../clock.ts";
import type { EngineNode } from "./node.ts";
import { build, configDigestOf } from "./presence.ts";
import { judged } from "./standing.ts";
import type { ViewSources } from "./view-sources.ts";

/** Every node that etcd shows, and this one whatever etcd shows. */
export function memberViews({ node, config, boot, journal }: ViewSources): readonly MemberView[] {
  const view = node.leadership.state.view;
  const leader = view?.leader?.value;
  const insync = node.leadership.leading?.known.record.members ?? view?.insync?.value.members ?? [];
  const followers = node.leadership.leading?.followers;
  const head = journal.last.sequence;
  const leaderPosition = leader === undefined ? undefined : view?.members.get(leader.node)?.position.durable;
  const published = [...(view?.members.values() ?? [])];
  // Without etcd, or before it has published itself, a node knows at least of itself.
  const own = published.some((member) => member.node === config.node.id) ? [] : [node.standing.record()];
  return [...published, ...own].map((member) => {
    const isHere = member.node === config.node.id;
    const role: NodeRole = isHere ? roleOf(node) : leader?.boot === member.boot ? "leader" : "standby";
    const acked = isHere ? journal.durable : (followers?.get(member.node)?.acked ?? member.position.durable);
    const target = followers === undefined ? leaderPosition : head;
    const position = isHere
      ? { epoch: node.epoch, durable: journal.durable, committed: journal.commitMark.sequence }
      : { ...member.position, durable: acked };
    const reasons = judged(node.leadership.state, isHere ? node.standing.record() : { ...member, position }, wallNow());
    return {
      node: member.node,
      boot: isHere ? boot : member.boot,
      role,
      site: member.site,
      address: member.address,
      isInSync: insync.some((each) => each.node === member.node && each.journal === member.journal),
      position,
      lagRecords: target === undefined || leader === undefined ? null : Math.max(0, target - acked),
      unfit: bars(reasons, "automatic").map((one) => one.sentence),
      reasons,
      reachesVenue: isHere ? node.doors.reachesAll : member.reachesVenue,
      build: isHere ? build : member.build,
      configDigest: isHere ? configDigestOf(config) : member.configDigest,
      tags: member.tags,
      rejoin: rejoinView(node, member.node),
    };
  });
}

/** Who could take over now, and why the others could not. */
export function promotabilityView(sources: ViewSources): Promotability {
  return {
    version: 1,
    candidates: memberViews(sources).map((member) => ({
      node: member.node,
      isPromotable: member.unfit.length === 0,
      isInSync: member.isInSync,
      lagRecords: member.lagRecords,
      unfit: member.unfit,
      reasons: member.reasons,
    })),
  };
}

/** Records that the leader has and this node has not; undefined where no leader is known. */
export function lagRecordsOf(sources: ViewSources): number | undefined {
  return memberViews(sources).find((member) => member.node === sources.config.node.id)?.lagRecords ?? undefined;
}

/** What this node is doing, as a word. */
export function roleOf(node: EngineNode): NodeRole {
  const { role, isAdmitted } = node.leadership.state;
  if (!isAdmitted && role.role === "standby") return "starting";
  switch (role.role) {
    case "standby":
      return "standby";
    case "candidate":
    case "winner":
      return "campaigning";
    case "leader":
      return role.hold === undefined ? "leader" : "held";
    case "fenced":
      return "fenced";
  }
}

/** How a standby's journal comes together with this leader's; only the leader knows. */
function rejoinView(node: EngineNode, standby: NodeId): NonNullable<MemberView["rejoin"]> | null {
  const phase = node.replication.followers.find((follower) => follower.node === standby)?.phase;
  if (phase === undefined || phase === "idle") return null;
  const { needs, means, action } = rejoinStates[phase];
  return { state: phase, needs, means, action };
}
