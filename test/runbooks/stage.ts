/**
 * Sets the stage for a runbook: a cluster that runs, `baton` on the PATH, the variables that the pages name, and the
 * troubles they are about.
 */
import { randomUUID } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { BatonClient } from "@baton/cli";
import { checkOrderRequest } from "@baton/core";
import type { ClusterView } from "@baton/core";
import type { Stage } from "./runbook.ts";

/** What a runbook needs of a cluster. */
export interface RehearsedCluster {
  /** Base URL of each node. */
  readonly endpoints: readonly string[];
  /** Ends the leader's process by SIGKILL. */
  killLeader(): Promise<void>;
  /** Starts a lost node again, as its service manager would. */
  restart(node: string): Promise<void>;
  /** Has the venue change messages of the book on their way to some of the nodes, until it is told to stop. */
  corruptMarket(): Promise<void>;
  mendMarket(): Promise<void>;
  /** Cuts the venue's streams and refuses new ones until `mendMarket`. */
  silenceMarket(): Promise<void>;
  /** Has the venue lose the next order and answer no question about any, until `mendAnswers`. */
  loseAnswers(): Promise<void>;
  /** Has the venue answer each order late, until `mendAnswers`. */
  clogVenue(): Promise<void>;
  mendAnswers(): Promise<void>;
  /** Takes a node's host away. */
  loseHost(node: string): Promise<void>;
  /** Gives a node that does not run an empty disk. */
  emptyDisk(node: string): Promise<void>;
  /** Money comes into the account from outside. */
  deposit(): Promise<void>;
}

const program = fileURLToPath(new URL("../../packages/cli/src/baton.ts", import.meta.url));

