import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { EtcdRig } from "../../../../test/rig/etcd.ts";
import { startEtcd } from "../../../../test/rig/etcd.ts";
import type { TestCluster } from "../fixtures/cluster.ts";
import { freshCluster, nodeA, until } from "../fixtures/cluster.ts";
import { PreparedEngine } from "./prepared-engine.ts";
import type { SuperviseOptions, SupervisorEvent } from "./supervise.ts";
import { supervise } from "./supervise.ts";

let rig: EtcdRig;
beforeAll(async () => void (rig = await startEtcd()));
afterAll(() => rig.stop());

const engine = fileURLToPath(new URL("../fixtures/engine.ts", import.meta.url));
const supervisor = fileURLToPath(new URL("../fixtures/supervisor.ts", import.meta.url));

interface Supervised {
  readonly cluster: TestCluster;
  readonly facts: SupervisorEvent[];
  readonly exit: Promise<number>;
  stop(): void;
}

/** `way`: the endpoint by which the supervisor alone reaches etcd; without it the engine's. */
async function supervised(mode: string, o: Partial<SuperviseOptions> = {}, way?: string): Promise<Supervised> {
  const cluster = await freshCluster(rig.endpoints);
  const facts: SupervisorEvent[] = [];
  const stopping = new AbortController();
  const exit = supervise({
    module: engine,
    args: [mode, JSON.stringify(cluster.access)],
    etcd: { ...cluster.access, ...(way !== undefined && { endpoints: [way] }) },
    stop: stopping.signal,
    log: (fact) => facts.push(fact),
    ...o,
  });
  onTestFinished(async () => {
    stopping.abort();
    await exit;
    await cluster.etcd.close();
  });
  return { cluster, facts, exit, stop: () => stopping.abort() };
}

function told<E extends SupervisorEvent["event"]>(
  facts: readonly SupervisorEvent[],
  event: E,
): Extract<SupervisorEvent, { event: E }>[] {
  return facts.filter((fact): fact is Extract<SupervisorEvent, { event: E }> => fact.event === event);
}

/** The pid and boot of the engine that leads now. */
async function leadingEngine(it: Supervised): Promise<{ pid: number; boot: string }> {
  const boot = await until("an engine leads", async () => (await it.cluster.etcd.read()).leader?.value.boot);
  return { pid: told(it.facts, "engine.started").at(-1)?.pid ?? 0, boot };
}

describe("an engine that is killed", () => {
  test("is dead in etcd with its cause, its lease revoked long before its end, and a new boot takes over", async () => {
    const it = await supervised("steady");
    const { pid, boot } = await leadingEngine(it);
    let leaderWentAt = 0;
    const watch = it.cluster.etcd.watch((wake) => {
      if (wake.leaderDeleted && leaderWentAt === 0) leaderWentAt = performance.now();
    });
    await until("streams open", () => watch.openStreams === 3);
    const killedAt = performance.now();
    process.kill(pid, "SIGKILL");
    await until("standbys are woken", () => leaderWentAt > 0, 4_000);
    // The lease had almost five seconds left.
    expect(leaderWentAt - killedAt).toBeLessThan(2_500);
    const view = await it.cluster.etcd.read();
    const death = [...view.deaths.values()].find((one) => one.boot === boot);
    expect(death).toMatchObject({ node: nodeA, cause: "signal SIGKILL" });
    const next = await until("another boot leads", async () => {
      const leader = (await it.cluster.etcd.read()).leader?.value.boot;
      return leader === boot ? undefined : leader;
    });
    expect(next).not.toBe(boot);
    expect(told(it.facts, "engine.released").map((fact) => fact.engine.boot)).toEqual([boot]);
    watch.stop();
  });

  test("soon after its start finds its supervisor's way to etcd open", async () => {
    const { hostname, port } = new URL(rig.endpoints[0] ?? "");
    let connections = 0;
    const way = createServer((from) => {
      connections += 1;
      const to = connect(Number(port), hostname);
      for (const end of [from, to]) end.on("error", () => [from, to].forEach((each) => each.destroy()));
      from.pipe(to).pipe(from);
    });
    await once(way.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void way.close());
    // The periodic warming is far away, and nothing but a death or a warming makes a supervisor speak to etcd.
    const warming = { firstAfterMs: 1, everyMs: 3_600_000 };
    const it = await supervised("steady", { warming }, `http://127.0.0.1:${(way.address() as AddressInfo).port}`);
    const { pid, boot } = await leadingEngine(it);
    await until("the way is open", () => connections > 0);
    expect(told(it.facts, "engine.ended")).toEqual([]);
    process.kill(pid, "SIGKILL");
    await until("its death is told by that way", () => told(it.facts, "engine.released").length > 0);
    expect(told(it.facts, "engine.released")[0]?.engine.boot).toBe(boot);
    expect(connections).toBe(1);
  });

  test("again and again ends the supervisor at the limit", async () => {
    const restart = { firstMs: 1, mostMs: 5, stableMs: 60_000, restartsMax: 2, withinMs: 60_000 };
    const it = await supervised("crashing", { restart });
    expect(await it.exit).toBe(1);
    expect(told(it.facts, "engine.started")).toHaveLength(3);
    expect(told(it.facts, "engine.released")).toHaveLength(3);
    expect(told(it.facts, "engine.given-up")).toHaveLength(1);
    const causes = [...(await it.cluster.etcd.read()).deaths.values()].map((death) => death.cause);
    expect(causes).toEqual(["exit 1", "exit 1", "exit 1"]);
  });
});

