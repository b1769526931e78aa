import type { ClusterId, EtcdView, LeaseId, OperationId, Transaction } from "@baton/core";
import { id, wallMs } from "@baton/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EtcdRig } from "../../../../test/rig/etcd.ts";
import { startEtcd } from "../../../../test/rig/etcd.ts";
import { openLink } from "../../../../test/rig/link.ts";
import { connectEtcd } from "./connect.ts";
import type { TestCluster } from "../fixtures/cluster.ts";
import {
  bootA,
  bootB,
  briefLease,
  freshCluster,
  handoff,
  member,
  nodeA,
  nodeB,
  nodeC,
  patienceMs,
  setInsync,
  settled,
  takeover,
  until,
} from "../fixtures/cluster.ts";

let rig: EtcdRig;
beforeAll(async () => void (rig = await startEtcd()));
afterAll(() => rig.stop());

/** A cluster that node a leads at epoch 1. */
async function ledByA(): Promise<TestCluster & { view: EtcdView; lease: LeaseId }> {
  const cluster = await freshCluster(rig.endpoints);
  const lease = await briefLease(cluster.access, 30);
  const won = await cluster.etcd.transact(takeover(await cluster.etcd.read(), { node: nodeA, boot: bootA, lease }));
  expect(won.kind).toBe("committed");
  return { ...cluster, view: await cluster.etcd.read(), lease };
}

