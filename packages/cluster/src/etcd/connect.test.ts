import type {
  AnchorPlan,
  AnchorRecord,
  BootId,
  ClusterId,
  JournalId,
  LeaseId,
  OperationId,
  OperationRecord,
} from "@baton/core";
import { id, wallMs } from "@baton/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EtcdRig } from "../../../../test/rig/etcd.ts";
import { startEtcd } from "../../../../test/rig/etcd.ts";
import type { TestCluster } from "../fixtures/cluster.ts";
import {
  bootA,
  bootB,
  briefLease,
  freshCluster,
  member,
  memberRecord,
  nodeA,
  nodeB,
  patienceMs,
  takeover,
  until,
} from "../fixtures/cluster.ts";
import { connectEtcd } from "./connect.ts";
import type { EtcdAccess } from "./endpoint.ts";
import { Fleet } from "./fleet.ts";
import { Keys } from "./keys.ts";
import { put } from "./transaction.ts";
import type { Wake, Watch } from "./watch.ts";

let rig: EtcdRig;
beforeAll(async () => void (rig = await startEtcd()));
afterAll(() => rig.stop());

/** The lease that a key of the cluster hangs on, and the time for which etcd granted it. */
async function leaseOf(access: EtcdAccess, name: string): Promise<{ lease: LeaseId; grantedSeconds: number }> {
  const fleet = new Fleet({ ...access, callTimeoutMs: patienceMs });
  try {
    const key = Buffer.from(`/baton/${access.cluster}/${name}`);
    const ID = (await fleet.first("range", (client, o) => client.kv.range({ key }, o))).kvs[0]?.lease ?? "0";
    const told = await fleet.first("lease", (client, o) => client.leaseClient.leaseTimeToLive({ ID }, o));
    return { lease: id<LeaseId>(ID), grantedSeconds: Number(told.grantedTTL) };
  } finally {
    fleet.close();
  }
}

/**
 * A watch whose streams are all open. A member that is behind would tell of the genesis too, so each has to hold it first: a
 * read is answered by a member that holds everything.
 */
async function watching({ etcd, access }: TestCluster, onWake: (wake: Wake) => void): Promise<Watch> {
  for (const endpoint of rig.endpoints) {
    await using one = connectEtcd({ ...access, endpoints: [endpoint] });
    await until(`${endpoint} holds the genesis`, () => one.read());
  }
  const watch = etcd.watch(onWake);
  await until("all streams open", () => watch.openStreams === 3);
  return watch;
}

describe("genesis", () => {
  test("creates cluster, epoch 0 and the set at version 1, once; a second genesis changes nothing", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const before = await cluster.etcd.read();
    expect(before.epoch.value).toBe(0);
    expect(before.insync?.value).toMatchObject({ epoch: 0, version: 1 });
    const again = { id: id<ClusterId>("other"), members: [member(nodeB)], schema: 1 };
    expect(await cluster.etcd.initCluster(again)).toBe("exists");
    expect(await cluster.etcd.read()).toEqual(before);
  });
});

describe("a node id (I17)", () => {
  test("is refused to a second boot while the first is alive, and free once its lease is gone", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const first = await briefLease(cluster.access, 30);
    const second = await briefLease(cluster.access, 30);
    await cluster.etcd.publishMember(memberRecord(nodeA, bootA, first));
    await expect(cluster.etcd.publishMember(memberRecord(nodeA, bootB, second))).rejects.toMatchObject({
      code: "node-id-in-use",
      otherBoot: bootA,
    });
    await cluster.etcd.publishMember({ ...memberRecord(nodeA, bootA, first), unfit: ["lag"] });
    expect((await cluster.etcd.read()).members.get(nodeA)).toMatchObject({ boot: bootA, unfit: ["lag"] });
    await cluster.etcd.revokeLease(first);
    await cluster.etcd.publishMember(memberRecord(nodeA, bootB, second));
    expect(await cluster.etcd.bootOf(nodeA)).toBe(bootB);
  });

  test("of a boot whose lease is gone is not published", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const record = memberRecord(nodeA, bootA, id<LeaseId>("4242"));
    await expect(cluster.etcd.publishMember(record)).rejects.toMatchObject({ code: "etcd-unavailable" });
  });
});

