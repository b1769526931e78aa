import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import { hasLegs } from "../formats/algorithms.ts";
import type { AlgorithmParameters, BracketParameters, OcoParameters } from "../formats/algorithms.ts";
import type { EpochOpened, JournalEvent } from "../formats/events.ts";
import { id } from "../ids.ts";
import type { ParentId } from "../ids.ts";
import {
  btc,
  epochOpened,
  eth,
  fill,
  rejected,
  story,
  tag,
  twapRecorded,
  updated,
  venue,
} from "../orders/sample-events.ts";
import type { Story } from "../orders/sample-events.ts";
import { stateBeside } from "../orders/left-orphans.ts";
import type { VenueOrder } from "../orders/outcome.ts";
import { stateOf } from "../orders/state-of-rows.ts";
import { rowsOf } from "../orders/state.ts";
import { wallMs } from "../time.ts";
import { stopParent } from "./ending.ts";
import { heldByLoss, lossOf, parentsHeldByLoss, strategiesHeldByLoss } from "./lost-history.ts";
import { directParent, stepParent } from "./parent.ts";
import type { Direction } from "./parent.ts";
import { fates, fineRules, parentId, World } from "./sample-world.ts";

const common = { venue, symbol: btc, side: "buy", quantity: decimal("1") } as const;
const taking = { aggressionBps: 10 } as const;
const prices = { takePrice: decimal("103"), stopPrice: decimal("97") } as const;
const twap: AlgorithmParameters = { ...common, ...taking, name: "twap", slices: 5, durationMs: 5_000 };
const pov: AlgorithmParameters = {
  ...{ ...common, ...taking, name: "pov", participation: decimal("0.1"), durationMs: 8_000, intervalMs: 500 },
  sliceMin: decimal("0.05"),
};
const iceberg: AlgorithmParameters = {
  ...{ ...common, name: "iceberg", display: decimal("0.3"), limitPrice: decimal("99.5"), timeInForce: "GTC" },
};
const oco: OcoParameters = { ...common, ...prices, name: "oco", side: "sell", aggressionBps: 50 };
const bracket: BracketParameters = {
  ...{ ...common, ...prices, name: "bracket", aggressionBps: 50, timeInForce: "GTC", entryPrice: decimal("99.5") },
};
const vwap: AlgorithmParameters = {
  ...{ ...common, ...taking, name: "vwap", slices: 5, durationMs: 5_000, profile: "configured" },
  weights: ["1", "4", "0", "0.001", "3"].map(decimal),
};

function begun(algorithm: AlgorithmParameters): World {
  return new World({ algorithm, fates: ["resting"], dieAfter: Number.POSITIVE_INFINITY, isSent: false });
}

function told(world: World, direction: Direction): string | undefined {
  const o = { direction, by: "operator", rules: fineRules };
  const directed = directParent(world.s.state, world.parent, o, wallMs(world.now));
  if (directed.kind === "refused") return directed.refusal.sentence;
  world.tell(directed.events);
  return undefined;
}

function opening(s: Story, over: Partial<EpochOpened> = {}): EpochOpened {
  const epoch = s.state.engine.epoch + 1;
  return epochOpened(s.state, epoch, { reason: "unclean", numbersFrom: epoch * 1_000, ...over });
}

/** Opens an epoch as a leader does: the opening, and what is held, in one frame. */
function open(s: Story, over: Partial<EpochOpened> = {}, strategies: readonly string[] = []): readonly JournalEvent[] {
  const first = opening(s, over);
  const held = heldByLoss(s.state, first, strategies);
  for (const event of [first, ...held]) s.tell(event);
  return held;
}

const children = (world: World): readonly string[] =>
  [...world.s.state.orders.values()]
    .filter((order) => order.parent === parentId)
    .map(({ terms, status }) => `${terms.side} ${terms.quantity} ${terms.timeInForce} ${status}`);

/** The price falls through the stop, resting exits go, and the way out is tried for a while. */
function falls(world: World): void {
  world.bid = decimal("96.5");
  for (let turn = 0; turn < 20; turn += 1) {
    world.turn(1_000);
    world.settle("0");
  }
}

