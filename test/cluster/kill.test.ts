/**
 * Kills on real processes: what each level stops and takes back, and how long it takes from the operator's request to the
 * exchange's word on the last cancel. The time is printed, not judged: this machine is nobody's yardstick. This cluster
 * speaks TLS only, to its clients and between its nodes; everything else is as in the others.
 */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testAuthority, writeCertificate } from "../rig/certificates.ts";
import { startCluster } from "../rig/cluster.ts";
import type { Cluster } from "../rig/cluster.ts";
import { auditOf, call, callLeader, eventually, operate as ask, restingBuy } from "./calls.ts";

type Seat = Cluster["nodes"][number];

const folder = mkdtempSync(join(tmpdir(), "baton-kill-"));
const authority = testAuthority();
setDefaultCACertificates([authority.ca]);

function tls(node: string): ReturnType<typeof writeCertificate> {
  const made = authority.issue({ commonName: node, units: ["node"], addresses: ["127.0.0.1"] });
  return writeCertificate(join(folder, node), made, authority.ca);
}

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ tls });
});
afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true });
});

const count = 40;

/** Orders that rest at the exchange; gives their ids. */
async function resting(node: Seat, many: number): Promise<readonly string[]> {
  const body = await restingBuy(node);
  const told = await Promise.all(
    Array.from({ length: many }, () => {
      const key = randomUUID();
      return callLeader(cluster, 202, (leader) => call(leader, "POST", "/v1/orders", { body, key }));
    }),
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
  return (await ask(node, body)).status;
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
  // Given up, with nothing wrong, where nobody keeps up: then it is asked for anew.
  const next = await eventually("another node leads", async () => {
    await cluster.untilInSync();
    const leader = await cluster.leader();
    if (leader !== node) return leader;
    expect(await operate(node, { what: "switchover" })).toBe(202);
    return undefined;
  });
  expect(await call(next, "POST", "/v1/orders", { body })).toMatchObject({ body: { code: "kill-instrument" } });
  expect(await operate(next, { what: "unkill" })).toBe(202);
  await eventually("orders pass again", async () => {
    const told = await call(next, "POST", "/v1/orders", { body, key: "after-all" });
    return told.status === 202 ? true : undefined;
  });
});

interface DirectVerdict {
  readonly nodes: readonly { readonly endpoint: string; readonly isTold: boolean }[];
  readonly venues: readonly { readonly cancelled: readonly string[]; readonly left: readonly string[] }[];
}

/** `baton kill … --direct` as an operator runs it, with the file of one node and the addresses of all. */
async function killDirectly(parameters: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  const nodes = cluster.endpoints.flatMap((endpoint) => ["-e", endpoint]);
  const given = ["kill", ...parameters, "--direct", "--reason", "test", "--json", ...nodes];
  return await baton([...given, "-c", cluster.configFiles[0] ?? ""]);
}

