import { expect, test } from "vitest";
import { mayAcknowledgeNow, mayFollow, stepSuccession } from "./machine.ts";
import { Told, a, asked, b, bootOf, kinds, leaderRecord, one, operation, viewOf } from "./told.ts";

const leaderless = (revision: number) => viewOf({ revision, epoch: 1, version: 2 });
const ledByA = (revision: number) => viewOf({ revision, epoch: 1, version: 2, leader: leaderRecord(a, 1) });

/** Node b, in the set, started while etcd was away. */
function unadmitted(): Told {
  const told = new Told(b, { promised: { epochMax: 1, vow: undefined } });
  told.state = { ...told.state, isAdmitted: false };
  return told;
}

test("a boot that etcd has not counted follows nobody, acknowledges nothing and promises nothing", () => {
  const told = unadmitted();
  told.see(ledByA(10));
  told.tell({ kind: "heard", from: a, boot: bootOf(a), epoch: 1 });
  expect(mayFollow(told.state, 1)).toBe(false);
  expect(mayFollow(told.state, 2)).toBe(false);
  expect(mayAcknowledgeNow(told.state, 1)).toBe(false);
  const promise = told.tell({ kind: "promise-asked", from: a, boot: bootOf(a), epoch: 1, token: 7, forMs: 4_000 });
  expect(one(promise, "answer-promise").why).toBe("b has not been held against etcd since its start");
});

test("it takes over neither by itself nor by an operator's word", () => {
  const told = unadmitted();
  expect(kinds(told.see(leaderless(10)))).toEqual([]);
  const failover = { kind: "failover", operation, allowDataLoss: true, uncleanAfterMs: 0, isFailsafe: false } as const;
  const refused = one(told.tell(failover), "refuse-failover");
  expect(refused.why).toBe("this boot has not been held against etcd yet");
});

test("once admitted it repeats its acknowledgement, follows, and may take over", () => {
  const told = unadmitted();
  told.see(leaderless(10));
  expect(kinds(told.tell({ kind: "admitted", lastMetro: "fra" }))).toEqual(["acknowledge-again"]);
  expect(told.state).toMatchObject({ isAdmitted: true, lastMetro: "fra" });
  expect([mayFollow(told.state, 1), mayAcknowledgeNow(told.state, 1)]).toEqual([true, true]);
  expect(asked(told.promise(told.see(leaderless(11))))).toMatchObject({
    kind: "takeover",
    leader: { node: b, epoch: 2 },
  });
});

test("a boot that was fenced before it was admitted stays fenced", () => {
  const told = unadmitted();
  told.tell({ kind: "lease-lost", reason: "the keeper died" });
  expect(stepSuccession(told.state, { kind: "admitted" })).toEqual({ state: told.state, effects: [] });
});
