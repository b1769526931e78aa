import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assert } from "../assert.ts";
import { add, compare, decimal, isMultipleOf, zero } from "../decimal.ts";
import { decodeEvent } from "../formats/events.ts";
import type { TwapParameters } from "../formats/algorithms.ts";
import type { JournalEvent } from "../formats/events.ts";
import { id } from "../ids.ts";
import type { ParentId } from "../ids.ts";
import { isOrderEnded, isReissuable, isUnsettled } from "../orders/order-row.ts";
import type { OrderRow } from "../orders/order-row.ts";
import { endedEvent } from "../orders/placement.ts";
import {
  accepted,
  basis,
  btc,
  epochOpened,
  fill,
  inDoubt,
  provedAbsent,
  rules,
  story,
  Story,
  tag,
  twapRecorded,
  venue,
} from "../orders/sample-events.ts";
import { rowsOf } from "../orders/state.ts";
import { stateOf } from "../orders/state-of-rows.ts";
import type { ParentRow } from "../orders/state.ts";
import type { RiskContext } from "../risk/check.ts";
import { wallMs } from "../time.ts";
import { childPrice } from "./child.ts";
import type { ParentStep } from "./child.ts";
import { stopParent } from "./ending.ts";
import { checkParent, stepParent, workingParents } from "./parent.ts";
import { scheduleOf, sliceWindow } from "./schedule.ts";

const parentId = id<ParentId>("p-1");
const fine = { ...rules, lotSize: decimal("0.001"), quantityMin: decimal("0.001"), notionalMin: decimal("0.01") };
const limits: RiskContext["limits"] = {
  orderQuantityMax: decimal("100"),
  orderNotionalMax: decimal("100000"),
  collarBps: 500,
  positionMax: decimal("100"),
  orderRate: { count: 1_000, perMs: 1_000 },
  clockErrorMaxMs: 250,
  doubtBlock: "intent",
};

function at(now: number, over: Partial<RiskContext> = {}): RiskContext {
  return { rules: fine, limits, market: { kind: "fresh", basis }, clockErrorMs: 5, nowWallMs: wallMs(now), ...over };
}

function begun(over: Parameters<typeof twapRecorded>[1] = {}): Story {
  const s = story();
  s.tell(twapRecorded(s.state, over));
  return s;
}

function parentOf(s: Story): ParentRow {
  const parent = s.state.parents.get(parentId);
  assert(parent !== undefined, "the parent is there");
  return parent;
}

function step(s: Story, now: number, over: Partial<RiskContext> = {}): ParentStep {
  const taken = stepParent(s.state, parentOf(s), tag, at(now, over));
  for (const event of taken.events) s.tell(event);
  return taken;
}

function told(taken: ParentStep): readonly string[] {
  return taken.events.map((event) => {
    if (event.kind === "intent.recorded")
      return `slice ${event.slice}: ${event.terms.quantity} at ${event.terms.price}`;
    return event.kind === "slice.skipped" ? `slice ${event.slice} skipped: ${event.reason}` : event.kind;
  });
}

function finish(s: Story, order: OrderRow, tradeId: number): void {
  s.tell(accepted(order));
  s.tell(fill(s.order(order.id), tradeId, order.terms.quantity));
}

const parameters: TwapParameters = {
  name: "twap",
  venue,
  symbol: btc,
  side: "buy",
  quantity: decimal("1"),
  slices: 3,
  durationMs: 1_000,
  aggressionBps: 10,
};

describe("what a slice asks for", () => {
  test("the slices are equal in whole lots, and the last takes the rest", () => {
    expect(scheduleOf(parameters, rules, { fromSlice: 1, rest: decimal("1") })).toEqual(["0.3", "0.3", "0.4"]);
  });

  test("their sum is the parent's quantity and their windows cover its time without a gap", () => {
    const shape = fc.record({
      lots: fc.integer({ min: 1, max: 100_000 }),
      slices: fc.integer({ min: 1, max: 200 }),
      durationMs: fc.integer({ min: 200, max: 10_000_000 }),
    });
    fc.assert(
      fc.property(shape, ({ lots, slices, durationMs }) => {
        const lot = decimal("0.001");
        const each: TwapParameters = {
          ...parameters,
          quantity: decimal((lots / 1_000).toFixed(3)),
          slices,
          durationMs,
        };
        const parent = { ...parentOf(begun()), algorithm: each };
        let sum = zero;
        let edge: number = parent.startedWallMs;
        const quantities = scheduleOf(each, { ...rules, lotSize: lot }, { fromSlice: 1, rest: each.quantity });
        expect(quantities).toHaveLength(slices);
        for (let slice = 1; slice <= slices; slice += 1) {
          const quantity = quantities[slice - 1] ?? zero;
          expect(isMultipleOf(quantity, lot) && !quantity.startsWith("-")).toBe(true);
          sum = add(sum, quantity);
          const window = sliceWindow(parent, slice);
          expect(window.opensWallMs).toBe(edge);
          edge = window.closesWallMs;
        }
        expect(sum).toBe(each.quantity);
        expect(edge).toBe(parent.startedWallMs + durationMs);
      }),
      { numRuns: 40 },
    );
  });

  test("a price goes through the far side, is rounded away from paying more, and never beyond the limit", () => {
    const tick = decimal("0.5");
    const price = (over: Partial<TwapParameters>): string => childPrice({ ...parameters, ...over }, basis, tick);
    expect(price({ aggressionBps: 60 })).toBe("100.5");
    expect(price({ aggressionBps: 10 })).toBe("100");
    expect(price({ aggressionBps: 60, limitPrice: decimal("100.2") })).toBe("100");
    expect(price({ side: "sell", aggressionBps: 60 })).toBe("99");
    expect(price({ side: "sell", aggressionBps: 10 })).toBe("99.5");
    expect(price({ side: "sell", aggressionBps: 60, limitPrice: decimal("99.3") })).toBe("99.5");
  });

  test("a parent whose slices the venue would not take is refused", () => {
    expect(checkParent(parameters, rules)).toBeUndefined();
    expect(checkParent({ ...parameters, slices: 11 }, rules)?.code).toBe("slice-too-small");
    expect(checkParent({ ...parameters, quantity: decimal("1.05") }, rules)?.code).toBe("lot-size");
    expect(checkParent({ ...parameters, limitPrice: decimal("30") }, rules)?.code).toBe("slice-too-small");
    expect(checkParent({ ...parameters, slices: 4_096 }, rules)?.code).toBe("slices-out-of-range");
    expect(checkParent(parameters, undefined)?.code).toBe("unknown-symbol");
  });
});

