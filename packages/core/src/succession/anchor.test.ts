import { describe, expect, test } from "vitest";
import { id } from "../ids.ts";
import type { ClusterId } from "../ids.ts";
import { monoMs, wallMs } from "../time.ts";
import type { AnchorFacts } from "./anchor.ts";
import { anchorRecord, planAnchor, whyRestored, whyRolledBack } from "./anchor.ts";
import { bootSuccession } from "./machine.ts";
import type { BootRecord, EtcdView, MemberRecord } from "./records.ts";
import { Told, a, asked, b, bootOf, c, diskOf, healthyFacts, kinds, leaderA, leaderRecord, viewOf } from "./told.ts";
import { whyNotCandidate } from "./standby.ts";

const pin = { clusterId: "1", revision: "50", epoch: 4, version: 9 };
const now = (more: Partial<Parameters<typeof viewOf>[0]> = {}): EtcdView =>
  viewOf({ revision: 50, epoch: 4, version: 9, ...more });

/** A node whose journal pinned what etcd was. */
function pinned(): Told {
  const told = new Told(b, { promised: { epochMax: 4, vow: undefined } });
  told.state = { ...told.state, pin, pinned: pin };
  return told;
}

describe("an etcd that is not the one it was", () => {
  test("is known by another cluster id, a lower revision, epoch or version, or by having no cluster", () => {
    expect(whyRestored(pin, now())).toBeUndefined();
    expect(whyRestored(pin, now({ revision: 51, epoch: 5, version: 10 }))).toBeUndefined();
    expect(whyRestored(undefined, now({ revision: 1, epoch: 0 }))).toBeUndefined();
    expect(whyRestored(pin, { ...now(), etcdClusterId: "2" })).toContain("cluster id 2, known here is 1");
    expect(whyRestored(pin, now({ revision: 49 }))).toContain("revision 49, 50 was seen here");
    expect(whyRestored(pin, now({ revision: 90, epoch: 3 }))).toContain("epoch 3 and version 9, 4 and 9 were seen");
    expect(whyRestored(pin, now({ revision: 90, version: 8 }))).toContain("version 8");
    expect(whyRestored(pin, { ...now(), cluster: undefined })).toContain("no cluster any more");
  });

  test("is not campaigned in: nobody takes over, by itself or by an operator", () => {
    const told = pinned();
    const old = now({ revision: 40, epoch: 3, version: 7 });
    expect(told.see(old)).toEqual([]);
    expect(whyNotCandidate(told.state, old, wallMs(0))).toContain("revision 40, 50 was seen here");
    told.at = 60_000;
    const refused = told.tell({
      ...{ kind: "failover", operation: id("op"), allowDataLoss: true, uncleanAfterMs: 0, isFailsafe: false },
    });
    expect(refused).toMatchObject([{ kind: "refuse-failover", why: expect.stringContaining("it was restored") }]);
  });

  test("makes nobody leader, not even the one whose own boot it shows in the key", () => {
    const told = pinned();
    const shown = {
      ...viewOf({ revision: 60, epoch: 5, version: 10, leader: leaderRecord(b, 5) }),
      etcdClusterId: "2",
    };
    expect(told.see(shown)).toEqual([]);
    expect(told.role).toBe("standby");
  });

  test("ends the leader that meets it", () => {
    const told = leaderA();
    told.see(viewOf({ revision: 20, epoch: 1, version: 2, by: bootOf(a), leader: leaderRecord(a, 1) }));
    const other = viewOf({ revision: 30, epoch: 1, version: 2, by: bootOf(a), leader: leaderRecord(a, 1) });
    expect(kinds(told.see({ ...other, etcdClusterId: "2" }))).toEqual(["fence"]);
  });

  test("ends the winner that meets it before it has led: what it won, it won of an etcd that is no more", () => {
    const told = new Told(a);
    const takeover = asked(told.promise(told.see(viewOf({ revision: 9 }))));
    const won = told.commitAnswer(takeover, 10);
    expect(told.role).toBe("winner");
    expect(kinds(told.see({ ...viewOf({ revision: 30, epoch: 1, version: 2 }), etcdClusterId: "2" }))).toEqual([
      "fence",
    ]);
    expect(told.promise(won)).toEqual([]);
  });

  test("is not taken for one by a single late read, but by the third lower one in a row", () => {
    const told = pinned();
    told.see(now({ revision: 52, leader: leaderRecord(a, 4) }));
    const late = now({ revision: 51, leader: leaderRecord(a, 4) });
    told.see(late);
    told.see(late);
    expect(told.state.restored).toBeUndefined();
    told.see(now({ revision: 53, leader: leaderRecord(a, 4) }));
    for (let n = 0; n < 3; n++) told.see(late);
    expect(told.state.restored).toContain("revision 51, 53 was seen here");
  });

  test("is trusted again once an operator has re-anchored it beyond everything seen, and only then", () => {
    const told = pinned();
    told.see(now({ revision: 40, epoch: 3 }));
    const anchor = { etcdClusterId: "1", epoch: 5, version: 10, by: "ann", reason: "restored", atWallMs: wallMs(1) };
    told.see({ ...now({ revision: 42, epoch: 5, version: 9 }), anchor: { ...anchor, version: 9 } });
    expect(told.state.restored).toBeDefined();
    const anchored = { ...now({ revision: 43, epoch: 5, version: 10, members: [b, c] }), anchor };
    expect(kinds(told.see(anchored))).toEqual(["persist"]);
    expect(told.state).toMatchObject({ restored: undefined, pin: { revision: "43", epoch: 5, version: 10 } });
    expect(told.pinned).toEqual({ clusterId: "1", revision: "43", epoch: 5, version: 10 });
  });
});

