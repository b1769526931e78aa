import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assert } from "../assert.ts";
import { decimal } from "../decimal.ts";
import { id } from "../ids.ts";
import type { VenueOrderId } from "../ids.ts";
import { wallMs } from "../time.ts";
import type { WallMs } from "../time.ts";
import type { OrderRow } from "./order-row.ts";
import type { QueryOutcome, VenueOrder } from "./outcome.ts";
import {
  beginDoubt,
  doubtOf,
  nextDoubtStep,
  noteFinal,
  noteQuery,
  resolutionEvent,
  serves,
  unexplainedTrades,
} from "./resolution.ts";
import type { Doubt, DoubtPolicy, DoubtProgress, FinalEvidence, ListsAsked } from "./resolution.ts";
import { accepted, answer, epochOpened, inDoubt, story, venueOrder } from "./sample-events.ts";
import type { Story } from "./sample-events.ts";

const policy: DoubtPolicy = { processingBoundMs: 10_000, queryLagMs: 2_000, clockErrorMs: 250, validityMaxMs: 1_500 };

/** Sent at 10,005 with a validity of 1,000: proof after 23,255. */
function doubted(): { readonly s: Story; readonly order: OrderRow; readonly doubt: Doubt } {
  const s = story();
  const { id: intent } = s.want();
  s.tell(inDoubt(s.order(intent)));
  const doubt = doubtOf(s.order(intent), policy);
  assert(doubt !== undefined, "there is a doubt");
  return { s, order: s.order(intent), doubt };
}

function nothingAt(askedWallMs: number, over: Partial<FinalEvidence> = {}): FinalEvidence {
  return {
    askedWallMs: wallMs(askedWallMs),
    query: { kind: "not-found" },
    openOrders: [],
    unexplained: [],
    ...over,
  };
}

describe("proof time", () => {
  test("is the send time + validity + clock error + processing bound + query lag", () => {
    expect(doubted().doubt).toMatchObject({ proofWallMs: 10_005 + 1_000 + 250 + 10_000 + 2_000, isInherited: false });
  });

  test("of an inherited attempt counts from the end of the old leader's right, with the widest validity", () => {
    const s = story();
    const { id: intent } = s.want();
    s.tell(epochOpened(s.state, 2, { inheritedSendByWallMs: wallMs(21_700) }));
    const doubt = doubtOf(s.order(intent), policy);
    expect(doubt).toMatchObject({ proofWallMs: 21_700 + 1_500 + 250 + 10_000 + 2_000, isInherited: true });
  });

  test("of an inherited attempt with a journaled send time counts from that", () => {
    const { s, order } = doubted();
    s.tell(epochOpened(s.state, 2));
    expect(doubtOf(s.order(order.id), policy)?.proofWallMs).toBe(23_255);
  });

  test("without a stamp counts from the answer that left it in doubt", () => {
    const s = story();
    const { id: intent } = s.want();
    s.tell(answer(s.order(intent), { kind: "in-doubt", cause: "worker lost" }, 11_000));
    expect(doubtOf(s.order(intent), policy)?.proofWallMs).toBe(11_000 + 1_500 + 12_250);
  });

  test("does not exist for an attempt that its own leader may still be sending, nor after acceptance", () => {
    const s = story();
    const { id: intent } = s.want();
    expect(doubtOf(s.order(intent), policy)).toBeUndefined();
    s.tell(accepted(s.order(intent)));
    expect(doubtOf(s.order(intent), policy)).toBeUndefined();
  });
});

