/**
 * Two hundred orders in doubt at a takeover: the exchange takes them and answers none, the leader is killed, and the next
 * one has to find out what became of each, within the request weight that Binance really allows (6,000 a minute). Told: how
 * many it inherited, how long until the last was known, what it asked meanwhile, and that the venue never said "too much".
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
  await until("the exchange has them", () => (accepted(audit(cluster)) > many ? true : undefined));
  await leader.killEngine();
  const next = await cluster.leader();
  await until("no order is in doubt", async () => {
    const answer = await fetch(`${next.endpoint}/cluster`).catch(() => undefined);
    const view = (await answer?.json().catch(() => undefined)) as { orders?: { inDoubt: number } } | undefined;
    return view?.orders?.inDoubt === 0 ? true : undefined;
  });
  await delay(500);
  return figuresOf(await cluster.evidence());
}

function figuresOf(evidence: Awaited<ReturnType<Cluster["evidence"]>>): readonly Figure[] {
  const last = evidence.history.at(-1);
  const events = evidence.journals.find((journal) => journal.node === last?.node)?.events ?? [];
  const opened = events.findLast((event) => event.kind === "epoch.opened");
  const inherited = new Set(opened?.kind === "epoch.opened" ? opened.inDoubt : []);
  const openedMs = opened?.kind === "epoch.opened" ? opened.atWallMs : Number.NaN;
  const times = events.flatMap((event) =>
    event.kind === "doubt.resolved" && inherited.has(event.intent) ? [event.atWallMs - openedMs] : [],
  );
  const asked = evidence.audit.filter((record) => record.type === "query" && record.wallMs >= openedMs);
  const refused = evidence.audit.filter(
    (record) => record.type === "ack-written" && (record.status === 429 || record.status === 418),
  );
  const sorted = times.toSorted((a, b) => a - b);
  const samples = sorted.length;
  return [
    { name: "inherited in doubt", unit: "orders", value: inherited.size, samples: 1, goal: { atLeast: many * 0.9 } },
    { name: "known again: median after the takeover", unit: "ms", value: sorted[samples >> 1] ?? Number.NaN, samples },
    { name: "known again: the last", unit: "ms", value: sorted.at(-1) ?? Number.NaN, samples },
    { name: "left in doubt", unit: "orders", value: inherited.size - samples, samples: 1, goal: { atMost: 0 } },
    { name: "questions asked meanwhile", unit: "requests", value: asked.length, samples: 1 },
    {
      name: "refused as too many (429, 418)",
      unit: "requests",
      value: refused.length,
      samples: 1,
      goal: { atMost: 0 },
    },
  ];
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
  return { symbol: "BTC/USDT", side: "buy", type: "limit", quantity: "0.001", price, sendWithinMs: 2_000 };
}

async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const value = await ask();
    if (value !== undefined) return value;
    if (performance.now() > end) throw new Error(`${what}: not within ${withinMs} ms`);
    await delay(25);
  }
}
