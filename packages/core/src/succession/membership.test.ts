import { describe, expect, test } from "vitest";
import { id } from "../ids.ts";
import type { BootId, JournalId } from "../ids.ts";
import { wallMs } from "../time.ts";
import { isEpochOpen, waitedFor } from "./leading.ts";
import type { EtcdView } from "./records.ts";
import { a, asked, b, bootOf, c, kinds, leaderA, leaderRecord, member, one, viewOf } from "./told.ts";
import type { Told } from "./told.ts";

const names = (told: Told): readonly string[] => waitedFor(told.leading).map((m) => m.node);

/** b falls silent: its removal is asked for. */
function shrinking(): { told: Told; transaction: ReturnType<typeof asked> } {
  const told = leaderA();
  told.at = 300;
  told.ack(c, 1);
  return { told, transaction: asked(told.tickAt(300)) };
}

describe("rule 2: the commit point", () => {
  test("waits for every member, and an epoch opens only when its first record is committed", () => {
    const told = leaderA({ members: [a, b] });
    expect(isEpochOpen(told.leading)).toBe(true);
    expect(told.holds(5)).toEqual([]);
    expect(told.ack(b, 4)).toEqual([{ kind: "commit", upTo: 4 }]);
    expect(told.ack(b, 9)).toEqual([{ kind: "commit", upTo: 5 }]);
  });

  test("alone it is what is durable here, not what was written", () => {
    const told = leaderA({ members: [a] });
    expect(told.tell({ kind: "journal", durable: 3, last: 7 })).toEqual([{ kind: "commit", upTo: 3 }]);
  });

  test("never moves back when a follower joins again, and waits for it anew", () => {
    const told = leaderA({ members: [a, b] });
    told.holds(5);
    told.ack(b, 5);
    told.join(b);
    told.holds(6);
    expect(told.leading.commit).toBe(5);
    expect(told.ack(b, 6)).toEqual([{ kind: "commit", upTo: 6 }]);
  });

  test("acknowledgements of another epoch, boot or disk do not count", () => {
    const told = leaderA({ members: [a, b] });
    told.holds(5);
    told.ack(b, 5, { epoch: 0 });
    told.ack(b, 5, { leaderBoot: id<BootId>("a-before") });
    told.ack(b, 5, { journal: id<JournalId>("b-disk2") });
    expect(told.leading.commit).toBe(1);
  });

  test("a replaced disk of a member does not stand for the member", () => {
    const told = leaderA({ members: [a, b] });
    told.holds(5);
    told.join(b, id<JournalId>("b-disk2"));
    const exchange = asked(told.ack(b, 5, { journal: id<JournalId>("b-disk2") }));
    expect(exchange).toMatchObject({ insync: { members: [member(a), { node: b, journal: "b-disk2" }] } });
    expect(told.leading.commit).toBe(1);
    expect(told.commitAnswer(exchange, 11)).toEqual([{ kind: "commit", upTo: 5 }]);
  });
});

