import { describe, expect, test } from "vitest";
import { id } from "../ids.ts";
import type { BootId, JournalId } from "../ids.ts";
import { monoMs } from "../time.ts";
import { mayAcknowledgeNow } from "./machine.ts";
import { isReadable } from "./reading.ts";
import { Told, a, asked, b, bootOf, c, leaderA, leaderRecord, one, operation, viewOf } from "./told.ts";

const deadlineMonoMs = monoMs(1_000);
const readable = (told: Told, round = 5, at = 0): boolean =>
  isReadable(told.state, { round, deadlineMonoMs }, monoMs(at));

describe("a leader answers a read", () => {
  test("once every member of its set has answered a question that was asked after the read came in", () => {
    const told = leaderA();
    expect(readable(told)).toBe(false);
    told.ack(b, 1, { round: 5 });
    expect(readable(told)).toBe(false);
    told.ack(c, 1, { round: 4 });
    expect(readable(told)).toBe(false);
    told.ack(c, 1, { round: 6 });
    expect(readable(told)).toBe(true);
    expect(readable(told, 6)).toBe(false);
  });

  test("not by an acknowledgement that answers nothing, is late, or is of another leadership or disk", () => {
    const told = leaderA({ members: [a, b] });
    told.ack(b, 1);
    told.ack(b, 1, { round: 5, leaderBoot: id<BootId>("a-boot-before") });
    told.ack(b, 1, { round: 5, epoch: 0 });
    told.ack(b, 1, { round: 5, journal: id<JournalId>("b-disk2") });
    expect(readable(told)).toBe(false);
    told.ack(b, 1, { round: 5 });
    told.ack(b, 1, { round: 3 });
    expect(readable(told)).toBe(true);
  });

  test("not by what one answered before it joined anew: it may have vowed between", () => {
    const told = leaderA({ members: [a, b] });
    told.ack(b, 1, { round: 5 });
    told.join(b);
    expect(readable(told)).toBe(false);
  });

  test("not before its epoch is open: the end of what its predecessor acknowledged may be missing", () => {
    const told = new Told(a);
    const members = [a, b];
    told.holds(7);
    const takeover = asked(told.promise(told.see(viewOf({ revision: 9, members }))));
    told.promise(told.commitAnswer(takeover, 10));
    told.tell({ kind: "opened", epoch: 1, sequence: 8 });
    told.holds(8);
    told.join(b);
    told.ack(b, 7, { round: 5 });
    expect(readable(told)).toBe(false);
    told.ack(b, 8, { round: 5 });
    expect(readable(told)).toBe(true);
  });

  test("without anybody's word where it is alone in the set, until its deadline and no longer", () => {
    const told = leaderA({ members: [a] });
    expect(readable(told, 5, 999)).toBe(true);
    expect(readable(told, 5, 1_000)).toBe(false);
  });
});

describe("while the set changes", () => {
  test("one that is to be taken in is asked already", () => {
    const told = leaderA({ members: [a, b] });
    told.ack(b, 1, { round: 5 });
    told.join(c);
    expect(readable(told)).toBe(true);
    asked(told.ack(c, 1, { round: 4 }));
    expect(readable(told)).toBe(false);
    told.ack(c, 1, { round: 5 });
    expect(readable(told)).toBe(true);
  });

  test("one that is silent is asked until etcd has committed the set without it", () => {
    const told = leaderA({ members: [a, b] });
    const shrink = asked(told.tickAt(300));
    expect(readable(told, 5, 300)).toBe(false);
    told.loseAnswer(shrink);
    expect(readable(told, 5, 300)).toBe(false);
    told.commitAnswer(asked(told.tickAt(320)), 12);
    expect(readable(told, 5, 320)).toBe(true);
  });
});

describe("a leader that another has replaced, and that does not know it,", () => {
  /** Node b, which follows a in epoch 1. */
  const followerB = (): Told => {
    const told = new Told(b, { promised: { epochMax: 1, vow: undefined } });
    told.see(viewOf({ revision: 10, epoch: 1, version: 2, leader: leaderRecord(a, 1) }));
    told.tell({ kind: "heard", from: a, boot: bootOf(a), epoch: 1 });
    return told;
  };

  test("gets no word from the one that did, whoever made it take over: it had vowed first", () => {
    const told = followerB();
    expect(mayAnswer(told)).toBe(true);
    // No silence and no lease that ended: an operator's word.
    one(
      told.tell({ kind: "failover", operation, allowDataLoss: false, uncleanAfterMs: 0, isFailsafe: false }),
      "persist",
    );
    expect(mayAnswer(told)).toBe(false);
  });

  test("answers no read after it has handed over", () => {
    const told = leaderA({ members: [a, b] });
    const view = { epoch: 1, version: 2, members: [a, b], by: bootOf(a) };
    told.see(viewOf({ ...view, revision: 11, leader: leaderRecord(a, 1) }));
    told.tell({ kind: "switchover", operation, to: b, reason: "switchover" });
    const handoff = asked(told.tell({ kind: "drained", operation, last: 1 }));
    told.ack(b, 1, { round: 5 });
    expect(readable(told)).toBe(true);
    told.commitAnswer(handoff, 12);
    expect(readable(told)).toBe(false);
  });
});

function mayAnswer(told: Told): boolean {
  return mayAcknowledgeNow(told.state, 1);
}
