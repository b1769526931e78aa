/**
 * The processes of the journal benchmark: a leader with a journal of its own and one that a follower copies, the follower,
 * and a feed that sends market data to the leader's main thread. Started by `journal.ts` with a role, they answer orders
 * over IPC, one at a time.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { id, wallMs } from "@baton/core";
import type {
  BootId,
  ClientOrderId,
  ClusterId,
  IntentId,
  IntentRecorded,
  NodeId,
  Sequence,
  SymbolId,
  VenueId,
} from "@baton/core";
import { becomeRealtime, lowerHelperThreads } from "@baton/engine";
import { openJournal, startReplication } from "@baton/journal";
import type { Journal, Replication } from "@baton/journal";
import { WebSocket, WebSocketServer } from "ws";
import { Timings } from "./figure.ts";

export type Role = "leader" | "follower" | "feed";

export type PartOrder =
  | {
      readonly kind: "closed-loop";
      readonly journal: "local" | "replicated";
      readonly inFlight: number;
      readonly events: number;
    }
  | { readonly kind: "lag"; readonly feed: string; readonly intentsPerSecond: number; readonly ms: number }
  /** For the rest of the process; answered with why not. */
  | { readonly kind: "realtime" };

export interface ClosedLoop {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
}

export interface Lag {
  readonly p99Ms: number;
  readonly messages: number;
  readonly intents: number;
}

const feedPerSecond = 2000;

/** Runs a role in this process until its parent goes. */
export async function runPart(role: Role, dir: string, peer: string | undefined): Promise<void> {
  process.on("disconnect", () => process.exit(0));
  // As an engine does at its start.
  const notLowered = lowerHelperThreads();
  if (notLowered !== undefined) throw new Error(notLowered);
  if (role === "feed") return runFeed();
  const replicated = await open(dir, role, "replicated");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const replication = startReplication({
    journal: replicated,
    server,
    boot: id<BootId>(role),
    heartbeatMs: 50,
    mayFollow: () => role === "follower",
    mayAcknowledge: () => true,
  });
  if (role === "follower") {
    if (peer !== undefined) replication.setPeers(new Map([[id<NodeId>("leader"), peer]]));
    process.send?.({ ready: "" });
    return;
  }
  const local = await open(dir, role, "local");
  local.onDurable.on((sequence) => local.commit(sequence));
  await replicated.persist({ epochMax: 1 });
  replication.lead(1);
  process.on("message", (order: PartOrder) => void leaderObeys(order, { local, replicated, replication }));
  process.send?.({ ready: `127.0.0.1:${(server.address() as AddressInfo).port}` });
}

interface LeaderParts {
  readonly local: Journal;
  readonly replicated: Journal;
  readonly replication: Replication;
}

async function leaderObeys(order: PartOrder, parts: LeaderParts): Promise<void> {
  const { replicated, replication } = parts;
  if (order.kind === "realtime") return void process.send?.({ answer: await becomeRealtime() });
  if (order.kind === "closed-loop" && order.journal === "local") {
    process.send?.({ answer: await closedLoop(parts.local, (moved) => parts.local.onDurable.on(moved), order) });
    return;
  }
  const committing = (moved: (position: Sequence) => void): (() => void) => {
    const advance = (): void => {
      const point = Math.min(replicated.durable, replication.followers[0]?.acked ?? 0);
      if (point <= replicated.commitMark.sequence) return;
      replicated.commit(point);
      moved(point);
    };
    const stops = [replicated.onDurable.on(advance), replication.onAck.on(advance)];
    return () => {
      for (const stop of stops) stop();
    };
  };
  if (order.kind === "closed-loop") process.send?.({ answer: await closedLoop(replicated, committing, order) });
  else process.send?.({ answer: await lag(replicated, committing, order) });
}

/** How long a journal of so many intents takes to open, its state rebuilt, in ms. */
export async function timeOpening(dir: string, records: number): Promise<number> {
  const filled = await open(dir, "opened", "alone");
  for (let count = 0; count < records; count += 1) filled.append(1, [nextIntent(filled)]);
  await new Promise<void>((resolve) => filled.onDurable.on((sequence) => sequence === records && resolve()));
  filled.commit(records);
  await filled.close();
  const began = performance.now();
  const opened = await open(dir, "opened", "alone");
  const took = performance.now() - began;
  await opened.close();
  return took;
}

