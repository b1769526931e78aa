import { describe, expect, test } from "vitest";
import { id } from "../ids.ts";
import type { BootId, JournalId } from "../ids.ts";
import { monoMs } from "../time.ts";
import { isQuorumLossDue } from "./failsafe.ts";
import { bootSuccession } from "./machine.ts";
import { Told, a, asked, b, bootOf, c, diskOf, kinds, leaderA, leaderRecord, one, operation, viewOf } from "./told.ts";

const forMs = 4_000;
const ledByA = (revision: number) => viewOf({ revision, epoch: 1, version: 2, leader: leaderRecord(a, 1) });
const leaderless = (revision: number) => viewOf({ revision, epoch: 1, version: 2 });

/** Node b, which follows a. */
function followerB(): Told {
  const told = new Told(b, { promised: { epochMax: 1, vow: undefined } });
  told.see(ledByA(10));
  told.tell({ kind: "heard", from: a, boot: bootOf(a), epoch: 1 });
  return told;
}

function promises(told: Told, node: typeof b, token: number, journal: JournalId = diskOf(node)) {
  return told.tell({ kind: "promise", node, journal, token });
}

function ask(told: Told, more: { boot?: BootId; epoch?: number } = {}) {
  return told.tell({ kind: "promise-asked", from: a, boot: bootOf(a), epoch: 1, token: 7, forMs, ...more });
}

describe("the leader", () => {
  test("extends its deadline only when every member of the wait set has promised, from the time of asking", () => {
    const told = leaderA();
    told.at = 1_000;
    const request = one(told.tell({ kind: "ask-promises", forMs }), "request-promises");
    expect(request).toEqual({ kind: "request-promises", epoch: 1, token: 1, forMs, to: [b, c] });
    told.at = 1_500;
    expect(promises(told, b, 1)).toEqual([]);
    expect(promises(told, b, 1)).toEqual([]);
    expect(promises(told, c, 1)).toEqual([
      { kind: "extend", epoch: 1, untilMonoMs: 1_000 + forMs * 0.9, askedMonoMs: 1_000 },
    ]);
  });

  test("yields to nobody while its deadline rests on promises: held, it would ask for no more of them", () => {
    const told = leaderA();
    told.see(ledByA(11));
    told.at = 1_000;
    told.tell({ kind: "ask-promises", forMs });
    for (const peer of [b, c]) promises(told, peer, 1);
    const yields = () => kinds(told.tell({ kind: "switchover", operation, to: b, reason: "yield" }));
    told.at = 4_599;
    expect(yields()).toEqual([]);
    told.at = 4_600;
    expect(yields()).toEqual(["hold"]);
  });

  test("counts no answer to an earlier question, and none of another disk", () => {
    const told = leaderA({ members: [a, b] });
    told.tell({ kind: "ask-promises", forMs });
    told.tell({ kind: "ask-promises", forMs });
    expect(promises(told, b, 1)).toEqual([]);
    expect(promises(told, b, 2, id<JournalId>("b-disk2"))).toEqual([]);
    expect(kinds(promises(told, b, 2))).toEqual(["extend"]);
  });

  test("waits for one whose grow is on its way too", () => {
    const told = leaderA({ members: [a, b] });
    told.join(c);
    asked(told.ack(c, 1));
    expect(one(told.tell({ kind: "ask-promises", forMs }), "request-promises").to).toEqual([b, c]);
    expect(promises(told, b, 1)).toEqual([]);
    expect(kinds(promises(told, c, 1))).toEqual(["extend"]);
  });

  test("takes nobody into the set while its deadline rests on promises", () => {
    const told = leaderA({ members: [a, b] });
    told.at = 100;
    told.tell({ kind: "ask-promises", forMs });
    promises(told, b, 1);
    told.join(c);
    expect(kinds(told.ack(c, 1))).toEqual([]);
    told.at = 100 + forMs;
    told.ack(b, 1);
    expect(kinds(told.ack(c, 1))).toEqual(["transact"]);
  });

  test("asks nobody while it is held, and needs nobody when it is alone", () => {
    const told = leaderA();
    told.see(viewOf({ revision: 11, epoch: 1, version: 2, by: bootOf(a), leader: leaderRecord(a, 1) }));
    told.tell({ kind: "switchover", operation, to: b, reason: "switchover" });
    expect(told.tell({ kind: "ask-promises", forMs })).toEqual([]);
    expect(kinds(leaderA({ members: [a] }).tell({ kind: "ask-promises", forMs }))).toEqual(["extend"]);
  });
});

describe("a peer", () => {
  test("that has promised neither acquires nor pre-empts nor is made leader, until its promise ends", () => {
    const told = followerB();
    expect(ask(told)).toEqual([{ kind: "persist-promise", to: a, token: 7, forMs }]);
    told.at = forMs - 1;
    expect(told.see(ledByA(11))).toEqual([]);
    expect(told.see(leaderless(12))).toEqual([]);
    const failover = told.tell({
      kind: "failover",
      operation,
      allowDataLoss: false,
      uncleanAfterMs: 0,
      isFailsafe: false,
    });
    expect(one(failover, "refuse-failover").why).toContain("promised its leader to wait for another 1 s");
    told.at = forMs;
    expect(kinds(told.see(leaderless(13)))).toEqual(["persist"]);
  });

  test("makes no shorter promise of a longer one", () => {
    const told = followerB();
    ask(told);
    told.tell({ kind: "promise-asked", from: a, boot: bootOf(a), epoch: 1, token: 8, forMs: 10 });
    told.at = 1_000;
    expect(told.see(leaderless(11))).toEqual([]);
  });

  test("that has vowed does not promise, not even before its vow is durable", () => {
    const told = followerB();
    told.at = 1_000;
    const vowing = told.see(ledByA(11));
    expect(kinds(vowing)).toEqual(["persist"]);
    expect(one(ask(told), "answer-promise").why).toContain("it does not stand by");
    told.loseAnswer(asked(told.promise(vowing)));
    told.tell({ kind: "heard", from: a, boot: bootOf(a), epoch: 1 });
    told.see(ledByA(12));
    expect(told.role).toBe("standby");
    expect(one(ask(told), "answer-promise").why).toBe("it has vowed");
  });

  test("promises nothing to one whom it does not follow, nor for another epoch", () => {
    expect(kinds(ask(followerB(), { boot: id<BootId>("a-before") }))).toEqual(["answer-promise"]);
    expect(kinds(ask(followerB(), { epoch: 2 }))).toEqual(["answer-promise"]);
    expect(kinds(ask(leaderA()))).toEqual(["answer-promise"]);
  });

  test("keeps its promise for the whole time anew when it starts anew", () => {
    const state = bootSuccession({
      me: { node: b, boot: bootOf(b), journal: diskOf(b) },
      timing: followerB().state.timing,
      promised: { epochMax: 1, vow: undefined },
      durable: 0,
      now: monoMs(500),
      promisedForMs: forMs,
    });
    expect(state.promisedUntilMonoMs).toBe(500 + forMs);
  });
});

test("etcd counts as lost when half of what the lease leaves has gone by", () => {
  expect(isQuorumLossDue({ leftMs: 1_751, fullMs: 3_500 })).toBe(false);
  expect(isQuorumLossDue({ leftMs: 1_750, fullMs: 3_500 })).toBe(true);
  expect(isQuorumLossDue({ leftMs: 7_000, fullMs: 3_500 })).toBe(false);
});
