/**
 * One cluster of real processes and what a node can lose: its leadership in the middle of a strategy, its venue, its
 * identity to a twin, its disk, its clock. Each loss costs the node its part and the others nothing. The parts run in order.
 */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { OrderView } from "@baton/core";
import { verifyJournal } from "@baton/engine";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCluster } from "../rig/cluster.ts";
import type { Cluster } from "../rig/cluster.ts";
import { openLink } from "../rig/link.ts";
import { arm, call, callLeader, eventually, leads, restingBuy } from "./calls.ts";
import type { Told } from "./calls.ts";
import { addVenues } from "./other-venues.ts";
import type { OtherVenues } from "./other-venues.ts";

type Seat = Cluster["nodes"][number];
const top = fileURLToPath(new URL("../..", import.meta.url));

let cluster: Cluster;
let venues: OtherVenues | undefined;
let mounted: string | undefined;
/** The way that each node's prices of `sim` come by. */
const streams = new Map<Seat, Awaited<ReturnType<typeof openLink>>>();
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await Promise.all((cluster?.nodes ?? []).map((node) => node.stop()));
  if (mounted !== undefined) shell('umount "$1"', mounted);
  await cluster?.stop();
  await Promise.all([...streams.values()].map((link) => link.close()));
  await venues?.[Symbol.asyncDispose]();
});

async function standby(): Promise<Seat> {
  const leader = await cluster.leader();
  return cluster.nodes.find((node) => node !== leader) as Seat;
}

/** Puts a link into the way of a node's prices of `sim`, and of nothing else; the node does not run. */
async function streamsOf(node: Seat): ReturnType<typeof openLink> {
  const { host } = new URL(cluster.exchange.endpoint);
  const link = await openLink(host);
  const config = JSON.parse(readFileSync(node.configFile, "utf8"));
  Object.assign(config.feeds[0], { wsUrl: `ws://127.0.0.1:${link.port}`, restUrl: `http://127.0.0.1:${link.port}` });
  writeFileSync(node.configFile, JSON.stringify(config));
  return link;
}

const logOf = (node: Seat): string => readFileSync(join(dirname(node.configFile), "node.log"), "utf8");

const eth = { symbol: "ETH/USDT", side: "buy", type: "market", quantity: "0.01" };

/** A buy of ETH that rests at whichever venue: all begin at the same price. */
async function restingEth(): Promise<Record<string, unknown>> {
  const leader = await cluster.leader();
  const bid = await eventually("there is a fresh book", async () => {
    const { body } = await call(leader, "GET", "/v1/books/ETH/USDT?depth=1");
    return body.quality === "live" ? Number(body.bids[0][0]) : undefined;
  });
  return { ...eth, type: "limit", price: (bid * 0.99).toFixed(2) };
}

async function ofStrategy(node: Seat): Promise<readonly OrderView[]> {
  const { body } = await call(node, "GET", "/v1/orders?all=1&limit=1000");
  const orders = body.orders as readonly OrderView[];
  return orders.filter((order) => order.events.some((event) => "by" in event && event.by === "counting"));
}

test("a strategy trades, and a successor goes on from exactly what was traded on", async () => {
  await Promise.all(cluster.nodes.map((node) => node.stop()));
  const module = fileURLToPath(new URL("./counting.ts", import.meta.url));
  const strategies = [{ id: "counting", venue: "sim", module, symbols: ["BTC/USDT"], budgetMs: 1_000 }];
  venues = await addVenues(cluster, { strategies });
  for (const node of cluster.nodes) streams.set(node, await streamsOf(node));
  await Promise.all(cluster.nodes.map((node) => node.start()));
  const first = await cluster.leader();
  await cluster.untilInSync();
  const before = await eventually("it has made orders", async () => {
    const orders = await ofStrategy(first);
    return orders.length >= 6 ? orders.length : undefined;
  });
  await first.killEngine();
  const second = await eventually("another node leads", async () => {
    const leader = await cluster.leader();
    return leader === first ? undefined : leader;
  });
  const after = await eventually("the successor's strategy has made more", async () => {
    const orders = await ofStrategy(second);
    return orders.length >= before + 6 ? orders : undefined;
  });
  expect(after.map((order) => order.terms.quantity)).toEqual(
    after.map((_, at) => ((at + 1) / 1_000).toFixed(3).replace(/0+$/, "")),
  );
  expect(new Set(after.map((order) => order.epoch)).size).toBeGreaterThanOrEqual(2);
});

