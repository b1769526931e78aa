/**
 * A node made of answers: a real HTTP server that says what a test wrote down and remembers what it was asked, so that
 * every command of `baton` is tried against each thing a cluster can say, without a cluster.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { runBaton } from "@baton/cli";
import type { Terminal } from "@baton/cli";
import { problem } from "@baton/core";
import type { ClusterView, OperationView, OrderView, Promotability } from "@baton/core";

/** What a call of a test answers: a status and a body, or nothing at all. */
export type Answer = { readonly status: number; readonly body: unknown } | "hang-up" | "silence";
/** `GET /cluster` → what to answer; asked anew for each call. */
export type Script = Readonly<Record<string, (asked: Asked) => Answer>>;

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  /** Common name of the certificate that the client showed. */
  readonly certificateOf: string | undefined;
  readonly body: unknown;
}

export interface ScriptedNode extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly Asked[];
}

/** `tls`: it speaks HTTPS, with a certificate and key as PEM. */
export async function scriptedNode(
  script: Script,
  tls?: { readonly cert: string; readonly key: string; readonly ca: string },
): Promise<ScriptedNode> {
  const asked: Asked[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url ?? "/", "http://node");
      const text = Buffer.concat(chunks).toString();
      const call = {
        method: request.method ?? "",
        path: decodeURIComponent(url.pathname),
        query: url.searchParams,
        headers: request.headers,
        certificateOf: commonNameOn(request.socket),
        body: text === "" ? undefined : (JSON.parse(text) as unknown),
      };
      asked.push(call);
      const answer = script[`${call.method} ${call.path}`]?.(call) ?? {
        status: 404,
        body: problem(404, "not-found", `there is no ${call.path}.`),
      };
      if (answer === "hang-up") request.socket.destroy();
      else if (answer !== "silence")
        response.writeHead(answer.status, { "Content-Type": "application/json" }).end(JSON.stringify(answer.body));
    });
  };
  const server: Server =
    tls === undefined
      ? createServer(listener)
      : createSecureServer({ ...tls, requestCert: true, rejectUnauthorized: false }, listener);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

function commonNameOn(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  // Without a certificate Node shows an empty object.
  const { subject } = socket.getPeerCertificate() as { readonly subject?: { readonly CN?: string } };
  return subject?.CN;
}

/** What a run of `baton` left behind. */
export interface Run {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `baton` in this process with a terminal that is none; `typed` answers the one question it may ask. */
export async function baton(
  args: readonly string[],
  options: {
    readonly typed?: string;
    readonly environment?: Record<string, string>;
    readonly detach?: AbortSignal;
  } = {},
): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  const terminal: Terminal = {
    environment: options.environment ?? {},
    isInteractive: options.typed !== undefined,
    hasColor: false,
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    ask: (question) => {
      err.push(question);
      return Promise.resolve(options.typed ?? "");
    },
    detached: options.detach ?? new AbortController().signal,
  };
  const status = await runBaton(args, terminal);
  return { status, out: out.join("\n"), err: err.join("\n") };
}

/** The one object that stdout is with `--json`, whatever the end. */
export function json(run: Run): Readonly<Record<string, unknown>> {
  return JSON.parse(run.out) as Readonly<Record<string, unknown>>;
}

const tagged = { code: "no-failover", bars: "automatic", sentence: "tagged no-failover" };

/** A healthy cluster of three, led by a, with changes. */
export function clusterView(changes: Readonly<Record<string, unknown>> = {}): ClusterView {
  const member = (node: string, role: string): unknown => ({
    node,
    boot: `boot-${node}`,
    role,
    site: "laptop",
    address: `127.0.0.1:700${node}`,
    isInSync: true,
    position: { epoch: 7, durable: 120, committed: 120 },
    lagRecords: role === "leader" ? 0 : 2,
    unfit: node === "c" ? ["tagged no-failover"] : [],
    reasons: node === "c" ? [tagged] : [],
    reachesVenue: true,
    build: "b1",
    configDigest: "c1",
    tags: [],
  });
  return {
    version: 1,
    cluster: { name: "demo", id: "4f0c2a52-0000-4000-8000-000000000000" },
    atWallMs: 1_800_000_060_000,
    node: {
      id: "a",
      boot: "boot-a",
      role: "leader",
      site: "laptop",
      address: "127.0.0.1:7001",
      sentence: "leads epoch 7, lease renewed 40 ms ago",
    },
    leader: { node: "a", boot: "boot-a", epoch: 7, sinceWallMs: 1_800_000_000_000, reason: "switchover" },
    epoch: 7,
    deadlineSlackMs: 3_200,
    insync: { epoch: 7, version: 12, members: ["a", "b", "c"] },
    members: [member("a", "leader"), member("b", "standby"), member("c", "standby")],
    control: { autofailover: "on", pause: null },
    kill: null,
    trading: { isAllowed: true, reasons: [] },
    orders: { open: 3, inDoubt: 1, oldestInDoubtMs: 2_100, fillsMissing: 0 },
    feeds: [{ id: "binance", quality: "live", ageMs: 34 }],
    etcd: {
      isReachable: true,
      endpoints: [{ endpoint: "http://127.0.0.1:2379", isHealthy: true }],
      ageMs: 120,
      revision: "99",
    },
    operation: null,
    ...changes,
  } as unknown as ClusterView;
}

export function promotability(unfitB: readonly string[] = []): Promotability {
  return {
    version: 1,
    candidates: [
      { node: "b", isPromotable: unfitB.length === 0, isInSync: true, lagRecords: 2, unfit: unfitB, reasons: [] },
      {
        node: "c",
        isPromotable: false,
        isInSync: true,
        lagRecords: 0,
        unfit: ["tagged no-failover"],
        reasons: [tagged],
      },
    ],
  } as unknown as Promotability;
}

export function operationView(changes: Readonly<Record<string, unknown>> = {}): OperationView {
  return {
    id: "op-1",
    what: "switchover",
    by: "ann",
    reason: "patch",
    phase: "running",
    detail: "b catches up",
    updatedWallMs: 1_800_000_000_000,
    ...changes,
  } as unknown as OperationView;
}

export function orderView(sequence: number, changes: Readonly<Record<string, unknown>> = {}): OrderView {
  return {
    id: `i-${sequence}`,
    clientOrderIds: ["0123456789abcdef0123456789abcdef"],
    parent: null,
    slice: null,
    epoch: 7,
    sentBy: "a",
    terms: {
      venue: "binance",
      symbol: "BTC/USDT",
      side: "buy",
      type: "limit",
      quantity: "0.1",
      price: "65000",
      timeInForce: "GTC",
    },
    status: "filled",
    outcome: "accepted",
    executed: "0.1",
    events: [{ sequence: 40, kind: "intent.recorded", by: "ann", atWallMs: 1_800_000_000_000 }],
    ...changes,
  } as unknown as OrderView;
}

export function ok(body: unknown): () => Answer {
  return () => ({ status: 200, body });
}

export function refuse(status: number, code: string, detail: string, field?: string): () => Answer {
  return () => ({ status, body: problem(status, code, detail, field) });
}

/** A folder of its own for one test, gone afterwards. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "baton-cli-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
