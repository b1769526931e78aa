import { expect, test } from "vitest";
import { id } from "../ids.ts";
import type { ClusterId } from "../ids.ts";
import { assert } from "../assert.ts";
import { lossRangeOf, uncleansOf } from "./loss-range.ts";
import type { EtcdView, UncleanMark } from "./records.ts";
import { Told, a, b, c, healthyFacts, viewOf } from "./told.ts";

test("what may be lost is stated before it is decided", () => {
  const told = new Told(b);
  const view = viewOf({ revision: 11, epoch: 1, version: 2, members: [a, c] });
  const of = view.members.get(a);
  const ledBefore = of === undefined ? undefined : { ...of, position: { epoch: 1, durable: 150, committed: 150 } };
  const range = lossRangeOf({ ...told.state, lastLeaderMember: ledBefore }, view, candidate(120));
  expect(range).toMatchObject({ holds: 120, seen: 150 });
  expect(range.sentence).toBe(
    "b holds up to record 120; the in-sync set is {a, c}. May be lost: records 121 to 150, and what was committed after record 150 was last published.",
  );
  const nobody = lossRangeOf(told.state, { ...view, members: new Map() }, candidate(120));
  expect(nobody.sentence).toContain("all after record 120");
});

/** b, whose journal ends there with a record of that epoch and is known committed a little less far. */
function candidate(durable: number, lastEpoch = 1): Parameters<typeof lossRangeOf>[2] {
  const last = { epoch: lastEpoch, sequence: durable, hash: "aa" };
  const facts = healthyFacts({ anchor: { cluster: id<ClusterId>("c"), epochMax: 1, versionMax: 1, last } });
  return { node: b, position: { epoch: 1, durable, committed: durable - 10 }, facts };
}

/** Only this node publishes itself, and says that it holds so much. */
function published(view: EtcdView, node: typeof b, durable: number): EtcdView["members"] {
  const record = view.members.get(node);
  return record === undefined
    ? new Map()
    : new Map([[node, { ...record, position: { epoch: 1, durable, committed: durable } }]]);
}

// Found in simulation: a node that had been away said of its own last word that nothing before it was lost.
test("what the candidate says of itself is no ground for what the others committed without it", () => {
  const told = new Told(b);
  const view = viewOf({ revision: 11, epoch: 1, version: 2, members: [a, c] });
  const alone = lossRangeOf(told.state, { ...view, members: published(view, b, 120) }, candidate(120));
  expect(alone).toMatchObject({ holds: 120, seen: undefined });
  expect(alone.sentence).toContain("May be lost: all after record 120; nobody who holds more was seen.");
});

test("one outside the set who holds more than the candidate bounds nothing: the set may have gone on", () => {
  const told = new Told(b);
  const view = viewOf({ revision: 11, epoch: 1, version: 2, members: [a] });
  const range = lossRangeOf(told.state, { ...view, members: published(view, c, 150) }, candidate(120));
  expect(range).toMatchObject({ seen: 150, isSeenInSet: false });
  expect(range.sentence).toContain(
    "May be lost: all after record 120; up to record 150 was seen, and not at a member of the set, which may hold more.",
  );
});

// Seed 1348: a had led, and its tail lay at numbers at which its successors had committed other records.
test("a tail of an older epoch holds nothing for sure: other records may be committed under its numbers", () => {
  const told = new Told(b);
  const view = viewOf({ revision: 11, epoch: 1, version: 2, members: [a, c] });
  expect(lossRangeOf(told.state, view, candidate(120, 0))).toMatchObject({ holds: 110 });
  const { facts: _facts, ...older } = candidate(120);
  expect(
    lossRangeOf(told.state, view, older),
    "a build that does not say of what epoch its last record is",
  ).toMatchObject({
    holds: 110,
  });
});

/** The view in which unclean failovers began there. */
function after(view: EtcdView, uncleans: readonly UncleanMark[]): EtcdView {
  assert(view.insync !== undefined, "there is a set");
  return { ...view, insync: { ...view.insync, value: { ...view.insync.value, uncleans } } };
}

// Seed 1573: the second unclean failover fell to a node that had missed the first.
test("a node that missed an unclean failover holds no more than that one left standing, whatever it knows committed", () => {
  const told = new Told(b);
  const view = viewOf({ revision: 11, epoch: 6, members: [a] });
  const holds = (lastEpoch: number, uncleans: readonly UncleanMark[]): number =>
    lossRangeOf(told.state, after(view, uncleans), candidate(120, lastEpoch)).holds;
  const first = { epoch: 3, holds: 40 };
  const second = { epoch: 5, holds: 90 };
  expect(holds(2, [])).toBe(110);
  expect(holds(2, [first])).toBe(40);
  // A record of that epoch, or of a later one, is of the history that went on.
  expect(holds(3, [first])).toBe(110);
  expect(holds(4, [first, second])).toBe(90);
  expect(holds(2, [first, second])).toBe(40);
  expect(holds(2, [{ epoch: 3, holds: 500 }])).toBe(110);
  expect(holds(6, [first, second])).toBe(120);
});

test("of unclean failovers those are kept that say more than a later one, and no more than sixteen", () => {
  const mark = (epoch: number, holds: number): UncleanMark => ({ epoch, holds });
  expect(uncleansOf({})).toEqual({});
  expect(uncleansOf({ uncleans: [mark(2, 10)] })).toEqual({ uncleans: [mark(2, 10)] });
  expect(uncleansOf({ uncleans: [mark(2, 10), mark(4, 30)] }, mark(6, 20))).toEqual({
    uncleans: [mark(2, 10), mark(6, 20)],
  });
  const many = Array.from({ length: 16 }, (_, n) => mark(n + 2, n * 10));
  // Whoever missed the second only is then believed in less than it holds, never in more.
  expect(uncleansOf({ uncleans: many }, mark(30, 999)).uncleans).toEqual([mark(3, 0), ...many.slice(2), mark(30, 999)]);
});
