/**
 * Kills on real processes: what each level stops and takes back, and how long it takes from the operator's request to the
 * exchange's word on the last cancel. The time is printed, not judged: this machine is nobody's yardstick.
 */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCluster } from "../rig/cluster.ts";
import type { Cluster } from "../rig/cluster.ts";
import { auditOf, call, eventually, restingBuy } from "./calls.ts";

type Seat = Cluster["nodes"][number];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.stop();
});

const count = 40;

/** Orders that rest at the exchange; gives their ids. */
async function resting(node: Seat, many: number): Promise<readonly string[]> {
  const body = await restingBuy(node);
  const told = await Promise.all(
    Array.from({ length: many }, () => call(node, "POST", "/v1/orders", { body, key: randomUUID() })),
  );
  const ids = told.map(({ body: answer }) => answer.intentId as string);
  await eventually("every order rests", async () => {
    const { body: page } = await call(node, "GET", "/v1/orders?limit=1000");
    return page.orders.filter((order: { status: string }) => order.status === "new").length >= many ? true : undefined;
  });
  return ids;
}

async function untilNoneIsOpen(node: Seat): Promise<void> {
  await eventually("no order is open", async () => {
    const { body } = await call(node, "GET", "/v1/orders");
    return body.orders.length === 0 ? true : undefined;
  });
}

async function operate(node: Seat, body: Readonly<Record<string, unknown>>): Promise<number> {
  return (await call(node, "POST", "/operations", { body: { reason: "test", ...body } })).status;
}

test.each([{ level: "instrument", target: "BTC/USDT" }, { level: "venue", target: "sim" }, { level: "cluster" }])(
  "a kill of %j takes every open order back at the exchange",
  async (kill) => {
    const node = await cluster.leader();
    await resting(node, count);
    const before = auditOf(cluster).length;
    const askedMonoMs = Number(process.hrtime.bigint()) / 1e6;
    expect(await operate(node, { what: "kill", ...kill })).toBe(202);
    await untilNoneIsOpen(node);
    const since = auditOf(cluster).filter((record) => record.n > before);
    expect(since.filter((record) => record.type === "cancel")).toHaveLength(count);
    const lastMonoMs = Math.max(...since.flatMap((record) => (record.type === "ack-written" ? record.monoMs : [])));
    const tookMs = Math.round(lastMonoMs - askedMonoMs);
    process.stdout.write(
      `kill ${kill.level}: ${count} cancels, the last acknowledged ${tookMs} ms after the request\n`,
    );
    const refused = await call(node, "POST", "/v1/orders", { body: await restingBuy(node) });
    expect(refused).toMatchObject({ status: 422, body: { code: `kill-${kill.level}` } });
    expect((await call(node, "GET", "/v1/risk")).body.kills).toMatchObject([{ level: kill.level }]);
    expect(await operate(node, { what: "unkill", ...kill })).toBe(202);
    const passed = await eventually("orders pass again", async () => {
      const body = await restingBuy(node);
      const told = await call(node, "POST", "/v1/orders", { body, key: randomUUID() });
      return told.status === 202 ? told : undefined;
    });
    await call(node, "DELETE", `/v1/orders/${passed.body.intentId}`);
    await untilNoneIsOpen(node);
  },
);

test("a kill of what is not configured is refused by name, and a level without its target too", async () => {
  const node = await cluster.leader();
  expect(await operate(node, { what: "kill", level: "venue", target: "moon" })).toBe(422);
  expect(await operate(node, { what: "kill", level: "venue" })).toBe(422);
  expect(await operate(node, { what: "kill", level: "cluster", target: "x" })).toBe(422);
});

test("what was killed stays killed under the next leader, and is lifted there", async () => {
  const node = await cluster.leader();
  const body = await restingBuy(node);
  expect(await operate(node, { what: "kill", level: "instrument", target: "BTC/USDT" })).toBe(202);
  await eventually("it is in force", async () =>
    (await call(node, "POST", "/v1/orders", { body })).body.code === "kill-instrument" ? true : undefined,
  );
  expect(await operate(node, { what: "switchover" })).toBe(202);
  const next = await eventually("another node leads", async () => {
    const leader = await cluster.leader();
    return leader === node ? undefined : leader;
  });
  expect(await call(next, "POST", "/v1/orders", { body })).toMatchObject({ body: { code: "kill-instrument" } });
  expect(await operate(next, { what: "unkill" })).toBe(202);
  await eventually("orders pass again", async () => {
    const told = await call(next, "POST", "/v1/orders", { body, key: "after-all" });
    return told.status === 202 ? true : undefined;
  });
});

/** `baton kill … --direct` as an operator runs it, with the file of one node and the addresses of all. */
async function killDirectly(parameters: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  const baton = join(import.meta.dirname, "..", "..", "packages", "cli", "src", "baton.ts");
  const nodes = cluster.endpoints.flatMap((endpoint) => ["-e", endpoint]);
  const given = [baton, "kill", ...parameters, "--direct", "--reason", "test", "--json", ...nodes];
  return await new Promise((resolve) => {
    execFile(process.execPath, [...given, "-c", cluster.configFiles[0] ?? ""], (error, out) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out });
    });
  });
}

test("a direct kill takes the orders back while the leader hangs and etcd is away, and whoever leads next is killed", async () => {
  const leader = await cluster.leader();
  await resting(leader, count);
  const before = auditOf(cluster).length;
  for (const member of cluster.etcd.members) member.freeze();
  await leader.freeze();
  const { code, out } = await killDirectly(["cluster"]);
  const verdict = JSON.parse(out) as {
    readonly nodes: readonly { readonly endpoint: string; readonly isTold: boolean }[];
    readonly venues: readonly { readonly cancelled: readonly string[]; readonly left: readonly string[] }[];
  };
  expect(verdict.nodes.filter((node) => !node.isTold)).toMatchObject([{ endpoint: `${leader.endpoint}/` }]);
  expect(verdict.venues).toMatchObject([{ left: [] }]);
  expect(code).toBe(0);
  const cancels = auditOf(cluster).filter((record) => record.n > before && record.type === "cancel");
  expect(cancels.length).toBeGreaterThanOrEqual(count);
  process.stdout.write(`direct kill: ${cancels.length} cancels with a hung leader and without etcd: ${out}\n`);
  for (const member of cluster.etcd.members) member.thaw();
  await leader.thaw();
  const next = await cluster.leader();
  await eventually("etcd has heard of it", async () => {
    const { body } = await call(next, "GET", "/cluster");
    return body.kill?.level === "cluster" ? true : undefined;
  });
  const body = await restingBuy(next);
  expect(await call(next, "POST", "/v1/orders", { body })).toMatchObject({ body: { code: "kill-cluster" } });
  await untilNoneIsOpen(next);
  expect(await operate(next, { what: "unkill" })).toBe(202);
  await eventually("orders pass again", async () => {
    const told = await call(await cluster.leader(), "POST", "/v1/orders", { body, key: "after-the-direct-kill" });
    return told.status === 202 ? true : undefined;
  });
});