/** A trade that no order here explains. */
function unexplained(world: World, side: "buy" | "sell", quantity: string, tradeId: number): void {
  const { intent: _unknown, ...trade } = fill(world.s.want({ side, quantity: decimal(quantity) }), tradeId, quantity);
  world.s.tell({ ...trade, venueOrderId: id(`lost-${tradeId}`) });
}

describe("an epoch that begins on a loss", () => {
  test.each(["unclean", "a re-anchoring"])("pauses every parent that works, whoever wanted it (%s)", (why) => {
    const s = story();
    s.tell(twapRecorded(s.state));
    s.tell(twapRecorded(s.state));
    open(s, why === "unclean" ? {} : { reason: "expired", isReconcileDue: true });
    expect(parentsHeldByLoss(s.state).map((parent) => parent.id)).toEqual(["p-1", "p-2"]);
    expect(s.state.parents.get(id<ParentId>("p-1"))?.paused).toMatchObject({
      by: "baton",
      loss: { bought: "0", sold: "0" },
    });
  });

  test("holds nothing back where nothing was lost, nor in journals of builds that knew no such pause", () => {
    const s = story();
    s.tell(twapRecorded(s.state));
    expect(open(s, { reason: "pre-emption" }, ["s"])).toEqual([]);
    const { numbersFrom: _none, ...older } = opening(s);
    expect(heldByLoss(s.state, older, ["s"])).toEqual([]);
  });

  test("leaves alone what has ended or was stopped, and pauses nothing twice", () => {
    const s = story();
    for (let parent = 0; parent < 3; parent += 1) s.tell(twapRecorded(s.state));
    const [stopped, paused] = [...s.state.parents.values()];
    if (stopped === undefined || paused === undefined) throw new Error("there are three");
    for (const event of stopParent(s.state, stopped, { reason: "cancelled", by: "trader" }, wallMs(10_100)))
      s.tell(event);
    s.tell({ kind: "parent.paused", parent: paused.id, by: "trader", atWallMs: wallMs(10_100) });
    open(s);
    expect(parentsHeldByLoss(s.state).map((parent) => parent.id)).toEqual(["p-2", "p-3"]);
    // It is later by the whole of its pause, and its own reason is not forgotten.
    expect(s.state.parents.get(paused.id)?.paused).toMatchObject({ by: "trader", atWallMs: 10_100 });
    expect(open(s)).toEqual([]);
  });

  test("switches every strategy off, also one that the journal does not know, and says what was so before", () => {
    const s = story();
    const threw = { kind: "strategy.switched", strategy: "old", enabled: false, reason: "it threw" } as const;
    s.tell({ ...threw, atWallMs: wallMs(10_000) });
    open(s, {}, ["new"]);
    expect(strategiesHeldByLoss(s.state)).toEqual(["old", "new"]);
    expect(s.state.strategies.get("old")?.reason).toContain("it was off before: it threw");
    s.tell({ kind: "strategy.switched", strategy: "new", enabled: true, reason: "seen", atWallMs: wallMs(30_000) });
    expect(strategiesHeldByLoss(s.state)).toEqual(["old"]);
  });
});