describe("operators' keys", () => {
  const done = (n: string, what: OperationRecord["what"]): OperationRecord => ({
    ...{ id: id<OperationId>(n), what, by: "op", reason: "drill" },
    ...{ phase: "done", detail: "", updatedWallMs: wallMs(1) },
  });

  test("kill, autofailover, acknowledgement and pause are read as written; a pause ends with its lease", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const kill = { level: "cluster", by: "op", reason: "drill", atWallMs: wallMs(1) } as const;
    const acknowledged = { by: "op", reason: "fixed", atWallMs: wallMs(2) };
    const pause = { by: "op", reason: "upgrade", untilWallMs: wallMs(3) };
    const forSeconds = 600;
    await cluster.etcd.carryOut(done("k", "kill"), { kind: "kill", record: kill });
    await cluster.etcd.carryOut(done("a", "autofailover"), { kind: "autofailover", value: "off" });
    await cluster.etcd.carryOut(done("y", "acknowledge"), { kind: "acknowledge", record: acknowledged });
    await cluster.etcd.carryOut(done("p", "pause"), { kind: "pause", record: pause, forSeconds });
    const view = await cluster.etcd.read();
    expect(view.kill.value).toEqual(kill);
    expect(view.autofailover.value).toBe("off");
    expect(view.acknowledged?.value).toEqual(acknowledged);
    expect(view.pause.value).toEqual(pause);
    expect([...view.operations.keys()].toSorted()).toEqual(["a", "k", "p", "y"]);
    // A lease of its length: here it is ended sooner, so that no machine is too slow to see the pause before it ends.
    const { lease, grantedSeconds } = await leaseOf(cluster.access, "control/pause");
    expect(grantedSeconds).toBe(forSeconds);
    await cluster.etcd.revokeLease(lease);
    expect((await cluster.etcd.read()).pause.value).toBeUndefined();
  });

  test("an operation that is repeated changes nothing twice, and its first record is given back", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const first = done("op-1", "autofailover");
    expect(await cluster.etcd.carryOut(first, { kind: "autofailover", value: "off" })).toEqual(first);
    await cluster.etcd.carryOut(done("op-2", "autofailover"), { kind: "autofailover", value: "on" });
    const again = { ...first, by: "somebody else" };
    expect(await cluster.etcd.carryOut(again, { kind: "autofailover", value: "off" })).toEqual(first);
    expect((await cluster.etcd.read()).autofailover.value).toBe("on");
  });

  test("a pause is ended by a resume", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const record = { by: "op", reason: "upgrade" };
    await cluster.etcd.carryOut(done("p", "pause"), { kind: "pause", record, forSeconds: 60 });
    await cluster.etcd.carryOut(done("r", "resume"), { kind: "resume" });
    expect((await cluster.etcd.read()).pause.value).toBeUndefined();
  });

  test("an operation is written only over the revision that was read", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const asked: OperationRecord = {
      ...{ id: id<OperationId>("op-1"), what: "switchover", by: "op", reason: "test" },
      ...{ phase: "asked", detail: "", updatedWallMs: wallMs(1) },
    };
    const stored = await cluster.etcd.putOperation(asked, "0");
    expect(stored.kind).toBe("stored");
    expect(await cluster.etcd.putOperation({ ...asked, by: "someone else" }, "0")).toEqual({ kind: "conflict" });
    const revision = stored.kind === "stored" ? stored.modRevision : "";
    expect((await cluster.etcd.putOperation({ ...asked, phase: "running" }, revision)).kind).toBe("stored");
    expect((await cluster.etcd.read()).operations.get(asked.id)?.value.phase).toBe("running");
  });

  test("what is set for a node is written with its operation, while leader, set and settings are those that were read", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const { etcd } = cluster;
    const standing = { kind: "drained", by: "op", reason: "disk", atWallMs: wallMs(1) } as const;
    const drain = (n: number): OperationRecord => ({ ...done(`drain-${n}`, "drain"), node: nodeB });
    const before = await etcd.read();
    const guard = {
      settingsModRevision: "0",
      epochModRevision: before.epoch.modRevision,
      insyncModRevision: before.insync?.modRevision ?? "",
    };
    const change = { node: nodeB, settings: { standing }, guard };
    expect((await etcd.putOperation(drain(1), "0", change)).kind).toBe("stored");
    const after = await etcd.read();
    expect(after.settings?.get(nodeB)?.value).toEqual({ standing });
    expect(after.operations.get(drain(1).id)?.value).toEqual(drain(1));
    // Decided before that was written: neither the settings nor the record.
    expect(await etcd.putOperation(drain(2), "0", { ...change, settings: {} })).toEqual({ kind: "conflict" });
    const lease = await briefLease(cluster.access, 30);
    await etcd.transact(takeover(after, { node: nodeA, boot: bootA, lease }));
    const settingsModRevision = after.settings?.get(nodeB)?.modRevision ?? "";
    for (const stale of [
      { epochModRevision: guard.epochModRevision },
      { insyncModRevision: guard.insyncModRevision },
    ]) {
      const late = { node: nodeB, settings: {}, guard: { settingsModRevision, ...stale } };
      expect(await etcd.putOperation(drain(3), "0", late)).toEqual({ kind: "conflict" });
    }
    const view = await etcd.read();
    expect(view.settings?.get(nodeB)?.value).toEqual({ standing });
    expect([...view.operations.keys()]).toEqual(["drain-1"]);
  });

  test("an operation is given up in the write that says so, unless somebody has taken it up", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const { etcd } = cluster;
    const asked: OperationRecord = { ...done("op-1", "switchover"), phase: "asked" };
    await etcd.putOperation(asked, "0");
    const seen = (await etcd.read()).operations.get(asked.id);
    if (seen === undefined) throw new Error("it was written");
    await etcd.putOperation({ ...asked, phase: "running" }, seen.modRevision);
    const abort: OperationRecord = { ...done("op-2", "abort"), target: asked.id };
    expect(await etcd.giveUpOperation(seen, abort)).toEqual({ kind: "conflict" });
    expect([...(await etcd.read()).operations.keys()]).toEqual(["op-1"]);
    const running = (await etcd.read()).operations.get(asked.id);
    if (running === undefined) throw new Error("it was written");
    expect((await etcd.giveUpOperation(running, abort)).kind).toBe("stored");
    const ended = (await etcd.read()).operations;
    expect(ended.get(asked.id)?.value).toMatchObject({ phase: "aborted", detail: "op gave it up: drill" });
    expect(ended.get(abort.id)?.value).toEqual(abort);
  });

  test("phases complete the history of an epoch only for the boot that leads it", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const lease = await briefLease(cluster.access, 30);
    await cluster.etcd.transact(takeover(await cluster.etcd.read(), { node: nodeA, boot: bootA, lease }));
    const phases = { elect: 3 };
    expect((await cluster.etcd.completeHistory({ epoch: 1, boot: bootB, phases })).kind).toBe("conflict");
    expect((await cluster.etcd.completeHistory({ epoch: 1, boot: bootA, phases })).kind).toBe("stored");
    expect((await cluster.etcd.history())[0]?.phases).toEqual(phases);
  });

  test("what changes in the history alone wakes nobody", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const lease = await briefLease(cluster.access, 30);
    await cluster.etcd.transact(takeover(await cluster.etcd.read(), { node: nodeA, boot: bootA, lease }));
    const told: string[] = [];
    const watch = await watching(cluster, ({ keys }) => told.push(...keys));
    await cluster.etcd.completeHistory({ epoch: 1, boot: bootA, phases: { elect: 3 } });
    await cluster.etcd.setAutofailover("off");
    await until("the later change is told", () => told.includes("control/autofailover"));
    watch.stop();
    expect(told).toEqual(["control/autofailover"]);
  });

  test("ended operations are pruned to a bound, running ones are not", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const operation = (n: number, phase: OperationRecord["phase"]): OperationRecord => ({
      ...{ id: id<OperationId>(`op-${n}`), what: "switchover", by: "op", reason: "test" },
      ...{ phase, detail: "", updatedWallMs: wallMs(n) },
    });
    await cluster.etcd.putOperation(operation(0, "running"), "0");
    for (let n = 1; n <= 27; n++) await cluster.etcd.putOperation(operation(n, "done"), "0");
    await cluster.etcd.prune([nodeA]);
    const left = [...(await cluster.etcd.read()).operations.keys()];
    expect(left).toHaveLength(25);
    expect(left).toContain("op-0");
    expect(left).not.toContain("op-3");
  });

  test("of the history the newest thousand epochs are kept, by number and not by name", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const { cluster: name } = cluster.access;
    await withFleet(cluster.access, async (fleet) => {
      for (let from = 1; from <= 1_005; from += 100) {
        const epochs = Array.from({ length: Math.min(100, 1_006 - from) }, (_, at) => from + at);
        const success = epochs.map((epoch) => put(new Keys(name).history(epoch), { epoch }));
        await fleet.first("write history", (client, o) => client.kv.txn({ success }, o));
      }
    });
    await cluster.etcd.prune([nodeA]);
    const left = (await cluster.etcd.history()).map(({ epoch }) => epoch);
    expect([left.length, left[0], left.at(-1)]).toEqual([1_000, 6, 1_005]);
  });

  test("etcd forgets the revisions before one that it is told, as often as it is told, and nothing that stands", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const { etcd, access } = cluster;
    const before = (await etcd.read()).revision;
    const readThen = () =>
      withFleet(access, (fleet) => {
        const request = { key: Buffer.from(new Keys(access.cluster).insync), revision: before };
        return fleet.first("read then", (client, o) => client.kv.range(request, o));
      });
    for (const value of ["off", "observe", "on"] as const) await etcd.setAutofailover(value);
    expect((await readThen()).kvs).toHaveLength(1);
    const now = await etcd.read();
    await etcd.compact(now.revision);
    await expect(readThen()).rejects.toThrow("required revision has been compacted");
    await etcd.compact(now.revision);
    await etcd.compact(`${BigInt(now.revision) + 1_000n}`);
    expect({ ...(await etcd.read()), revision: "" }).toEqual({ ...now, revision: "" });
  });
});