test("a leader that reaches the venue and sees no price of it any more hands over to one that does", async () => {
  await cluster.untilInSync();
  const blind = await cluster.leader();
  const { epoch } = await leaderNow();
  streams.get(blind)?.cut();
  const seeing = await eventually("another node leads", async () => {
    const leader = await cluster.leader();
    return leader === blind ? undefined : leader;
  });
  expect(logOf(blind)).toContain("has no fresh price of sim");
  await until(await taken({ ...(await restingEth()), venue: "sim" }), "new");
  expect(await leaderNow()).toMatchObject({ node: seeing.id, epoch: epoch + 1, reason: "yield" });
  streams.get(blind)?.heal();
}, 60_000);

/** An order for one of the venues, taken by whoever leads; gives its id. */
async function taken(body: Record<string, unknown>): Promise<string> {
  const key = randomUUID();
  const told = await callLeader(cluster, 202, (leader) => call(leader, "POST", "/v1/orders", { body, key }));
  return told.body.intentId as string;
}

const ofLeader = (path: string): Promise<Told> => callLeader(cluster, 200, (leader) => call(leader, "GET", path));
const leaderNow = async (): Promise<{ epoch: number }> => (await ofLeader("/cluster")).body.leader;
const viewOf = async (id: string): Promise<OrderView> => (await ofLeader(`/v1/orders/${id}`)).body;

async function until(id: string, status: OrderView["status"]): Promise<OrderView> {
  return await eventually(`order ${id} is ${status}`, async () => {
    const view = await viewOf(id);
    if (view.status !== status) throw new Error(`it is ${view.status}: ${JSON.stringify(view.events.at(-1))}`);
    return view;
  });
}

async function positionAt(venue: string): Promise<string> {
  const { body } = await ofLeader("/v1/positions");
  return body.positions.find((each: any) => each.venue === venue && each.symbol === "ETH/USDT").quantity as string;
}

/** What a node has counted of `sim`, this month. */
async function countedAt(node: Seat): Promise<{ requests: number; errorPercent: number; broken: readonly string[] }> {
  const { body } = await call(node, "GET", "/v1/sla");
  return body.providers.find((each: any) => each.venue === "sim").months[0];
}

test("while a venue is ill new orders go to its alternate, what was there stays there, and its provider's promise is broken", async () => {
  const resting = await taken({ ...(await restingEth()), venue: "sim" });
  await until(resting, "new");
  const before = { sim: await positionAt("sim"), alt: await positionAt("alt") };
  const leader = await cluster.leader();
  await eventually("the promise is kept", async () => {
    // A request that a busy machine held up until its deadline has failed, and counts; many that do not outweigh it.
    const { broken } = await countedAt(leader);
    if (broken.length === 0) return true;
    throw new Error(broken.join(", "));
  });
  await arm(cluster, { fault: "venue-down", mode: "reset", durationMs: 600_000 });
  const routed = await eventually("an order for sim is recorded for alt", async () => {
    const told = await call(await leads(cluster), "POST", "/v1/orders", { body: { ...eth, venue: "sim" } });
    const view = told.status === 202 ? await viewOf(told.body.intentId) : undefined;
    return view?.terms.venue === "alt" ? view : undefined;
  });
  expect(routed.routedFrom).toBe("sim");
  await until(routed.id, "filled");
  const at = (await leads(cluster)).endpoint;
  const shown = await baton(["orders", "show", routed.id, "--endpoint", at]);
  expect(shown.text).toMatch(/venue +alt, in place of sim/);
  expect(venues?.alt.audit().some((each) => each.type === "fill" && each.symbol === "ETHUSDT")).toBe(true);
  await eventually("the position there is larger", async () =>
    Number(await positionAt("alt")) > Number(before.alt) ? true : undefined,
  );
  expect(await positionAt("sim")).toBe(before.sim);
  const stays = await viewOf(resting);
  expect([stays.terms.venue, stays.status, stays.routedFrom]).toEqual(["sim", "new", undefined]);
  await eventually("the promise is broken", async () => {
    const { broken } = await countedAt(await leads(cluster));
    return broken.some((each) => /% of requests failed, promised 2 %/.test(each)) ? true : undefined;
  });
  const { body: promises } = await ofLeader("/v1/sla");
  expect(promises.providers.find((each: any) => each.venue === "alt").months[0].broken).toEqual([]);

  await fetch(`${cluster.exchange.endpoint}/__faults`, { method: "DELETE" });
  await eventually("orders for sim stay at sim again", async () => {
    const told = await call(await leads(cluster), "POST", "/v1/orders", { body: { ...eth, venue: "sim" } });
    const view = told.status === 202 ? await viewOf(told.body.intentId) : undefined;
    return view?.terms.venue === "sim" && view.status === "filled" ? true : undefined;
  });
  const cancel = await callLeader(cluster, 202, (node) => call(node, "DELETE", `/v1/orders/${resting}`));
  expect(cancel.status).toBe(202);
  await until(resting, "cancelled");
});