describe("what to do next", () => {
  test("it is looked for after 0.2, 0.5, 1, 2, 5 s, then each 5 s, and all three questions follow the proof time", () => {
    const { doubt } = doubted();
    const asked: string[] = [];
    let progress = beginDoubt(wallMs(10_500));
    let now = wallMs(10_500);
    for (let turn = 0; turn < 9; turn += 1) {
      const step = nextDoubtStep(doubt, progress, now);
      if (step.kind !== "query" && step.kind !== "ask-all") break;
      asked.push(`${step.kind} ${step.atWallMs}`);
      now = step.atWallMs;
      progress =
        step.kind === "query"
          ? noteQuery(progress, now, { kind: "not-found" })
          : noteFinal(progress, nothingAt(now, { query: { kind: "unavailable", cause: "timeout" } }));
    }
    expect(asked).toEqual([
      "query 10700",
      "query 11000",
      "query 11500",
      "query 12500",
      "query 15500",
      "query 20500",
      "ask-all 23256",
      "ask-all 24256",
      "ask-all 25256",
    ]);
  });

  test("an inherited doubt is asked for at once", () => {
    const { s, order } = doubted();
    s.tell(epochOpened(s.state, 2));
    const doubt = doubtOf(s.order(order.id), policy) as Doubt;
    const now = wallMs(20_000);
    expect(nextDoubtStep(doubt, beginDoubt(now), now)).toEqual({ kind: "query", atWallMs: 20_000 });
  });

  test("one among two hundred is asked for once as soon as one alone, then less often, and at its proof time as ever", () => {
    const { s, order } = doubted();
    s.tell(epochOpened(s.state, 2));
    const doubt = doubtOf(s.order(order.id), policy) as Doubt;
    const asked = (company: number): readonly number[] => {
      const times: number[] = [];
      let progress = beginDoubt(wallMs(20_000));
      for (;;) {
        const step = nextDoubtStep(doubt, progress, progress.lastAskedWallMs ?? wallMs(20_000), company);
        assert(step.kind === "query" || step.kind === "ask-all", "nothing was found");
        times.push(step.atWallMs - 20_000);
        if (step.kind === "ask-all") return times;
        progress = noteQuery(progress, step.atWallMs, { kind: "not-found" });
      }
    };
    const alone = asked(1);
    const crowded = asked(200);
    expect(crowded[0]).toBe(alone[0]);
    expect(crowded.at(-1)).toBe(alone.at(-1));
    expect(asked(16)).toEqual(alone);
    expect(crowded.length).toBeLessThan(alone.length);
  });

  test("found with the same terms, it is adopted at any time", () => {
    const { s, order, doubt } = doubted();
    const found = venueOrder(order, { status: "partially-filled", executed: decimal("1") });
    const progress = noteQuery(beginDoubt(wallMs(10_500)), wallMs(10_700), { kind: "found", order: found });
    const step = nextDoubtStep(doubt, progress, wallMs(10_701));
    assert(step.kind === "resolved", "it was found");
    s.tell(resolutionEvent(doubt, step.resolution, "venue", wallMs(10_701)));
    expect(s.order(order.id)).toMatchObject({ status: "partially-filled", executed: "1", venueOrderId: "vi-1-1" });
  });

  test.each([
    [{ quantity: decimal("3") }, "quantity 3, not 2"],
    [{ price: decimal("99") }, "price 99, not 100"],
    [{ side: "sell" as const }, "side sell, not buy"],
    [{ symbol: "ETH/USDT" }, "symbol ETH/USDT, not BTC/USDT"],
    [{ reduceOnly: true }, "it is reduce-only"],
  ])("found with other terms (%j), it is a mismatch for a person", (over, difference) => {
    const { order, doubt } = doubted();
    const found = { kind: "found", order: venueOrder(order, over) } as const;
    const step = nextDoubtStep(doubt, noteQuery(beginDoubt(wallMs(0)), wallMs(1), found), wallMs(1));
    expect(step).toMatchObject({ kind: "mismatch", sentence: expect.stringContaining(difference) });
  });

  test("a reduce-only order is adopted where the venue says that it is one, or does not say, and never as another", () => {
    const s = story();
    const { id: intent } = s.want({ reduceOnly: true });
    s.tell(inDoubt(s.order(intent)));
    const doubt = doubtOf(s.order(intent), policy);
    assert(doubt !== undefined, "there is a doubt");
    const step = (over: Partial<VenueOrder>): string => {
      const found = { kind: "found", order: venueOrder(s.order(intent), over) } as const;
      const next = nextDoubtStep(doubt, noteQuery(beginDoubt(wallMs(0)), wallMs(1), found), wallMs(1));
      return next.kind === "mismatch" ? next.sentence : next.kind;
    };
    expect(step({ reduceOnly: true })).toBe("resolved");
    expect(step({})).toBe("resolved");
    expect(step({ reduceOnly: false })).toMatch(/differs: it is not reduce-only$/);
  });

  test("not found before the proof time proves nothing, whatever else is empty", () => {
    const { doubt } = doubted();
    const early = noteFinal(beginDoubt(wallMs(10_500)), nothingAt(23_255));
    expect(nextDoubtStep(doubt, early, wallMs(23_300))).toEqual({ kind: "ask-all", atWallMs: 23_300 });
    const late = noteFinal(early, nothingAt(23_256));
    expect(nextDoubtStep(doubt, late, wallMs(23_300))).toMatchObject({
      kind: "resolved",
      resolution: { kind: "not-accepted", proof: expect.stringContaining("after its proof time 23255") },
    });
  });

  test.each<Partial<FinalEvidence>>([
    { query: { kind: "unavailable", cause: "timeout" } },
    { openOrders: { unavailable: "timeout" } },
    { unexplained: { unavailable: "timeout" } },
    { unexplained: [id<VenueOrderId>("77")] },
  ])("one missing or contrary piece (%j) is no proof, also after the proof time", (over) => {
    const { doubt } = doubted();
    const progress = noteFinal(beginDoubt(wallMs(10_500)), nothingAt(30_000, over));
    expect(nextDoubtStep(doubt, progress, wallMs(30_001))).toEqual({ kind: "ask-all", atWallMs: 31_000 });
  });

  test("an order that only the list of open orders shows is adopted too", () => {
    const { order, doubt } = doubted();
    const progress = noteFinal(beginDoubt(wallMs(10_500)), nothingAt(30_000, { openOrders: [venueOrder(order)] }));
    expect(nextDoubtStep(doubt, progress, wallMs(30_001))).toMatchObject({ resolution: { kind: "accepted" } });
  });
});