describe("takeover", () => {
  test("writes leader, epoch, in-sync set and history at one revision, the leader on the winner's lease", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const lease = await briefLease(cluster.access, 30);
    const asked = takeover(await cluster.etcd.read(), { node: nodeA, boot: bootA, lease });
    const answer = await cluster.etcd.transact(asked);
    const view = await cluster.etcd.read();
    const revision = answer.kind === "committed" ? answer.revision : "none";
    expect([view.leader, view.epoch, view.insync].map((one) => one?.modRevision)).toEqual([
      revision,
      revision,
      revision,
    ]);
    expect(view.leader?.value).toEqual(asked.leader);
    expect(view.insync?.value).toEqual(asked.insync);
    expect(await cluster.etcd.history()).toEqual([asked.history]);
    await cluster.etcd.revokeLease(lease);
    expect((await cluster.etcd.read()).leader).toBeUndefined();
  });

  const breaks: Record<string, (cluster: TestCluster & { view: EtcdView; lease: LeaseId }) => Promise<unknown>> = {
    "the leader is present": () => Promise.resolve(),
    "the epoch moved": async (cluster) => {
      const lease = await briefLease(cluster.access, 30);
      await cluster.etcd.transact(handoff(cluster.view, { node: nodeB, boot: bootB, lease }));
      await cluster.etcd.revokeLease(lease);
    },
    "the in-sync set moved": async (cluster) => {
      await cluster.etcd.transact(setInsync(cluster.view, [member(nodeA)]));
      await cluster.etcd.revokeLease(cluster.lease);
    },
    "autofailover was switched": async (cluster) => {
      await cluster.etcd.revokeLease(cluster.lease);
      await cluster.etcd.setAutofailover("observe");
    },
    "the cluster was paused": async (cluster) => {
      await cluster.etcd.revokeLease(cluster.lease);
      const pause = { kind: "pause", record: { by: "op", reason: "test" }, forSeconds: 30 } as const;
      const done = { phase: "done", detail: "", updatedWallMs: wallMs(1) } as const;
      const record = { id: id<OperationId>("p"), what: "pause", by: "op", reason: "test", ...done } as const;
      await cluster.etcd.carryOut(record, pause);
    },
  };
  test.each(Object.keys(breaks))("is refused and changes nothing when %s", async (name) => {
    await using cluster = await ledByA();
    const lease = await briefLease(cluster.access, 30);
    const asked = takeover(cluster.view, { node: nodeB, boot: bootB, lease });
    await breaks[name]?.(cluster);
    const before = await cluster.etcd.read();
    expect(await cluster.etcd.transact(asked)).toEqual({ kind: "refused" });
    const after = await cluster.etcd.read();
    expect({ ...after, revision: "" }).toEqual({ ...before, revision: "" });
  });

  test("commits once every guard holds", async () => {
    await using cluster = await ledByA();
    await cluster.etcd.revokeLease(cluster.lease);
    const lease = await briefLease(cluster.access, 30);
    const asked = takeover(await cluster.etcd.read(), { node: nodeB, boot: bootB, lease });
    expect((await cluster.etcd.transact(asked)).kind).toBe("committed");
  });

  test("is refused when the winner's lease is gone, and etcd lives on", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const asked = takeover(await cluster.etcd.read(), { node: nodeA, boot: bootA, lease: id<LeaseId>("4242") });
    expect(await cluster.etcd.transact(asked)).toEqual({ kind: "refused" });
    expect((await cluster.etcd.read()).leader).toBeUndefined();
  });

  test("asked twice is applied once and answers committed both times, at the same revision", async () => {
    await using cluster = await freshCluster(rig.endpoints);
    const lease = await briefLease(cluster.access, 30);
    const asked = takeover(await cluster.etcd.read(), { node: nodeA, boot: bootA, lease });
    const first = await cluster.etcd.transact(asked);
    expect(first.kind).toBe("committed");
    expect(await cluster.etcd.transact(asked)).toEqual(first);
    expect((await cluster.etcd.read()).epoch.value).toBe(1);
  });

  test("by pre-emption and a shrink at the same time: exactly one of the two commits (I8)", async () => {
    const winners = new Set<string>();
    for (let round = 0; round < 25; round++) {
      await using cluster = await ledByA();
      const lease = await briefLease(cluster.access, 30);
      const preempts = takeover(cluster.view, { node: nodeB, boot: bootB, lease, requireLeaderAbsent: false });
      const shrinks = setInsync(cluster.view, [member(nodeA), member(nodeC)]);
      // Whoever is asked first tends to win; both orders are tried.
      const asked: Transaction[] = round % 2 === 0 ? [preempts, shrinks] : [shrinks, preempts];
      const answers = await Promise.all(asked.map((one) => settled(cluster.etcd, one)));
      expect(answers.map((one) => one.kind).toSorted()).toEqual(["committed", "refused"]);
      const view = await cluster.etcd.read();
      const preempted = view.leader?.value.boot === bootB;
      expect(view.insync?.value).toEqual(preempted ? preempts.insync : shrinks.insync);
      expect(view.epoch.value).toBe(preempted ? 2 : 1);
      winners.add(preempted ? "pre-emption" : "shrink");
    }
    expect([...winners].toSorted()).toEqual(["pre-emption", "shrink"]);
  });
});

describe("set-insync", () => {
  test("by the leader commits and moves only the set", async () => {
    await using cluster = await ledByA();
    const asked = setInsync(cluster.view, [member(nodeA), member(nodeB)]);
    expect((await cluster.etcd.transact(asked)).kind).toBe("committed");
    const view = await cluster.etcd.read();
    expect(view.insync?.value).toEqual(asked.insync);
    expect(view.leader).toEqual(cluster.view.leader);
    expect(view.epoch).toEqual(cluster.view.epoch);
  });

  test("is refused when another boot leads", async () => {
    await using cluster = await ledByA();
    const lease = await briefLease(cluster.access, 30);
    await cluster.etcd.transact(handoff(cluster.view, { node: nodeB, boot: bootB, lease }));
    const now = await cluster.etcd.read();
    const { leader, epoch } = cluster.view;
    const stale = setInsync({ ...now, leader, epoch }, [member(nodeA)]);
    expect(await cluster.etcd.transact(stale)).toEqual({ kind: "refused" });
  });

  test("is refused when nobody leads any more, though the epoch is still its own", async () => {
    await using cluster = await ledByA();
    await cluster.etcd.revokeLease(cluster.view.leader?.value.lease as LeaseId);
    expect(await cluster.etcd.transact(setInsync(cluster.view, [member(nodeA)]))).toEqual({ kind: "refused" });
  });

  test("is refused at another epoch", async () => {
    await using cluster = await ledByA();
    const stale = setInsync({ ...cluster.view, epoch: { ...cluster.view.epoch, value: 9 } }, [member(nodeA)]);
    expect(await cluster.etcd.transact(stale)).toEqual({ kind: "refused" });
  });

  test("is refused over a newer set, and a version is never written twice", async () => {
    await using cluster = await ledByA();
    const one = setInsync(cluster.view, [member(nodeA), member(nodeB)]);
    const other = setInsync(cluster.view, [member(nodeA), member(nodeC)]);
    const answers = await Promise.all([one, other].map((each) => settled(cluster.etcd, each)));
    expect(answers.map((answer) => answer.kind).toSorted()).toEqual(["committed", "refused"]);
  });
});

