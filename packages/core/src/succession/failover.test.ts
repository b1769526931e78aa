import { describe, expect, test } from "vitest";
import { id } from "../ids.ts";
import type { JournalId } from "../ids.ts";
import { monoMs, wallMs } from "../time.ts";
import { assert } from "../assert.ts";
import { whyNotFailover } from "./failover.ts";
import type { EtcdView } from "./records.ts";
import {
  Told,
  a,
  asked,
  b,
  c,
  healthyFacts,
  kinds,
  leaderA,
  leaderRecord,
  member,
  one,
  operation,
  viewOf,
} from "./told.ts";

const uncleanAfterMs = 3_000;
const unstated = { kind: "failover", allowDataLoss: true, uncleanAfterMs, isFailsafe: false } as const;
const leaderless = (revision: number, more: Partial<Parameters<typeof viewOf>[0]> = {}): EtcdView =>
  viewOf({ revision, epoch: 1, version: 2, pause: "ann", ...more });

function start(told: Told, allowDataLoss = false, isFailsafe = false, journal = told.state.me.journal) {
  return told.tell({ kind: "failover", operation, allowDataLoss, journal, uncleanAfterMs, isFailsafe });
}

/** Node b with what it publishes, a paused cluster, and no leader seen since 0. */
function paused(more: Partial<Parameters<typeof viewOf>[0]> = {}, journal?: JournalId): Told {
  const told = new Told(b, { promised: { epochMax: 1, vow: undefined }, ...(journal && { journal }) });
  const view = leaderless(10, more);
  const mine = view.members.get(b);
  if (mine !== undefined) {
    told.tell({ kind: "fit", unfit: [], self: { ...mine, journal: told.state.me.journal, facts: healthyFacts() } });
  }
  expect(told.see(view)).toEqual([]);
  return told;
}

describe("a node that is in sync", () => {
  test("takes over in pause when an operator says so, under the operation's id, with nothing lost", () => {
    const told = paused();
    const takeover = asked(told.promise(start(told)));
    expect(takeover).toMatchObject({
      kind: "takeover",
      requireLeaderAbsent: true,
      history: { operation, reason: "expired" },
      insync: { members: [member(a), member(b), member(c)] },
    });
    expect(told.promise(told.commitAnswer(takeover, 12))).toMatchObject([{ kind: "lead", epoch: 2 }]);
  });

  test("takes over from a leader that is still there by pre-emption", () => {
    const told = paused({ leader: leaderRecord(a, 1) });
    expect(asked(told.promise(start(told)))).toMatchObject({
      requireLeaderAbsent: false,
      history: { reason: "pre-emption", operation },
      insync: { members: [member(b), member(c)] },
    });
  });

  test("is not held back by what bars it only by itself, but by what bars everyone", () => {
    const told = paused();
    const self = told.state.self;
    if (self !== undefined) told.tell({ kind: "fit", unfit: [], self: { ...self, tags: ["no-failover"] } });
    expect(kinds(start(told))).toEqual(["persist"]);
    const full = paused();
    const mine = full.state.self;
    if (mine !== undefined)
      full.tell({ kind: "fit", unfit: [], self: { ...mine, facts: healthyFacts({ diskUsed: 1 }) } });
    expect(one(start(full), "refuse-failover").why).toContain("100 % full");
  });
});

