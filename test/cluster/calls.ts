/** Plain HTTP to one node, the exchange's own log, and waiting: what the tests of whole clusters are written with. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { AuditRecord } from "@baton/core";
import type { Cluster } from "../rig/cluster.ts";

/** Whatever a node said; a test says what it expects of it. */
type Json = ReturnType<typeof JSON.parse>;

export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

interface Node {
  readonly endpoint: string;
}

/** One call to one node; throws only when the connection fails. */
export async function call(
  node: Node,
  method: string,
  path: string,
  o: { readonly body?: unknown; readonly key?: string } = {},
): Promise<Told> {
  const answer = await fetch(`${node.endpoint}${path}`, {
    method,
    headers: {
      ...(o.body !== undefined && { "content-type": "application/json" }),
      ...(o.key !== undefined && { "idempotency-key": o.key }),
    },
    signal: AbortSignal.timeout(15_000),
    ...(o.body !== undefined && { body: JSON.stringify(o.body) }),
  });
  const text = await answer.text();
  const isJson = /json/.test(answer.headers.get("content-type") ?? "");
  return { status: answer.status, headers: answer.headers, body: isJson && text !== "" ? JSON.parse(text) : text };
}

/** A buy that rests below the market: `percent` under the best bid of a node's own book. */
export async function restingBuy(
  node: Node,
  over: Record<string, unknown> = {},
  percent = 1,
): Promise<Record<string, unknown>> {
  const bid = await eventually("there is a fresh book", async () => {
    const { body } = await call(node, "GET", "/v1/books/BTC/USDT?depth=1");
    return body.quality === "live" ? Number(body.bids[0][0]) : undefined;
  });
  const price = (bid * (1 - percent / 100)).toFixed(2);
  return { symbol: "BTC/USDT", side: "buy", type: "limit", quantity: "0.001", price, ...over };
}

/** What the exchange has written so far. */
export function auditOf(cluster: Cluster): readonly AuditRecord[] {
  const lines = readFileSync(cluster.exchange.auditFile, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as AuditRecord);
}

/** Requests to place an order that reached the exchange, from record `afterN` on. */
export function placed(cluster: Cluster, afterN = 0): readonly (AuditRecord & { readonly type: "recv" })[] {
  return auditOf(cluster).filter(
    (record): record is AuditRecord & { readonly type: "recv" } =>
      record.type === "recv" && record.call === "order.place" && record.n > afterN,
  );
}

/** The number of the exchange's newest record. */
export function auditEnd(cluster: Cluster): number {
  return auditOf(cluster).at(-1)?.n ?? 0;
}

/** Arms a fault at the exchange; `clear` takes all away. */
export async function arm(cluster: Cluster, fault: Record<string, unknown>): Promise<void> {
  const answer = await fetch(`${cluster.exchange.endpoint}/__faults`, { method: "POST", body: JSON.stringify(fault) });
  if (!answer.ok) throw new Error(`the exchange takes no ${JSON.stringify(fault)}: ${await answer.text()}`);
}

/**
 * The node that leads, whether or not it may trade everything: while a venue is away its prices are stale, and then
 * `cluster.leader()`, which wants all of it, waits for ever.
 */
export async function leads(cluster: Cluster): Promise<Cluster["nodes"][number]> {
  return await eventually("a node leads", async () => {
    const views = await Promise.all(
      cluster.nodes.map(async (node) => {
        const told = node.isRunning ? await call(node, "GET", "/cluster").catch(() => undefined) : undefined;
        return told?.body.node?.role === "leader" ? [{ node, epoch: told.body.epoch as number }] : [];
      }),
    );
    return views.flat().toSorted((one, other) => other.epoch - one.epoch)[0]?.node;
  });
}

/**
 * One call to whoever leads, until it is answered with `status`: a leader that stumbles on a busy machine ends its boot,
 * and a client asks its successor. The key makes sure that nothing happens twice.
 */
export async function callLeader(
  cluster: Cluster,
  status: number,
  ask: (leader: Cluster["nodes"][number]) => Promise<Told>,
): Promise<Told> {
  return await eventually(`the leader answers ${status}`, async () => {
    const told = await ask(await leads(cluster));
    if (told.status === status) return told;
    throw new Error(`it answers ${told.status} ${JSON.stringify(told.body)}`);
  });
}

/**
 * Asks a node for an operation, and again under the same id where it does not know whether etcd has it: an election of etcd
 * takes longer than a call. What it says in the end is given back.
 */
export async function operate(node: Node, body: Readonly<Record<string, unknown>>): Promise<Told> {
  const asked = { id: randomUUID(), reason: "test", ...body };
  return await eventually(`${String(body["what"])} is answered`, async () => {
    const told = await call(node, "POST", "/operations", { body: asked });
    if (told.status < 500) return told;
    throw new Error(`it answers ${told.status} ${JSON.stringify(told.body)}`);
  });
}

/**
 * Has a node lead: asks for a switchover to it until it does. One may be given up, with nothing wrong, because somebody did
 * not keep up; whoever asked for it asks again.
 */
export async function leadWith(cluster: Cluster, node: Cluster["nodes"][number]): Promise<void> {
  await eventually(
    `${node.id} leads`,
    async () => {
      await cluster.untilInSync();
      const leader = await cluster.leader();
      if (leader === node) return true;
      await operate(leader, { what: "switchover", to: node.id });
      return undefined;
    },
    180_000,
  );
}

/** Asks until it gives something; throws `what` with the last refusal after `withinMs`. A refusal is asked again. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>, withinMs = 60_000): Promise<T> {
  const end = performance.now() + withinMs;
  let last = "";
  for (;;) {
    try {
      const value = await ask();
      if (value !== undefined) return value;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > end) throw new Error(`${what}: not within ${withinMs} ms ${last}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