test("paper positions and open paper orders are the next leader's, and the service levels of a node outlive its leadership", async () => {
  // The market that paper mirrors may be stale from what was done to it before: then paper refuses, and nothing is bought.
  await eventually("paper takes an order and fills it", async () => {
    const order = await taken({ ...eth, venue: "paper" });
    const { status } = await eventually(`order ${order} has ended`, async () => {
      const view = await viewOf(order);
      return ["filled", "rejected"].includes(view.status) ? view : undefined;
    });
    return status === "filled" ? true : undefined;
  });
  const open = await taken({ ...(await restingEth()), venue: "paper" });
  await until(open, "new");
  const position = await eventually("the position is what was bought", async () => {
    const held = await positionAt("paper");
    return Number(held) === 0 ? undefined : held;
  });
  expect(Number(position)).toBe(0.01);
  const first = await cluster.leader();
  const counted = await countedAt(first);
  await first.stop();
  await first.start();
  await cluster.untilInSync();
  expect(await cluster.leader()).not.toBe(first);
  expect(await positionAt("paper")).toBe(position);
  await until(open, "new");
  const after = await countedAt(first);
  expect(after.requests).toBeGreaterThanOrEqual(counted.requests);

  // The paper exchange keeps nothing: after its restart the account is a new one, and the journal says what is missing.
  await venues?.restartPaper();
  const leader = await cluster.leader();
  await eventually("the leader says that the open order is not there any more", async () =>
    /"event":"order\.denied".*paper took this order/.test(logOf(leader)) ? true : undefined,
  );
  expect((await viewOf(open)).status).toBe("new");
  expect(await positionAt("paper")).toBe(position);
});

test("a second process with the id of a running node refuses to start, and the first goes on", async () => {
  const original = await standby();
  const home = join(cluster.dir, "twin");
  mkdirSync(home, { recursive: true });
  const config = JSON.parse(readFileSync(original.configFile, "utf8"));
  config.node.dataDir = join(home, "data");
  config.api = { listen: "127.0.0.1:0", advertise: "127.0.0.1:9", allowLoopbackWithoutToken: true };
  writeFileSync(join(home, "node.yaml"), JSON.stringify(config));
  const { status, text } = await baton(["node", "--config", join(home, "node.yaml"), "--no-supervisor"]);
  expect(status).toBe(1);
  expect(text).toMatch(new RegExp(`baton: .*\\b${original.id}\\b.*`));
  expect(existsSync(join(home, "data", "journal.db"))).toBe(false);
  await cluster.untilInSync();
});

test("a second process on the disk of a running node refuses to start", async () => {
  const original = await standby();
  const home = join(cluster.dir, "squatter");
  mkdirSync(home, { recursive: true });
  const config = JSON.parse(readFileSync(original.configFile, "utf8"));
  config.api = { listen: "127.0.0.1:0", advertise: "127.0.0.1:9", allowLoopbackWithoutToken: true };
  writeFileSync(join(home, "node.yaml"), JSON.stringify(config));
  const { status, text } = await baton(["node", "--config", join(home, "node.yaml"), "--no-supervisor"]);
  expect(text).toMatch(/baton: .*another process/);
  expect(status).toBe(1);
  await cluster.untilInSync();
});