describe("the pin", () => {
  test("is made durable with each change of epoch or version, and every ten thousand revisions", () => {
    const told = pinned();
    const led = { leader: leaderRecord(a, 4) };
    told.see(now({ revision: 60, ...led }));
    expect(told.pinned).toBeUndefined();
    told.see(now({ revision: 61, version: 10, ...led }));
    expect(told.pinned).toMatchObject({ revision: "61", version: 10 });
    told.see(now({ revision: 10_062, version: 10, ...led }));
    expect(told.pinned).toMatchObject({ revision: "10062" });
  });

  test("outlives the process", () => {
    const state = bootSuccession({
      me: { node: b, boot: bootOf(b), journal: diskOf(b) },
      timing: pinned().state.timing,
      promised: { epochMax: 4, vow: undefined },
      durable: 0,
      now: monoMs(0),
      pin,
    });
    expect(state).toMatchObject({ pin, pinned: pin });
  });
});

describe("a disk that was rolled back", () => {
  const seen = { boot: bootOf(a), count: 3, held: { committed: 100, epochMax: 5 } };
  const opened = (count: number, committed: number, epochMax = 5): BootRecord => ({
    ...{ boot: bootOf(b), count, held: { committed, epochMax } },
  });

  test("is known by its openings, or by what it no longer holds", () => {
    expect(whyRolledBack(seen, opened(4, 100))).toBeUndefined();
    expect(whyRolledBack(seen, opened(4, 260, 6))).toBeUndefined();
    expect(whyRolledBack(seen, opened(3, 100))).toBe("was opened 3 times, etcd has counted 3");
    expect(whyRolledBack(seen, opened(4, 99))).toBe("ends at record 99, etcd has seen 100 committed on it");
    expect(whyRolledBack(seen, opened(4, 100, 4))).toBe("has promised epoch 4, etcd has seen 5 promised by it");
  });

  test("is not suspected of one that etcd never saw, or that tells again in the same boot", () => {
    expect(whyRolledBack(undefined, opened(1, 0, 0))).toBeUndefined();
    expect(whyRolledBack(seen, { ...opened(3, 0), boot: seen.boot })).toBeUndefined();
    expect(whyRolledBack({ boot: seen.boot, count: 3 }, opened(4, 0))).toBeUndefined();
  });
});