async function withFleet<T>(access: EtcdAccess, use: (fleet: Fleet) => Promise<T>): Promise<T> {
  const fleet = new Fleet({ ...access, callTimeoutMs: patienceMs });
  try {
    return await use(fleet);
  } finally {
    fleet.close();
  }
}

describe("a journal's openings", () => {
  const journal = id<JournalId>("journal-a");

  test("are counted, and a journal that knows of fewer was rolled back", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const open = (boot: string, count: number) => cluster.etcd.countBoot(journal, { boot: id<BootId>(boot), count });
    expect(await open("b1", 1)).toEqual({ kind: "counted" });
    expect(await open("b3", 3)).toEqual({ kind: "counted" });
    expect(await open("b3", 3)).toEqual({ kind: "counted" });
    expect(await open("b4", 3)).toEqual({ kind: "rolled-back", why: "was opened 3 times, etcd has counted 3" });
    expect(await open("b5", 2)).toMatchObject({ kind: "rolled-back" });
    const other = id<JournalId>("journal-a2");
    expect(await cluster.etcd.countBoot(other, { boot: bootA, count: 1 })).toEqual({ kind: "counted" });
  });
});

test("what a journal holds is told with its node's record, and a copy from this very boot that holds less was rolled back", async () => {
  await using cluster = await freshCluster(rig.endpoints);
  const { journal } = member(nodeA);
  const lease = await briefLease(cluster.access, 30);
  const holding = (boot: BootId, count: number, committed: number) =>
    ({ boot, count, held: { committed, epochMax: 4 } }) as const;
  await cluster.etcd.countBoot(journal, holding(bootA, 7, 100));
  await cluster.etcd.publishMember(memberRecord(nodeA, bootA, lease), holding(bootA, 7, 140));
  // The image was made at record 120 of the seventh boot, so that its own count is right.
  expect(await cluster.etcd.countBoot(journal, holding(bootB, 8, 120))).toEqual({
    kind: "rolled-back",
    why: "ends at record 120, etcd has seen 140 committed on it",
  });
  expect(await cluster.etcd.countBoot(journal, holding(bootB, 8, 140))).toEqual({ kind: "counted" });
});

