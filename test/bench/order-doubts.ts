/**
 * Doubts. First a leader's own, one at a time: the exchange takes an order and cuts the answer off, and the venue is asked
 * until it says what became of it. Then two hundred orders in doubt at a takeover: the exchange answers no order any more, as many as there are sockets are there
 * without an answer and the rest wait for one, the leader is killed, and the next one has to find out what became of each,
 * within the request weight that Binance really allows (6,000 a minute). Told: how many it inherited, how long until the
 * last was known, what it asked meanwhile, and that the venue never said "too much".
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { readAudit, startCluster } from "@baton/drills";
import type { Cluster } from "@baton/drills";
import type { AuditRecord } from "@baton/core";
import type { Figure, Goal } from "./figure.ts";

const many = 200;
const few = 30;
const weightPerMinute = 6_000;
const withinMs = 60_000;

/** Measures it, about half a minute. */
export async function runDoubts(): Promise<readonly Figure[]> {
  await using cluster = await startCluster({ weightPerMinute });
  const leader = await cluster.leader();
  const body = await restingBuy(leader.endpoint);
  await until("an order is taken", () => place(leader.endpoint, body));
  const own = await ownDoubts(cluster, () => place(leader.endpoint, body));
  await arm(cluster, { fault: "ack-stall", match: { call: "order.place" }, count: many });
  await Promise.all(Array.from({ length: many }, () => until("an order is taken", () => place(leader.endpoint, body))));
  const acceptedCount = accepted(audit(cluster)) - 1 - few;
  await leader.killEngine();
  const story = await until("no inherited doubt is left", async () => {
    const found = storyOf(await cluster.evidence());
    return found.inherited > 0 && found.found.length + found.absent.length === found.inherited ? found : undefined;
  });
  const { inherited, found, absent } = story;
  return [
    {
      ...{
        name: "a leader's own, the answer lost: known again, median",
        unit: "ms",
        value: own[own.length >> 1] ?? NaN,
      },
      ...{ samples: own.length, goal: { atMost: 1_000 } },
    },
    { name: "a leader's own: the slowest", unit: "ms", value: own.at(-1) ?? NaN, samples: own.length },
    { name: "at the venue without an answer when the leader died", unit: "orders", value: acceptedCount, samples: 1 },
    { name: "inherited in doubt", unit: "orders", value: inherited, samples: 1, goal: { atLeast: many * 0.9 } },
    ...spread("found at the venue, after the takeover", found, { atMost: 1_000 }),
    // They wait for the time from which "not found" is a proof; the checker convicts whoever does not.
    ...spread("proved absent, after the takeover", absent),
    { name: "questions asked meanwhile", unit: "requests", value: story.asked, samples: 1 },
    { name: "refused as too many (429, 418)", unit: "requests", value: story.refused, samples: 1, goal: { atMost: 0 } },
  ];
}

/** How long each of a leader's doubts lasted from its record to the venue's word, in ms, ascending. */
async function ownDoubts(cluster: Cluster, order: () => Promise<true | undefined>): Promise<readonly number[]> {
  await arm(cluster, { fault: "ack-lost", match: { call: "order.place" }, count: few });
  for (let count = 0; count < few; count += 1) {
    await until("an order is taken", order);
    // One at a time: what is measured is the venue's answer and not a queue for it.
    await delay(50);
  }
  return until("the leader's doubts have ended", async () => {
    const { journals, history } = await cluster.evidence();
    const events = journals.find(({ node }) => node === history.at(-1)?.node)?.events ?? [];
    const since = new Map<string, number>();
    const times: number[] = [];
    for (const event of events) {
      if (event.kind === "attempt.answered" && event.outcome.kind === "in-doubt")
        since.set(event.intent, event.atWallMs);
      const from = event.kind === "doubt.resolved" ? since.get(event.intent) : undefined;
      if (event.kind === "doubt.resolved" && from !== undefined) times.push(event.atWallMs - from);
    }
    return times.length === few ? times.toSorted((a, b) => a - b) : undefined;
  });
}

/** The first, the middle and the last of some times. */
function spread(name: string, times: readonly number[], goal?: Goal): readonly Figure[] {
  const at = (which: string, ms: number | undefined): Figure => ({
    ...{ name: `${name}: ${which}`, unit: "ms", value: ms ?? Number.NaN, samples: times.length },
  });
  if (times.length === 0) return [];
  const median = { ...at("median", times[times.length >> 1]), ...(goal !== undefined && { goal }) };
  return [at("the first", times[0]), median, at("the last", times.at(-1))];
}

/** What the successor inherited, and after how many ms each was found or proved absent for the first time, ascending. */
function storyOf(evidence: Awaited<ReturnType<Cluster["evidence"]>>): {
  readonly inherited: number;
  readonly found: readonly number[];
  readonly absent: readonly number[];
  readonly asked: number;
  readonly refused: number;
} {
  const last = evidence.history.at(-1);
  const events = evidence.journals.find((journal) => journal.node === last?.node)?.events ?? [];
  const opened = events.find((event) => event.kind === "epoch.opened" && event.inDoubt.length > 0);
  if (opened?.kind !== "epoch.opened") return { inherited: 0, found: [], absent: [], asked: 0, refused: 0 };
  const waiting = new Set(opened.inDoubt);
  const [found, absent]: [number[], number[]] = [[], []];
  for (const event of events) {
    if (event.kind !== "doubt.resolved" || !waiting.delete(event.intent)) continue;
    (event.resolution.kind === "accepted" ? found : absent).push(event.atWallMs - opened.atWallMs);
  }
  const since = evidence.audit.filter((record) => record.wallMs >= opened.atWallMs);
  return {
    inherited: opened.inDoubt.length,
    found: found.toSorted((a, b) => a - b),
    absent: absent.toSorted((a, b) => a - b),
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