describe("which slice is due", () => {
  test("one slice a window, from the start on, and the end after the last", () => {
    const s = begun();
    expect(told(step(s, 10_000))).toEqual(["slice 1: 0.25 at 99"]);
    expect(step(s, 10_500)).toMatchObject({ events: [], wakeAtWallMs: 11_000 });
    for (const [index, now] of [11_000, 12_400, 13_999].entries())
      expect(told(step(s, now))).toEqual([`slice ${index + 2}: 0.25 at 99`]);
    expect(step(s, 14_100)).toMatchObject({ events: [], sentence: "p-1 ends when its last child has ended" });
    for (const [index, order] of [...s.state.orders.values()].entries()) finish(s, order, index + 1);
    expect(step(s, 14_200).sentence).toBe("p-1 done: executed 1 of 1");
    expect(parentOf(s)).toMatchObject({ status: "done", executed: "1" });
    expect(workingParents(s.state)).toEqual([]);
  });

  test("a slice whose window passed is skipped on record, never made up for", () => {
    const s = begun();
    expect(told(step(s, 12_500))).toEqual([
      "slice 1 skipped: window-passed",
      "slice 2 skipped: window-passed",
      "slice 3: 0.25 at 99",
    ]);
  });

  test("without a fresh price it waits within its window, on a refusal that lasts it is skipped with the code", () => {
    const s = begun();
    const stale = { market: { kind: "stale", why: "no update for 3 s" } } as const;
    expect(step(s, 10_100, stale)).toMatchObject({ events: [], wakeAtWallMs: 11_000 });
    expect(told(step(s, 10_200))).toEqual(["slice 1: 0.25 at 99"]);
    const tight = { limits: { ...limits, orderQuantityMax: decimal("0.2") } };
    expect(told(step(s, 11_000, tight))).toEqual(["slice 2 skipped: order-size"]);
    const slow = { limits: { ...limits, orderRate: { count: 0, perMs: 1_000 } } };
    expect(told(step(s, 12_000, slow))).toEqual([]);
    expect(told(step(s, 12_100))).toEqual(["slice 3: 0.25 at 99"]);
  });

  test("a child may be sent until its window closes, and names the price it was decided on", () => {
    const s = begun();
    const [event] = step(s, 10_300).events;
    expect(event).toMatchObject({ sendWithinMs: 700, parent: "p-1", slice: 1, basis, terms: { timeInForce: "IOC" } });
  });

  test("a doubted slice holds its own quantity and the parent's end, and no other slice", () => {
    const s = begun();
    step(s, 10_000);
    s.tell(inDoubt(s.order(id("i-1"))));
    expect(told(step(s, 11_000))).toEqual(["slice 2: 0.25 at 99"]);
    const beside = { limits: { ...limits, doubtBlock: "instrument" } } as const;
    expect(step(s, 12_000, beside)).toMatchObject({ events: [], sentence: expect.stringContaining("waits") });
  });

  test("a cancelled parent records its waiting slices, asks its children to go, and ends when they have", () => {
    const s = begun();
    step(s, 10_000);
    const facts = stopParent(
      s.state,
      parentOf(s),
      { reason: "cancelled", by: "trader", word: "wrong side" },
      wallMs(10_500),
    );
    for (const fact of facts) s.tell(fact);
    const words = facts.map((fact) => ("word" in fact ? fact.word : "reason" in fact ? fact.reason : undefined));
    expect(new Set(words)).toEqual(new Set(["wrong side"]));
    expect(facts.map((fact) => fact.kind)).toEqual([...Array<string>(3).fill("slice.skipped"), "cancel.requested"]);
    expect(step(s, 10_600).events).toEqual([]);
    finish(s, s.order(id("i-1")), 1);
    step(s, 10_700);
    expect(parentOf(s)).toMatchObject({ status: "cancelled", executed: "0.25" });
  });

  test("a kill ends it for good", () => {
    const s = begun();
    s.tell({ kind: "kill.set", level: "cluster", by: "op", reason: "drill", atWallMs: wallMs(10_100) });
    expect(told(step(s, 10_200))).toHaveLength(4);
    step(s, 10_300);
    expect(parentOf(s).status).toBe("killed");
  });
});