describe("re-anchoring", () => {
  const cluster = id<ClusterId>("cluster");
  const at = (epoch: number, sequence: number, hash = `${epoch}-${sequence}`): AnchorFacts["last"] => ({
    epoch,
    sequence,
    hash,
  });

  function record(
    node: typeof a,
    anchor: Partial<AnchorFacts>,
    etcdRestored: string | null = "restored",
  ): MemberRecord {
    const published = viewOf({ revision: 1 }).members.get(node);
    if (published === undefined) throw new Error("published");
    const facts = { cluster, epochMax: 5, versionMax: 12, last: at(5, 100), answers: "now", ...anchor };
    return { ...published, facts: healthyFacts({ etcdRestored, anchor: facts }) };
  }

  const plan = (records: readonly MemberRecord[], without: readonly (typeof a)[] = [], more: Partial<EtcdView> = {}) =>
    planAnchor(
      { ...viewOf({ revision: 30, epoch: 3, version: 7 }), members: new Map(records.map((r) => [r.node, r])), ...more },
      { nodes: [a, b, c], without, nonce: "now" },
    );

  test("goes beyond every epoch and version that anybody saw, and one that was written unseen, with those that hold the latest record", () => {
    const behind = record(c, { epochMax: 6, versionMax: 15, last: at(4, 140) });
    expect(plan([record(a, {}), record(b, {}), behind])).toMatchObject({
      kind: "plan",
      plan: { cluster, epoch: 8, version: 17, members: [{ node: a }, { node: b }] },
    });
  });

  test("takes the longer journal of the same epoch, and one of two that forked never with the other", () => {
    const longer = record(b, { last: at(5, 101) });
    expect(plan([record(a, {}), longer, record(c, {})])).toMatchObject({ plan: { members: [{ node: b }] } });
    const other = record(b, { last: at(5, 100, "other") });
    expect(plan([record(a, {}), other, record(c, {})])).toMatchObject({
      plan: { members: [{ node: a }, { node: c }] },
    });
  });

  test.each([
    ["a journal is not known", () => plan([record(a, {}), record(b, {})]), "journals of c are not known"],
    [
      "somebody still leads and has not noticed",
      () => plan([record(a, {}, null), record(b, {}), record(c, {})], [], ledBy()),
      "a holds the leader key",
    ],
    [
      "nobody misses anything",
      () => plan([a, b, c].map((node) => record(node, {}, null))),
      "there is nothing to re-anchor",
    ],
    [
      "a journal is another cluster's",
      () => plan([record(a, {}), record(b, {}), record(c, { cluster: id<ClusterId>("x") })]),
      "more than one cluster",
    ],
    [
      "a record came back with the backup, even one that speaks of an earlier restore",
      () => plan([record(a, {}), record(b, {}), record(c, { last: at(4, 80), answers: "before" })]),
      "journals of c are not known",
    ],
    [
      "the holder of a restored key said so before, not now",
      () => plan([record(a, { answers: "before" }), record(b, {}), record(c, {})], [], ledBy()),
      "a holds the leader key",
    ],
  ])("is refused when %s", (_, ask, sentence) => {
    expect(ask()).toMatchObject({ kind: "refused", sentence: expect.stringContaining(sentence) });
  });

  const ledBy = (): Partial<EtcdView> => ({ leader: { value: leaderRecord(a, 3), modRevision: "30" } });

  test("goes on over a restored leader key whose holder has noticed, and without a node that is gone for good", () => {
    expect(plan([record(a, {}), record(b, {}), record(c, {})], [], ledBy()).kind).toBe("plan");
    expect(plan([record(a, {}), record(b, {})], [c]).kind).toBe("plan");
  });

  test("counts a node that slept through what was lost: it has answered with the journal that it has now", () => {
    const slept = record(c, { last: at(4, 80), epochMax: 4, versionMax: 9 }, null);
    expect(plan([record(a, {}), record(b, {}), slept])).toMatchObject({
      plan: { members: [{ node: a }, { node: b }] },
    });
  });

  test("founds the cluster anew where etcd is empty, and keeps a kill that the journals know", () => {
    const kill = { level: "cluster", by: "ann", reason: "odd fills", atWallMs: wallMs(5) } as const;
    const empty = { cluster: undefined, insync: undefined };
    const planned = plan([record(a, { kill }), record(b, {}, null), record(c, {}, null)], [], empty);
    expect(planned).toMatchObject({ plan: { kill, epoch: 7, version: 14 } });
    if (planned.kind !== "plan") return;
    const whose = { etcdClusterId: "2", by: "ann", reason: "empty", atWallMs: wallMs(9) };
    expect(anchorRecord(planned.plan, whose)).toEqual({ ...whose, epoch: 7, version: 14 });
  });
});
