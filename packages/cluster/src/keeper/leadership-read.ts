/**
 * What one linearizable read of `leader` and `epoch` says of a boot's leadership: that it stands, or why it does not. Where the
 * key is ours by its words, and yet not worth anything to us, nobody else would end this leadership: then the boot ends
 * (`lease-gone`, `etcd-replaced`); where another leads, only this epoch does (I2, I3).
 */
import type { BootId, Epoch, LeaderRecord, LeaseId, NodeId } from "@baton/core";
import type { ITxnResponse } from "etcd3";
import { causeOf } from "../errors.ts";
import { decode } from "../etcd/keys.ts";

/** Who asks, and what its leadership rests on. */
export interface Claim {
  readonly node: NodeId;
  readonly boot: BootId;
  readonly epoch: Epoch;
  /** The etcd that granted its leases. */
  readonly etcdClusterId: string | undefined;
  /** Those that it keeps: the one in force, and the one that the key is being moved to. */
  readonly leases: readonly LeaseId[];
}

/** Why a read does not show a leadership. */
export interface Refusal {
  readonly reason: "lease-gone" | "other-leader" | "etcd-replaced";
  readonly detail: string;
}

/** Why this read (of the leader key, then of the epoch) does not show the claim; undefined: it does. */
export function whyNotLeading(claim: Claim, answer: ITxnResponse): Refusal | undefined {
  const { cluster_id: etcdClusterId } = answer.header;
  // A restored etcd may show this very boot as leader, with writes forgotten that came after.
  if (etcdClusterId !== claim.etcdClusterId) {
    return { reason: "etcd-replaced", detail: `another etcd answers, with cluster id ${etcdClusterId}` };
  }
  const other = (detail: string): Refusal => ({ reason: "other-leader", detail });
  const [leaderKv, epochKv] = answer.responses.map((one) => one.response_range.kvs[0]);
  if (leaderKv === undefined) return other("the leader key is gone");
  try {
    const leader = decode<LeaderRecord>(leaderKv, "object");
    if (leader.boot !== claim.boot || leader.node !== claim.node || leader.epoch !== claim.epoch) {
      return other(`${leader.node} leads at epoch ${leader.epoch}`);
    }
    if (!claim.leases.includes(leader.lease) || leaderKv.lease !== leader.lease) {
      return { reason: "lease-gone", detail: "the leader key hangs on another lease" };
    }
    const stands = epochKv === undefined ? undefined : decode<Epoch>(epochKv, "number");
    return stands === claim.epoch ? undefined : other(`etcd is at epoch ${stands}`);
  } catch (error) {
    return other(causeOf(error));
  }
}