test("lists that were read for another doubt serve this one when they were asked for after its proof time and reach back to it", () => {
  const { doubt } = doubted();
  const asked = (askedWallMs: number, sinceWallMs: number = doubt.sinceWallMs): ListsAsked => ({
    askedWallMs: wallMs(askedWallMs),
    sinceWallMs: wallMs(sinceWallMs),
  });
  const fresh = beginDoubt(wallMs(40_000));
  expect(serves(asked(23_255), doubt, fresh)).toBe(false);
  expect(serves(asked(23_256), doubt, fresh)).toBe(true);
  expect(serves(asked(23_256, doubt.sinceWallMs - 5_000), doubt, fresh)).toBe(true);
  expect(serves(asked(23_256, doubt.sinceWallMs + 1), doubt, fresh)).toBe(false);
  const failed = noteFinal(fresh, nothingAt(30_000, { unexplained: [id<VenueOrderId>("77")] }));
  expect(serves(asked(30_000), doubt, failed)).toBe(false);
  expect(serves(asked(30_001), doubt, failed)).toBe(true);
});

test("trades of known orders and of other client order ids explain themselves; the rest does not", () => {
  const { s, doubt } = doubted();
  const { id: other } = s.want();
  s.tell(accepted(s.order(other)));
  const known = venueOrder(s.order(other)).venueOrderId;
  const trades = [
    { venueOrderId: known },
    { venueOrderId: id<VenueOrderId>("50"), clientOrderId: "web_1" },
    { venueOrderId: id<VenueOrderId>("51") },
    { venueOrderId: id<VenueOrderId>("51") },
    { venueOrderId: id<VenueOrderId>("52"), clientOrderId: doubt.clientOrderId },
  ];
  expect(unexplainedTrades(s.state, doubt, trades)).toEqual(["51", "52"]);
});

/** What one venue does with one request, and what of it can be seen when. */
interface World {
  /** Ms after sending at which the venue takes it; undefined: never. */
  readonly taken: number | undefined;
  readonly lag: number;
  /** It filled and was purged: only trades show it. */
  readonly isPurged: boolean;
  readonly queryDownMs: number;
  /** When somebody begins to look for it, after sending. */
  readonly beginsMs: number;
}

/** How the doubt ends in that world when the machine is obeyed for a hundred turns. */
function verdictIn({ taken, lag, isPurged, queryDownMs, beginsMs }: World): "accepted" | "not-accepted" | "open" {
  const { s, order, doubt } = doubted();
  const sent = 10_005;
  const visibleAt = taken === undefined ? Infinity : sent + taken + lag;
  const look = (at: number): QueryOutcome => {
    if (at < sent + queryDownMs) return { kind: "unavailable", cause: "down" };
    return at >= visibleAt && !isPurged ? { kind: "found", order: venueOrder(order) } : { kind: "not-found" };
  };
  let now: WallMs = wallMs(sent + beginsMs);
  let progress: DoubtProgress = beginDoubt(now);
  for (let turn = 0; turn < 100; turn += 1) {
    const step = nextDoubtStep(doubt, progress, now);
    if (step.kind === "resolved") return step.resolution.kind;
    assert(step.kind !== "mismatch", "the terms are the same");
    now = step.atWallMs;
    const query = look(now);
    const trades = now >= visibleAt ? [{ venueOrderId: id<VenueOrderId>("900") }] : [];
    const unexplained = unexplainedTrades(s.state, doubt, trades);
    progress =
      step.kind === "query"
        ? noteQuery(progress, now, query)
        : noteFinal(progress, nothingAt(now, { query, unexplained }));
  }
  return "open";
}

test("whatever the venue does within its bounds, the verdict is the venue's truth (I10)", () => {
  const world = fc.record({
    taken: fc.option(fc.integer({ min: 0, max: 1_000 + 250 + 10_000 }), { nil: undefined }),
    lag: fc.integer({ min: 0, max: 2_000 }),
    isPurged: fc.boolean(),
    queryDownMs: fc.integer({ min: 0, max: 40_000 }),
    beginsMs: fc.integer({ min: 0, max: 30_000 }),
  });
  fc.assert(
    fc.property(world, (each) => {
      // A purged order that traded stays open: only a person or the journaled trade can end that.
      const truth = each.taken === undefined ? "not-accepted" : each.isPurged ? "open" : "accepted";
      expect(verdictIn(each)).toBe(truth);
    }),
    { numRuns: 300 },
  );
});
