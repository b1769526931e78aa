/**
 * One property per algorithm: the leader is killed after every single event of a run, with its last request sent and not
 * sent, under drawn fates of requests. Each slice is executed once or recorded as not executed, what the children do
 * together is what the schedule says, and at no instant could the venue execute more than that (`sample-world.ts`).
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { add, compare, decimal, subtract, zero } from "../decimal.ts";
import { hasLegs } from "../formats/algorithms.ts";
import type { AlgorithmParameters } from "../formats/algorithms.ts";
import { isOrderEnded } from "../orders/order-row.ts";
import { btc, venue } from "../orders/sample-events.ts";
import { fates, fineRules, parentId, World } from "./sample-world.ts";
import type { Fate, WorldPlan } from "./sample-world.ts";
import { scheduleOf } from "./schedule.ts";

const common = { venue, symbol: btc, side: "buy", quantity: decimal("1") } as const;
const taking = { aggressionBps: 10 } as const;

const algorithms = {
  twap: { ...common, ...taking, name: "twap", slices: 5, durationMs: 5_000 },
  vwap: {
    ...{ ...common, ...taking, name: "vwap", slices: 5, durationMs: 5_000, profile: "configured" },
    weights: ["1", "4", "0", "0.001", "3"].map(decimal),
  },
  "twap with a share of the volume": {
    ...{ ...common, ...taking, name: "twap", slices: 5, durationMs: 5_000 },
    participationMax: decimal("0.2"),
  },
  pov: {
    ...{ ...common, ...taking, name: "pov", participation: decimal("0.1"), durationMs: 8_000, intervalMs: 500 },
    sliceMin: decimal("0.05"),
  },
  iceberg: { ...common, name: "iceberg", display: decimal("0.3"), limitPrice: decimal("99.5"), timeInForce: "GTC" },
  oco: {
    ...{ ...common, side: "sell", name: "oco", aggressionBps: 50 },
    ...{ takePrice: decimal("103"), stopPrice: decimal("97") },
  },
  bracket: {
    ...{ ...common, name: "bracket", aggressionBps: 50, timeInForce: "GTC", entryPrice: decimal("99.5") },
    ...{ takePrice: decimal("103"), stopPrice: decimal("97") },
  },
} as const satisfies Readonly<Record<string, AlgorithmParameters>>;

/** Runs a parent to its end. On the way the price falls through every stop, or rises to every take. */
function run(plan: WorldPlan, isRising = false): World {
  const world = new World(plan);
  for (let turn = 0; turn < 400 && world.parent.status === "working"; turn += 1) {
    world.trade(turn % 3 === 0 ? "0.7" : "0.3");
    // An entry that the rise has left behind gets a second chance.
    if (turn === 100) [world.bid, world.ask] = [decimal("99.5"), decimal("100")];
    if (turn % 100 === 12) world.bid = world.ask = decimal(isRising ? "103.5" : "96.5");
    world.turn(250);
    if (turn % 3 === 2) world.settle(turn % 2 === 0 ? "1" : "0.5");
  }
  return world;
}

const drawn = fc.record({
  fates: fc.array(fc.constantFrom(...fates), { minLength: 1, maxLength: 6 }),
  isSent: fc.boolean(),
  isRising: fc.boolean(),
});

/** Every prefix of the run without a death is a place to die. */
function overEveryDeath(
  algorithm: AlgorithmParameters,
  judge: (world: World, plan: WorldPlan) => void,
  runs: number,
  kind: Pick<WorldPlan, "hasReduceOnly"> = {},
): void {
  fc.assert(
    fc.property(drawn, ({ fates: drawnFates, isSent, isRising: drawnRising }) => {
      const isRising = drawnRising && hasLegs(algorithm);
      const plan = (dieAfter: number): WorldPlan => ({ algorithm, fates: drawnFates, dieAfter, isSent, ...kind });
      const whole = run(plan(Number.POSITIVE_INFINITY), isRising);
      judge(whole, plan(Number.POSITIVE_INFINITY));
      // The parent is the second event.
      for (let dieAfter = 2; dieAfter <= whole.s.texts.length; dieAfter += 1) {
        const world = run(plan(dieAfter), isRising);
        expect(world.hasDied).toBe(true);
        judge(world, plan(dieAfter));
      }
    }),
    { numRuns: runs },
  );
}

