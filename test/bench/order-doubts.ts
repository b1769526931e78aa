/**
 * Two hundred orders in doubt at a takeover: the exchange answers no order any more, as many as there are sockets are there
 * without an answer and the rest wait for one, the leader is killed, and the next one has to find out what became of each,
 * within the request weight that Binance really allows (6,000 a minute). Told: how many it inherited, how long until the
 * last was known, what it asked meanwhile, and that the venue never said "too much".
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { readAudit, startCluster } from "@baton/drills";
import type { Cluster } from "@baton/drills";
import type { AuditRecord } from "@baton/core";
import type { Figure } from "./figure.ts";

const many = 200;
const weightPerMinute = 6_000;
const withinMs = 60_000;

/** Measures it, about half a minute. */
export async function runDoubts(): Promise<readonly Figure[]> {
  await using cluster = await startCluster({ weightPerMinute });
  const leader = await cluster.leader();
  const body = await restingBuy(leader.endpoint);
  await until("an order is taken", () => place(leader.endpoint, body));
  await arm(cluster, { fault: "ack-stall", match: { call: "order.place" }, count: many });
  await Promise.all(Array.from({ length: many }, () => until("an order is taken", () => place(leader.endpoint, body))));
  const acceptedCount = accepted(audit(cluster)) - 1;
  await leader.killEngine();
  const story = await until("no inherited doubt is left", async () => {
    const found = storyOf(await cluster.evidence());
    return found.inherited > 0 && found.times.length === found.inherited ? found : undefined;
  });
  const { inherited, times } = story;
  const samples = times.length;
  return [
    { name: "at the venue without an answer when the leader died", unit: "orders", value: acceptedCount, samples: 1 },
    { name: "inherited in doubt", unit: "orders", value: inherited, samples: 1, goal: { atLeast: many * 0.9 } },
    { name: "known again: median after the takeover", unit: "ms", value: times[samples >> 1] ?? Number.NaN, samples },
    { name: "known again: the last", unit: "ms", value: times.at(-1) ?? Number.NaN, samples },
    { name: "questions asked meanwhile", unit: "requests", value: story.asked, samples: 1 },
    { name: "refused as too many (429, 418)", unit: "requests", value: story.refused, samples: 1, goal: { atMost: 0 } },
  ];
}

/** What the successor inherited, and after how many ms each of them was known again for the first time, ascending. */
function storyOf(evidence: Awaited<ReturnType<Cluster["evidence"]>>): {
  readonly inherited: number;
  readonly times: readonly number[];
  readonly asked: number;
  readonly refused: number;
} {
  const last = evidence.history.at(-1);
  const events = evidence.journals.find((journal) => journal.node === last?.node)?.events ?? [];
  const opened = events.find((event) => event.kind === "epoch.opened" && event.inDoubt.length > 0);
  if (opened?.kind !== "epoch.opened") return { inherited: 0, times: [], asked: 0, refused: 0 };
  const waiting = new Set(opened.inDoubt);
  const times: number[] = [];
  for (const event of events) {
    if (event.kind === "doubt.resolved" && waiting.delete(event.intent)) times.push(event.atWallMs - opened.atWallMs);
  }
  const since = evidence.audit.filter((record) => record.wallMs >= opened.atWallMs);
  return {
    inherited: opened.inDoubt.length,
    times: times.toSorted((a, b) => a - b),
    asked: since.filter((record) => record.type === "query").length,
    // Of every kind of request: what a successor asks most is questions.
    refused: since.filter((record) => record.type === "throttled").length,
  };
}

function audit(cluster: Cluster): readonly AuditRecord[] {
  return readAudit(cluster.exchange.auditFile);
}

function accepted(records: readonly AuditRecord[]): number {
  return records.filter((record) => record.type === "accept").length;
}

async function arm(cluster: Cluster, fault: object): Promise<void> {
  const answer = await fetch(`${cluster.exchange.endpoint}/__faults`, { method: "POST", body: JSON.stringify(fault) });
  if (!answer.ok) throw new Error(`the exchange refused the fault: ${await answer.text()}`);
}

async function place(endpoint: string, body: object): Promise<true | undefined> {
  const answer = await fetch(`${endpoint}/v1/orders`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": randomUUID() },
    body: JSON.stringify(body),
  });
  await answer.body?.cancel();
  return answer.status === 202 ? true : undefined;
}

/** One percent below the market: it rests. */
async function restingBuy(endpoint: string): Promise<object> {
  const bid = await until("there is a book", async () => {
    const answer = await fetch(`${endpoint}/v1/books/BTC%2FUSDT?depth=1`);
    const book = (await answer.json()) as { bids?: readonly (readonly [string, string])[] };
    return book.bids?.[0]?.[0];
  });
  const price = (Math.floor(Number(bid) * 99) / 100).toFixed(2);
  return { symbol: "BTC/USDT", side: "buy", type: "limit", quantity: "0.001", price, sendWithinMs: 4_000 };
}

async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const value = await ask();
    if (value !== undefined) return value;
    if (performance.now() > end) throw new Error(`${what}: not within ${withinMs} ms`);
    await delay(100);
  }
}
