/**
 * A node's presence in etcd: its member record on its own lease, the death that a supervisor reports, and the release of a
 * lease. Invariant I17: while another boot's record stands under a node id, publishing refuses. All writes here may be
 * repeated safely, so they go to several endpoints when one is slow.
 */
import type { BootId, BootRecord, DeathRecord, LeaseId, MemberRecord, NodeId } from "@baton/core";
import { EtcdLeaseInvalidError } from "etcd3";
import { EtcdUnavailable, NodeIdInUse } from "../errors.ts";
import type { Fleet } from "./fleet.ts";
import type { Keys } from "./keys.ts";
import { bytes, decode, encode } from "./keys.ts";
import { put, range, unchanged } from "./transaction.ts";

/**
 * Writes the record when the id is free or ours already, and gives its revision. `held` is written with it: whoever opens a
 * copy of this disk later is measured by it. `lastSeen` is the revision of our last write
 * ("0": none); a wrong guess costs a round trip. Rejects with `NodeIdInUse` when another boot's record stands,
 * with `EtcdUnavailable` when etcd is away or no longer knows the record's lease.
 */
export async function publishMember(
  fleet: Fleet,
  keys: Keys,
  o: { readonly record: MemberRecord; readonly held: BootRecord | undefined; readonly lastSeen: string },
): Promise<string> {
  const { record, held, lastSeen } = o;
  const beside = held === undefined ? [] : [put(keys.boots(record.journal), held)];
  const key = keys.member(record.node);
  let seen = lastSeen;
  for (let attempt = 0; attempt < 4; attempt++) {
    const guard = seen;
    const answer = await orLeaseLost(
      fleet.first("publish member", (client, options) =>
        client.kv.txn(
          {
            compare: [unchanged(key, guard)],
            success: [put(key, record, record.lease), ...beside],
            failure: [range(key)],
          },
          options,
        ),
      ),
    );
    if (answer.succeeded) return answer.header.revision;
    const stands = answer.responses[0]?.response_range.kvs[0];
    if (stands === undefined) {
      seen = "0";
      continue;
    }
    const other = decode<MemberRecord>(stands, "object");
    if (other.boot !== record.boot) throw new NodeIdInUse(record.node, other.boot, other.address);
    seen = stands.mod_revision;
  }
  throw new EtcdUnavailable("publish member", ["the record changed at every attempt"]);
}

async function orLeaseLost<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof EtcdLeaseInvalidError) throw new EtcdUnavailable("publish member", ["the lease is gone"]);
    throw error;
  }
}

/** Records the death of a boot. */
export async function noteDeath(fleet: Fleet, keys: Keys, death: DeathRecord): Promise<void> {
  const request = { key: bytes(keys.death(death.boot)), value: encode(death) };
  await fleet.first("note death", (client, options) => client.kv.put(request, options));
}

/** Revokes exactly this lease; one that is gone already is revoked too. */
export async function revokeLease(fleet: Fleet, lease: LeaseId): Promise<void> {
  await fleet.first("revoke lease", (client, options) =>
    client.leaseClient.leaseRevoke({ ID: lease }, options).catch((error: unknown) => {
      if (!(error instanceof EtcdLeaseInvalidError)) throw error;
    }),
  );
}

/** The boot of the member record that stands under a node id, if any. */
export async function bootOf(fleet: Fleet, keys: Keys, node: NodeId): Promise<BootId | undefined> {
  const key = bytes(keys.member(node));
  const answer = await fleet.first("read member", (client, options) => client.kv.range({ key }, options));
  const kv = answer.kvs[0];
  return kv === undefined ? undefined : decode<MemberRecord>(kv, "object").boot;
}
