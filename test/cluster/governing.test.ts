/**
 * One cluster of real processes under its operators: paused, observing, failed over by hand, drained, rebuilt, and made
 * leader of a journal that lacks records. What nobody allowed does not happen by itself; what was asked for has a verdict.
 * Between them a leader loses its disk, and its clock is set. The parts run in order.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { OrderView } from "@baton/core";
import { verifyJournal } from "@baton/engine";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OwnClock, ownClock } from "../rig/clock.ts";
import { startCluster } from "../rig/cluster.ts";
import type { Cluster } from "../rig/cluster.ts";
import {
  auditEnd,
  auditOf,
  call,
  callLeader,
  eventually,
  leadWith,
  operate as ask,
  placed,
  restingBuy,
} from "./calls.ts";
import { FailingDisk } from "./failing-disk.ts";

type Seat = Cluster["nodes"][number];
interface Clocked {
  readonly node: Seat;
  /** Or what to install for one. */
  readonly clock: OwnClock | string;
}

let cluster: Cluster;
let disk: FailingDisk | undefined;
/** The node that has a wall clock of its own. */
let clocked: Clocked | undefined;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await Promise.all((cluster?.nodes ?? []).map((node) => node.stop()));
  disk?.remove();
  await cluster?.stop();
});

/** A node that is rebuilt comes into the set half a minute after it was taken out, and later where it falls behind again. */
const operationWithinMs = 150_000;

const logOf = (node: Seat): string => readFileSync(join(dirname(node.configFile), "node.log"), "utf8");
const others = (node: Seat): readonly Seat[] => cluster.nodes.filter((each) => each !== node);

async function operate(node: Seat, body: Record<string, unknown>): Promise<Record<string, unknown>> {
  const told = await ask(node, body);
  expect(told.status, JSON.stringify(told.body)).toBe(202);
  return told.body;
}

async function settled(node: Seat, id: unknown): Promise<Record<string, unknown>> {
  return await eventually(
    "the operation has a verdict",
    async () => {
      const { body } = await call(node, "GET", `/operations/${String(id)}`);
      return ["done", "aborted", "failed"].includes(body.phase) ? body : undefined;
    },
    operationWithinMs,
  );
}

async function nobodyLeads(node: Seat): Promise<void> {
  await eventually("nobody leads", async () =>
    (await call(node, "GET", "/cluster")).body.leader === null ? true : undefined,
  );
}

test("in pause nobody takes over by itself; an operator's failover does, and both are on record", async () => {
  const first = await cluster.leader();
  const [second, third] = others(first) as [Seat, Seat];
  const paused = await operate(second, { what: "pause", forMs: 600_000, id: "pause-1" });
  expect(paused).toMatchObject({ what: "pause", phase: "done" });
  expect(await operate(second, { what: "pause", forMs: 1_000, id: "pause-1" })).toEqual(paused);
  expect((await call(third, "GET", "/operations/pause-1")).body).toEqual(paused);
  await first.killEngine();
  await nobodyLeads(second);
  await eventually("the standby says why", async () => (/paused by/.test(logOf(third)) ? true : undefined));
  expect((await call(second, "GET", "/cluster")).body.control.pause).toMatchObject({ reason: "test" });

  // What waits for a leader is given up by whoever thought better of it, and stays given up once there is one.
  await operate(second, { what: "switchover", id: "hasty" });
  expect(await operate(third, { what: "abort", target: "hasty" })).toMatchObject({ phase: "done", target: "hasty" });
  expect((await call(second, "GET", "/operations/hasty")).body.phase).toBe("aborted");

  const asked = await operate(second, { what: "failover", to: third.id });
  expect(await settled(second, asked["id"])).toMatchObject({
    phase: "done",
    detail: expect.stringContaining(third.id),
  });
  expect(await cluster.leader()).toBe(third);
  expect(await operate(third, { what: "resume" })).toMatchObject({ phase: "done" });
  expect((await call(third, "GET", "/cluster")).body.control.pause).toBeNull();
  await cluster.untilInSync();
});