test("a node whose disk is full leaves the cluster with a clear error, and the others go on", async () => {
  const node = await standby();
  await node.stop();
  const kept = join(cluster.dir, "kept");
  cpSync(node.dataDir, kept, { recursive: true });
  rmSync(node.dataDir, { recursive: true });
  mkdirSync(node.dataDir);
  // A disk of its own, small enough to be filled. Only root may make one.
  shell('mount -t tmpfs -o size=64m tmpfs "$1"', node.dataDir);
  mounted = node.dataDir;
  cpSync(kept, node.dataDir, { recursive: true });
  // A WAL that was left has room of its own, in which the node would go on for a while, and rightly.
  const copied = new DatabaseSync(join(node.dataDir, "journal.db"));
  copied.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  copied.close();
  await node.start();
  await cluster.untilInSync();

  const filler = join(node.dataDir, "filler");
  const leader = await cluster.leader();
  await eventually("it is out of the in-sync set", async () => {
    // Again and again: the node gives its reserve back, and would go on in that as well.
    fill(filler);
    const told = await call(leader, "POST", "/v1/orders", {
      body: await restingBuy(leader, { venue: "sim" }, 1.5),
    });
    const { body } = await call(leader, "GET", "/cluster");
    if (told.status === 202 && !body.insync.members.includes(node.id)) return true;
    throw new Error(`${told.status} ${JSON.stringify(told.body)}, in sync are ${body.insync.members.join(", ")}`);
  });
  await eventually("it says why", async () =>
    /This boot ends: the journal failed \(journal-full\): the disk under \S+ is full/.test(logOf(node))
      ? true
      : undefined,
  );
  expect((await call(leader, "GET", "/cluster")).body).toMatchObject({ trading: { isAllowed: true } });

  rmSync(filler);
  await eventually(
    "it is back in sync",
    async () => {
      if (!node.isRunning) await node.start();
      await cluster.untilInSync();
      return true;
    },
    60_000,
  );
});

test("a node whose clock is not the venue's refuses to start and names the number", async () => {
  const node = await standby();
  await node.stop();
  await arm(cluster, { fault: "clock-skew", skewMs: 5_000, match: { apiKey: `node-${node.id}-key` } });
  const { status, text } = await baton(["node", "--config", node.configFile, "--no-supervisor"]);
  await fetch(`${cluster.exchange.endpoint}/__faults`, { method: "DELETE" });
  expect(status).toBe(1);
  expect(text).toMatch(/wall clock is (4\d{3}|5\d{3}) ms off the time of sim, allowed are 250/);
  await node.start();
  await cluster.untilInSync();
});

test("after it all, the three journals chain and hold the same", async () => {
  await Promise.all(cluster.nodes.map((node) => node.stop()));
  for (const node of cluster.nodes) {
    const [file] = readdirSync(node.dataDir).filter((each) => each.endsWith(".db"));
    expect(await verifyJournal(join(node.dataDir, file ?? ""))).toMatchObject({ sound: true });
  }
  const { journals } = await cluster.evidence();
  const shared = Math.min(...journals.map((journal) => journal.committed));
  expect(shared).toBeGreaterThan(20);
  for (const journal of journals) expect(journal.texts.slice(0, shared)).toEqual(journals[0]?.texts.slice(0, shared));
});

function shell(script: string, parameter: string): void {
  execFileSync("/bin/sh", ["-c", script, "sh", parameter], { stdio: ["ignore", "ignore", "inherit"] });
}

/** Writes zeros until nothing fits any more. */
function fill(file: string): void {
  const part = Buffer.alloc(65_536);
  try {
    for (;;) appendFileSync(file, part);
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "ENOSPC") throw error;
  }
}

/** Runs `baton …` to its end. */
async function baton(args: readonly string[]): Promise<{ readonly status: number | null; readonly text: string }> {
  const child = spawn(process.execPath, [join(top, "packages/cli/src/baton.ts"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  child.stderr.setEncoding("utf8").on("data", (part: string) => (text += part));
  const late = setTimeout(() => child.kill("SIGKILL"), 120_000);
  const [status] = (await once(child, "exit")) as [number | null];
  clearTimeout(late);
  return { status, text };
}
