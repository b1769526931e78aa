import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { EtcdMember, EtcdRig } from "../../../../test/rig/etcd.ts";
import { startEtcd } from "../../../../test/rig/etcd.ts";
import { monoMs } from "@baton/core";
import { monoNow } from "../clock.ts";
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
  setInsync,
  settled,
  takeover,
  until,
} from "../fixtures/cluster.ts";
import { nanosCell, stampNow } from "./cells.ts";
import type { Keeper, KeeperOptions } from "./keeper.ts";
import { noLease, startKeeper } from "./keeper.ts";
import type { KeeperEvent } from "./rounds.ts";

let rig: EtcdRig;
beforeAll(async () => void (rig = await startEtcd({ peerLinks: true })));
afterAll(() => rig.stop());

interface Kept {
  readonly cluster: TestCluster;
  readonly keeper: Keeper;
  readonly events: KeeperEvent[];
}

const marginMs = 300;

/**
 * A running keeper for node a, not leading. Its TTL is longer than a loaded machine holds anything up, since a keeper that
 * gets no processor for a TTL loses its lease, and has to; what waits for a TTL to pass takes one of its own.
 */
async function kept(o: Partial<KeeperOptions> = {}): Promise<Kept> {
  const cluster = await freshCluster(rig.endpoints);
  const events: KeeperEvent[] = [];
  const keeper = startKeeper({
    ...{ etcd: cluster.access, node: nodeA, boot: bootA, ttlSeconds: 10, keepaliveMs: 200, marginMs },
    onEvent: (event) => events.push(event),
    ...o,
  });
  await keeper.whenGranted;
  onTestFinished(async () => {
    await keeper.stop();
    await cluster.etcd.close();
  });
  return { cluster, keeper, events };
}

/** The same, leading epoch 1 with its first deadline. */
async function leading(o: Partial<KeeperOptions> = {}): Promise<Kept> {
  const it = await kept(o);
  const won = takeover(await it.cluster.etcd.read(), { node: nodeA, boot: bootA, lease: it.keeper.lease });
  expect((await it.cluster.etcd.transact(won)).kind).toBe("committed");
  it.keeper.lead(1);
  await until("the first deadline", () => it.keeper.deadline() > 0);
  return it;
}

/** Asked for just now. */
function promise(untilMonoMs: ReturnType<typeof monoMs>): Parameters<Keeper["extend"]>[1] {
  return { askedMonoMs: monoNow(), untilMonoMs };
}

/** How often the right to act was told to have ended, or never to have been. */
function losses(events: readonly KeeperEvent[]): number {
  return events.filter((event) => event.kind === "lost").length;
}

function lost(events: readonly KeeperEvent[]): Extract<KeeperEvent, { kind: "lost" }> | undefined {
  return events.find((event) => event.kind === "lost");
}

async function leaseIsGone(it: Kept): Promise<void> {
  await until("the leader key is gone", async () => (await it.cluster.etcd.read()).leader === undefined);
}

