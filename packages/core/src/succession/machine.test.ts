import { describe, expect, test } from "vitest";
import { assert } from "../assert.ts";
import { id } from "../ids.ts";
import type { BootId, JournalId, LeaseId } from "../ids.ts";
import { mayAcknowledgeNow, mayFollow, stepSuccession } from "./machine.ts";
import { monoMs, wallMs } from "../time.ts";
import type { EtcdView, MemberRecord } from "./records.ts";
import { whyNotCandidate } from "./standby.ts";
import {
  Told,
  a,
  asked,
  b,
  bootOf,
  c,
  healthyFacts,
  kinds,
  leaderA,
  leaderRecord,
  member,
  one,
  viewOf,
} from "./told.ts";

/** Node b, which saw a lead epoch 1 and heard of it last at 0. */
function followerB(): Told {
  const told = new Told(b, { promised: { epochMax: 1, vow: undefined } });
  told.see(viewOf({ revision: 10, epoch: 1, version: 2, leader: leaderRecord(a, 1) }));
  told.tell({ kind: "heard", from: a, boot: bootOf(a), epoch: 1 });
  return told;
}

const ledByA = (revision: number, version: number) =>
  viewOf({ revision, epoch: 1, version, leader: leaderRecord(a, 1) });

describe("rule 8: taking over", () => {
  test("a standby vows durably before it asks, and tells the leader of the vow first", () => {
    const told = followerB();
    told.tickAt(1_000);
    const vowing = told.see(ledByA(10, 2));
    expect(kinds(vowing)).toEqual(["persist"]);
    expect(one(vowing, "persist").promised).toEqual({ epochMax: 1, vow: { epoch: 1, version: 2 } });
    expect(told.promise(vowing)).toMatchObject([
      { kind: "send-vowed", to: a, epoch: 1, version: 2 },
      { kind: "transact", transaction: { kind: "takeover" } },
    ]);
  });

  test("a takeover is guarded on all that was read, and leaves the old leader out of the set", () => {
    const told = followerB();
    told.at = 1_000;
    expect(asked(told.promise(told.see(ledByA(10, 2))))).toMatchObject({
      requireLeaderAbsent: false,
      guard: { epoch: { value: 1, modRevision: "10" }, insyncModRevision: "10", pauseModRevision: "0" },
      leader: { node: b, boot: bootOf(b), epoch: 2, reason: "pre-emption" },
      insync: { epoch: 2, version: 3, members: [member(b), member(c)] },
    });
  });

  test("a leader that is heard is not pre-empted; one whose key is gone is followed at once", () => {
    const told = followerB();
    told.at = 999;
    expect(told.see(ledByA(10, 2))).toEqual([]);
    const gone = asked(told.promise(told.see(viewOf({ revision: 11, epoch: 1, version: 2 }))));
    expect(gone).toMatchObject({
      requireLeaderAbsent: true,
      leader: { reason: "expired" },
      insync: { members: [{ node: b }, { node: c }] },
    });
  });

  test("where nobody led before, the epoch is the first one and not one whose predecessor's lease ran out", () => {
    const told = new Told(b);
    const first = asked(told.promise(told.see(viewOf({ revision: 9, members: [a, b] }))));
    expect(first).toMatchObject({ leader: { epoch: 1, reason: "first" }, history: { reason: "first" } });
  });

  test("without pre-emption silence alone changes nothing", () => {
    const told = new Told(b, { preempt: false });
    told.see(ledByA(10, 2));
    expect(told.tickAt(60_000)).toEqual([]);
    expect(told.see(ledByA(10, 2))).toEqual([]);
  });

  test("a death that was told makes a crash release, but only of the leader of the last epoch", () => {
    const told = followerB();
    const dead = asked(told.promise(told.see(viewOf({ revision: 11, epoch: 1, version: 2, deaths: [a] }))));
    expect(dead).toMatchObject({ leader: { reason: "crash-release" } });
    // Here somebody led epoch 2 unseen: that one is not known to be dead, and a is a healthy member.
    const other = followerB();
    const unseen = asked(other.promise(other.see(viewOf({ revision: 11, epoch: 2, version: 3, deaths: [a] }))));
    expect(unseen).toMatchObject({
      leader: { reason: "expired" },
      insync: { members: [{ node: a }, { node: b }, { node: c }] },
    });
  });

  test.each([
    ["outside the set", viewOf({ revision: 11, members: [a, c] }), "not in the in-sync set"],
    ["paused", viewOf({ revision: 11, pause: "ann" }), "paused by ann"],
    ["observing", viewOf({ revision: 11, autofailover: "observe" }), "autofailover is observe"],
    ["switched off", viewOf({ revision: 11, autofailover: "off" }), "autofailover is off"],
  ])("who is %s does not ask", (_, view, why) => {
    const told = new Told(b);
    expect(told.see(view)).toEqual([]);
    expect(whyNotCandidate(told.state, view, wallMs(0))).toBe(why);
  });

  test("neither does a replaced disk, an unfit node, one without a lease, nor one that knows better than etcd", () => {
    const view = viewOf({ revision: 11, epoch: 1, version: 2 });
    const why = (told: Told) => whyNotCandidate(told.state, view, wallMs(0));
    expect(why(new Told(b, { journal: id<JournalId>("b-disk2") }))).toBe("not in the in-sync set");
    const unfit = new Told(b);
    unfit.tell({ kind: "fit", unfit: ["disk full"] });
    expect(why(unfit)).toBe("unfit: disk full");
    const bare = new Told(b);
    expect(whyNotCandidate({ ...bare.state, lease: undefined }, view, wallMs(0))).toBe("no lease yet");
    expect(why(new Told(b, { promised: { epochMax: 2, vow: undefined } }))).toContain("lower than 2");
    expect(why(new Told(b, { promised: { epochMax: 1, vow: { epoch: 1, version: 7 } } }))).toContain("lower than 7");
  });
});

