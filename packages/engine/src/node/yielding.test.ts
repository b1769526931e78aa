/** When a leader that lacks what a standby has asks to hand over, and how often. */
import { id, monoMs } from "@baton/core";
import type { LeaderRole, NodeId, Succession, VenueId } from "@baton/core";
import { expect, test } from "vitest";
import { monoNow } from "../clock.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";
import { Yielding } from "./yielding.ts";
import type { NodeWord } from "./yielding.ts";

onVirtualTime();

const b = id<NodeId>("b");

/** A leader that nothing makes hand over; how often it was asked to. */
function leader(
  lacks: { venueSinceMs?: number; market?: boolean },
  word: () => NodeWord = () => ({ reachesVenue: true, seesMarket: true }),
): { readonly asked: () => number; turn(): void } {
  let asked = 0;
  const members = [{ node: id<NodeId>("a") }, { node: b }];
  const leading = { epoch: 1, commit: 1, openedAt: 1, known: { record: { members } } } as unknown as LeaderRole;
  const yielding = new Yielding({
    leadership: { leading, state: {} as Succession, feed: () => void (asked += 1) },
    node: id<NodeId>("a"),
    yieldMs: 2_000,
    ownLostSinceMonoMs: () => (lacks.venueSinceMs === undefined ? undefined : monoMs(lacks.venueSinceMs)),
    unseen: () => (lacks.market === true ? id<VenueId>("sim") : undefined),
    isFit: () => true,
    say: () => undefined,
  });
  return {
    asked: () => asked,
    turn() {
      yielding.heard(b, word());
      yielding.consider();
    },
  };
}

async function turns(of: { turn(): void }, forMs: number): Promise<void> {
  for (let ms = 0; ms < forMs; ms += 20) {
    of.turn();
    await pass(20);
  }
}

test("one without prices asks again only when it has been without for as long again: meanwhile it can take orders back", async () => {
  const blind = leader({ market: true });
  await turns(blind, 1_980);
  expect(blind.asked()).toBe(0);
  await turns(blind, 6_100);
  expect(blind.asked()).toBe(4);
});

test("one without its venue asks with every turn: it can do nothing there", async () => {
  const lost = leader({ venueSinceMs: monoNow() });
  await turns(lost, 3_000);
  expect(lost.asked()).toBeGreaterThan(40);
});

test("one whose venue stands still for all asks nobody: the others' last answers are older than its loss", async () => {
  const since = monoNow();
  const answeredMs = { at: since - 1 };
  const lost = leader({ venueSinceMs: since }, () => ({
    ...{ reachesVenue: true, seesMarket: true },
    reachedAgoMs: monoNow() - answeredMs.at,
  }));
  await turns(lost, 5_000);
  expect(lost.asked()).toBe(0);
  answeredMs.at = since + 1;
  await turns(lost, 20);
  expect(lost.asked()).toBe(1);
});