/** What happens next in the world: time passes, and one of: nothing, a takeover (with or without the last frame), an answer. */
const happenings = fc.array(
  fc.record({
    passMs: fc.integer({ min: 0, max: 700 }),
    what: fc.constantFrom("nothing", "takeover", "takeover-losing-frame", "answer"),
    /** What becomes of a child: filled, taken without an answer, taken with no word at all, never arrived. */
    fate: fc.constantFrom("filled", "in-doubt", "unheard", "lost"),
  }),
  { minLength: 1, maxLength: 30, size: "max" },
);

test("each slice is executed once or recorded as not executed, over any schedule of takeovers (I13)", () => {
  fc.assert(
    fc.property(happenings, (schedule) => {
      let s = begun({ slices: 5, durationMs: 5_000 });
      let now = 10_000;
      /** Per slice: how many orders the venue took. A request leaves only when its intent is committed. */
      const taken = new Map<number, number>();
      for (const { passMs, what, fate } of schedule) {
        now += passMs;
        const before = s.texts.length;
        step(s, now);
        if (what === "takeover-losing-frame") s = replayed(s.texts.slice(0, before));
        else send(s, taken, fate);
        if (what === "answer") settle(s, taken, now);
        if (what.startsWith("takeover")) {
          // The successor has nothing but the rows.
          s.state = stateOf(rowsOf(s.state), s.state.applied);
          s.tell(epochOpened(s.state, s.state.engine.epoch + 1, { atWallMs: wallMs(now) }));
        }
      }
      for (let turn = 0; turn < 20 && parentOf(s).status === "working"; turn += 1) {
        now += 600;
        step(s, now);
        send(s, taken, "filled");
        settle(s, taken, now);
      }
      const parent = parentOf(s);
      expect(parent.status).toBe("done");
      const children = [...s.state.orders.values()].map((order) => order.slice);
      expect(new Set(children).size).toBe(children.length);
      for (const [index, slice] of parent.slices.entries()) {
        expect(slice.kind).not.toBe("waiting");
        const count = taken.get(index + 1) ?? 0;
        const isAccepted = slice.kind === "intent" && s.order(slice.intent).venueOrderId !== undefined;
        expect(count).toBe(isAccepted ? 1 : 0);
      }
      expect(compare(parent.executed, parent.algorithm.quantity)).toBeLessThanOrEqual(0);
      const sum = [...taken.values()].reduce((all, each) => all + each, 0);
      expect(parent.executed).toBe(decimal((sum * 0.2).toFixed(1)));
    }),
    { numRuns: 200 },
  );
});

/** Hands what this leader recorded and has no answer for to the venue, as the engine does after the commit. */
function send(s: Story, taken: Map<number, number>, fate: "filled" | "in-doubt" | "unheard" | "lost"): void {
  for (const order of s.state.orders.values()) {
    const attempt = order.attempts[0];
    const isMine = attempt?.epoch === s.state.engine.epoch && attempt.outcome === undefined;
    if (!isMine || !isUnsettled(order) || isHeard(s, order)) continue;
    heard.set(s, (heard.get(s) ?? new Set()).add(order.id));
    if (fate !== "lost") taken.set(order.slice ?? 0, (taken.get(order.slice ?? 0) ?? 0) + 1);
    if (fate === "filled") finish(s, order, order.sequence);
    if (fate === "in-doubt") s.tell(inDoubt(order));
  }
}

/** Orders whose one request has been sent, by story. */
const heard = new WeakMap<Story, Set<string>>();

function isHeard(s: Story, order: OrderRow): boolean {
  return heard.get(s)?.has(order.id) ?? false;
}

/** Resolution: what the venue took is found, what it did not take is proved absent and ends. */
function settle(s: Story, taken: Map<number, number>, now: number): void {
  for (const { id: intent } of s.state.orders.values()) {
    if (isUnsettled(s.order(intent))) {
      if ((taken.get(s.order(intent).slice ?? 0) ?? 0) > 0) finish(s, s.order(intent), s.order(intent).sequence);
      else if (s.order(intent).status === "pending-new") s.tell(inDoubt(s.order(intent)));
    }
    if (isUnsettled(s.order(intent))) s.tell(provedAbsent(s.order(intent), now));
    if (isReissuable(s.order(intent))) s.tell(endedEvent(intent, "expired", wallMs(now)));
    assert(isOrderEnded(s.order(intent)), `${intent} is settled`);
  }
}

function replayed(texts: readonly string[]): Story {
  const again = new Story();
  for (const text of texts) again.tell(decodeEvent(text) satisfies JournalEvent);
  return again;
}
