/**
 * Each runbook, command by command, against three real nodes with a real etcd and the simulated exchange; a page that
 * promises what the cluster does not show fails here. Each page gets a cluster of its own, because it makes trouble.
 */
import { readFileSync, readdirSync } from "node:fs";
import { startCluster } from "@baton/drills";
import { describe, expect, test } from "vitest";
import { readRunbook, runRunbook } from "./runbook.ts";
import { stageFor } from "./stage.ts";

const folder = new URL("../../runbooks/", import.meta.url);
const pages = readdirSync(folder).filter((name) => name.endsWith(".md"));

describe("every runbook works on a running cluster", () => {
  test.each(pages)("%s", async (name) => {
    await using cluster = await startCluster();
    // A lost engine is started again by its supervisor; only where that has gone too there is something to start.
    const restart = (node: string): Promise<void> =>
      cluster.nodes.find((each) => each.id === node)?.start() ?? Promise.resolve();
    const rehearsed = { endpoints: cluster.endpoints, killLeader: () => cluster.killLeader(), restart };
    using stage = await stageFor(rehearsed, `rehearsal-${name.replace(".md", "")}`);
    const page = readRunbook(readFileSync(new URL(name, folder), "utf8"));
    await expect(runRunbook(page, stage)).resolves.toBeUndefined();
  });
});