describe("an engine", () => {
  test("that is asked to stop ends in order, and so does its supervisor", async () => {
    const it = await supervised("steady");
    await leadingEngine(it);
    it.stop();
    expect(await it.exit).toBe(0);
    expect((await it.cluster.etcd.read()).leader).toBeUndefined();
    expect(told(it.facts, "engine.started")).toHaveLength(1);
  });

  test("that does not stop when asked is killed at the timeout", async () => {
    const it = await supervised("stubborn", { stopTimeoutMs: 200 });
    await leadingEngine(it);
    it.stop();
    expect(await it.exit).toBe(1);
    expect(told(it.facts, "engine.killed")).toHaveLength(1);
    expect((await it.cluster.etcd.read()).leader).toBeUndefined();
  });

  test("that makes no progress is killed and replaced", async () => {
    const it = await supervised("silent", { wedgedAfterMs: 400 });
    await until("a second engine", () => told(it.facts, "engine.started").length >= 2);
    expect(told(it.facts, "engine.killed")[0]?.why).toBe("no progress for 400 ms");
  });

  test("with a configuration error is not started again; its status is passed on", async () => {
    const it = await supervised("misconfigured");
    expect(await it.exit).toBe(78);
    expect(told(it.facts, "engine.started")).toHaveLength(1);
  });

  test("ends when its supervisor dies", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const parent = spawn(process.execPath, [supervisor, JSON.stringify(cluster.access)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void parent.kill("SIGKILL"));
    const facts: SupervisorEvent[] = [];
    createInterface({ input: parent.stdout }).on("line", (line) => facts.push(JSON.parse(line) as SupervisorEvent));
    await until("an engine leads", async () => (await cluster.etcd.read()).leader);
    const pid = told(facts, "engine.started")[0]?.pid ?? 0;
    expect(isAlive(pid)).toBe(true);
    parent.kill("SIGKILL");
    await once(parent, "exit");
    await until("the engine is gone", () => !isAlive(pid));
  });

  test("that waits to be told what to run is the first, with the arguments and the environment of the run", async () => {
    const prepared = new PreparedEngine({ module: engine });
    const { pid } = prepared;
    const environment = { ...process.env, OF_THE_RUN: "yes" };
    const it = await supervised("environment", { prepared, environment });
    expect(await it.exit).toBe(78);
    expect(told(it.facts, "engine.started").map((fact) => fact.pid)).toEqual([pid]);
  });

  test("that waited is killed like any other, and the next one is started anew", async () => {
    const prepared = new PreparedEngine({ module: engine });
    const { pid: first } = prepared;
    const it = await supervised("steady", { prepared });
    const { pid, boot } = await leadingEngine(it);
    expect(pid).toBe(first);
    process.kill(pid, "SIGKILL");
    await until("another boot leads", async () => {
      const leader = (await it.cluster.etcd.read()).leader?.value.boot;
      return leader !== undefined && leader !== boot;
    });
    expect(told(it.facts, "engine.ended")[0]?.cause).toBe("signal SIGKILL");
    it.stop();
    expect(await it.exit).toBe(0);
  });

  test("that died while it waited is not taken", async () => {
    const prepared = new PreparedEngine({ module: engine });
    const first = prepared.pid ?? 0;
    process.kill(first, "SIGKILL");
    await until("it is gone", () => !isAlive(first));
    const it = await supervised("steady", { prepared });
    const { pid } = await leadingEngine(it);
    expect(pid).not.toBe(first);
  });

  test("that nobody took ends with who has it", async () => {
    const prepared = new PreparedEngine({ module: engine });
    const pid = prepared.pid ?? 0;
    expect(isAlive(pid)).toBe(true);
    prepared[Symbol.dispose]();
    await until("it is gone", () => !isAlive(pid));
    const parent = spawn(process.execPath, [supervisor], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void parent.kill("SIGKILL"));
    const [line] = (await once(createInterface({ input: parent.stdout }), "line")) as [string];
    const orphan = Number(line);
    expect(isAlive(orphan)).toBe(true);
    parent.kill("SIGKILL");
    await until("the orphan is gone", () => !isAlive(orphan));
  });

  test("has no link without a supervisor, even when somebody's IPC pipe is there", async () => {
    const child = fork(engine, ["unsupervised"]);
    expect(await once(child, "exit")).toEqual([0, null]);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