describe("rule 6: shrink and grow", () => {
  test("a silent member leaves the wait set only when etcd has committed the smaller set", () => {
    const { told, transaction } = shrinking();
    expect(transaction).toMatchObject({
      kind: "set-insync",
      guard: { boot: bootOf(a), epoch: 1, insyncModRevision: "10" },
      insync: { epoch: 1, version: 3, members: [member(a), member(c)] },
    });
    told.holds(2);
    told.ack(c, 2);
    expect(told.leading.commit).toBe(1);
    expect(told.commitAnswer(transaction, 11)).toEqual([{ kind: "commit", upTo: 2 }]);
    expect(names(told)).toEqual(["a", "c"]);
  });

  test("one that an operator has removed is taken out, and not taken in again until it is undrained", () => {
    const told = leaderA();
    const seen = (revision: number, settings: EtcdView["settings"] & {}) => ({
      ...viewOf({ revision, epoch: 1, version: 2, by: bootOf(a), leader: leaderRecord(a, 1), leaderModRevision: "10" }),
      settings,
    });
    const standing = { kind: "removed", by: "ann", reason: "old", atWallMs: wallMs(0) } as const;
    told.see(seen(11, new Map([[b, { value: { standing }, modRevision: "11" }]])));
    const transaction = asked(told.tickAt(1));
    expect(transaction).toMatchObject({ kind: "set-insync", insync: { members: [member(a), member(c)] } });
    told.commitAnswer(transaction, 12);
    expect(told.ack(b, 1)).toEqual([]);
    expect(told.tickAt(2)).toEqual([]);
    told.see(seen(13, new Map([[b, { value: {}, modRevision: "13" }]])));
    expect(asked(told.ack(b, 1))).toMatchObject({ insync: { members: [member(a), member(c), member(b)] } });
  });

  test("the last copy beside the leader's stays in the set, though an operator has removed it before another was lost", () => {
    const told = leaderA({ members: [a, b] });
    const standing = { kind: "removed", by: "ann", reason: "old", atWallMs: wallMs(0) } as const;
    told.see({
      ...viewOf({ revision: 11, epoch: 1, version: 2, members: [a, b], by: bootOf(a), leader: leaderRecord(a, 1) }),
      settings: new Map([[b, { value: { standing }, modRevision: "11" }]]),
    });
    expect(told.tickAt(1)).toEqual([]);
    expect(names(told)).toEqual(["a", "b"]);
  });

  test("one that vowed is removed at once, but not for a vow under another version", () => {
    const told = leaderA();
    expect(told.tell({ kind: "vowed", node: b, epoch: 1, version: 1 })).toEqual([]);
    const transaction = asked(told.tell({ kind: "vowed", node: b, epoch: 1, version: 2 }));
    expect(transaction).toMatchObject({ insync: { members: [{ node: a }, { node: c }] } });
  });

  test("a vow under a version that is just being committed is not forgotten", () => {
    const { told, transaction } = shrinking();
    told.tell({ kind: "vowed", node: c, epoch: 1, version: 3 });
    told.commitAnswer(transaction, 11);
    expect(asked(told.tickAt(301))).toMatchObject({ insync: { version: 4, members: [{ node: a }] } });
  });

  test("a cut link is enough, sooner than silence; the leader never removes itself", () => {
    const told = leaderA({ members: [a, b] });
    told.tell({ kind: "follower-down", node: b });
    expect(told.tickAt(99)).toEqual([]);
    const transaction = asked(told.tickAt(100));
    expect(transaction).toMatchObject({ insync: { members: [member(a)] } });
    told.commitAnswer(transaction, 11);
    expect(told.tickAt(60_000)).toEqual([]);
  });

  test("one that never joined this epoch, or came back with another disk, is removed", () => {
    const told = leaderA();
    told.join(b, id<JournalId>("b-disk2"));
    told.at = 300;
    told.ack(c, 1);
    expect(asked(told.tickAt(300))).toMatchObject({ insync: { members: [{ node: a }, { node: c }] } });
  });

  test("only one change is on its way", () => {
    const { told } = shrinking();
    told.tell({ kind: "follower-down", node: c });
    expect(told.tickAt(900)).toEqual([]);
  });

  test("a newcomer is waited for before its grow is asked, in the moment in which it holds the commit point", () => {
    const told = leaderA({ members: [a], inherited: 4 });
    told.join(b);
    expect(told.ack(b, 4)).toEqual([]);
    const transaction = asked(told.ack(b, 5));
    expect(transaction).toMatchObject({ insync: { members: [member(a), member(b)] } });
    expect(names(told)).toEqual(["a", "b"]);
    told.holds(6);
    expect(told.leading.commit).toBe(5);
  });

  test("nobody is grown before everything inherited is committed, whatever the commit point is", () => {
    const told = leaderA({ members: [a, b], inherited: 4 });
    const { leading, state } = told;
    // The new leader has not committed anything yet: a newcomer with nothing would be "at the commit point".
    told.state = { ...state, role: { ...leading, commit: 0 } };
    told.join(b);
    told.join(c);
    expect(told.ack(c, 0)).toEqual([]);
    expect(told.tickAt(1)).toEqual([]);
  });
});

describe("rule 7: an answer that is not known", () => {
  test("a grow that timed out stays waited for, though a read shows that nothing changed", () => {
    const told = leaderA({ members: [a] });
    told.join(b);
    const grow = asked(told.ack(b, 1));
    expect(kinds(told.loseAnswer(grow))).toEqual(["read"]);
    told.see(viewOf({ revision: 10, epoch: 1, version: 2, members: [a], leader: leaderRecord(a, 1) }));
    told.holds(2);
    expect(names(told)).toEqual(["a", "b"]);
    expect(told.leading.commit).toBe(1);
  });

  test("it is settled by another transaction on the same guard", () => {
    const { told, transaction } = shrinking();
    told.loseAnswer(transaction);
    const again = asked(told.tickAt(320));
    expect(again.id).not.toBe(transaction.id);
    expect(again).toMatchObject({
      guard: transaction.guard,
      insync: { version: 3, members: [{ node: a }, { node: c }] },
    });
    told.commitAnswer(again, 12);
    expect(names(told)).toEqual(["a", "c"]);
  });

  test("a first copy that landed late is found by reading, and settles it as well", () => {
    const { told, transaction } = shrinking();
    told.loseAnswer(transaction);
    const again = asked(told.tickAt(320));
    expect(kinds(told.tell({ kind: "answered", id: again.id, answer: { kind: "refused" } }))).toEqual(["read"]);
    expect(names(told)).toEqual(["a", "b", "c"]);
    const landed = viewOf({
      revision: 12,
      epoch: 1,
      version: 3,
      members: [a, c],
      by: bootOf(a),
      leader: leaderRecord(a, 1),
    });
    told.see(landed);
    expect(names(told)).toEqual(["a", "c"]);
    expect(told.leading).toMatchObject({ pending: [], inFlight: undefined, known: { modRevision: "12" } });
  });

  test("however often etcd does not answer, what is pending has a bound", () => {
    const { told, transaction } = shrinking();
    let last = transaction;
    for (let round = 0; round < 200; round++) {
      told.loseAnswer(last);
      last = asked(told.tickAt(400 + round));
    }
    expect(told.leading.pending).toHaveLength(1);
    told.commitAnswer(last, 11);
    expect(names(told)).toEqual(["a", "c"]);
  });

  test("the answer to a request that was given up is no answer to the present one", () => {
    const { told, transaction } = shrinking();
    told.loseAnswer(transaction);
    asked(told.tickAt(320));
    expect(told.commitAnswer(transaction, 11)).toEqual([]);
    expect(one(told.see(viewOf({ revision: 13, epoch: 1, version: 2 })), "fence").reason).toBe(
      "its leader key is gone",
    );
  });
});

