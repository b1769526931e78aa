import { expect, test } from "vitest";
import { id } from "../ids.ts";
import type { NodeId } from "../ids.ts";
import { prunePlan } from "./retention.ts";
import type { RetentionFacts } from "./retention.ts";

const facts: RetentionFacts = {
  pruned: 100,
  committed: 1_000,
  aged: 900,
  oldestLive: undefined,
  standbys: [{ node: id<NodeId>("b"), durable: 990 }],
  archived: undefined,
};

test("pruning ends at the least of all that must still be held, and says what holds it", () => {
  expect(prunePlan(facts)).toEqual({ upTo: 900, heldBy: "age" });
  expect(prunePlan({ ...facts, oldestLive: 701 })).toEqual({ upTo: 700, heldBy: "an order that is still open" });
  expect(prunePlan({ ...facts, archived: 500 })).toEqual({ upTo: 500, heldBy: "the archive" });
  expect(prunePlan({ ...facts, standbys: [{ node: id<NodeId>("b"), durable: 300 }] })).toEqual({
    upTo: 300,
    heldBy: "standby b",
  });
  expect(prunePlan({ ...facts, aged: 2_000 })).toEqual({ upTo: 990, heldBy: "standby b" });
});

test("nothing is pruned twice, and nothing while an archive holds nothing yet", () => {
  expect(prunePlan({ ...facts, pruned: 900 })).toBeUndefined();
  expect(prunePlan({ ...facts, archived: 0 })).toBeUndefined();
});
