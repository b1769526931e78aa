/**
 * What operators and operations write: kill level, autofailover, pause, acknowledgements, operations, the cluster's
 * genesis, and the phases of a takeover in its history. Writes that others may race are guarded on the revision that was
 * read and say so.
 */
import type {
  AnchorAsked,
  BootId,
  ClusterId,
  ControlChange,
  ControlRecord,
  Epoch,
  HistoryRecord,
  InsyncRecord,
  KillRecord,
  LeaderRecord,
  Member,
  MemberChange,
  OperationRecord,
  Versioned,
} from "@baton/core";
import { assertNever, id, withKill, withoutKill } from "@baton/core";
import type { ICompare, IKeyValue, IRequestOp } from "etcd3";
import { EtcdUnavailable } from "../errors.ts";
import type { Fleet } from "./fleet.ts";
import type { Keys } from "./keys.ts";
import { bytes, decode, encode, withPrefix } from "./keys.ts";
import { put, range, unchanged } from "./transaction.ts";

/** A guarded write: `conflict` means that the guard no longer held; read again and decide again. */
export type GuardedWrite = { readonly kind: "stored"; readonly modRevision: string } | { readonly kind: "conflict" };

/** Create-only: cluster, epoch 0 and the first in-sync set at version 1, or nothing at all. */
export async function initCluster(
  fleet: Fleet,
  keys: Keys,
  o: { readonly id: ClusterId; readonly members: readonly Member[]; readonly schema: number },
): Promise<"created" | "exists"> {
  const insync: InsyncRecord = {
    epoch: 0,
    version: 1,
    members: o.members,
    by: { boot: id<BootId>("init"), transaction: 0 },
  };
  const answer = await fleet.first("init cluster", (client, options) =>
    client.kv.txn(
      {
        compare: [keys.cluster, keys.epoch, keys.insync, keys.leader].map((key) => unchanged(key, "0")),
        success: [put(keys.cluster, { id: o.id, schema: o.schema }), put(keys.epoch, 0), put(keys.insync, insync)],
        failure: [range(keys.cluster)],
      },
      options,
    ),
  );
  if (answer.succeeded) return "created";
  // A slow endpoint's copy of this very request may have been first.
  const stands = answer.responses[0]?.response_range.kvs[0];
  const isOurs = stands !== undefined && decode<{ id: ClusterId }>(stands, "object").id === o.id;
  return isOurs ? "created" : "exists";
}

export async function setAutofailover(fleet: Fleet, keys: Keys, value: ControlRecord["autofailover"]): Promise<void> {
  await replace(fleet, keys.autofailover, value);
}

/** A nonce that nobody has seen before: whoever answers it has read etcd since. */
export async function askAnchor(fleet: Fleet, keys: Keys, asked: AnchorAsked): Promise<void> {
  await replace(fleet, keys.anchorAsked, asked);
}

/**
 * Carries an operation out: what it changes and its record stand or fall together, so that a repeat finds it done and a
 * crash leaves nothing half. `record` is written as it is; an operation of this id that was there before is given back.
 */
export async function carryOut(
  fleet: Fleet,
  keys: Keys,
  record: OperationRecord,
  change: ControlChange,
): Promise<OperationRecord> {
  const operation = keys.operation(record.id);
  const key = keyOf(keys, change);
  for (let attempt = 1; attempt <= 4; attempt++) {
    const read = await fleet.first("read control", (client, options) =>
      client.kv.txn({ success: [range(operation), range(key)] }, options),
    );
    const [known, present] = read.responses.map((one) => one.response_range.kvs[0]);
    if (known !== undefined) return decode<OperationRecord>(known, "object");
    const lease = change.kind === "pause" ? await pauseLease(fleet, change.forSeconds) : undefined;
    const answer = await fleet.first("operate", (client, options) =>
      client.kv.txn(
        {
          // A copy that comes alive much later finds the operation recorded, and undoes nothing that was decided since.
          compare: [unchanged(operation, "0"), unchanged(key, present?.mod_revision ?? "0")],
          success: [effectOf(key, change, lease, present), put(operation, record)],
          failure: [range(operation)],
        },
        options,
      ),
    );
    if (answer.succeeded) return record;
    const stands = answer.responses[0]?.response_range.kvs[0];
    if (stands !== undefined) return decode<OperationRecord>(stands, "object");
  }
  throw new EtcdUnavailable(`operation ${record.id}`, ["the key changed at every attempt"]);
}

function killOf(kv: IKeyValue): KillRecord {
  return decode<KillRecord>(kv, "object");
}

function keyOf(keys: Keys, change: ControlChange): string {
  switch (change.kind) {
    case "kill":
    case "kill-scope":
    case "unkill":
      return keys.kill;
    case "autofailover":
      return keys.autofailover;
    case "pause":
    case "resume":
      return keys.pause;
    case "acknowledge":
      return keys.acknowledged;
    default:
      return assertNever(change, "change");
  }
}

/** `present`: what the key holds, on whose revision the write is guarded. */
function effectOf(
  key: string,
  change: ControlChange,
  lease: string | undefined,
  present: IKeyValue | undefined,
): IRequestOp {
  switch (change.kind) {
    case "kill-scope": {
      const { by, reason, atWallMs } = change.scope;
      const kill = present === undefined ? ({ level: "off", by, reason, atWallMs } as const) : killOf(present);
      return put(key, withKill(kill, change.scope));
    }
    case "unkill": {
      const { target, by, reason, atWallMs } = change;
      const off = { level: "off", by, reason, atWallMs } as const;
      return put(key, withoutKill(present === undefined ? off : killOf(present), target, off));
    }
    case "kill":
    case "acknowledge":
      return put(key, change.record);
    case "autofailover":
      return put(key, change.value);
    case "pause":
      return put(key, change.record, lease);
    case "resume":
      return { request_delete_range: { key: bytes(key) } };
    default:
      return assertNever(change, "change");
  }
}

