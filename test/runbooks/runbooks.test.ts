/**
 * Each runbook, command by command, against three real nodes with a real etcd and the simulated exchange; a page that
 * promises what the cluster does not show fails here. Pages that take a node away get a cluster of their own; the others
 * share one.
 */
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { rigAccount, startCluster, type Cluster } from "@baton/drills";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readRunbook, runRunbook, type Runbook } from "./runbook.ts";
import { stageFor } from "./stage.ts";

const folder = new URL("../../runbooks/", import.meta.url);
const pages = readdirSync(folder)
  .filter((name) => name.endsWith(".md"))
  .map((name) => ({ name, page: readRunbook(readFileSync(new URL(name, folder), "utf8")) }));
const takesANode = ({ page }: { readonly page: Runbook }): boolean =>
  page.steps.some((step) => step.kind === "trouble" && step.name === "kill-leader");

async function rehearse(cluster: Cluster, { name, page }: (typeof pages)[number]): Promise<void> {
  const faults = `${cluster.exchange.endpoint}/__faults`;
  const arm = async (fault: object): Promise<void> => {
    const answer = await fetch(faults, { method: "POST", body: JSON.stringify(fault) });
    expect(answer.ok, await answer.text()).toBe(true);
  };
  const mend = async (): Promise<void> => void (await fetch(faults, { method: "DELETE" }));
  const corrupt = { fault: "stream-corrupt", share: 0.5, match: { stream: "depth@100ms" } };
  const rehearsed = {
    endpoints: cluster.endpoints,
    killLeader: () => cluster.killLeader(),
    // A lost engine is started again by its supervisor; only where that has gone too there is something to start.
    restart: (node: string): Promise<void> =>
      cluster.nodes.find((each) => each.id === node)?.start() ?? Promise.resolve(),
    corruptMarket: () => arm(corrupt),
    mendMarket: mend,
    silenceMarket: async () => {
      await arm({ fault: "upgrade-refused" });
      await arm({ fault: "stream-drop" });
    },
    loseAnswers: async () => {
      await arm({ fault: "drop-before-accept", count: 1, match: { call: "order.place" } });
      for (const call of ["order.status", "openOrders.status", "myTrades", "allOrders"]) {
        await arm({ fault: "http-error", match: { call } });
      }
    },
    clogVenue: () => arm({ fault: "accept-late", delayMs: 700, match: { call: "order.place" } }),
    mendAnswers: mend,
    loseHost: (node: string): Promise<void> =>
      cluster.nodes.find((each) => each.id === node)?.killAll() ?? Promise.resolve(),
    emptyDisk: (node: string): Promise<void> => {
      const seat = cluster.nodes.find((each) => each.id === node);
      if (seat !== undefined) rmSync(seat.dataDir, { recursive: true, force: true });
      return Promise.resolve();
    },
    deposit: async () => {
      const amount = { account: rigAccount, asset: "USDT", amount: "1000" };
      const answer = await fetch(`${cluster.exchange.endpoint}/__deposits`, {
        method: "POST",
        body: JSON.stringify(amount),
      });
      expect(answer.ok).toBe(true);
    },
  };
  using stage = await stageFor(rehearsed, `rehearsal-${name.replace(".md", "")}`);
  await runRunbook(page, stage);
}

describe("every runbook works on a running cluster", () => {
  test.each(pages.filter(takesANode))("$name, and the successor tells the Alertmanager", async (one) => {
    const told: string[] = [];
    const alertmanager = createServer((request, response) => {
      request.setEncoding("utf8").on("data", (text: string) => told.push(text));
      request.on("end", () => response.writeHead(200).end());
    });
    await new Promise<void>((listening) => alertmanager.listen(0, "127.0.0.1", listening));
    const { port } = alertmanager.address() as AddressInfo;
    try {
      await using cluster = await startCluster({ alertmanagerUrl: `http://127.0.0.1:${port}` });
      await expect(rehearse(cluster, one)).resolves.toBeUndefined();
      await expect.poll(() => told.join(""), { timeout: 90_000 }).toContain("(crash-release)");
      expect(told.join("")).toContain('"alertname":"BatonLeaderChanged"');
    } finally {
      alertmanager.closeAllConnections();
      alertmanager.close();
    }
  });
});

describe("every runbook works on a running cluster", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  test.each(pages.filter((one) => !takesANode(one)))("$name", async (one) => {
    await expect(rehearse(cluster, one)).resolves.toBeUndefined();
  });
});
