/**
 * The configuration of one node of a rig: everything on loopback, the shortest timings that Baton allows on one machine,
 * real limits. It is written as JSON, which is YAML too. The keys are test keys of the simulated exchange and nothing else.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ApiTls, NodeId } from "@baton/core";

/** What the rig's configuration and the checker's bounds share. */
export const rigTimes = {
  leaseTtlSeconds: 2,
  silenceMs: 1_000,
  shrinkMs: 300,
  yieldMs: 1_000,
  validityMs: 1_000,
  processingBoundMs: 1_500,
  queryLagMs: 500,
  clockErrorMs: 250,
  staleAfterMs: 2_000,
} as const;

/** Largest position per symbol, open orders at worst case, in the base currency. */
export const rigPositionMax = { "BTC/USDT": "2", "ETH/USDT": "40", "SOL/USDT": "800" } as const;

/** The symbols that a rig trades. */
export const rigSymbols: readonly (keyof typeof rigPositionMax)[] = ["BTC/USDT", "ETH/USDT", "SOL/USDT"];

/** The account that all nodes of a rig trade on, each with its own key. */
export const rigAccount = "demo";

/** A node's API key at the simulated exchange. */
export function apiKeyOf(node: string): string {
  return `node-${node}-key`;
}

/** The secret of that key; a test value like the key. */
export function secretOf(node: string): string {
  return `node-${node}-secret`;
}

export interface NodePlan {
  readonly cluster: string;
  readonly nodes: readonly NodeId[];
  readonly node: NodeId;
  /** Folder of this node's file, secrets and journal. */
  readonly home: string;
  /** `host:port` the node listens on. */
  readonly listen: string;
  /** `host:port` of other nodes where they are reached through links of the rig. */
  readonly peers: Readonly<Record<string, string>>;
  readonly etcd: readonly string[];
  /** `host:port` of the exchange as this node reaches it. */
  readonly exchange: string;
  readonly uniqueness: "open-only" | "forever" | "none";
  readonly weightPerMinute: number;
  readonly preempt: boolean;
  readonly alertmanagerUrl?: string | undefined;
  /** Paths of this node's certificate, its key and the authority; absent: plain HTTP. */
  readonly tls?: ApiTls | undefined;
}

/** Writes the node's file and secrets; gives the file's path. */
export function writeNodeConfig(plan: NodePlan): string {
  mkdirSync(plan.home, { recursive: true });
  writeFileSync(join(plan.home, "api-key"), apiKeyOf(plan.node), { mode: 0o600 });
  writeFileSync(join(plan.home, "secret"), secretOf(plan.node), { mode: 0o600 });
  const file = join(plan.home, "node.yaml");
  writeFileSync(file, `${JSON.stringify(configOf(plan), undefined, 2)}\n`);
  return file;
}

function configOf(plan: NodePlan): object {
  const perSymbol = Object.fromEntries(rigSymbols.map((symbol) => [symbol, { positionMax: rigPositionMax[symbol] }]));
  return {
    cluster: { name: plan.cluster, nodes: plan.nodes },
    node: { id: plan.node, site: "loopback", dataDir: join(plan.home, "data") },
    api: { listen: plan.listen, ...(plan.tls !== undefined && { tls: plan.tls }), allowLoopbackWithoutToken: true },
    replication: {
      heartbeatMs: 50,
      silenceMs: rigTimes.silenceMs,
      shrinkMs: rigTimes.shrinkMs,
      peers: plan.peers,
    },
    etcd: { endpoints: plan.etcd, callTimeoutMs: 500 },
    leadership: {
      profile: "lan",
      leaseTtlSeconds: rigTimes.leaseTtlSeconds,
      preempt: plan.preempt,
      yieldMs: rigTimes.yieldMs,
      // Drills kill the same node over and over; that is no loop that anybody has to look at.
      loop: { takeovers: 0, deaths: 0 },
    },
    durability: "strict",
    alerts: plan.alertmanagerUrl === undefined ? {} : { alertmanagerUrl: plan.alertmanagerUrl },
    doubt: { processingBoundMs: rigTimes.processingBoundMs, queryLagMs: rigTimes.queryLagMs },
    venues: [
      {
        id: "sim",
        mode: "sandbox",
        exchange: "binance",
        account: rigAccount,
        apiKeyFile: join(plan.home, "api-key"),
        secretFile: join(plan.home, "secret"),
        restUrl: `http://${plan.exchange}`,
        wsUrl: `ws://${plan.exchange}`,
        symbols: rigSymbols,
        validityMs: rigTimes.validityMs,
        deadlineMs: 1_000,
        uniqueness: plan.uniqueness,
        limits: {
          orderRate: { count: 20_000, perMs: 10_000 },
          requestWeight: { count: plan.weightPerMinute, perMs: 60_000 },
        },
      },
    ],
    feeds: [{ id: "sim-book", venue: "sim", symbols: rigSymbols, staleAfterMs: rigTimes.staleAfterMs }],
    risk: {
      defaults: { orderQuantityMax: "50", orderNotionalMax: "20000", collarBps: 200, positionMax: "10" },
      perSymbol,
      orderRate: { count: 1_000, perMs: 1_000 },
      clockErrorMaxMs: rigTimes.clockErrorMs,
    },
  };
}