describe("who goes first", () => {
  const published = (view: EtcdView, node: typeof b, more: Partial<MemberRecord> & { priority?: number } = {}) => {
    const record = view.members.get(node);
    assert(record !== undefined, "it is published");
    const { priority, ...rest } = more;
    return { ...record, facts: healthyFacts(priority === undefined ? {} : { priority }), ...rest };
  };
  /** b's eyes: a led, then its key went; c is there with a higher priority. */
  const orphaned = (o: { cPriority: number }) => {
    const told = followerB();
    const seen = ledByA(10, 2);
    told.see({ ...seen, members: new Map([[a, published(seen, a)]]) });
    told.tell({ kind: "fit", unfit: [], self: published(seen, b) });
    const gone = viewOf({ revision: 11, epoch: 1, version: 2 });
    const members = new Map([[c, published(gone, c, { priority: o.cPriority })]]);
    return { told, gone: { ...gone, members } };
  };

  test("a candidate lets a better one go first, for a moment only", () => {
    const { told, gone } = orphaned({ cPriority: 200 });
    told.at = 500;
    expect(told.see(gone)).toEqual([]);
    told.at = 649;
    expect(told.see(gone)).toEqual([]);
    told.at = 650;
    expect(kinds(told.see(gone))).toEqual(["persist"]);
  });

  test("among equals nobody waits", () => {
    const { told, gone } = orphaned({ cPriority: 100 });
    expect(kinds(told.see(gone))).toEqual(["persist"]);
  });

  test("what the leader ran is compared also after its record has gone with its lease", () => {
    const { told, gone } = orphaned({ cPriority: 100 });
    told.tell({ kind: "fit", unfit: [], self: published(ledByA(10, 2), b, { build: "next" }) });
    expect(told.see(gone)).toEqual([]);
    expect(whyNotCandidate(told.state, gone, wallMs(0))).toBe("build next differs from b of a");
  });
});