/** What holds of every parent that has ended. */
function judgeEnd(world: World): void {
  const { parent } = world;
  expect(parent.status === "done" || parent.status === "failed").toBe(true);
  for (const order of world.s.state.orders.values()) {
    expect(isOrderEnded(order)).toBe(true);
    const held = world.venue.get(order.id);
    expect(order.venueOrderId !== undefined).toBe(held !== undefined);
    expect(order.filled).toBe(held?.executed ?? zero);
  }
  expect(parent.executed).toBe(world.executed());
  const intents = parent.slices.flatMap((slice) => (slice.kind === "intent" ? [slice.intent] : []));
  expect(intents.toSorted()).toEqual([...world.s.state.orders.keys()].toSorted());
  expect(parent.slices.every((slice) => slice.kind !== "waiting")).toBe(true);
}

describe.each(["twap", "vwap"] as const)("%s", (name) => {
  test("the children together are the schedule, each slice once, over a death after every event (I13)", () => {
    const algorithm = algorithms[name];
    const share = { fromSlice: 1, rest: algorithm.quantity };
    const schedule = scheduleOf(algorithm, fineRules, share);
    expect(schedule.reduce(add, zero)).toBe(algorithm.quantity);
    overEveryDeath(
      algorithm,
      (world) => {
        judgeEnd(world);
        const made = world.parent.slices.map((slice) => {
          if (slice.kind === "intent") return world.s.order(slice.intent).terms.quantity;
          return slice.kind === "skipped" ? slice.reason : slice.kind;
        });
        const allowed = schedule.map((quantity, at) =>
          made[at] === "window-passed" || (quantity === zero && made[at] === "nothing-scheduled") ? made[at] : quantity,
        );
        expect(made).toEqual(allowed);
      },
      12,
    );
  });
});

test("a share of the volume caps a schedule: what it leaves out is not made up for, over a death after every event", () => {
  const algorithm = algorithms["twap with a share of the volume"];
  overEveryDeath(
    algorithm,
    (world) => {
      judgeEnd(world);
      for (const order of world.s.state.orders.values())
        expect(compare(order.terms.quantity, decimal("0.2"))).toBeLessThanOrEqual(0);
    },
    8,
  );
});

test("POV follows the counted volume, and a successor counts none of it twice, over a death after every event", () => {
  overEveryDeath(
    algorithms.pov,
    (world, plan) => {
      judgeEnd(world);
      // Without a death and without a fault it follows to within its smallest slice and a turn's volume.
      const isGood = plan.fates.every((fate) => fate === "filled") && plan.dieAfter === Number.POSITIVE_INFINITY;
      const due = Math.min(1, Number(world.publicVolume) * 0.1);
      expect(due - Number(world.executed())).toBeLessThan(isGood ? 0.2 : 2);
    },
    3,
  );
});

test("an iceberg shows one child at a time and executes all of it, over a death after every event", () => {
  overEveryDeath(
    algorithms.iceberg,
    (world, plan) => {
      judgeEnd(world);
      const isFaulty = plan.fates.some((fate) => fate === "rejected" || fate === "lost");
      // Where the venue refused, or never had, three children in a row, it has given up.
      expect(["1", isFaulty ? world.executed() : "1"]).toContain(world.executed());
    },
    12,
  );
});

describe.each([
  { name: "oco", venue: "spot", hasReduceOnly: false },
  { name: "bracket", venue: "spot", hasReduceOnly: false },
  { name: "bracket", venue: "futures, by reduce-only orders,", hasReduceOnly: true },
] as const)("$name", ({ name, venue: kind, hasReduceOnly }) => {
  test(`at a venue of ${kind} only one way out is taken, and all of what was held is got out of, over a death after every event`, () => {
    const algorithm = algorithms[name];
    overEveryDeath(
      algorithm,
      (world) => {
        judgeEnd(world);
        const isEntry = (slice: number | undefined): boolean => name === "bracket" && slice === 1;
        const held = name === "oco" ? algorithm.quantity : world.executed((order) => isEntry(order.slice));
        const out = world.executed((order) => !isEntry(order.slice));
        // Below the venue's minimum nothing can be got out of.
        const left = subtract(held, out);
        expect(compare(left, fineRules.quantityMin)).toBeLessThan(0);
        expect(left.startsWith("-")).toBe(false);
      },
      30,
      { hasReduceOnly },
    );
  });
});

test("the world itself would notice a slice that is repeated", () => {
  const plan = { algorithm: algorithms.iceberg, fates: ["resting" as Fate], dieAfter: 1_000, isSent: false };
  const world = new World(plan);
  world.turn(10);
  const shown = world.s.state.parents.get(parentId)?.slices[0];
  expect(shown).toMatchObject({ kind: "intent" });
  const [order] = world.s.state.orders.values();
  if (order === undefined) throw new Error("a child is shown");
  world.venue.set("i-99" as never, {
    intent: order.id,
    order,
    quantity: decimal("0.9"),
    isResting: true,
    executed: zero,
    isOpen: true,
  });
  expect(() => world.settle("0.5")).toThrow("the venue could never execute more");
});