describe("the deadline", () => {
  test("is none before this boot leads, and none when it was told so without having won", async () => {
    const it = await kept();
    expect(it.keeper.deadline()).toBe(0);
    it.keeper.lead(1);
    const event = await until("the refusal", () => lost(it.events));
    expect(event).toMatchObject({ reason: "other-leader", epoch: 1 });
    expect(it.keeper.deadline()).toBe(0);
  });

  test("never lies further ahead than the granted TTL less the margin, and moves on while etcd answers (I2)", async () => {
    const it = await leading();
    const first = it.keeper.deadline();
    await until("it has moved on by a second", () => {
      const deadline = it.keeper.deadline();
      expect(deadline - monoNow()).toBeLessThanOrEqual(it.keeper.ttlMs - marginMs);
      return deadline > first + 1_000;
    });
    expect(lost(it.events)).toBeUndefined();
  });

  test("counts from a send before etcd froze; once passed it is gone for good, also when etcd is back (I3)", async () => {
    const it = await leading({ ttlSeconds: 3 });
    for (const one of rig.members) one.freeze();
    const frozenAt = monoNow();
    try {
      const event = await until("the deadline passes", () => {
        expect(it.keeper.deadline()).toBeLessThanOrEqual(frozenAt + it.keeper.ttlMs - marginMs);
        return lost(it.events);
      });
      expect(event.reason).toBe("deadline-passed");
      expect(it.keeper.deadline()).toBe(0);
    } finally {
      for (const one of rig.members) one.thaw();
    }
    await until("etcd is back", () => it.cluster.etcd.read().catch(() => undefined));
    it.keeper.lead(2);
    await until("refused again", () => losses(it.events) === 2);
    expect(it.keeper.deadline()).toBe(0);
  });

  test("moves by its peers' promises while etcd is away, and ends for good where they end", async () => {
    const it = await leading({ ttlSeconds: 4 });
    for (const one of rig.members) one.freeze();
    try {
      const promisedUntil = monoMs(monoNow() + 1.2 * it.keeper.ttlMs);
      it.keeper.extend(2, promise(monoMs(promisedUntil + 60_000)));
      it.keeper.extend(1, promise(promisedUntil));
      await until("the promised deadline", () => it.keeper.deadline() >= promisedUntil - 1);
      const event = await until("it passes", () => lost(it.events));
      expect(event.reason).toBe("deadline-passed");
      expect(monoNow()).toBeGreaterThanOrEqual(promisedUntil);
      it.keeper.extend(1, promise(monoMs(monoNow() + 60_000)));
      // What is asked after it is answered after it.
      it.keeper.lead(1);
      await until("both were heard", () => losses(it.events) === 2);
      expect(it.keeper.deadline()).toBe(0);
    } finally {
      for (const one of rig.members) one.thaw();
    }
    await until("etcd is back", () => it.cluster.etcd.read().catch(() => undefined));
  });

  test("is none at once when it is doubted, and comes back with etcd's next word: the epoch goes on", async () => {
    const it = await leading();
    it.keeper.doubt();
    const doubted = monoNow();
    expect(it.keeper.deadline()).toBe(0);
    await until("it is granted anew", () => it.keeper.deadline() > 0);
    expect(it.keeper.deadline()).toBeGreaterThan(doubted);
    expect(lost(it.events)).toBeUndefined();
  });

  test("doubted while etcd is away, is none until its old end, whatever was promised before", async () => {
    const it = await leading({ ttlSeconds: 3 });
    for (const one of rig.members) one.freeze();
    try {
      const asked = monoNow();
      it.keeper.doubt();
      it.keeper.extend(1, { askedMonoMs: asked, untilMonoMs: monoMs(asked + 60_000) });
      const event = await until("its old end", () => {
        expect(it.keeper.deadline()).toBe(0);
        return lost(it.events);
      });
      expect(event.reason).toBe("deadline-passed");
      expect(monoNow() - asked).toBeLessThan(30_000);
    } finally {
      for (const one of rig.members) one.thaw();
    }
    await until("etcd is back", () => it.cluster.etcd.read().catch(() => undefined));
  });

  test("is 0 within a round after another boot has taken over, though the lease lives on", async () => {
    const it = await leading();
    const lease = await briefLease(it.cluster.access, 30);
    const view = await it.cluster.etcd.read();
    const preempts = takeover(view, { node: nodeB, boot: bootB, lease, requireLeaderAbsent: false });
    expect((await it.cluster.etcd.transact(preempts)).kind).toBe("committed");
    const event = await until("noticed", () => lost(it.events));
    expect(event).toMatchObject({ reason: "other-leader", epoch: 1, detail: "b leads at epoch 2" });
    expect(it.keeper.deadline()).toBe(0);
    it.keeper.lead(1);
    await until("the old epoch is refused", () => losses(it.events) === 2);
  });

  test("is 0 at once when leadership is given up in order, and a later epoch may be led on the same lease", async () => {
    const it = await leading();
    it.keeper.follow();
    expect(it.keeper.deadline()).toBe(0);
    const lease = await briefLease(it.cluster.access, 30);
    await it.cluster.etcd.transact(handoff(await it.cluster.etcd.read(), { node: nodeB, boot: bootB, lease }));
    const back = { node: nodeA, boot: bootA, lease: it.keeper.lease };
    expect((await it.cluster.etcd.transact(handoff(await it.cluster.etcd.read(), back))).kind).toBe("committed");
    it.keeper.lead(3);
    await until("a deadline again", () => it.keeper.deadline() > 0);
    expect(lost(it.events)).toBeUndefined();
  });

  test("is 0 when the lease was revoked", async () => {
    const it = await leading();
    await it.cluster.etcd.revokeLease(it.keeper.lease);
    const event = await until("noticed", () => lost(it.events));
    expect(["lease-gone", "other-leader"]).toContain(event.reason);
    expect(it.keeper.deadline()).toBe(0);
  });
});