/** The stage for one page, with the present leader and the best candidate filled in. */
export async function stageFor(cluster: RehearsedCluster, operation: string): Promise<Stage & Disposable> {
  const client = new BatonClient({ endpoints: cluster.endpoints });
  const {
    leader,
    candidate,
    members,
    cluster: named,
  } = await eventually(async () => {
    const view = await client.cluster();
    const { candidates } = await client.promotability();
    const best = candidates.find((each) => each.isPromotable && each.isInSync && each.node !== view.leader?.node);
    if (view.leader === null || best === undefined) throw new Error("the rehearsal needs a leader and a candidate.");
    return { ...view, leader: view.leader, candidate: best };
  });
  const urlOf = (node: string): string => `http://${members.find((member) => member.node === node)?.address ?? ""}`;
  const folder = mkdtempSync(join(tmpdir(), "baton-runbook-"));
  const command = join(folder, "baton");
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
  chmodSync(command, 0o755);
  let lost = "";
  /** Clients that ask for more than the venue takes. */
  const crowd: { isOver: boolean; asking: readonly Promise<void>[] } = { isOver: false, asking: [] };
  return {
    environment: {
      PATH: `${folder}${delimiter}${process.env["PATH"] ?? ""}`,
      BATON_ENDPOINT: cluster.endpoints.join(","),
      LEADER: leader.node,
      CANDIDATE: candidate.node,
      LEADER_URL: urlOf(leader.node),
      CANDIDATE_URL: urlOf(candidate.node),
      REASON: "rehearsal of a runbook",
      ID: operation,
    },
    troubles: {
      "kill-leader": async () => {
        lost = (await client.cluster()).leader?.node ?? "";
        await cluster.killLeader();
        return { LOST: lost };
      },
      "restart-lost": async () => {
        await cluster.restart(lost);
        return {};
      },
      "corrupt-market": async () => {
        const standby = new BatonClient({ endpoints: [urlOf(candidate.node)] });
        const differs = async (): Promise<boolean> =>
          (await eventually(() => standby.feeds())).some(({ drift }) => drift?.isEqual === false);
        // Which connections are struck is drawn; both or neither of the two that are compared may be. They are every 5 s.
        while (!(await differs())) {
          await cluster.mendMarket();
          await cluster.corruptMarket();
          for (let look = 0; look < 8 && !(await differs()); look += 1) await sleep(1_000);
        }
        return {};
      },
      "silence-market": async () => {
        await cluster.silenceMarket();
        return {};
      },
      "lose-answers": async () => {
        await cluster.loseAnswers();
        return { DOUBTED: await placed(client, await restingOrder(client), operation) };
      },
      "clog-venue": async () => {
        await cluster.clogVenue();
        const order = { symbol: "BTC/USDT", side: "buy", type: "limit", quantity: "0.001", price: await bidOf(client) };
        const checked = checkOrderRequest({ ...order, timeInForce: "IOC", sendWithinMs: 60_000 });
        if (checked.kind === "invalid") throw new Error(checked.problem.detail);
        // More of them than the venue's sockets hold, each at it again as soon as it has an answer.
        let count = 0;
        const ask = async (): Promise<void> => {
          while (!crowd.isOver) {
            count += 1;
            await client.placeOrder(checked.value, `${operation}-${count}`).catch(() => sleep(200));
          }
        };
        crowd.asking = Array.from({ length: 120 }, ask);
        return {};
      },
      "mend-answers": async () => {
        crowd.isOver = true;
        await Promise.all(crowd.asking);
        await cluster.mendAnswers();
        return {};
      },
      "stop-standby": async () => {
        lost = candidate.node;
        await cluster.loseHost(lost);
        return { LOST: lost };
      },
      "restart-standby": async () => {
        await cluster.loseHost(candidate.node);
        await cluster.restart(candidate.node);
        return {};
      },
      "lose-set": async () => {
        // Every candidate but this one is lost, and it lacks the last records.
        const left = candidate.node;
        const parent = await placed(client, {
          ...{ algo: "twap", symbol: "BTC/USDT", side: "buy", quantity: "0.004", slices: 4, durationMs: 1_200_000 },
          aggressionBps: 10,
        });
        await untilCluster(client, (view) => view.members.every((member) => (member.lagRecords ?? 1) === 0));
        await cluster.loseHost(left);
        await untilCluster(client, (view) => view.insync?.members.every((node) => node !== left) === true);
        await placed(client, { ...(await restingOrder(client)), quantity: "0.002" });
        for (const { node } of members) if (node !== left) await cluster.loseHost(node);
        await cluster.restart(left);
        return { LEFT: left, CLUSTER: named.name, PARENT: parent };
      },
      "come-back": async () => {
        for (const { node } of members) {
          if (node === candidate.node) continue;
          await cluster.emptyDisk(node);
          await cluster.restart(node);
        }
        return {};
      },
      deposit: async () => {
        await cluster.deposit();
        return {};
      },
      "mend-market": async () => {
        await cluster.mendMarket();
        return {};
      },
    },
    [Symbol.dispose]: () => {
      crowd.isOver = true;
      rmSync(folder, { recursive: true });
    },
  };
}

/** Asks for an order or a parent order, under one key until it is taken; gives its id. */
async function placed(client: BatonClient, body: object, key: string = randomUUID()): Promise<string> {
  const checked = checkOrderRequest(body);
  if (checked.kind === "invalid") throw new Error(checked.problem.detail);
  const answer = await eventually(() => client.placeOrder(checked.value, key));
  return "intentId" in answer ? answer.intentId : answer.parentId;
}

/** Waits until the cluster shows it. */
async function untilCluster(client: BatonClient, isSo: (view: ClusterView) => boolean): Promise<void> {
  await eventually(async () => {
    if (!isSo(await client.cluster())) throw new Error("the cluster does not come to what the rehearsal needs.");
  });
}

/** Asks until it is answered, for two minutes at most: a node that is held up for a moment is asked again. */
async function eventually<T>(ask: () => Promise<T>): Promise<T> {
  for (const end = performance.now() + 120_000; ; await sleep(200)) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}

/** A small order that rests. */
async function restingOrder(client: BatonClient): Promise<object> {
  const price = await bidOf(client);
  return { symbol: "BTC/USDT", side: "buy", type: "limit", quantity: "0.001", price, timeInForce: "GTC" };
}

/** A price at which an order rests. */
async function bidOf(client: BatonClient): Promise<string> {
  return await eventually(async () => {
    const feed = (await client.feeds()).find(({ symbol }) => symbol === "BTC/USDT");
    if (typeof feed?.bid === "string" && feed.quality === "live") return feed.bid;
    throw new Error("there is no book to price an order on.");
  });
}