describe("a node that is not in sync (unclean)", () => {
  const outside = { members: [a, c] } as const;

  test("needs leave to lose data", () => {
    expect(one(start(paused(outside)), "refuse-failover").why).toContain("committed records may be lost");
  });

  test("needs the leader key absent for the lease and a request's validity, without a gap", () => {
    const told = paused(outside);
    told.at = 2_999;
    expect(one(start(told, true), "refuse-failover").why).toContain("absent for 3000 ms, it is for 2999");
    told.see(leaderless(11, { ...outside, leader: leaderRecord(a, 1) }));
    told.at = 4_000;
    told.see(leaderless(12, outside));
    told.at = 6_999;
    expect(kinds(start(told, true))).toEqual(["refuse-failover"]);
    told.at = 7_000;
    expect(kinds(start(told, true))).toEqual(["persist"]);
  });

  test("never takes over beside a leader key", () => {
    const told = paused({ ...outside, leader: leaderRecord(a, 1) });
    told.at = 60_000;
    expect(one(start(told, true), "refuse-failover").why).toBe("a holds the leader key");
  });

  test("never takes over where promises may keep a leader going that etcd does not see, unless its death is on record", () => {
    const told = paused(outside);
    told.at = 3_600_000;
    expect(one(start(told, true, true), "refuse-failover").why).toContain("a leader among {a, c} that is cut off");
    told.see(leaderless(11, { ...outside, leader: leaderRecord(a, 1) }));
    told.see(leaderless(12, { ...outside, deaths: [a] }));
    told.at += 3_000;
    expect(kinds(start(told, true, true))).toEqual(["persist"]);
  });

  test("becomes the whole set, and says that it was unclean", () => {
    const told = paused(outside);
    told.at = 3_000;
    expect(asked(told.promise(start(told, true)))).toMatchObject({
      requireLeaderAbsent: true,
      leader: { node: b, reason: "unclean" },
      history: { operation },
      insync: { epoch: 2, version: 3, members: [member(b)], reconcileDue: 2 },
    });
  });

  test("leaves in etcd that reconciliation is due, for whoever leads next, until a leader has reconciled", () => {
    const insync = (view: EtcdView, reconcileDue: number): EtcdView => {
      assert(view.insync !== undefined, "there is a set");
      return { ...view, insync: { ...view.insync, value: { ...view.insync.value, reconcileDue } } };
    };
    // The unclean winner of epoch 2 is dead before it has journaled anything: b takes over in the ordinary way.
    const next = new Told(b);
    const takeover = asked(next.promise(next.see(insync(viewOf({ revision: 10, epoch: 2, members: [b, c] }), 2))));
    expect(takeover).toMatchObject({ leader: { reason: "expired" }, insync: { reconcileDue: 2 } });
    next.promise(next.commitAnswer(takeover, 11));
    expect(next.leading.known.record.reconcileDue).toBe(2);
    next.tell({ kind: "opened", epoch: 3, sequence: 1 });
    next.holds(1);
    // A change of the set keeps it; what was reconciled in another term says nothing.
    expect(next.tell({ kind: "reconciled", epoch: 2, sequence: 1 })).toEqual([]);
    const shrink = asked(next.tickAt(400));
    expect(shrink).toMatchObject({ kind: "set-insync", insync: { members: [member(b)], reconcileDue: 2 } });
    next.commitAnswer(shrink, 12);
    // What it was reconciled by has to be committed first.
    next.tell({ kind: "reconciled", epoch: 3, sequence: 2 });
    expect(next.tickAt(450)).toEqual([]);
    next.holds(2);
    const noted = asked(next.tickAt(500));
    expect(noted).toMatchObject({ kind: "set-insync", insync: { members: [member(b)] } });
    expect(noted).not.toHaveProperty("insync.reconcileDue");
    next.commitAnswer(noted, 13);
    expect(next.tickAt(550)).toEqual([]);
  });

  test("with a replaced disk may do the same", () => {
    const told = paused({}, id<JournalId>("b-disk2"));
    expect(kinds(start(told))).toEqual(["refuse-failover"]);
    told.at = 3_000;
    expect(asked(told.promise(start(told, true))).kind).toBe("takeover");
  });

  test("is refused on another disk than the one whose loss was stated", () => {
    const told = paused(outside, id<JournalId>("b-disk2"));
    told.at = 3_000;
    const why = one(start(told, true, false, id<JournalId>("b-disk1")), "refuse-failover").why;
    expect(why).toContain("stated for journal b-disk1, and b has b-disk2");
    expect(one(told.tell({ ...unstated, operation }), "refuse-failover").why).toContain("stated for no journal");
    expect(kinds(start(told, true))).toEqual(["persist"]);
  });

  test("leaves in etcd where it began, for the next one's loss, and every later set carries it", () => {
    const told = paused(outside);
    const mine = told.state.self;
    if (mine !== undefined)
      told.tell({ kind: "fit", unfit: [], self: { ...mine, position: { epoch: 1, durable: 30, committed: 20 } } });
    told.at = 3_000;
    const takeover = asked(told.promise(start(told, true)));
    const uncleans = [{ epoch: 2, holds: 20 }];
    expect(takeover).toMatchObject({ insync: { uncleans } });
    told.promise(told.commitAnswer(takeover, 12));
    expect(told.leading.known.record.uncleans).toEqual(uncleans);
    const next = new Told(b);
    const view = viewOf({ revision: 10, epoch: 2, members: [b, c] });
    assert(view.insync !== undefined, "there is a set");
    const carried = { ...view, insync: { ...view.insync, value: { ...view.insync.value, uncleans } } };
    const won = asked(next.promise(next.see(carried)));
    expect(won).toMatchObject({ leader: { reason: "expired" }, insync: { uncleans } });
    next.promise(next.commitAnswer(won, 11));
    next.tell({ kind: "opened", epoch: 3, sequence: 1 });
    next.holds(1);
    expect(asked(next.tickAt(400))).toMatchObject({ kind: "set-insync", insync: { uncleans } });
  });

  test("is refused where it knows of more than etcd shows", () => {
    const told = paused(outside);
    told.tell({ kind: "promised", promised: { epochMax: 4, vow: undefined } });
    told.at = 3_000;
    expect(one(start(told, true), "refuse-failover").why).toContain("lower than 4");
  });
});

describe("its end", () => {
  test("an unknown answer is asked again under the same operation, until something newer decides", () => {
    const told = paused();
    const first = asked(told.promise(start(told)));
    told.loseAnswer(first);
    const again = asked(told.promise(told.see(leaderless(11))));
    expect(again).toMatchObject({ history: { operation } });
    told.loseAnswer(again);
    const beaten = told.see(viewOf({ revision: 13, epoch: 2, version: 3, leader: leaderRecord(c, 2) }));
    expect(one(beaten, "refuse-failover").why).toContain("changed in the same moment");
    expect(told.role).toBe("standby");
  });

  test("an etcd that shows less than was vowed under is asked nothing more", () => {
    const told = paused();
    told.loseAnswer(asked(told.promise(start(told))));
    const other = { ...leaderless(12), etcdClusterId: "2" };
    expect(kinds(told.see(other))).toEqual(["refuse-failover"]);
    expect(told.role).toBe("standby");
  });

  test("a later epoch on the link ends it", () => {
    const told = paused();
    told.promise(start(told));
    const heard = told.tell({ kind: "promised", promised: { epochMax: 3, vow: undefined } });
    expect(kinds(heard)).toEqual(["refuse-failover", "read", "acknowledge-again"]);
  });

  test("one that leads, or is taking over, refuses", () => {
    expect(one(start(leaderA()), "refuse-failover").why).toBe("it leads already");
    const told = paused();
    start(told);
    expect(one(start(told), "refuse-failover").why).toBe("it is taking over already");
  });

  test("before etcd was read nothing is decided", () => {
    const { state } = new Told(b);
    const now = { now: monoMs(0), wall: wallMs(0), allowDataLoss: true, uncleanAfterMs, isFailsafe: false };
    expect(whyNotFailover(state, now)).toBe("etcd has not been read yet");
  });
});