describe("a parent that waits since a loss", () => {
  test.each([twap, vwap, pov, iceberg])(
    "begins nothing, $name, and goes on when a person says why it may",
    (algorithm) => {
      const world = begun(algorithm);
      world.trade("10");
      world.turn(10);
      const before = children(world).length;
      world.lose(0);
      for (let turn = 0; turn < 10; turn += 1) {
        world.trade("10");
        world.turn(500);
        world.settle();
      }
      expect([children(world).length, world.parent.status]).toEqual([before, "working"]);
      expect(told(world, { what: "resume" })).toContain("a history was lost");
      expect(told(world, { what: "resume", reason: "nothing of it was executed" })).toBeUndefined();
      for (let turn = 0; turn < 3; turn += 1) {
        world.trade("10");
        world.turn(1_000);
      }
      expect(children(world).length).toBeGreaterThan(before);
    },
  );

  test("has nothing at the venue that rests: an iceberg's child is taken back", () => {
    const world = begun(iceberg);
    world.turn(10);
    world.lose(0);
    expect([...world.s.state.orders.values()].map((order) => order.cancel?.by)).toEqual(["baton"]);
  });

  test("shows what the account traded in its symbol since and no order explains, whatever becomes of those trades", () => {
    const world = begun(twap);
    unexplained(world, "buy", "5", 900);
    world.lose(0);
    const loss = (): unknown => lossOf(world.parent);
    unexplained(world, "buy", "0.3", 901);
    unexplained(world, "sell", "0.1", 902);
    expect(loss()).toMatchObject({ bought: "0.3", sold: "0.1" });
    const other = world.s.want({ symbol: eth, quantity: decimal("1") });
    const { intent: _none, ...elsewhere } = fill(other, 903, "1");
    world.s.tell({ ...elsewhere, venueOrderId: id("elsewhere") });
    expect(loss()).toMatchObject({ bought: "0.3", sold: "0.1" });
    // Its order is known after all.
    const order = world.s.want({ side: "sell", quantity: decimal("0.1") });
    world.s.tell(updated(order, { venueOrderId: id("lost-902") }));
    expect(loss()).toMatchObject({ bought: "0.3", sold: "0" });
    const bust = { kind: "fill.busted", venue, symbol: btc, tradeId: id("901"), evidence: "gone" } as const;
    world.s.tell({ ...bust, atWallMs: wallMs(world.now) } as JournalEvent);
    expect(loss()).toMatchObject({ bought: "0", sold: "0" });
    expect(stateOf(rowsOf(world.s.state), world.s.state.applied).parents).toEqual(world.s.state.parents);
  });
});

describe("a way out of a position, after a loss", () => {
  test("an entry is not sent that the journal does not know: the lost history may have", () => {
    const world = begun(bracket);
    world.lose(0);
    falls(world);
    expect([children(world), world.parent.status]).toEqual([[], "working"]);
  });

  test("a take that stands stays; none is sent; a stop still gets out of all that may be held", () => {
    const world = begun(bracket);
    world.turn(10);
    world.settle();
    world.turn(10);
    expect(children(world).at(-1)).toBe("sell 1 GTC new");
    world.lose(0);
    world.turn(1_000);
    expect(children(world).at(-1)).toBe("sell 1 GTC new");
    falls(world);
    expect(children(world).slice(1, 3)).toEqual(["sell 1 GTC cancelled", "sell 1 IOC cancelled"]);
    const later = begun(bracket);
    later.turn(10);
    later.settle();
    later.lose(0);
    later.turn(1_000);
    later.turn(1_000);
    expect(children(later)).toEqual(["buy 1 GTC filled"]);
  });

  test("a stop gets out of no more than the lost history can have left", () => {
    const world = begun(oco);
    world.lose(0);
    unexplained(world, "sell", "0.7", 901);
    falls(world);
    expect(new Set(children(world).map((child) => child.split(" ", 3).join(" ")))).toEqual(new Set(["sell 0.3 IOC"]));
    const gone = begun(oco);
    gone.lose(0);
    unexplained(gone, "sell", "1", 901);
    falls(gone);
    expect([children(gone), gone.parent.triggered !== undefined, gone.parent.status]).toEqual([[], true, "working"]);
  });

  test("a stop leaves out what an order of the lost history may still sell, which is left alone at the venue", () => {
    const world = begun(oco);
    world.lose(0);
    unexplained(world, "sell", "0.2", 901);
    world.bid = decimal("96.5");
    const order = (side: "buy" | "sell", quantity: string): VenueOrder => ({
      ...{ venueOrderId: id(`lost-${side}`), clientOrderId: "0", symbol: btc, status: "open", executed: decimal("0") },
      ...{ side, quantity: decimal(quantity) },
    });
    const exitsBeside = (...left: readonly VenueOrder[]): readonly string[] => {
      const state = stateBeside(world.s.state, new Map([[venue, left]]));
      const { events } = stepParent(state, world.parent, tag, world.context);
      return events.flatMap((event) => (event.kind === "intent.recorded" ? [event.terms.quantity] : []));
    };
    for (const event of stepParent(world.s.state, world.parent, tag, world.context).events) world.s.tell(event);
    expect(world.parent.triggered).toBeDefined();
    expect(exitsBeside()).toEqual(["0.8"]);
    expect(exitsBeside(order("buy", "0.5"))).toEqual(["0.8"]);
    expect(exitsBeside(order("sell", "0.5"))).toEqual(["0.3"]);
    expect(exitsBeside(order("sell", "0.8"))).toEqual([]);
  });

  test("where two have the same way out, one of which the lost history may have gone, the first stop takes what is left", () => {
    const world = begun(oco);
    world.tell([
      {
        kind: "parent.recorded",
        parent: id<ParentId>("p-2"),
        algorithm: oco,
        by: "trader",
        atWallMs: wallMs(world.now),
      },
    ]);
    world.lose(0);
    unexplained(world, "sell", "1", 901);
    world.bid = decimal("96.5");
    const exitsOf = (parent: string): number =>
      [...world.s.state.orders.values()].filter((order) => order.parent === parent).length;
    const stepTwice = (parent: ParentId): number => {
      for (let step = 0; step < 2; step += 1) {
        const row = world.s.state.parents.get(parent);
        if (row === undefined) throw new Error("there are two");
        for (const event of stepParent(world.s.state, row, tag, world.context).events) world.s.tell(event);
      }
      return exitsOf(parent);
    };
    const other = id<ParentId>("p-2");
    expect(stepTwice(parentId)).toBe(1);
    // What is on its way out counts as gone; when it comes back unexecuted, either may take it.
    expect(stepTwice(other)).toBe(0);
    const first = [...world.s.state.orders.values()].find((order) => order.parent === parentId);
    if (first === undefined) throw new Error("it is on its way out");
    world.s.tell(rejected(first));
    expect(stepTwice(other)).toBe(1);
  });

  test("and of two losses one after the other, each may have gone one of the ways out: neither is gone again", () => {
    const world = begun(oco);
    world.lose(0);
    unexplained(world, "sell", "1", 901);
    const second = id<ParentId>("p-2500");
    const at = { by: "trader", atWallMs: wallMs(world.now) } as const;
    world.tell([{ kind: "parent.recorded", parent: second, algorithm: oco, ...at }]);
    world.lose(0);
    unexplained(world, "sell", "1", 902);
    world.bid = decimal("96.5");
    for (const parent of [second, parentId, second, parentId]) {
      const row = world.s.state.parents.get(parent);
      if (row === undefined) throw new Error("there are two");
      for (const event of stepParent(world.s.state, row, tag, world.context).events) world.s.tell(event);
    }
    const exits = [...world.s.state.orders.values()].filter((order) => order.parent !== undefined);
    expect([exits, parentsHeldByLoss(world.s.state).length]).toEqual([[], 2]);
  });
});

