/**
 * What keeps the cluster's state and the disks honest about each other: the anchor that an operator writes after etcd was
 * restored, and the count of a journal's openings, by which a disk that was rolled back is known. Decided in
 * `core/succession/anchor.ts`; here are the guarded writes.
 */
import type { AnchorPlan, AnchorRecord, BootId, BootRecord, EtcdView, InsyncRecord, JournalId } from "@baton/core";
import { id, whyRolledBack } from "@baton/core";
import { EtcdUnavailable } from "../errors.ts";
import type { GuardedWrite } from "./control.ts";
import type { Fleet } from "./fleet.ts";
import type { Keys } from "./keys.ts";
import { bytes, decode, encode } from "./keys.ts";
import { put, range, unchanged } from "./transaction.ts";

/** Writes the plan over exactly what was read. */
export async function reAnchor(
  fleet: Fleet,
  keys: Keys,
  o: { readonly view: EtcdView; readonly plan: AnchorPlan; readonly record: AnchorRecord; readonly schema: number },
): Promise<GuardedWrite> {
  const { view, plan, record, schema } = o;
  const by = { boot: id<BootId>("re-anchor"), transaction: plan.epoch };
  const insync: InsyncRecord = {
    epoch: plan.epoch,
    version: plan.version,
    members: plan.members,
    reconcileDue: plan.epoch,
    ...(view.insync?.value.uncleans !== undefined && { uncleans: view.insync.value.uncleans }),
    by,
  };
  const answer = await fleet.first("re-anchor", (client, options) =>
    client.kv.txn(
      {
        compare: [
          unchanged(keys.epoch, view.epoch.modRevision),
          unchanged(keys.insync, view.insync?.modRevision ?? "0"),
          unchanged(keys.leader, view.leader?.modRevision ?? "0"),
          unchanged(keys.kill, view.kill.modRevision),
        ],
        success: [
          put(keys.cluster, { id: plan.cluster, schema }),
          put(keys.epoch, plan.epoch),
          put(keys.insync, insync),
          put(keys.anchor, record),
          { request_delete_range: { key: bytes(keys.leader) } },
          { request_delete_range: { key: bytes(keys.anchorAsked) } },
          ...(plan.kill === undefined ? [] : [put(keys.kill, plan.kill)]),
        ],
        failure: [range(keys.anchor)],
      },
      options,
    ),
  );
  if (answer.succeeded) return { kind: "stored", modRevision: answer.header.revision };
  const stands = answer.responses[0]?.response_range.kvs[0];
  // A slow endpoint's copy of this very request may have been first.
  if (stands?.value.equals(encode(record)) === true) return { kind: "stored", modRevision: stands.mod_revision };
  return { kind: "conflict" };
}

/** `rolled-back`: `why` says by what it is known. */
export type BootCounted = { readonly kind: "counted" } | { readonly kind: "rolled-back"; readonly why: string };

/** See `Etcd.countBoot`. The count only rises. */
export async function countBoot(
  fleet: Fleet,
  keys: Keys,
  journal: JournalId,
  opened: BootRecord,
): Promise<BootCounted> {
  const key = keys.boots(journal);
  for (let attempt = 1; attempt <= 4; attempt++) {
    const read = await fleet.first("read boots", (client, options) => client.kv.range({ key: bytes(key) }, options));
    const stands = read.kvs[0];
    const known = stands === undefined ? undefined : decode<BootRecord>(stands, "object");
    if (known?.boot === opened.boot) return { kind: "counted" };
    const why = whyRolledBack(known, opened);
    if (why !== undefined) return { kind: "rolled-back", why };
    const answer = await fleet.first("count boot", (client, options) =>
      client.kv.txn(
        {
          compare: [unchanged(key, stands?.mod_revision ?? "0")],
          success: [put(key, opened)],
          failure: [range(key)],
        },
        options,
      ),
    );
    if (answer.succeeded) return { kind: "counted" };
  }
  throw new EtcdUnavailable("count boot", ["the count changed at every attempt"]);
}
