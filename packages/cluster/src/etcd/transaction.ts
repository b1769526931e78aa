/**
 * A succession transaction as one guarded etcd transaction, and what is known of it afterwards. Each kind changes a key
 * whose modification revision it is guarded on, so of several copies of one request at most one is ever applied: copies go
 * to other endpoints when the first is slow. Invariant: `refused` is said only when no copy can have been applied or ever
 * will be; everything else that is not committed is unknown (I8, and the hole "a read resolves" of the protocol).
 */
import type { HistoryRecord, InsyncRecord, Transaction, TransactionAnswer } from "@baton/core";
import { assertNever } from "@baton/core/records";
import { EtcdLeaseInvalidError } from "etcd3";
import type { Etcd3, ICompare, IKeyValue, IRequestOp, ITxnRequest, ITxnResponse } from "etcd3";
import { causeOf } from "../errors.ts";
import type { Fleet } from "./fleet.ts";
import type { Keys } from "./keys.ts";
import { bytes, decode, encode } from "./keys.ts";

/**
 * Executes one transaction. Never rejects for what etcd does. `etcdClusterId`: the etcd that it was decided on; what another
 * one answers (a restored one, whose revisions begin anew) decides nothing.
 */
export async function transact(
  fleet: Fleet,
  keys: Keys,
  transaction: Transaction,
  etcdClusterId: string | undefined,
): Promise<TransactionAnswer> {
  const request = requestOf(keys, transaction);
  const causes: string[] = [];
  return await new Promise<TransactionAnswer>((resolve) => {
    fleet.spread(
      async (client, options) => {
        await refuseOther(client, options, keys, etcdClusterId);
        return await client.kv.txn(request, options);
      },
      fleet.timeoutMs,
      (result) => {
        let answer: TransactionAnswer | undefined;
        if (result.kind === "answer" && isOther(result.value, etcdClusterId)) {
          causes.push(
            `${result.endpoint.url}: another etcd answers, with cluster id ${result.value.header.cluster_id}`,
          );
        } else if (result.kind === "answer") {
          answer = result.value.succeeded
            ? { kind: "committed", revision: result.value.header.revision }
            : fateOf(keys, transaction, result.value);
        } else if (!isSurelyNotApplied(result.error)) {
          causes.push(`${result.endpoint.url}: ${causeOf(result.error)}`);
        }
        if (answer === undefined && result.isLast) {
          answer = causes.length === 0 ? { kind: "refused" } : { kind: "unknown", cause: causes.join("; ") };
        }
        if (answer !== undefined) resolve(answer);
        return answer !== undefined;
      },
    );
  });
}

/**
 * A connection may have been made anew since the last read, to an etcd that was put in the old one's place: a revision that
 * stood for one write there may stand for another here, so the guards alone would not keep the request out. It is asked
 * first, on the same connection, by a read that costs its member nothing (serializable, no value). Throws `OtherEtcd`.
 */
async function refuseOther(
  client: Etcd3,
  options: { readonly deadline: number },
  keys: Keys,
  etcdClusterId: string | undefined,
): Promise<void> {
  if (etcdClusterId === undefined) return;
  const request = { key: bytes(keys.cluster), serializable: true, count_only: true };
  const { header } = await client.kv.range(request, options);
  if (header.cluster_id !== etcdClusterId) throw new OtherEtcd(header.cluster_id);
}

class OtherEtcd extends Error {
  constructor(clusterId: string) {
    super(`another etcd answers, with cluster id ${clusterId}`);
  }
}

function isOther(answer: ITxnResponse, etcdClusterId: string | undefined): boolean {
  return etcdClusterId !== undefined && answer.header.cluster_id !== etcdClusterId;
}

/** A lease that is gone refuses a copy for good; without a connection no byte of it left. All else leaves it open. */
function isSurelyNotApplied(error: unknown): boolean {
  return error instanceof EtcdLeaseInvalidError || causeOf(error).includes("No connection established");
}

