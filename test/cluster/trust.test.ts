/**
 * One cluster of real processes and what must not be trusted: an etcd that was restored, a disk that was rolled back, a
 * leader after a loop of takeovers; and what may be: a standby that says that it goes. The parts run in order.
 */
import { randomUUID } from "node:crypto";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCluster } from "../rig/cluster.ts";
import type { Cluster } from "../rig/cluster.ts";
import { call, callLeader, eventually, operate, restingBuy } from "./calls.ts";

type Seat = Cluster["nodes"][number];
const top = fileURLToPath(new URL("../..", import.meta.url));

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.stop();
});

const logOf = (node: Seat): string => readFileSync(join(dirname(node.configFile), "node.log"), "utf8");
const others = (node: Seat): readonly Seat[] => cluster.nodes.filter((each) => each !== node);
const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** etcd's own HTTP gateway, past everything that Baton guards. */
async function etcd(call_: string, body: Record<string, string>): Promise<void> {
  const answer = await fetch(`${cluster.etcd.endpoints[0] ?? ""}/v3/kv/${call_}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

const keyOf = (name: string): string => base64(`/baton/${cluster.name}/${name}`);

function baton(...args: readonly string[]): { readonly version: number; readonly epoch: number } {
  const out = execFileSync(process.execPath, [join(top, "packages/cli/src/baton.ts"), ...args, "--json"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  return JSON.parse(out.trim().split("\n").at(-1) ?? "");
}

/** Whoever leads takes an order. */
async function orderPasses(): Promise<void> {
  const key = randomUUID();
  await callLeader(cluster, 202, async (node) =>
    call(node, "POST", "/v1/orders", { body: await restingBuy(node), key }),
  );
}

/** What the leader says of the cluster. */
const viewOf = async (): Promise<any> =>
  (await callLeader(cluster, 200, (leader) => call(leader, "GET", "/cluster"))).body;

/** What any node says that knows a leader; for when nobody may trade. */
const viewOfAny = (): Promise<any> =>
  eventually("a node tells who leads", async () => {
    const told = await Promise.all(cluster.nodes.map((node) => call(node, "GET", "/cluster").catch(() => undefined)));
    return told.find((each) => each?.status === 200 && each.body.node.role === "leader")?.body;
  });

/** The epochs that followed a number, by the history. */
async function epochsAfter(epoch: number): Promise<readonly number[]> {
  const { body } = await callLeader(cluster, 200, (leader) => call(leader, "GET", "/history"));
  const epochs = body.entries.filter((each: any) => each.kind === "epoch").map((each: any) => each.epoch as number);
  return epochs.filter((each: number) => each > epoch).sort((a: number, b: number) => a - b);
}

test("a standby that stops asks to be removed first, and no order waits for it", async () => {
  const leader = await cluster.leader();
  const [standby] = others(leader) as [Seat, Seat];
  await standby.stop();
  await eventually("the leader says so", async () =>
    logOf(leader).includes(`Removes ${standby.id} from the in-sync set: it is stopping.`) ? true : undefined,
  );
  expect((await viewOf()).insync.members).not.toContain(standby.id);
  await standby.start();
  await cluster.untilInSync();
});

test("an etcd that shows less than was seen elects nobody, until an operator has re-anchored it", async () => {
  const before = await viewOf();
  const insync = { epoch: 0, version: 1, members: [], by: { boot: "init", transaction: 0 } };
  await etcd("put", { key: keyOf("insync"), value: base64(JSON.stringify(insync)) });
  await etcd("put", { key: keyOf("epoch"), value: base64("0") });
  await etcd("deleterange", { key: keyOf("leader") });
  for (const node of cluster.nodes) {
    await eventually(`${node.id} does not believe it`, async () => {
      const { body } = await call(node, "GET", "/cluster");
      const codes = body.members.map((each: { reasons: { code: string }[] }) => each.reasons.map((one) => one.code));
      return body.leader === null && codes.length === 3 && codes.flat().includes("etcd-restored") ? true : undefined;
    });
  }
  const first = cluster.nodes[0] as Seat;
  const anchored = baton(
    ...["cluster", "re-anchor", "--config", first.configFile, "--reason", "restored"],
    ...["--yes", "--cluster", cluster.name],
  );
  expect(anchored.epoch).toBeGreaterThan(before.epoch);
  await cluster.untilInSync();
  expect((await epochsAfter(before.epoch))[0]).toBe(anchored.epoch + 1);
  expect((await viewOf()).insync.version).toBeGreaterThan(before.insync.version);
  await orderPasses();
});

test("an etcd that was emptied is founded anew from the journals, under the same id", async () => {
  const before = await viewOf();
  await etcd("deleterange", { key: keyOf(""), range_end: base64(`/baton/${cluster.name}0`) });
  const first = cluster.nodes[0] as Seat;
  const anchored = baton(
    ...["cluster", "re-anchor", "--config", first.configFile, "--reason", "emptied"],
    ...["--yes", "--cluster", cluster.name],
  );
  await cluster.untilInSync();
  expect((await viewOf()).cluster.id).toBe(before.cluster.id);
  expect((await epochsAfter(before.epoch))[0]).toBe(anchored.epoch + 1);
  await orderPasses();
});

test("a disk that was rolled back is refused, again and again, until it is replaced", async () => {
  const leader = await cluster.leader();
  const [node] = others(leader) as [Seat, Seat];
  await node.stop();
  const old = join(cluster.dir, "old-disk");
  cpSync(node.dataDir, old, { recursive: true });
  for (let n = 0; n < 2; n++) {
    await node.start();
    await cluster.untilInSync();
    await node.stop();
  }
  rmSync(node.dataDir, { recursive: true });
  cpSync(old, node.dataDir, { recursive: true });
  await node.start();
  const told = /was rolled back: its journal \S+ was opened \d+ times, etcd has counted \d+/g;
  const refusals = async (): Promise<true | undefined> =>
    (logOf(node).match(told) ?? []).length >= 2 ? true : undefined;
  await eventually("it refuses more than once", refusals);
  expect(new Set(logOf(node).match(told)).size).toBe(1);
  await node.stop();
  rmSync(node.dataDir, { recursive: true });
  await node.start();
  await cluster.untilInSync();
});

test("after three takeovers for one reason the leader starts held, and an acknowledgement lets it trade", async () => {
  await Promise.all(cluster.nodes.map((node) => node.stop()));
  for (const node of cluster.nodes) {
    const config = JSON.parse(readFileSync(node.configFile, "utf8")) as { leadership: Record<string, unknown> };
    config.leadership["loop"] = { takeovers: 3, deaths: 0 };
    writeFileSync(node.configFile, JSON.stringify(config));
  }
  await Promise.all(cluster.nodes.map((node) => node.start()));
  await cluster.untilInSync();
  const acknowledge = { what: "acknowledge" };
  expect((await operate(await cluster.leader(), acknowledge)).status).toBe(202);
  let held: Seat | undefined;
  for (let n = 0; n < 3; n++) {
    const { epoch, leader: leads } = await viewOfAny();
    const leader = cluster.nodes.find((node) => node.id === leads.node) as Seat;
    await leader.killEngine();
    held = await eventually(
      "another leads, and all are in sync",
      async () => {
        const view = await viewOfAny();
        const isNext = view.leader !== null && view.epoch > epoch && view.insync.members.length === 3;
        return isNext ? cluster.nodes.find((node) => node.id === view.leader.node) : undefined;
      },
      150_000,
    );
  }
  const node = held as Seat;
  const refused = await eventually("it says why it takes no order", async () => {
    const told = await call(node, "POST", "/v1/orders", { body: await restingBuy(node) });
    expect(told.status).not.toBe(202);
    if (String(told.body.detail).includes("The leader is held")) return told;
    throw new Error(JSON.stringify(told.body));
  });
  expect(refused.status).toBe(503);
  expect((await viewOfAny()).trading).toMatchObject({
    isAllowed: false,
    reasons: [expect.stringMatching(/^3 takeovers in \d+ min \(crash-release: signal SIGKILL\)/)],
  });
  // Whoever is asked says what the leader says.
  for (const standby of others(node)) {
    await eventually("a standby says so too", async () => {
      const { body } = await call(standby, "GET", "/cluster");
      return String(body.trading.reasons[0]).startsWith("3 takeovers in ") ? true : undefined;
    });
  }
  expect((await operate(node, acknowledge)).status).toBe(202);
  await orderPasses();
  for (const standby of others(node)) {
    await eventually("a standby says that one may trade", async () =>
      (await call(standby, "GET", "/cluster")).body.trading.isAllowed === true ? true : undefined,
    );
  }
});
