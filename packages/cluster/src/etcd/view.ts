/**
 * One linearizable read of everything but the history, at one revision: a read-only transaction of two ranges. The history
 * grows with every takeover and decides nothing, so it is read apart.
 */
import type {
  AcknowledgedRecord,
  AnchorAsked,
  AnchorRecord,
  BootId,
  ClusterId,
  ControlRecord,
  DeathRecord,
  Epoch,
  EtcdView,
  InsyncRecord,
  KillRecord,
  LeaderRecord,
  MemberRecord,
  MemberSettings,
  NodeId,
  OperationId,
  OperationRecord,
  Versioned,
} from "@baton/core";
import type { IKeyValue, ITxnRequest, ITxnResponse } from "etcd3";
import type { Keys } from "./keys.ts";
import { decode, withPrefixExcept } from "./keys.ts";

/** The request whose answer `viewOf` reads. */
export function viewRequest(keys: Keys): ITxnRequest {
  const ranges = withPrefixExcept(keys.prefix, keys.histories);
  return { success: ranges.map((range) => ({ request_range: range })) };
}

/** Throws `ClusterStateMalformed`. Keys that this version does not know are passed over. */
export function viewOf(keys: Keys, answer: ITxnResponse): EtcdView {
  const found = new Map<string, IKeyValue>();
  for (const response of answer.responses) {
    for (const kv of response.response_range.kvs) found.set(kv.key.toString("utf8"), kv);
  }
  const folder = <K, R>(name: string, expect: (kv: IKeyValue) => R): Map<K, R> => {
    const start = `${keys.prefix}${name}/`;
    const entries = new Map<K, R>();
    for (const [key, kv] of found) if (key.startsWith(start)) entries.set(key.slice(start.length) as K, expect(kv));
    return entries;
  };
  const present = <T>(key: string, kind: "object" | "number" | "string" = "object"): Versioned<T> | undefined => {
    const kv = found.get(key);
    return kv === undefined ? undefined : versioned<T>(kv, kind);
  };
  const absent = "0";
  const cluster = found.get(keys.cluster);
  return {
    etcdClusterId: answer.header.cluster_id,
    revision: answer.header.revision,
    cluster: cluster === undefined ? undefined : decode<{ id: ClusterId; schema: number }>(cluster, "object"),
    epoch: present<Epoch>(keys.epoch, "number") ?? { value: 0, modRevision: absent },
    leader: present<LeaderRecord>(keys.leader),
    insync: present<InsyncRecord>(keys.insync),
    autofailover: present<ControlRecord["autofailover"]>(keys.autofailover, "string") ?? {
      value: "on",
      modRevision: absent,
    },
    pause: present<ControlRecord["pause"]>(keys.pause) ?? { value: undefined, modRevision: absent },
    kill: present<KillRecord>(keys.kill) ?? { value: undefined, modRevision: absent },
    acknowledged: present<AcknowledgedRecord>(keys.acknowledged) ?? { value: undefined, modRevision: absent },
    anchor: present<AnchorRecord>(keys.anchor)?.value,
    anchorAsked: present<AnchorAsked>(keys.anchorAsked)?.value,
    members: folder<NodeId, MemberRecord>("members", (kv) => decode<MemberRecord>(kv, "object")),
    settings: folder<NodeId, Versioned<MemberSettings>>("control/members", (kv) => versioned(kv, "object")),
    deaths: folder<BootId, DeathRecord>("deaths", (kv) => decode<DeathRecord>(kv, "object")),
    operations: folder<OperationId, Versioned<OperationRecord>>("operations", (kv) => versioned(kv, "object")),
  };
}

function versioned<T>(kv: IKeyValue, kind: "object" | "number" | "string"): Versioned<T> {
  return { value: decode<T>(kv, kind), modRevision: kv.mod_revision };
}