describe("re-anchoring", () => {
  const plan: AnchorPlan = {
    ...{ cluster: id<ClusterId>("c"), epoch: 7, version: 12, members: [member(nodeB)], sentence: "" },
    kill: { level: "cluster", by: "op", reason: "odd", atWallMs: wallMs(1) },
  };
  const recordOf = (etcdClusterId: string): AnchorRecord => ({
    ...{ etcdClusterId, epoch: 7, version: 12, by: "op", reason: "restored", atWallMs: wallMs(2) },
  });

  test("writes cluster, epoch, set, anchor and kill at once, and takes a restored leader key away", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const lease = await briefLease(cluster.access, 30);
    await cluster.etcd.transact(takeover(await cluster.etcd.read(), { node: nodeA, boot: bootA, lease }));
    const before = await cluster.etcd.read();
    const record = recordOf(before.etcdClusterId);
    expect((await cluster.etcd.reAnchor(before, plan, record, 1)).kind).toBe("stored");
    const after = await cluster.etcd.read();
    expect(after).toMatchObject({
      cluster: { id: "c", schema: 1 },
      leader: undefined,
      epoch: { value: 7 },
      insync: { value: { epoch: 7, version: 12, members: [member(nodeB)] } },
      anchor: record,
      kill: { value: plan.kill },
    });
  });

  test("changes nothing over what was not read", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const stale = await cluster.etcd.read();
    const lease = await briefLease(cluster.access, 30);
    await cluster.etcd.transact(takeover(stale, { node: nodeA, boot: bootA, lease }));
    const before = await cluster.etcd.read();
    expect((await cluster.etcd.reAnchor(stale, plan, recordOf(stale.etcdClusterId), 1)).kind).toBe("conflict");
    expect({ ...(await cluster.etcd.read()), revision: "" }).toEqual({ ...before, revision: "" });
  });
});

