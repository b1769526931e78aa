/**
 * What etcd is let forget, so that it stays as small as it was in the first week: records that have piled up, and the
 * revisions that every write leaves behind. An etcd that nobody compacts grows by half a gigabyte a day from three nodes, and
 * at its quota refuses every write: no takeover, no lease. All of this may be repeated safely, by whoever leads.
 */
import type { DeathRecord, NodeId, OperationRecord } from "@baton/core";
import type { IKeyValue } from "etcd3";
import { causeOf } from "../errors.ts";
import type { Fleet } from "./fleet.ts";
import type { Keys } from "./keys.ts";
import { decode, withPrefix } from "./keys.ts";

/** They stand in every view, which each node reads several times a second: a hundred made that half as dear again. */
const operationsKept = 24;
const deathsKept = 8;
/** What `baton history` shows; read as a whole, for which an answer of etcd has room up to some 10,000. */
const epochsKept = 1_000;
/** etcd takes 128 in one transaction. */
const deletedAtOnce = 100;

/** Drops ended operations, old deaths of these nodes, and the oldest epochs of the history, beyond a bound each. */
export async function prune(fleet: Fleet, keys: Keys, nodes: readonly NodeId[]): Promise<void> {
  const operations = await all(fleet, keys.operations);
  const hasEnded = (kv: IKeyValue): boolean =>
    ["done", "aborted", "failed"].includes(decode<OperationRecord>(kv, "object").phase);
  await drop(fleet, operations.filter(hasEnded).toSorted(newestFirst).slice(operationsKept));
  const deaths = await all(fleet, keys.deaths);
  for (const node of nodes) {
    const ours = deaths.filter((kv) => decode<DeathRecord>(kv, "object").node === node);
    await drop(fleet, ours.toSorted(newestFirst).slice(deathsKept));
  }
  const epochOf = ({ key }: IKeyValue): number => Number(key.toString("utf8").slice(keys.histories.length));
  const epochs = await all(fleet, keys.histories, { keys_only: true });
  await drop(fleet, epochs.toSorted((a, b) => epochOf(b) - epochOf(a)).slice(epochsKept));
}

/** Forgets what was before a revision. Gone already is done, and so is what etcd cannot have had yet: it was restored. */
export async function compact(fleet: Fleet, revision: string): Promise<void> {
  await fleet.first("compact", async (client, options) => {
    try {
      await client.kv.compact({ revision }, options);
    } catch (error) {
      if (!/has been compacted|is a future revision/.test(causeOf(error))) throw error;
    }
  });
}

async function all(
  fleet: Fleet,
  folder: string,
  how: { readonly keys_only?: boolean } = {},
): Promise<readonly IKeyValue[]> {
  const request = { ...withPrefix(folder), ...how };
  return (await fleet.first(`read ${folder}`, (client, options) => client.kv.range(request, options))).kvs;
}

async function drop(fleet: Fleet, gone: readonly IKeyValue[]): Promise<void> {
  for (let from = 0; from < gone.length; from += deletedAtOnce) {
    const keys = gone.slice(from, from + deletedAtOnce).map(({ key }) => key);
    const success = keys.map((key) => ({ request_delete_range: { key } }));
    await fleet.first("prune", (client, options) => client.kv.txn({ success }, options));
  }
}

function newestFirst(a: IKeyValue, b: IKeyValue): number {
  return BigInt(a.mod_revision) < BigInt(b.mod_revision) ? 1 : -1;
}