describe("handoff", () => {
  test("leaves no leaderless moment: the key survives the old lease and ends with the new one", async () => {
    await using cluster = await ledByA();
    const lease = await briefLease(cluster.access, 30);
    const asked = handoff(cluster.view, { node: nodeB, boot: bootB, lease });
    expect((await cluster.etcd.transact(asked)).kind).toBe("committed");
    await cluster.etcd.revokeLease(cluster.lease);
    const view = await cluster.etcd.read();
    expect(view.leader?.value).toEqual(asked.leader);
    expect(view.epoch.value).toBe(2);
    expect(view.insync).toEqual(cluster.view.insync);
    expect((await cluster.etcd.history()).map((one) => one.reason)).toEqual(["expired", "switchover"]);
    await cluster.etcd.revokeLease(lease);
    expect((await cluster.etcd.read()).leader).toBeUndefined();
  });

  test.each(["epoch", "insync"] as const)("is refused when %s is not as read", async (what) => {
    await using cluster = await ledByA();
    const lease = await briefLease(cluster.access, 30);
    const asked = handoff(cluster.view, { node: nodeB, boot: bootB, lease });
    const guard = {
      epoch: { ...asked.guard, epoch: 9 },
      insync: { ...asked.guard, insyncModRevision: "1" },
    }[what];
    expect(await cluster.etcd.transact({ ...asked, guard })).toEqual({ kind: "refused" });
    expect((await cluster.etcd.read()).leader).toEqual(cluster.view.leader);
  });

  test("and a bump by the leader exclude each other, so a bump kills a late handoff", async () => {
    await using cluster = await ledByA();
    const lease = await briefLease(cluster.access, 30);
    const late = handoff(cluster.view, { node: nodeB, boot: bootB, lease });
    const bump = setInsync(cluster.view, cluster.view.insync?.value.members ?? []);
    expect((await cluster.etcd.transact(bump)).kind).toBe("committed");
    expect(await cluster.etcd.transact(late)).toEqual({ kind: "refused" });
  });
});

describe("with etcd members in trouble", () => {
  test("a frozen member delays an answer by the hedge, not by a timeout", async () => {
    await using cluster = await ledByA();
    // One that asks once only: a second attempt would go to another member.
    await using etcd = connectEtcd({ ...cluster.access, callTimeoutMs: patienceMs });
    const { followers } = await rig.roles();
    followers[0]?.freeze();
    try {
      for (let i = 0; i < 5; i++) {
        const answer = await etcd.transact(setInsync(await etcd.read(), [member(nodeA)]));
        expect(answer.kind).toBe("committed");
      }
    } finally {
      followers[0]?.thaw();
    }
  });

  test("all frozen: reads reject within their deadline, transactions answer unknown, and a later read settles them", async () => {
    await using cluster = await ledByA();
    const asked = setInsync(cluster.view, [member(nodeA)]);
    // As impatient as a node, with connections that stand: without one nothing leaves, and nothing is unknown.
    await using etcd = connectEtcd(cluster.access);
    await until("every connection stands", async () =>
      (await etcd.status()).endpoints.every((endpoint) => endpoint.isHealthy),
    );
    await until("it has read", () => etcd.read());
    for (const one of rig.members) one.freeze();
    try {
      // Both end while etcd is frozen, and nobody thaws it before.
      await expect(etcd.read()).rejects.toMatchObject({ code: "etcd-unavailable" });
      expect((await etcd.transact(asked)).kind).toBe("unknown");
    } finally {
      for (const one of rig.members) one.thaw();
    }
    // The protocol's way: ask again on the same guard until etcd says which it was.
    expect((await settled(cluster.etcd, asked)).kind).toBe("committed");
    expect((await cluster.etcd.read()).insync?.value).toEqual(asked.insync);
  });
});

