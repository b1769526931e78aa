/** What a node that does not lead says of trading: its leader's word while that is there, and else that it does not know. */
import { emptyState, id } from "@baton/core";
import type { EngineState, EtcdView, KillRecord, MonoMs, NodeId } from "@baton/core";
import { expect, test } from "vitest";
import { monoNow } from "../clock.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";
import { LeadersWord, tradingWordOf } from "./leaders-word.ts";
import type { EngineNode } from "./node.ts";
import { tradingView } from "./trading-views.ts";
import type { ViewSources } from "./view-sources.ts";

onVirtualTime();

const a = id<NodeId>("a");
const b = id<NodeId>("b");

/** A standby that follows a in epoch 7, of which only what trading hangs on is there. */
function standby() {
  const world = {
    following: { node: a, epoch: 7 } as { node: NodeId; epoch: number } | undefined,
    leader: { value: { node: a, epoch: 7 } } as unknown as EtcdView["leader"],
    readAtMono: monoNow() as MonoMs | undefined,
    isAdmitted: true,
    kill: undefined as KillRecord | undefined,
    leadersWord: new LeadersWord(),
  };
  const { engine, ...committed }: EngineState = emptyState();
  const node = {
    leadership: {
      leading: undefined,
      get state() {
        const view = world.readAtMono === undefined ? undefined : { leader: world.leader };
        return { view, role: { role: "standby" }, isAdmitted: world.isAdmitted };
      },
    },
    get viewAgeMs() {
      return world.readAtMono === undefined ? undefined : monoNow() - world.readAtMono;
    },
    get isAdmitted() {
      return world.isAdmitted;
    },
    leadersWord: world.leadersWord,
    replication: {
      get following() {
        return world.following;
      },
    },
    ledger: {
      get committed() {
        return { ...committed, engine: { ...engine, kill: world.kill ?? engine.kill } };
      },
    },
  } as unknown as EngineNode;
  return {
    world,
    says: (reasons: readonly string[], epoch = 7, from = a) =>
      world.leadersWord.heard(from, tradingWordOf(epoch, reasons), monoNow()),
    trading: () => tradingView({ node } as ViewSources),
  };
}

const untold = {
  isAllowed: false,
  isKnown: false,
  reasons: ["a leads, and has not told this node whether one may trade"],
};

test("a standby says what its leader says: that its epoch is not open, that it is held, that one may trade", () => {
  const { says, trading } = standby();
  expect(trading()).toEqual(untold);
  says(["epoch 7 is not open yet"]);
  expect(trading()).toEqual({ isAllowed: false, reasons: ["epoch 7 is not open yet"] });
  says(["3 takeovers in 4 min (expired)", "a switchover is under way"]);
  expect(trading().reasons).toEqual(["3 takeovers in 4 min (expired)", "a switchover is under way"]);
  says([]);
  expect(trading()).toEqual({ isAllowed: true, reasons: [] });
});

test("a word that is old, of another epoch or of a node that is not followed is not passed on", async () => {
  const { world, says, trading } = standby();
  says([], 6);
  expect(trading()).toEqual(untold);
  says([], 7, b);
  expect(trading()).toEqual(untold);
  says([]);
  await pass(1_400);
  world.readAtMono = monoNow();
  expect(trading().isAllowed).toBe(true);
  await pass(200);
  expect(trading()).toEqual(untold);
  says([]);
  world.following = undefined;
  expect(trading()).toEqual(untold);
});

test("a word of an epoch that is over takes the place of none: it was under way when the leader changed", () => {
  const { says, trading } = standby();
  says(["epoch 7 is not open yet"]);
  says([], 6, b);
  expect(trading().reasons).toEqual(["epoch 7 is not open yet"]);
});

test("where etcd shows another leader or none, the old one's word is over; where etcd is away it is all there is", async () => {
  const { world, says, trading } = standby();
  says([]);
  world.leader = { value: { node: b, epoch: 8 } } as unknown as EtcdView["leader"];
  expect(trading()).toEqual({ ...untold, reasons: ["b leads, and has not told this node whether one may trade"] });
  await pass(3_000);
  says([]);
  expect(trading()).toEqual({ isAllowed: true, reasons: [] });
  world.following = { node: a, epoch: 8 };
  expect(trading().isKnown).toBe(false);
  world.following = undefined;
  expect(trading()).toMatchObject({ isKnown: false, reasons: [expect.stringContaining("etcd does not answer")] });
});

test("a kill of all is known to a standby by itself", () => {
  const { world, trading } = standby();
  world.kill = { level: "cluster", by: "ann", reason: "odd fills", atWallMs: 0 } as unknown as KillRecord;
  const view = trading();
  expect([view.isAllowed, view.isKnown]).toEqual([false, undefined]);
  expect(view.reasons.at(-1)).toBe("killed by ann: odd fills");
});

test("of very many reasons a leader names the first, and how many more there are", () => {
  const word = tradingWordOf(
    1,
    Array.from({ length: 300 }, (_, n) => `S${n} is stale`),
  );
  expect(word.reasons).toHaveLength(21);
  expect(word.reasons.at(-1)).toBe("and 280 more");
});
