/**
 * The runbooks against a cluster made of answers: that each command is one that `baton` has, and that what a page
 * promises to show is what `baton` prints. Against real nodes they run in `test/runbooks`.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { clusterView, ok, operationView, refuse, scriptedNode } from "../cli/scripted-node.ts";
import { readRunbook, runRunbook } from "../runbooks/runbook.ts";
import type { RehearsedCluster } from "../runbooks/stage.ts";
import { stageFor } from "../runbooks/stage.ts";

const nodes = ["a", "b", "c"];

/** Three nodes that are one scripted process: who leads changes with operations and troubles. */
async function scriptedCluster(): Promise<AsyncDisposable & RehearsedCluster & { readonly url: string }> {
  let epoch = 7;
  let leader = "a";
  let reason = "expired";
  let alive = nodes;
  let isCorrupt = false;
  let host = "";
  const operations = new Map<string, Readonly<Record<string, unknown>>>();
  const entries: Readonly<Record<string, unknown>>[] = [];
  const lead = (next: string, why: string): void => {
    [leader, reason, epoch] = [next, why, epoch + 1];
    entries.push({ kind: "epoch", epoch, node: next, boot: "x", reason: why, atWallMs: 1, position: 1 });
  };
  const view = (): unknown => {
    const base = clusterView();
    const members = nodes.map((node) => ({
      ...base.members[0],
      node,
      role: !alive.includes(node) ? "stopped" : node === leader ? "leader" : "standby",
      isInSync: alive.includes(node),
      address: host,
      unfit: [],
    }));
    const insync = { epoch, version: 1, members: alive };
    const warnings = isCorrupt ? ["the book of BTC/USDT in feed f is not the one of a at update 7"] : [];
    return { ...base, warnings, epoch, leader: { ...base.leader, node: leader, epoch, reason }, members, insync };
  };
  const operate = (asked: Readonly<Record<string, string>>): unknown => {
    const id = asked["id"] ?? "";
    if (!operations.has(id)) {
      lead(asked["to"] ?? "", "switchover");
      const detail = `${asked["to"]} leads epoch ${epoch}`;
      operations.set(id, { ...operationView({ ...asked, phase: "done", epoch, detail }) });
    }
    return operations.get(id);
  };
  const candidates = (): unknown[] =>
    alive.map((node) => ({
      node,
      isPromotable: node !== leader,
      isInSync: true,
      lagRecords: 0,
      unfit: [],
      reasons: [],
    }));
  const feed = {
    id: "f",
    venue: "binance",
    symbol: "BTC/USDT",
    state: "live",
    quality: "live",
    ageMs: 9,
    bid: "1",
    ask: "2",
  };
  const self = await scriptedNode({
    "GET /cluster": () => ({ status: 200, body: view() }),
    "GET /promotability": () => ({ status: 200, body: { version: 1, candidates: candidates() } }),
    "GET /history": () => ({ status: 200, body: { version: 1, entries } }),
    "GET /v1/feeds": () => {
      const drift = { leader: "a", updateId: 7, isEqual: !isCorrupt, comparedAgoMs: 9 };
      return { status: 200, body: { version: 1, feeds: [{ ...feed, gaps: 0, reconnects: 0, drift }] } };
    },
    "GET /v1/orders": ok({ version: 1, orders: [], next: null }),
    "GET /v1/positions": ok({ version: 1, positions: [] }),
    "GET /v1/balances": ok({ version: 1, balances: [] }),
    "POST /operations": ({ body }) => ({ status: 202, body: operate(body as Record<string, string>) }),
    "GET /operations/ticket-1": () => {
      const known = operations.get("ticket-1");
      return known === undefined
        ? refuse(404, "not-found", "there is no operation ticket-1")()
        : { status: 200, body: known };
    },
  });
  host = new URL(self.url).host;
  return {
    url: self.url,
    endpoints: [self.url],
    corruptMarket: () => Promise.resolve(void (isCorrupt = true)),
    mendMarket: () => Promise.resolve(void (isCorrupt = false)),
    // Pages that need these are run against real nodes only.
    silenceMarket: notHere,
    loseAnswers: notHere,
    mendAnswers: notHere,
    clogVenue: notHere,
    loseHost: (node) => {
      alive = nodes.filter((each) => each !== node);
      return Promise.resolve();
    },
    emptyDisk: notHere,
    deposit: notHere,
    killLeader: () => {
      alive = nodes.filter((node) => node !== leader);
      lead(alive[0] ?? "", "crash-release");
      return Promise.resolve();
    },
    restart: () => {
      alive = nodes;
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => self[Symbol.asyncDispose](),
  };
}

function notHere(): Promise<never> {
  return Promise.reject(new Error("answers alone cannot show this trouble"));
}

describe("the commands of a runbook", () => {
  test.each(["planned-switchover.md", "leader-lost.md", "market-drift.md"])(
    "%s show what the page promises",
    // Each command is a process of its own; on a busy machine ten of them take their time.
    { timeout: 300_000 },
    async (name) => {
      await using cluster = await scriptedCluster();
      using stage = await stageFor(cluster, "ticket-1");
      const page = readRunbook(readFileSync(new URL(`../../runbooks/${name}`, import.meta.url), "utf8"));
      await expect(runRunbook(page, stage)).resolves.toBeUndefined();
    },
  );
});