describe("the lease", () => {
  test("is kept beyond its TTL while nobody leads, and replaced when it was lost then", async () => {
    const it = await kept({ ttlSeconds: 4 });
    const first = it.keeper.lease;
    const end = performance.now() + 1.2 * it.keeper.ttlMs;
    await until("a TTL passes", () => performance.now() > end);
    expect(it.keeper.lease).toBe(first);
    await it.cluster.etcd.revokeLease(first);
    await until("another lease", () => it.keeper.lease !== first);
    // A main loop that is held up for half a second is told of, too, and keeps nothing from being granted.
    const kinds = it.events.map((event) => event.kind).filter((kind) => kind !== "stalled");
    expect(kinds).toEqual(["granted", "granted"]);
  });

  type Roles = Awaited<ReturnType<EtcdRig["roles"]>>;
  const freeze = (one: EtcdMember): (() => void) => {
    one.freeze();
    return () => one.thaw();
  };
  const partition = async (one: EtcdMember): Promise<() => void> => {
    await rig.partition(one);
    return () => rig.heal();
  };
  test.each<[string, (roles: Roles) => (() => void) | Promise<() => void>]>([
    ["a follower of etcd freezes", ({ followers }) => freeze(followers[0] as EtcdMember)],
    ["etcd's leader freezes", ({ leader }) => freeze(leader)],
    ["etcd's leader is cut from the others and still answers us", ({ leader }) => partition(leader)],
  ])("and the leadership survive that %s for longer than the TTL, and comes back (I15)", async (_, begin) => {
    const it = await leading({ ttlSeconds: 5 });
    const passes = (ttls: number): Promise<boolean> => {
      const end = performance.now() + ttls * it.keeper.ttlMs;
      return until("TTLs pass", () => lost(it.events) !== undefined || performance.now() > end);
    };
    const end = await begin(await rig.roles());
    try {
      await passes(1.2);
    } finally {
      end();
    }
    await passes(0.4);
    expect(lost(it.events)).toBeUndefined();
    expect(it.keeper.deadline()).toBeGreaterThan(monoNow());
    const { leader } = await until("etcd answers", () => it.cluster.etcd.read());
    expect(leader?.value.boot).toBe(bootA);
  });

  test("is left for a fresh one when etcd has a new leader, so that the old one's late revocation costs nothing", async () => {
    const it = await leading();
    const { etcd } = it.cluster;
    const before = await etcd.read();
    const old = it.keeper.lease;
    const { leader } = await rig.roles();
    leader.freeze();
    try {
      await until("the leader key hangs on another lease", () => it.keeper.lease !== old);
    } finally {
      leader.thaw();
    }
    // What a woken leader of etcd does to every lease that it knew.
    await until("it is revoked", () => etcd.revokeLease(old).then(() => true));
    // Of the same boot, epoch and time; on the lease that is kept, which is another one once more if etcd elects once more.
    await until("the key hangs on the lease that is kept", async () => {
      const { leader: key } = await etcd.read();
      const lease = key?.value.lease;
      expect({ ...key?.value, lease }).toEqual({ ...before.leader?.value, lease });
      return lease === it.keeper.lease && lease !== old;
    });
    const passed = it.keeper.deadline();
    await until("the deadline moves on", () => it.keeper.deadline() > passed);
    expect(lost(it.events)).toBeUndefined();
    // What the leader had decided before the key moved is not refused for it.
    expect((await settled(etcd, setInsync(before, [member(nodeA)]))).kind).toBe("committed");
  });

  test("is not renewed for a main loop that stands still", async () => {
    const it = await leading({ ttlSeconds: 3, keepaliveMs: 100 });
    expect(it.keeper.deadline()).toBeGreaterThan(0);
    // The whole main thread stops, as in an endless loop; only the keeper's thread runs on.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4_000);
    expect(it.keeper.deadline()).toBeLessThan(monoNow());
    expect(await until("it is told", () => lost(it.events))).toMatchObject({ reason: "deadline-passed" });
    expect(it.keeper.deadline()).toBe(0);
    expect(it.events.some((event) => event.kind === "stalled" && event.what === "main-loop")).toBe(true);
    await leaseIsGone(it);
  });

  test("is not renewed for a journal whose fsync does not end", async () => {
    const busySince = nanosCell();
    const it = await leading({ ttlSeconds: 3, keepaliveMs: 100, journalStallMs: 200, journalBusySince: busySince });
    stampNow(busySince);
    expect(await until("the right ends", () => lost(it.events))).toMatchObject({ reason: "deadline-passed" });
    expect(it.events.some((event) => event.kind === "stalled" && event.what === "journal")).toBe(true);
    await leaseIsGone(it);
  });

  test("is given back at an orderly stop", async () => {
    const it = await leading();
    await it.keeper.stop({ revoke: true });
    expect((await it.cluster.etcd.read()).leader).toBeUndefined();
  });

  test("is asked for for as long as etcd is away, and there is no right to act meanwhile", async () => {
    const keeper = startKeeper({
      etcd: { endpoints: ["http://127.0.0.1:1"], cluster: "nobody" },
      ...{ node: nodeA, boot: bootA, ttlSeconds: 2, keepaliveMs: 200, marginMs },
      onEvent: () => undefined,
    });
    expect([keeper.lease, keeper.deadline()]).toEqual([noLease, 0]);
    const granted = keeper.whenGranted;
    await keeper.stop();
    await expect(granted).rejects.toMatchObject({ code: "etcd-unavailable" });
  });
});
