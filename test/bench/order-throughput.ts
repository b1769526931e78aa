/**
 * As many orders as the API takes: clients that each place the next order when the last was acknowledged (durable on two
 * nodes), three nodes, three etcd members and the exchange on this one machine. Told: orders a second, how long an
 * acknowledgement took, and where its time went under this load; beside it, what came after: the way to the venue.
 */
import { Pool } from "undici";
import { setTimeout as delay } from "node:timers/promises";
import { startCluster } from "@baton/drills";
import { Timings } from "./figure.ts";
import type { Figure } from "./figure.ts";
import { monoNow } from "./order-clients.ts";
import type { Trace } from "./order-way.ts";

const clients = 24;
const warmMs = 3_000;
const runMs = 12_000;

/** Measures it, about half a minute. */
export async function runThroughput(): Promise<readonly Figure[]> {
  await using cluster = await startCluster();
  const leader = await cluster.leader();
  const body = await order(leader.endpoint);
  const pool = new Pool(leader.endpoint, { connections: clients });
  const timings = new Timings();
  const refused = new Map<string, number>();
  /** By client order id: when its client asked, and when it had the answer. */
  const asked = new Map<string, { readonly beganMonoMs: number; readonly answeredMonoMs: number }>();
  const from = performance.now() + warmMs;
  const to = from + runMs;
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let count = 0; performance.now() < to; count += 1) {
        const [began, beganMonoMs] = [performance.now(), monoNow()];
        const answer = await pool.request({
          method: "POST",
          path: "/v1/orders",
          headers: { "content-type": "application/json", "idempotency-key": `load-${client}-${count}` },
          body,
        });
        const { code = "", clientOrderId } = (await answer.body.json()) as { code?: string; clientOrderId?: string };
        if (clientOrderId !== undefined) asked.set(clientOrderId, { beganMonoMs, answeredMonoMs: monoNow() });
        if (began < from) continue;
        if (answer.statusCode === 202) timings.add(performance.now() - began);
        else refused.set(code, (refused.get(code) ?? 0) + 1);
      }
    }),
  );
  await pool.close();
  const answer = await fetch(`${leader.endpoint}/v1/traces?limit=1000`);
  const { traces } = (await answer.json()) as { traces: readonly Trace[] };
  const answered = traces.filter((trace) => trace.answeredMonoMs !== undefined && asked.has(trace.clientOrderId));
  const part = (name: string, of: (trace: Trace) => number): readonly Figure[] => {
    const times = new Timings();
    for (const trace of answered) times.add(Math.max(0, of(trace)));
    return [50, 99].map((percentile) => ({
      ...{
        name: `${name.startsWith("beside") ? "" : "of it, "}${name}: p${percentile}`,
        unit: "ms",
        value: times.at(percentile),
        samples: times.count,
      },
    }));
  };
  return [
    {
      name: "orders a second, acknowledged",
      unit: "/s",
      value: timings.count / (runMs / 1_000),
      samples: timings.count,
    },
    { name: "acknowledged: p50", unit: "ms", value: timings.at(50), samples: timings.count },
    { name: "acknowledged: p99", unit: "ms", value: timings.at(99), samples: timings.count },
    ...[...refused].map(([code, value]) => ({ name: `refused: ${code}`, unit: "orders", value, samples: 1 })),
    ...part(
      "to the engine's turn (HTTP, and its queue)",
      (trace) => trace.wishedMonoMs - (asked.get(trace.clientOrderId)?.beganMonoMs ?? 0),
    ),
    ...part("risk", (trace) => trace.decidedMonoMs - trace.wishedMonoMs),
    ...part("commit on the own disk", (trace) => trace.durableMonoMs - trace.decidedMonoMs),
    ...part("replicate", (trace) => Math.max(0, trace.committedMonoMs - trace.durableMonoMs)),
    ...part(
      "from the commit to the client's answer",
      (trace) => (asked.get(trace.clientOrderId)?.answeredMonoMs ?? 0) - trace.committedMonoMs,
    ),
    ...part("beside it, permit and budget", (trace) => trace.signedMonoMs - trace.committedMonoMs),
    ...part("beside it, sign", (trace) => trace.socketMonoMs - trace.signedMonoMs),
    ...part("beside it, the venue's answer", (trace) => (trace.answeredMonoMs ?? 0) - trace.socketMonoMs),
  ];
}

/** One percent below the market, immediate: it expires at once and leaves no position. */
async function order(endpoint: string): Promise<string> {
  for (;;) {
    const answer = await fetch(`${endpoint}/v1/books/BTC%2FUSDT?depth=1`);
    const book = (await answer.json()) as { bids?: readonly (readonly [string, string])[] };
    const bid = book.bids?.[0]?.[0];
    if (bid !== undefined) {
      const price = (Math.floor(Number(bid) * 99) / 100).toFixed(2);
      const terms = { symbol: "BTC/USDT", side: "buy", type: "limit", quantity: "0.001", price, timeInForce: "IOC" };
      return JSON.stringify({ ...terms, sendWithinMs: 5_000 });
    }
    await delay(50);
  }
}
