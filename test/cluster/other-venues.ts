/**
 * Two more venues for a cluster that runs, each an exchange in the test's own process: `alt`, to which orders for `sim` go
 * while that is ill, and `paper`, which mirrors `sim` for paper trading. Both know the keys of the rig's nodes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { freePorts } from "@baton/drills";
import { startExchange, type RunningExchange } from "@baton/exchange";
import type { Cluster } from "../rig/cluster.ts";

/** What is read and changed of a node's file; the rest stays as it is. */
interface NodeFile {
  venues: [Record<string, unknown>, ...Record<string, unknown>[]];
  feeds: Record<string, unknown>[];
}

export interface OtherVenues extends AsyncDisposable {
  readonly alt: RunningExchange;
  paper(): RunningExchange;
  /** The paper exchange ends and starts again at its address, with an empty past. */
  restartPaper(): Promise<void>;
}

/** What `sim` promises here: any failed request in fifty breaks it. */
const promised = { errorPercentMax: 2, latencyP99MsMax: 10_000 };

/** Starts them and writes them into the files of nodes that do not run. */
export async function addVenues(cluster: Cluster, more: Record<string, unknown>): Promise<OtherVenues> {
  const keys = cluster.nodes.map(({ id }) => ({ key: `node-${id}-key`, secret: `node-${id}-secret`, account: "demo" }));
  const live = cluster.exchange.endpoint;
  const openPaper = (port: number): Promise<RunningExchange> =>
    startExchange({ port, keys, mirror: { wsUrl: socketsOf(live), restUrl: live, symbols: ["ETHUSDT"] } });
  const alt = await startExchange({ keys, seed: 7 });
  // One of those that no neighbour's outgoing connection is given while the exchange is away.
  const [paperPort = 0] = await freePorts(1);
  let paper = await openPaper(paperPort);
  for (const node of cluster.nodes) {
    const config = JSON.parse(readFileSync(node.configFile, "utf8")) as NodeFile;
    const [sim] = config.venues;
    const symbols = ["ETH/USDT"];
    const at = (url: string): object => ({ restUrl: url, wsUrl: socketsOf(url) });
    config.venues = [
      { ...sim, alternate: "alt", sla: promised },
      { ...sim, id: "alt", symbols, ...at(alt.url) },
      { ...sim, id: "paper", mode: "paper", symbols, ...at(paper.url) },
    ];
    config.feeds.push({ id: "alt-book", venue: "alt", symbols });
    config.feeds.push({ id: "paper-book", venue: "paper", symbols, ...at(live) });
    writeFileSync(node.configFile, JSON.stringify({ ...config, ...more }));
  }
  return {
    alt,
    paper: () => paper,
    async restartPaper() {
      const { port } = paper;
      await paper.close();
      paper = await openPaper(port);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([alt.close(), paper.close()]);
    },
  };
}

const socketsOf = (url: string): string => url.replace("http", "ws");
