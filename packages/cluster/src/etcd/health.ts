/**
 * How each etcd endpoint is, who leads etcd, who its members are and what they complain of, and asking etcd's leader to
 * move off a host (design §1, the 1.5 s row).
 */
import { causeOf } from "../errors.ts";
import type { Fleet } from "./fleet.ts";

/** One endpoint's own answer, or why it gave none. */
export type EndpointHealth =
  | {
      readonly endpoint: string;
      readonly isHealthy: true;
      readonly version: string;
      readonly memberId: string;
      readonly isEtcdLeader: boolean;
      readonly raftTerm: string;
      readonly databaseBytes: number;
      readonly latencyMs: number;
    }
  | { readonly endpoint: string; readonly isHealthy: false; readonly cause: string };

export interface EtcdHealth {
  readonly endpoints: readonly EndpointHealth[];
  /** Endpoint of etcd's own leader, if it is one of ours and answered. */
  readonly leaderEndpoint: string | undefined;
}

/** Asks every endpoint; never rejects. An answer says that the member lives, not that it has a quorum. */
export async function etcdHealth(fleet: Fleet): Promise<EtcdHealth> {
  const endpoints = await Promise.all(
    fleet.endpoints.map(async (endpoint): Promise<EndpointHealth> => {
      const asked = performance.now();
      try {
        const answer = await endpoint.call(fleet.timeoutMs, (client, options) => client.maintenance.status(options));
        return {
          endpoint: endpoint.url,
          isHealthy: true,
          version: answer.version,
          memberId: answer.header.member_id,
          isEtcdLeader: answer.leader === answer.header.member_id,
          raftTerm: answer.header.raft_term,
          databaseBytes: Number(answer.dbSize),
          latencyMs: performance.now() - asked,
        };
      } catch (error) {
        return { endpoint: endpoint.url, isHealthy: false, cause: causeOf(error) };
      }
    }),
  );
  return { endpoints, leaderEndpoint: endpoints.find((one) => one.isHealthy && one.isEtcdLeader)?.endpoint };
}

/** What etcd says of itself as a whole; each part, or why nobody told it. */
export interface EtcdInquiry {
  /** Its voting members. */
  readonly members:
    | {
        readonly kind: "told";
        readonly list: readonly { readonly name: string; readonly clientUrls: readonly string[] }[];
      }
    | { readonly kind: "untold"; readonly cause: string };
  readonly alarms:
    | { readonly kind: "told"; readonly list: readonly { readonly member: string; readonly alarm: string }[] }
    | { readonly kind: "untold"; readonly cause: string };
}

/** Asks who its members are and for alarms; reads only, and never rejects. */
export async function inquireEtcd(fleet: Fleet): Promise<EtcdInquiry> {
  const untold = (error: unknown): { readonly kind: "untold"; readonly cause: string } => ({
    kind: "untold",
    cause: causeOf(error),
  });
  const listed = await fleet
    .first("member list", (client, options) => client.cluster.memberList({}, options))
    .catch((error: unknown) => untold(error));
  const raised = await fleet
    .first("alarms", (client, options) => client.maintenance.alarm({ action: "Get" }, options))
    .catch((error: unknown) => untold(error));
  const members = "members" in listed ? listed.members.filter((each) => !each.isLearner) : [];
  const nameOf = (memberId: string): string => members.find((each) => each.ID === memberId)?.name ?? memberId;
  return {
    members:
      "kind" in listed
        ? listed
        : { kind: "told", list: members.map(({ name, clientURLs }) => ({ name, clientUrls: clientURLs })) },
    alarms:
      "kind" in raised
        ? raised
        : {
            kind: "told",
            list: raised.alarms.map(({ memberID, alarm }) => ({
              member: nameOf(memberID),
              alarm: alarm.toUpperCase(),
            })),
          },
  };
}

/** Asks etcd to move its leader away from `endpoint`. True when it now leads elsewhere; false when nobody could take it. */
export async function moveLeaderAway(fleet: Fleet, endpoint: string): Promise<boolean> {
  const health = await etcdHealth(fleet);
  if (health.leaderEndpoint !== endpoint) return true;
  const holder = fleet.endpoints.find((one) => one.url === endpoint);
  for (const target of health.endpoints) {
    if (!target.isHealthy || target.isEtcdLeader) continue;
    try {
      await holder?.call(fleet.timeoutMs, (client, options) =>
        client.maintenance.moveLeader({ targetID: target.memberId }, options),
      );
      return true;
    } catch {
      // That member could not take it; another may.
    }
  }
  return false;
}