/** A pause hangs on a lease of its length, so that no node's clock decides when it ends. */
async function pauseLease(fleet: Fleet, forSeconds: number): Promise<string> {
  const lease = await fleet.first("grant pause lease", (client, options) =>
    client.leaseClient.leaseGrant({ TTL: Math.ceil(forSeconds) }, options),
  );
  return lease.ID;
}

/**
 * Writes an operation, guarded on the revision of what was read ("0": it must be new), and with it what it sets for a node,
 * guarded on what that was decided on.
 */
export async function putOperation(
  fleet: Fleet,
  keys: Keys,
  o: {
    readonly record: OperationRecord;
    readonly modRevision: string;
    readonly change?: MemberChange | undefined;
  },
): Promise<GuardedWrite> {
  const { record, modRevision, change } = o;
  const key = keys.operation(record.id);
  const compare = [unchanged(key, modRevision)];
  const success = [put(key, record)];
  if (change !== undefined) {
    const { settingsModRevision, epochModRevision, insyncModRevision } = change.guard;
    const settings = keys.settings(change.node);
    compare.push(unchanged(settings, settingsModRevision));
    if (epochModRevision !== undefined) compare.push(unchanged(keys.epoch, epochModRevision));
    if (insyncModRevision !== undefined) compare.push(unchanged(keys.insync, insyncModRevision));
    success.push(put(settings, change.settings));
  }
  return await guarded(fleet, { what: "put operation", compare, success, key, record });
}

/** Ends `target`, which stands as it was read, as given up, and writes the operation that asked for that. */
export async function giveUpOperation(
  fleet: Fleet,
  keys: Keys,
  target: Versioned<OperationRecord>,
  record: OperationRecord,
): Promise<GuardedWrite> {
  const key = keys.operation(record.id);
  const given = { ...target.value, phase: "aborted", detail: `${record.by} gave it up: ${record.reason}` };
  const ended = put(keys.operation(target.value.id), { ...given, updatedWallMs: record.updatedWallMs });
  const compare = [unchanged(key, "0"), unchanged(keys.operation(target.value.id), target.modRevision)];
  return await guarded(fleet, { what: "give up", compare, success: [put(key, record), ended], key, record });
}

/** One transaction; where a slow endpoint's copy of it was first, `record` stands under `key` already. */
async function guarded(
  fleet: Fleet,
  o: {
    readonly what: string;
    readonly compare: ICompare[];
    readonly success: IRequestOp[];
    readonly key: string;
    readonly record: OperationRecord;
  },
): Promise<GuardedWrite> {
  const { what, compare, success, key, record } = o;
  const answer = await fleet.first(what, (client, options) =>
    client.kv.txn({ compare, success, failure: [range(key)] }, options),
  );
  if (answer.succeeded) return { kind: "stored", modRevision: answer.header.revision };
  const stands = answer.responses[0]?.response_range.kvs[0];
  if (stands !== undefined && stands.value.equals(encode(record))) {
    return { kind: "stored", modRevision: stands.mod_revision };
  }
  return { kind: "conflict" };
}

/** Adds the phases to the history of `epoch`, guarded on `boot` still leading at that epoch. */
export async function completeHistory(
  fleet: Fleet,
  keys: Keys,
  o: { readonly epoch: Epoch; readonly boot: BootId; readonly phases: Readonly<Record<string, number>> },
): Promise<GuardedWrite> {
  const key = keys.history(o.epoch);
  const read = await fleet.first("read history", (client, options) =>
    client.kv.txn({ success: [range(keys.leader), range(key)] }, options),
  );
  const [leader, history] = read.responses.map((one) => one.response_range.kvs[0]);
  if (leader === undefined || history === undefined) return { kind: "conflict" };
  const leads = decode<LeaderRecord>(leader, "object");
  if (leads.boot !== o.boot || leads.epoch !== o.epoch) return { kind: "conflict" };
  const record: HistoryRecord = { ...decode<HistoryRecord>(history, "object"), phases: o.phases };
  const answer = await fleet.first("complete history", (client, options) =>
    client.kv.txn({ compare: [unchanged(keys.leader, leader.mod_revision)], success: [put(key, record)] }, options),
  );
  return answer.succeeded ? { kind: "stored", modRevision: answer.header.revision } : { kind: "conflict" };
}

/** Every epoch's record, oldest first. */
export async function readHistory(fleet: Fleet, keys: Keys): Promise<readonly HistoryRecord[]> {
  const answer = await fleet.first("read history", (client, options) =>
    client.kv.range(withPrefix(keys.histories), options),
  );
  return answer.kvs.map((kv) => decode<HistoryRecord>(kv, "object")).toSorted((a, b) => a.epoch - b.epoch);
}

/**
 * Puts by compare-and-swap: of a request that reached a frozen member, a copy may come alive much later, and must not undo
 * what was decided since (an old "off" over a newer kill).
 */
async function replace(fleet: Fleet, key: string, record: unknown): Promise<void> {
  const attempts = 4;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const read = await fleet.first("read", (client, options) => client.kv.range({ key: bytes(key) }, options));
    const seen = read.kvs[0]?.mod_revision ?? "0";
    const answer = await fleet.first("put", (client, options) =>
      client.kv.txn({ compare: [unchanged(key, seen)], success: [put(key, record)], failure: [range(key)] }, options),
    );
    if (answer.succeeded || answer.responses[0]?.response_range.kvs[0]?.value.equals(encode(record)) === true) return;
  }
  throw new EtcdUnavailable(`put ${key}`, ["the key changed at every attempt"]);
}