test("observing, a standby says what it would do and why, and does it once autofailover is on", async () => {
  const first = await cluster.leader();
  const [second] = others(first) as [Seat, Seat];
  await operate(second, { what: "autofailover", mode: "observe" });
  await first.killEngine();
  await nobodyLeads(second);
  const said = /Would take over from \w+ now, because its leader key is gone; autofailover is observe/;
  await eventually("it says what it would do", async () =>
    others(first).some((node) => said.test(logOf(node))) ? true : undefined,
  );
  const before = (await call(second, "GET", "/cluster")).body.epoch;
  await operate(second, { what: "autofailover", mode: "on" });
  const leader = await cluster.leader();
  expect((await call(leader, "GET", "/cluster")).body.epoch).toBe(before + 1);
  await cluster.untilInSync();
});

test("a switchover to a node that is not there fails with each candidate's reason", async () => {
  const leader = await cluster.leader();
  const asked = await operate(leader, { what: "switchover", to: "zoe" });
  expect(await settled(leader, asked["id"])).toMatchObject({
    phase: "failed",
    detail: "zoe cannot lead: not in the in-sync set",
  });
});

test("a drained leader hands over first, and takes no leadership until it is undrained, whoever names it", async () => {
  const first = await cluster.leader();
  const [second, third] = others(first) as [Seat, Seat];
  const drain = await operate(second, { what: "drain", node: first.id, id: "drain-1" });
  const drained = await settled(second, drain["id"]);
  expect(drained).toMatchObject({ phase: "done", detail: expect.stringContaining("takes no leadership until") });
  expect(await operate(third, { what: "drain", node: first.id, id: "drain-1" })).toEqual(drained);
  // It may have fallen behind for a moment: then it is out of the set, or has that for a reason beside.
  await cluster.untilInSync();
  const leader = await cluster.leader();
  expect(leader).not.toBe(first);
  const reasons = await eventually("it has no reason but one", async () => {
    const { body: view } = await call(leader, "GET", "/cluster");
    const found = view.members.find((each: { node: string }) => each.node === first.id).reasons;
    return found.length === 1 && view.insync.members.includes(first.id) ? found : undefined;
  });
  expect(reasons).toMatchObject([{ code: "drained", bars: "everyone", sentence: expect.stringContaining(": test") }]);
  const named = await operate(leader, { what: "switchover", to: first.id });
  expect(await settled(leader, named["id"])).toMatchObject({
    phase: "failed",
    detail: expect.stringMatching(/cannot lead: unfit: drained by .*: test/),
  });
  const late = await ask(leader, { what: "abort", target: named["id"] });
  expect([late.status, late.body.code]).toEqual([409, "conflict"]);
  expect(await operate(leader, { what: "undrain", node: first.id })).toMatchObject({ phase: "done" });
  await leadWith(cluster, first);
});

test("a removed standby is waited for no more; its rebuilt journal is the leader's, and the old one is kept", async () => {
  const leader = await cluster.leader();
  const [node, other] = others(leader) as [Seat, Seat];
  const members = async (): Promise<readonly string[]> => (await call(leader, "GET", "/cluster")).body.insync.members;
  const removed = await operate(node, { what: "remove", node: node.id });
  expect(await settled(leader, removed["id"])).toMatchObject({ phase: "done" });
  expect(await members()).toEqual(expect.not.arrayContaining([node.id]));
  for (const [what, whom] of [
    ["remove", other],
    ["reinit", other],
    ["remove", leader],
  ] as const) {
    expect(await ask(node, { what, node: whom.id })).toMatchObject({ status: 422, body: { code: "unsafe" } });
  }
  await place(node);
  expect(await members()).toHaveLength(2);
  await operate(leader, { what: "undrain", node: node.id });
  await cluster.untilInSync();

  const asked = await operate(leader, { what: "reinit", node: node.id });
  const rebuilt = await settled(leader, asked["id"]);
  expect(rebuilt).toMatchObject({ phase: "done", detail: expect.stringContaining("is in sync with the new journal") });
  await cluster.untilInSync();
  const aside = join(node.dataDir, "set-aside");
  const [old = ""] = readdirSync(aside);
  expect(rebuilt["detail"]).toContain(old);
  expect(await verifyJournal(join(aside, old, "journal.db"))).toMatchObject({ sound: true });
  expect(await cluster.leader()).toBe(leader);
});