describe("a value that Baton never wrote", () => {
  test("rejects the read and names the key", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const fleet = new Fleet(cluster.access);
    const key = Buffer.from(`/baton/${cluster.access.cluster}/leader`);
    await fleet.first("put", (client, o) => client.kv.put({ key, value: Buffer.from("{") }, o));
    fleet.close();
    await expect(cluster.etcd.read()).rejects.toMatchObject({
      code: "cluster-state-malformed",
      key: key.toString(),
    });
  });
});

describe("watching", () => {
  test("wakes with the key that changed, once per change, and says when the leader key went", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const wakes: Wake[] = [];
    const watch = await watching(cluster, (wake) => wakes.push(wake));
    const lease = await briefLease(cluster.access, 30);
    await cluster.etcd.transact(takeover(await cluster.etcd.read(), { node: nodeA, boot: bootA, lease }));
    await cluster.etcd.revokeLease(lease);
    await until("the deletion", () => wakes.some((wake) => wake.leaderDeleted));
    const told = wakes.flatMap((wake) => wake.keys);
    expect(told.toSorted()).toEqual(["epoch", "insync", "leader", "leader"]);
    watch.stop();
  });

  test("goes on while a member is down, and uses it again once it is back", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const keys: string[] = [];
    const watch = await watching(cluster, (wake) => keys.push(...wake.keys));
    const { leader } = await rig.roles();
    await leader.kill();
    await until("its stream is closed", () => watch.openStreams < 3);
    await until("etcd elects", () =>
      cluster.etcd.setAutofailover("observe").then(
        () => true,
        () => false,
      ),
    );
    await until("the change is told", () => keys.includes("control/autofailover"));
    await leader.restart();
    await until("its stream is open again", () => watch.openStreams === 3);
    keys.length = 0;
    await until("a write", () =>
      cluster.etcd.setAutofailover("on").then(
        () => true,
        () => false,
      ),
    );
    await until("it is told", () => keys.includes("control/autofailover"));
    expect(new Set(keys)).toEqual(new Set(["control/autofailover"]));
    watch.stop();
  });

  test("does not depend on the member that is frozen", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const keys: string[] = [];
    const watch = await watching(cluster, (wake) => keys.push(...wake.keys));
    const { followers } = await rig.roles();
    followers[0]?.freeze();
    try {
      await cluster.etcd.setAutofailover("off");
      await until("the change is told", () => keys.length > 0);
      expect(keys).toEqual(["control/autofailover"]);
    } finally {
      followers[0]?.thaw();
    }
    watch.stop();
  });
});

describe("etcd's own state", () => {
  test("is told per endpoint, and etcd's leader moves away from a host on request", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const { etcd } = cluster;
    const from = await until("etcd leads", async () => (await etcd.status()).leaderEndpoint);
    expect(rig.endpoints).toContain(from);
    // "Nobody could take it" is a legal answer; whoever wants it away asks again.
    await until("it has moved", () => etcd.moveLeaderAway(from));
    await until("etcd leads elsewhere", async () => {
      const to = (await etcd.status()).leaderEndpoint;
      return to !== undefined && to !== from;
    });
  });

  test("tells who the members are and of each alarm, and why it does not where nobody answers", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const asked = await cluster.etcd.inquire();
    expect(asked.alarms).toEqual({ kind: "told", list: [] });
    const members = asked.members.kind === "told" ? asked.members.list : [];
    expect(members.flatMap((each) => each.clientUrls).toSorted()).toHaveLength(rig.endpoints.length);
    await using nobody = connectEtcd({ ...cluster.access, endpoints: ["http://127.0.0.1:1"], callTimeoutMs: 300 });
    expect(await nobody.inquire()).toMatchObject({ members: { kind: "untold" }, alarms: { kind: "untold" } });
  });

  test("names the endpoint that is down", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const { followers } = await rig.roles();
    await followers[0]?.kill();
    const down = async (): Promise<readonly string[]> => {
      const { endpoints } = await cluster.etcd.status();
      return endpoints.flatMap((one) => (one.isHealthy ? [] : [one.endpoint]));
    };
    await expect.poll(down, { timeout: 45_000 }).toEqual([followers[0]?.endpoint]);
    await followers[0]?.restart();
  });
});
