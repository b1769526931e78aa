import { describe, expect, test } from "vitest";
import { monoMs } from "../time.ts";
import { id } from "../ids.ts";
import type { JournalId, NodeId } from "../ids.ts";
import { a, b, bootOf, c, member } from "./told.ts";
import type { Follower } from "./wait-set.ts";
import { commitPoint, isSameMember, mayAcknowledge, waitSet } from "./wait-set.ts";

const record = (version: number, ...nodes: NodeId[]) => ({
  epoch: 1,
  version,
  members: nodes.map(member),
  by: { boot: bootOf(a), transaction: version },
});
const known = { record: record(2, a, b), modRevision: "10" };

function follower(node: NodeId, acked: number): readonly [NodeId, Follower] {
  const at = monoMs(0);
  const times = { linkMonoMs: at, heardMonoMs: at, progressMonoMs: at };
  return [
    node,
    { member: member(node), boot: bootOf(node), isConnected: true, acked, round: 0, vowedVersion: undefined, ...times },
  ];
}

const point = (o: { members: NodeId[]; acks?: [NodeId, number][]; ownDurable?: number; before?: number }) =>
  commitPoint({
    self: member(a),
    ownDurable: o.ownDurable ?? 10,
    members: o.members.map(member),
    followers: new Map((o.acks ?? []).map(([node, acked]) => follower(node, acked))),
    before: o.before ?? 0,
  });

describe("the wait set", () => {
  test("is the known set and whoever a pending change proposes, each once (I7)", () => {
    const nodes = (...pending: ReturnType<typeof record>[]) => waitSet(known, pending).map((m) => m.node);
    expect(nodes()).toEqual([a, b]);
    expect(nodes(record(3, a, b, c))).toEqual([a, b, c]);
    expect(nodes(record(3, a))).toEqual([a, b]);
    expect(nodes(record(3, a, b, c), record(3, a, b))).toEqual([a, b, c]);
  });

  test("takes a replaced disk for another member", () => {
    const replaced = { node: b, journal: id<JournalId>("b-disk2") };
    expect(isSameMember(replaced, member(b))).toBe(false);
    expect(waitSet(known, [{ ...record(3), members: [member(a), replaced] }])).toHaveLength(3);
  });
});

describe("the commit point", () => {
  test("is the least of what all of them hold, all and not a majority", () => {
    expect(
      point({
        members: [a, b, c],
        acks: [
          [b, 9],
          [c, 4],
        ],
      }),
    ).toBe(4);
    expect(point({ members: [a, b, c], acks: [[b, 9]] })).toBe(0);
  });

  test("is never above what is durable here", () => {
    expect(point({ members: [a, b], acks: [[b, 99]], ownDurable: 3 })).toBe(3);
    expect(point({ members: [a], ownDurable: 3 })).toBe(3);
  });

  test("does not count those outside, and never moves back", () => {
    expect(
      point({
        members: [a, b],
        acks: [
          [b, 7],
          [c, 1],
        ],
      }),
    ).toBe(7);
    expect(point({ members: [a, b], acks: [[b, 2]], before: 6 })).toBe(6);
  });
});

describe("an acknowledgement (rule 5)", () => {
  const may = (o: { epoch?: number; vow?: [number, number]; seen?: [number, number] }) =>
    mayAcknowledge({
      connectionEpoch: o.epoch ?? 2,
      epochMax: 2,
      vow: o.vow && { epoch: o.vow[0], version: o.vow[1] },
      seen: o.seen && { epoch: o.seen[0], version: o.seen[1] },
    });

  test("is given only under the epoch that is promised", () => {
    expect([1, 2, 3].map((epoch) => may({ epoch }))).toEqual([false, true, false]);
  });

  test("is not given under a vow until a newer version of the same epoch was read", () => {
    expect(may({ vow: [2, 5] })).toBe(false);
    expect(may({ vow: [2, 5], seen: [2, 5] })).toBe(false);
    expect(may({ vow: [2, 5], seen: [2, 6] })).toBe(true);
    expect(may({ vow: [2, 5], seen: [3, 6] })).toBe(false);
  });

  test("is not held back by a vow under an earlier epoch", () => {
    expect(may({ vow: [1, 5] })).toBe(true);
  });
});