test("whatever the lost history did, no parent executes more than it was asked for before a person has looked", () => {
  const drawn = fc.record({
    algorithm: fc.constantFrom(twap, vwap, pov, iceberg, oco, bracket),
    fates: fc.array(fc.constantFrom(...fates), { minLength: 1, maxLength: 6 }),
    turns: fc.integer({ min: 1, max: 40 }),
    lost: fc.integer({ min: 0, max: 12 }),
    isRising: fc.boolean(),
  });
  fc.assert(
    fc.property(drawn, ({ algorithm, fates: met, turns, lost, isRising }) => {
      const world = new World({ algorithm, fates: met, dieAfter: Number.POSITIVE_INFINITY, isSent: false });
      const run = (count: number): void => {
        for (let turn = 0; turn < count && world.parent.status === "working"; turn += 1) {
          world.trade(turn % 3 === 0 ? "0.7" : "0.3");
          if (turn % 20 === 12) world.bid = world.ask = decimal(isRising ? "103.5" : "96.5");
          world.turn(250);
          if (turn % 3 === 2) world.settle(turn % 2 === 0 ? "1" : "0.5");
        }
      };
      run(turns);
      world.lose(lost);
      const isAtWork = world.parent.status === "working";
      // What must hold at every instant is asserted in the world, by the venue's truth over both histories.
      run(120);
      // And nobody but a person ends the wait, but for exits that are complete by the account.
      expect(lossOf(world.parent) !== undefined || !isAtWork || hasLegs(algorithm)).toBe(true);
    }),
    { numRuns: 400, seed: 11 },
  );
});