describe("rule 5: acknowledging", () => {
  test("a candidate acknowledges nothing from the step in which it vows", () => {
    const told = followerB();
    expect(mayAcknowledgeNow(told.state, 1)).toBe(true);
    told.at = 1_000;
    told.see(ledByA(10, 2));
    expect(mayAcknowledgeNow(told.state, 1)).toBe(false);
  });

  test("neither time, a lost answer, nor a read that shows nothing new ends a vow", () => {
    const told = followerB();
    told.at = 1_000;
    const takeover = asked(told.promise(told.see(ledByA(10, 2))));
    expect(kinds(told.loseAnswer(takeover))).toEqual(["read"]);
    told.tell({ kind: "heard", from: a, boot: bootOf(a), epoch: 1 });
    told.see(ledByA(11, 2));
    expect(told.role).toBe("standby");
    told.tickAt(1_900);
    expect(mayAcknowledgeNow(told.state, 1)).toBe(false);
  });

  test("a newer version ends it, and the last position is repeated at once", () => {
    const told = followerB();
    told.at = 1_000;
    told.loseAnswer(asked(told.promise(told.see(ledByA(10, 2)))));
    told.tell({ kind: "heard", from: a, boot: bootOf(a), epoch: 1 });
    expect(kinds(told.see(ledByA(12, 3)))).toEqual(["acknowledge-again"]);
    expect(mayAcknowledgeNow(told.state, 1)).toBe(true);
  });

  test("a vow outlives the process that made it", () => {
    const told = new Told(b, { promised: { epochMax: 1, vow: { epoch: 1, version: 2 } } });
    told.see(ledByA(10, 2));
    expect(mayAcknowledgeNow(told.state, 1)).toBe(false);
    told.see(ledByA(11, 3));
    expect(mayAcknowledgeNow(told.state, 1)).toBe(true);
  });

  test("a read that arrives late, behind a newer one, is no news", () => {
    const told = new Told(b, { promised: { epochMax: 1, vow: { epoch: 1, version: 2 } } });
    told.see(ledByA(11, 3));
    told.see(ledByA(10, 2));
    expect(mayAcknowledgeNow(told.state, 1)).toBe(true);
  });

  test("nothing is acknowledged under another epoch than the one promised, nor by a leader or a winner under its own", () => {
    const told = followerB();
    expect(mayAcknowledgeNow(told.state, 0)).toBe(false);
    expect(mayAcknowledgeNow(told.state, 2)).toBe(false);
    expect(mayAcknowledgeNow(leaderA().state, 1)).toBe(false);
  });
});

describe("rule 4: following", () => {
  test("a node follows no epoch below its promise, a leader only a later one, a fenced node nobody", () => {
    const told = followerB();
    expect([0, 1, 2].map((epoch) => mayFollow(told.state, epoch))).toEqual([false, true, true]);
    const leader = leaderA();
    expect([1, 2].map((epoch) => mayFollow(leader.state, epoch))).toEqual([false, true]);
    leader.tell({ kind: "lease-lost", reason: "gone" });
    expect(mayFollow(leader.state, 2)).toBe(false);
  });

  test("what a leader of an old epoch says does not count as hearing the leader", () => {
    const told = new Told(b, { promised: { epochMax: 2, vow: undefined } });
    told.at = 500;
    told.tell({ kind: "heard", from: a, boot: bootOf(a), epoch: 1 });
    expect(told.state.role).toMatchObject({ heardMonoMs: 0 });
  });
});