test("a leader whose fsync fails leaves at once with a clear error, another goes on, and a new disk joins", async () => {
  const [node] = others(await cluster.leader()) as [Seat, Seat];
  await node.stop();
  rmSync(node.dataDir, { recursive: true });
  mkdirSync(node.dataDir);
  disk = new FailingDisk(node.dataDir, join(cluster.dir, "room"));
  await node.start();
  await leadWith(cluster, node);
  const before = await place(node);
  disk.fail();
  const after = await place(node);
  expect(await cluster.leader()).not.toBe(node);
  const why = /This boot ends: the journal failed \(journal-io\): reading or writing \S+ failed \(SQLITE_IOERR_FSYNC/;
  await eventually("it says why", async () => (why.test(logOf(node)) ? true : undefined));
  // What was acknowledged is on the others' disks, and at the venue once.
  await atMostOnce([before, after]);

  await node.stop();
  disk.remove();
  const clock = ownClock(cluster.dir);
  clocked = { node, clock };
  await node.start(clock instanceof OwnClock ? clock.environment : {});
  await cluster.untilInSync();
});

test.each([30, -30])(
  "a leader whose wall clock is stepped by %i s notices it and ends, and stays out with that clock; nothing is doubled",
  async (seconds) => {
    const { node, clock } = clocked as Clocked;
    if (typeof clock === "string") throw new Error(clock);
    await leadWith(cluster, node);
    const ids = [await place(node)];
    const before = logOf(node).length;
    const said = (words: RegExp): boolean => words.test(logOf(node).slice(before));
    clock.step(seconds);
    await eventually("it notices, and another leads", async () => {
      ids.push(await place(node));
      const has = said(/This boot ends: .*wall and monotonic clock moved -?(?:29|30)\d{3} ms apart/);
      return has && (await cluster.leader()) !== node ? true : undefined;
    });
    const sent = auditEnd(cluster);
    // With this clock no boot of it takes part: it says how far off it is, and ends.
    await eventually("its next boot refuses to start", async () =>
      said(/wall clock is (?:29|30)\d{3} ms off the time of sim, allowed are 250/) ? true : undefined,
    );
    ids.push(await place(node));
    expect(placed(cluster, sent).filter((record) => record.apiKey === `node-${node.id}-key`)).toEqual([]);
    await atMostOnce(ids);

    clock.step(0);
    await eventually("it is back in sync", async () => {
      if (!node.isRunning) await node.start(clock.environment);
      await cluster.untilInSync();
      return true;
    });
  },
);

test("a node that lacks records leads only with leave to lose them, and the venue is read before it trades", async () => {
  const leader = await cluster.leader();
  const [second, behind] = others(leader) as [Seat, Seat];
  const parent = await longTwap(leader);
  await behind.stop();
  await eventually("it is out of the set", async () => {
    const { body } = await call(leader, "GET", "/cluster");
    return body.insync.members.includes(behind.id) ? undefined : true;
  });
  for (let n = 0; n < 5; n++) await place(behind);
  await Promise.all([leader.stop(), second.stop()]);
  await behind.start();
  await behind.untilAnswers("/live", 60_000);
  await nobodyLeads(behind);

  const clean = await operate(behind, { what: "failover", to: behind.id });
  expect(await settled(behind, clean["id"])).toMatchObject({
    phase: "failed",
    detail: expect.stringContaining("committed records may be lost"),
  });
  const lossy = { what: "failover", to: behind.id, allowDataLoss: true, reason: "test" };
  const unconfirmed = await ask(behind, lossy);
  expect([unconfirmed.status, unconfirmed.body.code]).toEqual([422, "not-confirmed"]);

  const confirmed = { ...lossy, cluster: cluster.name };
  const verdict = await eventually("the leader key has been absent for long enough", async () => {
    const asked = await operate(behind, confirmed);
    const ended = await settled(behind, asked["id"]);
    return ended["phase"] === "done" ? ended : undefined;
  });
  expect(verdict).toMatchObject({ what: "failover", epoch: expect.any(Number) });
  const view = await eventually("it knows itself that it leads", async () => {
    const { body } = await call(behind, "GET", "/cluster");
    return body.leader?.epoch === verdict["epoch"] ? body : undefined;
  });
  expect(view.leader).toMatchObject({ node: behind.id, reason: "unclean", epoch: verdict["epoch"] });
  expect(view.insync.members).toEqual([behind.id]);
  await eventually("the venue is read", async () =>
    /account\.ready|account stream/.test(logOf(behind)) ? true : undefined,
  );

  // Those who know more as committed have forked; an empty disk joins.
  for (const node of [leader, second]) rmSync(node.dataDir, { recursive: true, force: true });
  await Promise.all([leader.start(), second.start()]);
  await cluster.untilInSync();
  await place(leader);

  // What the lost history did of a parent nobody here knows: it waits until somebody says that it may go on.
  const waits = (await call(behind, "GET", `/v1/orders/${parent}`)).body;
  expect(waits).toMatchObject({ status: "paused", paused: { by: "baton", cause: "history-lost", sold: "0" } });
  expect((await call(behind, "GET", "/cluster")).body.warnings).toContainEqual(expect.stringContaining(parent));
  const hasty = await call(behind, "POST", `/v1/orders/${parent}`, { body: { what: "resume" } });
  expect([hasty.status, hasty.body.code]).toEqual([422, "parent-state"]);
  const resume = { what: "resume", reason: "the account was looked at" };
  expect((await call(behind, "POST", `/v1/orders/${parent}`, { body: resume })).body).toMatchObject({
    status: "running",
  });
  expect((await call(behind, "GET", "/cluster")).body.warnings).not.toContainEqual(expect.stringContaining(parent));
  expect((await call(behind, "DELETE", `/v1/orders/${parent}`)).status).toBe(202);
});

/** A parent whose first slice is done, and the others of which have time; every node holds it. */
async function longTwap(leader: Seat): Promise<string> {
  const algorithm = { algo: "twap", symbol: "BTC/USDT", side: "buy", quantity: "0.004", slices: 4 };
  const body = { ...algorithm, durationMs: 1_200_000, aggressionBps: 10 };
  const { parentId } = (await call(leader, "POST", "/v1/orders", { body })).body;
  await eventually("its first slice is on every node", async () => {
    const done = (await call(leader, "GET", `/v1/orders/${parentId}`)).body.slices.done;
    const { members } = (await call(leader, "GET", "/cluster")).body;
    return done === 1 && members.every((member: { lagRecords: number }) => member.lagRecords === 0) ? true : undefined;
  });
  return parentId;
}

/** An order that is asked for until it is acknowledged, under one key, whoever leads. `ill` is not asked for a price. */
async function place(ill: Seat): Promise<string> {
  const key = randomUUID();
  const body = await restingBuy(cluster.nodes.find((node) => node !== ill) as Seat);
  const told = await callLeader(cluster, 202, (leader) => call(leader, "POST", "/v1/orders", { body, key }));
  return told.body.intentId;
}

/** Each is an order of its own, and of all that was sent for it the venue took one request at most. */
async function atMostOnce(ids: readonly string[]): Promise<void> {
  expect(new Set(ids).size).toBe(ids.length);
  for (const intent of ids) {
    const order = await eventually(`the fate of ${intent} is known`, async () => {
      const { body } = await call(await cluster.leader(), "GET", `/v1/orders/${intent}`);
      return ["pending-new", "in-doubt"].includes(body.status) ? undefined : (body as OrderView);
    });
    const accepted = auditOf(cluster).filter(
      (record) => record.type === "accept" && order.clientOrderIds.some((one) => one === record.clientOrderId),
    );
    expect(accepted.length, `${intent}: ${order.status}`).toBe(order.outcome === "accepted" ? 1 : 0);
  }
}