/** The etcd form: compares, puts, and on refusal a look at what stands there instead. */
function requestOf(keys: Keys, transaction: Transaction): ITxnRequest {
  const { kind } = transaction;
  switch (kind) {
    case "takeover": {
      const { guard, leader, history } = transaction;
      const compare = [
        unchanged(keys.epoch, guard.epoch.modRevision),
        unchanged(keys.insync, guard.insyncModRevision),
        unchanged(keys.autofailover, guard.autofailoverModRevision),
        unchanged(keys.pause, guard.pauseModRevision),
      ];
      if (transaction.requireLeaderAbsent) compare.push(unchanged(keys.leader, "0"));
      return {
        compare,
        success: [
          put(keys.leader, leader, leader.lease),
          put(keys.epoch, leader.epoch),
          put(keys.insync, transaction.insync),
          put(keys.history(history.epoch), history),
        ],
        failure: [range(keys.insync), range(keys.history(history.epoch))],
      };
    }
    case "set-insync":
      return {
        compare: ledBy(keys, transaction.guard),
        success: [put(keys.insync, transaction.insync)],
        failure: [range(keys.insync)],
      };
    case "handoff": {
      const { leader, history, guard } = transaction;
      const { controls } = guard;
      const compare = ledBy(keys, guard);
      if (controls !== undefined) {
        compare.push(unchanged(keys.autofailover, controls.autofailoverModRevision));
        compare.push(unchanged(keys.pause, controls.pauseModRevision));
      }
      return {
        compare,
        success: [
          put(keys.leader, leader, leader.lease),
          put(keys.epoch, leader.epoch),
          put(keys.history(history.epoch), history),
        ],
        failure: [range(keys.leader), range(keys.epoch), range(keys.insync), range(keys.history(history.epoch))],
      };
    }
    default:
      return assertNever(kind, "transaction");
  }
}

/**
 * The fate of the whole request (all copies) by what a refused copy found; undefined while another copy could still be
 * applied. A revision or an epoch that moved never comes back, so a guard on it is dead for every copy; what remains is whether an
 * earlier copy is what moved it. The history of an epoch is written once, a version of the set is written once.
 */
function fateOf(keys: Keys, transaction: Transaction, refused: ITxnResponse): TransactionAnswer | undefined {
  const { kind } = transaction;
  const found = new Map(
    refused.responses.flatMap((one) => one.response_range.kvs).map((kv) => [kv.key.toString("utf8"), kv]),
  );
  switch (kind) {
    case "takeover":
    case "handoff": {
      const { guard } = transaction;
      const isSameSet = (found.get(keys.insync)?.mod_revision ?? "0") === guard.insyncModRevision;
      const isAlive = kind === "takeover" ? isSameSet : isSameSet && isLed(keys, found, transaction.guard.epoch);
      if (isAlive) return undefined;
      const history = found.get(keys.history(transaction.history.epoch));
      if (history !== undefined && isSameHistory(history, transaction.history)) {
        return { kind: "committed", revision: history.create_revision };
      }
      return { kind: "refused" };
    }
    case "set-insync": {
      const insync = found.get(keys.insync);
      if (insync === undefined || insync.mod_revision === transaction.guard.insyncModRevision) return undefined;
      const stands = decode<InsyncRecord>(insync, "object");
      if (stands.version > transaction.insync.version) return undefined;
      const isOurs =
        stands.version === transaction.insync.version &&
        stands.by.boot === transaction.insync.by.boot &&
        stands.by.transaction === transaction.insync.by.transaction;
      return isOurs ? { kind: "committed", revision: insync.mod_revision } : { kind: "refused" };
    }
    default:
      return assertNever(kind, "transaction");
  }
}

function isSameHistory(kv: IKeyValue, ours: HistoryRecord): boolean {
  const stands = decode<HistoryRecord>(kv, "object");
  return (
    stands.boot === ours.boot &&
    stands.reason === ours.reason &&
    stands.operation === ours.operation &&
    stands.atWallMs === ours.atWallMs &&
    stands.position === ours.position
  );
}

/** Somebody leads, and it is still this epoch: neither comes back once it has ended. */
function isLed(keys: Keys, found: ReadonlyMap<string, IKeyValue>, epoch: number): boolean {
  const stands = found.get(keys.epoch);
  return found.has(keys.leader) && stands !== undefined && decode<number>(stands, "number") === epoch;
}

interface LeaderGuard {
  readonly epoch: number;
  readonly insyncModRevision: string;
}

/**
 * "Leader is this boot": the leader key stands, and the epoch is the one that this boot won. A key is made together with its
 * epoch and never again in it, so nobody else's can stand there. Its modification revision is no guard: the keeper moves the
 * key to another lease when etcd has a new leader (decision 17), and that must not cost a change of the set its turn.
 */
function ledBy(keys: Keys, guard: LeaderGuard): ICompare[] {
  return [
    { key: bytes(keys.leader), target: "Version", result: "Greater", version: 0 },
    { key: bytes(keys.epoch), target: "Value", result: "Equal", value: encode(guard.epoch) },
    unchanged(keys.insync, guard.insyncModRevision),
  ];
}

/** Modification revision as read; "0" is a key that does not exist. */
export function unchanged(key: string, modRevision: string): ICompare {
  return { key: bytes(key), target: "Mod", result: "Equal", mod_revision: modRevision };
}

export function put(key: string, record: unknown, lease?: string): IRequestOp {
  return {
    request_put: { key: bytes(key), value: encode(record), ...(lease === undefined ? {} : { lease }) },
  };
}

export function range(key: string): IRequestOp {
  return { request_range: { key: bytes(key) } };
}
