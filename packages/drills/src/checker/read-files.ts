/**
 * Reading evidence from disk and from etcd: the exchange's JSON lines, a journal's SQLite file, and the history prefix by
 * etcd's JSON gateway. Journals are read with Node's own SQLite, not with the engine's, and only read.
 */
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { decodeEvent } from "@baton/core";
import type { AuditRecord, HistoryRecord, NodeId } from "@baton/core";
import type { JournalEvidence, StoredFrame } from "./evidence.ts";

/** The exchange's log. A last line that a crash cut short is dropped; any other broken line throws. */
export function readAudit(file: string): AuditRecord[] {
  const lines = readFileSync(file, "utf8").split("\n");
  const cut = lines.pop();
  const records = lines.map((line) => JSON.parse(line) as AuditRecord);
  if (cut !== undefined && cut !== "") {
    try {
      records.push(JSON.parse(cut) as AuditRecord);
    } catch {
      // The exchange died in the middle of this line; a record is written before its effect, so nothing came of it.
    }
  }
  return records;
}

/** The journal in `file` as one consistent read, while its node lives or after it was killed. */
export function readJournal(file: string): JournalEvidence {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  try {
    db.exec("BEGIN");
    return { ...rowsOf(db), file };
  } finally {
    db.close();
  }
}

function rowsOf(db: DatabaseSync): Omit<JournalEvidence, "file"> {
  const meta = db.prepare("SELECT node, committed, pruned, pruned_hash FROM meta").get();
  if (meta === undefined) throw new Error("the journal has no meta row: it was never opened by a node");
  const frames = db
    .prepare("SELECT epoch, first, last, previous_hash, hash FROM frame ORDER BY last")
    .all()
    .map((row): StoredFrame => ({
      epoch: Number(row["epoch"]),
      first: Number(row["first"]),
      last: Number(row["last"]),
      previousHash: String(row["previous_hash"]),
      hash: String(row["hash"]),
    }));
  const texts = db
    .prepare("SELECT payload FROM event ORDER BY seq")
    .all()
    .map((row) => String(row["payload"]));
  const quarantined = db
    .prepare("SELECT body FROM quarantine ORDER BY id")
    .all()
    .flatMap((row) => String(row["body"]).split("\n"))
    .filter((text) => text !== "");
  return {
    node: String(meta["node"]) as NodeId,
    committed: Number(meta["committed"]),
    pruned: { sequence: Number(meta["pruned"]), hash: String(meta["pruned_hash"]) },
    frames,
    texts,
    events: texts.map(decodeEvent),
    quarantined: quarantined.map(decodeEvent),
  };
}

/** `history/<epoch>` of a cluster, in order of epochs, from the first of `endpoints` that answers. */
export async function readHistory(endpoints: readonly string[], cluster: string): Promise<HistoryRecord[]> {
  const prefix = `/baton/${cluster}/history/`;
  const body = JSON.stringify({ key: base64(prefix), range_end: base64(`${prefix.slice(0, -1)}0`) });
  const failures: string[] = [];
  for (const endpoint of endpoints) {
    try {
      const answer = await fetch(`${endpoint}/v3/kv/range`, {
        method: "POST",
        body,
        signal: AbortSignal.timeout(3_000),
      });
      const range = (await answer.json()) as { kvs?: readonly { value: string }[]; error?: string };
      if (range.error !== undefined) throw new Error(range.error);
      return (range.kvs ?? [])
        .map((pair) => JSON.parse(Buffer.from(pair.value, "base64").toString("utf8")) as HistoryRecord)
        .sort((a, b) => a.epoch - b.epoch);
    } catch (error) {
      failures.push(`${endpoint}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`no etcd member gave the history: ${failures.join("; ")}`);
}

function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}