describe("who goes, and who comes and goes", () => {
  const settle = (told: Told, effects: ReturnType<Told["tell"]>, revision: number) =>
    told.commitAnswer(asked(effects), revision);

  test("a standby that is stopping is removed at once, though it acknowledges all, and is not taken in again", () => {
    const told = leaderA();
    const removed = told.tell({ kind: "leaving", node: c });
    expect(asked(removed)).toMatchObject({ insync: { members: [member(a), member(b)] } });
    settle(told, removed, 11);
    told.holds(2);
    told.ack(b, 2);
    expect(kinds(told.ack(c, 2))).toEqual([]);
    told.tell({ kind: "follower-down", node: c });
    told.join(c);
    expect(asked(told.ack(c, 2))).toMatchObject({ insync: { members: [member(a), member(b), member(c)] } });
  });

  test("a stranger's wish to leave changes nothing", () => {
    expect(leaderA({ members: [a, b] }).tell({ kind: "leaving", node: c })).toEqual([]);
  });

  test("a leader that is alone takes in one that flaps after a second at the most, however often it did", () => {
    const told = leaderA();
    let revision = 11;
    const out = (node: typeof b, at: number): void => {
      told.at = at;
      told.tell({ kind: "follower-down", node });
      told.at = at + 100;
      settle(told, told.tickAt(at + 100), revision++);
    };
    const waitMsOf = (node: typeof b): number => {
      const from = told.at;
      for (let at = from; at <= from + 60_000; at += 50) {
        told.at = at;
        const effects = told.ack(node, 1);
        if (!kinds(effects).includes("transact")) continue;
        settle(told, effects, revision++);
        return at - from;
      }
      return Infinity;
    };
    out(c, 0);
    const waits: number[] = [];
    for (let time = 1; time <= 6; time += 1) {
      out(b, told.at + 500);
      expect(told.leading.known.record.members).toHaveLength(1);
      told.join(b);
      waits.push(waitMsOf(b));
    }
    expect(waits.slice(0, 2)).toEqual([0, expect.toSatisfy((ms: number) => ms <= 1_000)]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_000);
    expect(Math.max(...waits)).toBeGreaterThan(500);
  });

  test("a standby that flaps is taken in at once the first time, and then after it was steady for longer each time", () => {
    const told = leaderA();
    let revision = 11;
    const lose = (at: number): void => {
      told.at = at;
      told.ack(b, 1);
      told.tell({ kind: "follower-down", node: c });
      told.at = at + 100;
      told.ack(b, 1);
      settle(told, told.tickAt(at + 100), revision++);
      told.join(c);
      told.ack(c, 1);
    };
    const isBackAfter = (ms: number): boolean => {
      const from = told.at;
      for (let at = from; at <= from + ms; at += 50) {
        told.at = at;
        const effects = [...told.ack(b, 1), ...told.ack(c, 1)];
        if (!kinds(effects).includes("transact")) continue;
        settle(told, effects, revision++);
        return true;
      }
      return false;
    };
    const members = (): number => told.leading.known.record.members.length;
    told.at = 0;
    // The first return is taken with the acknowledgement itself.
    told.tell({ kind: "follower-down", node: c });
    told.at = 100;
    told.ack(b, 1);
    settle(told, told.tickAt(100), revision++);
    told.join(c);
    settle(told, told.ack(c, 1), revision++);
    expect(members()).toBe(3);
    lose(1_000);
    expect(isBackAfter(900)).toBe(false);
    expect(isBackAfter(200)).toBe(true);
    lose(5_000);
    expect(isBackAfter(1_900)).toBe(false);
    expect(isBackAfter(200)).toBe(true);
    // A minute of peace, and it is a first time again.
    told.at = 80_000;
    told.ack(b, 1);
    told.ack(c, 1);
    told.tell({ kind: "follower-down", node: c });
    told.at = 80_100;
    told.ack(b, 1);
    settle(told, told.tickAt(80_100), revision++);
    told.join(c);
    expect(kinds(told.ack(c, 1))).toEqual(["transact"]);
  });
});