test("a direct kill takes the orders back while the leader hangs and etcd is away, and whoever leads next is killed", async () => {
  const leader = await cluster.leader();
  await resting(leader, count);
  const before = auditOf(cluster).length;
  for (const member of cluster.etcd.members) member.freeze();
  await leader.freeze();
  // A node that a busy machine keeps from answering within two seconds is one that hangs, for who kills: who asks again.
  const { code, out } = await eventually("whoever does not hang is told", async () => {
    const run = await killDirectly(["cluster"]);
    const { nodes } = JSON.parse(run.out) as DirectVerdict;
    if (nodes.filter(({ isTold }) => isTold).length < cluster.nodes.length - 1) throw new Error(run.out);
    return run;
  });
  const verdict = JSON.parse(out) as DirectVerdict;
  expect(verdict.nodes.filter((node) => !node.isTold)).toMatchObject([{ endpoint: `${leader.endpoint}/` }]);
  expect(verdict.venues).toMatchObject([{ left: [] }]);
  expect(code).toBe(0);
  const cancels = auditOf(cluster).filter((record) => record.n > before && record.type === "cancel");
  expect(cancels.length).toBeGreaterThanOrEqual(count);
  process.stdout.write(`direct kill: ${cancels.length} cancels with a hung leader and without etcd: ${out}\n`);
  for (const member of cluster.etcd.members) member.thaw();
  await leader.thaw();
  // Not `cluster.leader()`: whoever leads may not trade now.
  const next = await eventually("a node leads, and etcd has heard of it", async () => {
    for (const node of cluster.nodes) {
      const { body } = await call(node, "GET", "/cluster").catch(() => ({ body: undefined }));
      if (body?.node.role === "leader" && body.kill?.level === "cluster") return node;
    }
    return undefined;
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

test("the doctor finds a running node fit, names a key that does not sign, and keeps such a node from a live start", async () => {
  const node = await cluster.leader();
  const { body: view } = await call(node, "GET", "/cluster");
  await eventually("the standbys are back", async () => {
    const { body } = await call(node, "GET", "/cluster");
    return body.insync.members.length === cluster.nodes.length ? true : undefined;
  });
  const received = (): number => auditOf(cluster).filter(({ type }) => type === "recv").length;
  const orders = received();
  const well = await baton(["doctor", "--config", node.configFile, "--json"]);
  const report = JSON.parse(well.out);
  const findings = report.findings as readonly Finding[];
  const failed = findings.filter((each) => each.result === "failure");
  expect(well.code).toBe(failed.length === 0 ? 0 : 4);
  // What this machine is, how busy it is, and which etcd it has, is none of the node's fault.
  const here =
    /^(machine\.(ntp|systemd)|journal\.(filesystem|space|fsync)|etcd\.(version|latency)|venue\.(clock|window))$/;
  const unwell = findings.filter(({ code, result }) => result !== "ok" && !here.test(code));
  expect(unwell.map(({ code, result }) => [code, result])).toEqual([["alerts.alertmanager", "skipped"]]);
  expect(report).toMatchObject({ cluster: cluster.name, node: node.id, isRunning: true });
  const told = (code: string): readonly string[] =>
    findings.filter((each) => each.code === code).map((each) => each.sentence);
  expect(told("peers.certificate")).toHaveLength(cluster.nodes.length - 1);
  expect(told("journal.chain")[0]).toMatch(/^Its last \d+ frames chain, up to record \d+/);
  expect(told("venue.rights")).toEqual(["The key may trade, from certain addresses only, and may not withdraw."]);

  // Two twins of it that would trade real money, one of them with another secret.
  const [refused, passed] = await Promise.all([liveStart(node, "another"), liveStart(node, undefined)]);
  expect(refused.code).toBe(3);
  expect(refused.err).toMatch(/failure +venue\.key +sim\/\S+: The account cannot be read with the key: .*-1022/);
  expect(refused.err).toMatch(/needs a doctor without failures: .*venue\.key \(sim\//);
  expect(existsSync(join(refused.home, "data"))).toBe(false);
  // The other passes, which is written down; then it is refused for what it is.
  expect(passed.err).toMatch(/cannot listen on .* address already in use/);
  const marker = JSON.parse(readFileSync(join(passed.home, "data", "live-confirmed"), "utf8"));
  expect(marker).toMatchObject({
    version: 1,
    doctor: { failure: 0, leftOut: expect.arrayContaining(["journal.chain"]) },
  });

  expect(received()).toBe(orders);
  expect((await call(node, "GET", "/cluster")).body.epoch).toBe(view.epoch);
}, 120_000);

/** A live start of a node with the file of another one, in a home of its own. */
async function liveStart(
  of: Seat,
  secret: string | undefined,
): Promise<{ readonly home: string; readonly code: number; readonly err: string }> {
  const home = mkdtempSync(join(folder, "twin-"));
  const config = JSON.parse(readFileSync(of.configFile, "utf8"));
  config.node.dataDir = join(home, "data");
  config.venues[0].mode = "live";
  if (secret !== undefined) {
    config.venues[0].secretFile = join(home, "secret");
    writeFileSync(config.venues[0].secretFile, secret, { mode: 0o600 });
  }
  const file = join(home, "node.yaml");
  writeFileSync(file, JSON.stringify(config));
  const args = ["node", "--config", file, "--no-supervisor", "--yes", "--cluster", cluster.name];
  return { home, ...(await baton(args)) };
}

/** What the doctor found of one check. */
interface Finding {
  readonly code: string;
  readonly result: string;
  readonly sentence: string;
}

/** `baton` as a program. */
async function baton(
  args: readonly string[],
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const program = join(import.meta.dirname, "..", "..", "packages", "cli", "src", "baton.ts");
  return await new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { timeout: 45_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err });
    });
  });
}

test("over TLS a standby forwards an order, plain HTTP is not answered, and the leader's death costs neither", async () => {
  const first = await cluster.leader();
  const standby = cluster.nodes.find((node) => node !== first) as Seat;
  const place = async (): Promise<string | undefined> => {
    const told = await call(standby, "POST", "/v1/orders", { body: await restingBuy(standby), key: randomUUID() });
    return told.status === 202 ? (told.headers.get("baton-leader") ?? "none") : undefined;
  };
  // The kill before left a node that is only just back.
  expect(await eventually("the standby forwards", place)).toBe(first.id);
  await expect(fetch(first.endpoint.replace("https:", "http:"))).rejects.toThrow("fetch failed");
  const { body: text } = await call(first, "GET", "/metrics");
  expect(text).toMatch(/^baton_certificate_expiry_seconds\{certificate="node"\} [1-9]\d*/m);
  await cluster.killLeader();
  const next = await eventually("another leader takes orders", place);
  expect(next).not.toBe(first.id);
});