async function open(dir: string, role: string, name: string): Promise<Journal> {
  return openJournal({
    file: join(dir, `${role}-${name}.db`),
    cluster: id<ClusterId>("bench"),
    node: id<NodeId>(role),
    bootId: id<BootId>(role),
    create: true,
  });
}

type Committing = (moved: (position: Sequence) => void) => () => void;

/** So many clients, each with one intent in flight: the next is appended when the last is committed. */
function closedLoop(
  journal: Journal,
  committing: Committing,
  order: { readonly inFlight: number; readonly events: number },
): Promise<ClosedLoop> {
  return new Promise((resolve) => {
    const timings = new Timings();
    const began = performance.now();
    /** Ascending. */
    const waiting: { readonly sequence: Sequence; readonly sinceMs: number }[] = [];
    let appended = 0;
    let head = 0;
    const appendOne = (): void => {
      appended += 1;
      waiting.push({ sequence: journal.append(1, [nextIntent(journal)]), sinceMs: performance.now() });
    };
    const stop = committing((position) => {
      const now = performance.now();
      const from = head;
      while (head < waiting.length && (waiting[head]?.sequence ?? 0) <= position) {
        timings.add(now - (waiting[head]?.sinceMs ?? now));
        head += 1;
      }
      for (let count = from; count < head && appended < order.events; count += 1) appendOne();
      if (head < order.events) return;
      stop();
      resolve({ p50Ms: timings.at(50), p99Ms: timings.at(99), perSecond: order.events / ((now - began) / 1000) });
    });
    for (let count = 0; count < order.inFlight; count += 1) appendOne();
  });
}

/** How late market data is on the main thread while intents are made durable on both nodes. */
function lag(journal: Journal, committing: Committing, order: Extract<PartOrder, { kind: "lag" }>): Promise<Lag> {
  return new Promise((resolve, reject) => {
    const timings = new Timings();
    let intents = 0;
    const stop = committing(() => undefined);
    const began = performance.now();
    const appending = setInterval(() => {
      const due = ((performance.now() - began) * order.intentsPerSecond) / 1000;
      for (; intents < due; intents += 1) journal.append(1, [nextIntent(journal)]);
    }, 1);
    if (order.intentsPerSecond === 0) clearInterval(appending);
    const socket = new WebSocket(order.feed, { perMessageDeflate: false });
    socket.on("error", reject);
    socket.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { sentNs: string };
      timings.add(Number(process.hrtime.bigint() - BigInt(message.sentNs)) / 1e6);
    });
    setTimeout(() => {
      clearInterval(appending);
      stop();
      socket.terminate();
      resolve({ p99Ms: timings.at(99), messages: timings.count, intents });
    }, order.ms);
  });
}

function runFeed(): void {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  server.on("connection", (socket) => {
    const began = performance.now();
    let sent = 0;
    const sending = setInterval(() => {
      const due = ((performance.now() - began) * feedPerSecond) / 1000;
      for (; sent < due; sent += 1) {
        const trade = { e: "trade", s: "BTCUSDT", t: sent, p: "64000.10", q: "0.0120" };
        socket.send(JSON.stringify({ ...trade, sentNs: String(process.hrtime.bigint()) }));
      }
    }, 1);
    socket.on("close", () => clearInterval(sending));
    socket.on("error", () => socket.terminate());
  });
  server.on("listening", () => {
    process.send?.({ ready: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` });
  });
}

const counters = new WeakMap<Journal, number>();

function nextIntent(journal: Journal): IntentRecorded {
  const n = (counters.get(journal) ?? 0) + 1;
  counters.set(journal, n);
  return {
    kind: "intent.recorded",
    intent: id<IntentId>(`i-${n}`),
    clientOrderId: id<ClientOrderId>(n.toString(16).padStart(32, "0")),
    terms: {
      venue: id<VenueId>("binance"),
      symbol: id<SymbolId>("BTC/USDT"),
      side: "buy",
      type: "limit",
      quantity: "0.01",
      price: "64000",
      timeInForce: "GTC",
    } as IntentRecorded["terms"],
    sendWithinMs: 2000,
    atWallMs: wallMs(1_700_000_000_000 + n),
    by: "bench",
  };
}

const [, , role, dir, peer] = process.argv;
if (import.meta.main) await runPart(role as Role, dir ?? "", peer);