describe("rule 9: winning", () => {
  test("a winner persists the epoch before any other act", () => {
    const told = followerB();
    told.at = 1_000;
    const won = told.commitAnswer(asked(told.promise(told.see(ledByA(10, 2)))), 12);
    expect(won).toMatchObject([{ kind: "persist", promised: { epochMax: 2 } }]);
    expect(told.role).toBe("winner");
    expect(told.promise(won)).toEqual([{ kind: "lead", epoch: 2, reason: "pre-emption" }]);
  });

  test("a lost answer does not lose the win: the own boot in the key is enough, in any role", () => {
    const told = followerB();
    told.at = 1_000;
    told.loseAnswer(asked(told.promise(told.see(ledByA(10, 2)))));
    told.see(ledByA(10, 2));
    const won = told.see(viewOf({ revision: 12, epoch: 2, version: 3, members: [b, c], leader: leaderRecord(b, 2) }));
    expect(told.promise(won)).toMatchObject([{ kind: "lead", epoch: 2 }]);
    expect(told.leading.known).toMatchObject({ record: { version: 3 }, modRevision: "12" });
  });

  test("an older boot of this node in the key is not this one", () => {
    const told = new Told(b, { preempt: false });
    const old = leaderRecord(b, 1, { boot: id<BootId>("b-boot-before") });
    expect(told.see(viewOf({ revision: 10, epoch: 1, leader: old }))).toEqual([]);
    expect(told.role).toBe("standby");
  });

  test("an epoch that was already promised is not won again by an old view", () => {
    const told = new Told(b, { promised: { epochMax: 2, vow: undefined } });
    told.see(viewOf({ revision: 12, epoch: 2, leader: leaderRecord(b, 2) }));
    expect(told.role).toBe("standby");
  });

  test("a candidate that hears of a later epoch gives up: the win it is told of afterwards is over", () => {
    const told = followerB();
    told.at = 1_000;
    const takeover = asked(told.promise(told.see(ledByA(10, 2))));
    told.tell({ kind: "promised", promised: { epochMax: 3, vow: undefined } });
    expect(told.role).toBe("standby");
    expect(told.commitAnswer(takeover, 12)).toEqual([]);
    expect(told.role).toBe("standby");
  });

  test("a winner that hears of a later epoch before its own is durable never leads", () => {
    const told = followerB();
    told.at = 1_000;
    const won = told.commitAnswer(asked(told.promise(told.see(ledByA(10, 2)))), 12);
    expect(kinds(told.tell({ kind: "promised", promised: { epochMax: 3, vow: undefined } }))).toContain("read");
    expect(kinds(told.promise(won))).not.toContain("lead");
    expect(told.role).toBe("standby");
  });

  test("a refused candidate reads, and stands by vowed", () => {
    const told = followerB();
    told.at = 1_000;
    const { id: number } = asked(told.promise(told.see(ledByA(10, 2))));
    expect(kinds(told.tell({ kind: "answered", id: number, answer: { kind: "refused" } }))).toEqual(["read"]);
    told.tell({ kind: "heard", from: a, boot: bootOf(a), epoch: 1 });
    told.see(ledByA(10, 2));
    expect(told.role).toBe("standby");
    expect(mayAcknowledgeNow(told.state, 1)).toBe(false);
  });
});

describe("rule 11: the end of a leadership", () => {
  const end = (view: Parameters<typeof viewOf>[0]) => kinds(leaderA().see(viewOf(view)));
  const mine = leaderRecord(a, 1);

  test("a later epoch, an absent key, another's key, an older epoch: each fences", () => {
    expect(end({ revision: 11, epoch: 2, version: 3, leader: leaderRecord(b, 2) })).toEqual(["fence"]);
    expect(end({ revision: 11, epoch: 1, version: 2 })).toEqual(["fence"]);
    expect(end({ revision: 11, epoch: 1, version: 2, leader: leaderRecord(b, 1) })).toEqual(["fence"]);
    expect(end({ revision: 11, epoch: 0, version: 2, leader: mine })).toEqual(["fence"]);
    expect(end({ revision: 11, epoch: 1, version: 9, by: bootOf(c), leader: mine })).toEqual(["fence"]);
  });

  test("a view from before the win is no news", () => {
    const told = leaderA();
    expect(
      stepSuccession(
        { ...told.state, view: undefined },
        { kind: "view", view: viewOf({ revision: 9 }), now: monoMs(1), wall: wallMs(1) },
      ).effects,
    ).toEqual([]);
  });

  test("a later epoch that spoke on the link fences without a word from etcd", () => {
    const told = leaderA();
    expect(kinds(told.tell({ kind: "promised", promised: { epochMax: 2, vow: undefined } }))).toEqual(["fence"]);
  });

  test("a fenced boot does nothing any more, whatever it is told (I3)", () => {
    const told = leaderA();
    expect(kinds(told.tell({ kind: "lease-lost", reason: "deadline" }))).toEqual(["fence"]);
    expect(told.tell({ kind: "lease", lease: id<LeaseId>("new") })).toEqual([]);
    expect(told.see(viewOf({ revision: 99, epoch: 1, leader: mine }))).toEqual([]);
    expect(told.ack(b, 5)).toEqual([]);
    expect(told.tickAt(9_000)).toEqual([]);
    expect(told.role).toBe("fenced");
  });
});