test("a request that would reach an etcd put in the old one's place is not acted on, though its guards would hold there", async () => {
  await using old = await startEtcd({ members: 1 });
  await using other = await startEtcd({ members: 1 });
  const hostOf = (one: EtcdRig): string => (one.endpoints[0] ?? "").replace("http://", "");
  const link = await openLink(hostOf(old));
  // The same history in both: every revision stands for the same write.
  const name = "twice";
  const ledIn = async (one: EtcdRig): Promise<EtcdView> => {
    const access = { endpoints: one.endpoints, cluster: name, callTimeoutMs: 5_000 };
    await using etcd = connectEtcd(access);
    await etcd.initCluster({ id: id<ClusterId>("one"), members: [member(nodeA), member(nodeB)], schema: 1 });
    const lease = await briefLease(access, 60);
    const won = await etcd.transact(takeover(await etcd.read(), { node: nodeA, boot: bootA, lease }));
    expect(won.kind).toBe("committed");
    return await etcd.read();
  };
  const [ledOld, ledOther] = [await ledIn(old), await ledIn(other)];
  expect(ledOther.insync?.modRevision).toBe(ledOld.insync?.modRevision);
  await using etcd = connectEtcd({ endpoints: [`http://127.0.0.1:${link.port}`], cluster: name, callTimeoutMs: 5_000 });
  const view = await etcd.read();
  link.aim(hostOf(other));
  const asked = setInsync(view, [member(nodeA)]);
  // The first copies may meet the connection that has just been reset.
  const told = await until("the other etcd is reached", async () => {
    const answer = await etcd.transact(asked);
    return answer.kind === "unknown" && !answer.cause.includes("another etcd answers") ? undefined : answer;
  });
  expect(told.kind).toBe("unknown");
  await using direct = connectEtcd({ endpoints: other.endpoints, cluster: name, callTimeoutMs: 5_000 });
  expect((await direct.read()).insync).toEqual(ledOther.insync);
  await link.close();
});

test("a yield's handoff is refused once a pause has begun, an operator's is not", async () => {
  await using cluster = await ledByA();
  const lease = await briefLease(cluster.access, 30);
  const { autofailover, pause } = cluster.view;
  const controls = { autofailoverModRevision: autofailover.modRevision, pauseModRevision: pause.modRevision };
  const asked = handoff(cluster.view, { node: nodeB, boot: bootB, lease });
  const yields = { ...asked, guard: { ...asked.guard, controls } };
  await cluster.etcd.carryOut(
    {
      ...{ id: id<OperationId>("op-pause"), what: "pause", by: "ann", reason: "work", phase: "done", detail: "" },
      updatedWallMs: wallMs(1),
    },
    { kind: "pause", record: { by: "ann", reason: "work" }, forSeconds: 60 },
  );
  expect(await cluster.etcd.transact(yields)).toEqual({ kind: "refused" });
  expect((await cluster.etcd.read()).leader).toEqual(cluster.view.leader);
  expect((await cluster.etcd.transact(asked)).kind).toBe("committed");
});
