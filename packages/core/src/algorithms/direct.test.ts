import { describe, expect, test } from "vitest";
import { add, decimal, zero } from "../decimal.ts";
import type { AlgorithmParameters, VwapParameters } from "../formats/algorithms.ts";
import { btc, rules, tag, venue } from "../orders/sample-events.ts";
import { rowsOf } from "../orders/state.ts";
import { stateOf } from "../orders/state-of-rows.ts";
import { wallMs } from "../time.ts";
import { stopParent } from "./ending.ts";
import { checkParent, directParent, stepParent } from "./parent.ts";
import type { Direction } from "./parent.ts";
import { fineRules, World } from "./sample-world.ts";
import { scheduleOf, sliceWindow } from "./schedule.ts";

const common = { venue, symbol: btc, side: "buy", quantity: decimal("1") } as const;
const twap: AlgorithmParameters = { ...common, name: "twap", slices: 4, durationMs: 4_000, aggressionBps: 10 };
const iceberg: AlgorithmParameters = {
  ...{ ...common, name: "iceberg", display: decimal("0.3"), limitPrice: decimal("99.5"), timeInForce: "GTC" },
};
const bracket: AlgorithmParameters = {
  ...{ ...common, name: "bracket", aggressionBps: 50, timeInForce: "GTC", entryPrice: decimal("99.5") },
  ...{ takePrice: decimal("103"), stopPrice: decimal("97") },
};

const begunAs = { dieAfter: Number.POSITIVE_INFINITY, isSent: false };

function begun(algorithm: AlgorithmParameters): World {
  return new World({ ...begunAs, algorithm, fates: ["resting"] });
}

function told(world: World, direction: Direction): string | undefined {
  const o = { direction, by: "trader", rules: fineRules };
  const directed = directParent(world.s.state, world.parent, o, wallMs(world.now));
  if (directed.kind === "refused") return directed.refusal.code;
  world.tell(directed.events);
  return undefined;
}

const amend = (change: Readonly<Record<string, string | number>>): Direction => ({ what: "amend", change });
const quantities = (world: World): readonly string[] =>
  [...world.s.state.orders.values()].map((order) => order.terms.quantity);

describe("a profile", () => {
  const vwap: VwapParameters = {
    ...{ ...common, name: "vwap", slices: 4, durationMs: 4_000, aggressionBps: 10, profile: "configured" },
    weights: ["1", "2", "0", "1"].map(decimal),
  };
  const parts = (weights: readonly string[], quantity: string): readonly string[] =>
    scheduleOf(
      { ...vwap, slices: weights.length, weights: weights.map(decimal), quantity: decimal(quantity) },
      { ...rules, quantityMin: decimal("0.2") },
      { fromSlice: 1, rest: decimal(quantity) },
    );

  test("is followed in whole lots of the running sum, so that no rounding adds up", () => {
    expect(parts(["1", "2", "0", "1"], "4")).toEqual(["1", "2", "0", "1"]);
    expect(parts(["1", "1", "1"], "1")).toEqual(["0.3", "0.3", "0.4"]);
    expect(
      parts(["1", "1", "1", "1", "1", "1"], "1.5")
        .map(Number)
        .reduce((a, b) => a + b, 0),
    ).toBeCloseTo(1.5);
  });

  test("gives what the venue would not take to the next slice, or at the end to the one before", () => {
    expect(parts(["1", "1", "8"], "1")).toEqual(["0", "0.2", "0.8"]);
    expect(parts(["8", "1", "1"], "1")).toEqual(["0.8", "0", "0.2"]);
    expect(parts(["9", "0", "1"], "1")).toEqual(["1", "0", "0"]);
  });

  test("is refused as a whole where no slice could be taken", () => {
    expect(checkParent({ ...vwap, quantity: decimal("0.1") }, { ...rules, quantityMin: decimal("0.2") })?.code).toBe(
      "slice-too-small",
    );
    expect(checkParent(vwap, rules)).toBeUndefined();
  });
});

test("what a person asks of a parent keeps the reason, with the cancels of a pause too", () => {
  const world = begun(iceberg);
  world.turn(10);
  const events: unknown[] = [];
  const seen = (direction: Direction): void => {
    const o = { direction, by: "trader", rules: fineRules };
    const directed = directParent(world.s.state, world.parent, o, wallMs(world.now));
    if (directed.kind !== "events") throw new Error(directed.refusal.code);
    world.tell(directed.events);
    for (const event of directed.events) events.push([event.kind, "reason" in event ? event.reason : undefined]);
  };
  seen({ what: "amend", change: { limitPrice: "99" }, reason: "thin book" });
  seen({ what: "pause", reason: "news at noon" });
  seen({ what: "resume" });
  expect(events).toEqual([
    ["parent.amended", "thin book"],
    ["parent.paused", "news at noon"],
    ["cancel.requested", "news at noon"],
    ["parent.resumed", undefined],
  ]);
});

test("what a parent that works had taken by a trade that the venue took back, it does not take again", () => {
  const world = new World({ ...begunAs, algorithm: iceberg, fates: ["filled"] });
  world.turn(10);
  const [gone] = world.s.state.fills.values();
  if (gone === undefined) throw new Error("its first child has traded");
  const { tradeId, intent } = gone;
  world.tell([
    {
      ...{ kind: "fill.busted", venue, symbol: btc, tradeId, evidence: "gone", atWallMs: wallMs(world.now) },
      ...(intent !== undefined && { intent }),
    },
  ]);
  for (let turn = 0; turn < 20; turn += 1) world.turn(1_000);
  expect(quantities(world)).toEqual(["0.3", "0.3", "0.3", "0.1"]);
  expect(world.parent).toMatchObject({ status: "done", executed: "0.7" });
});

describe("a pause", () => {
  test("begins no slice, and shifts the windows by its length, so that none is lost to it", () => {
    const world = begun(twap);
    world.turn(0);
    expect(told(world, { what: "pause" })).toBeUndefined();
    world.turn(10_000);
    expect(world.parent.slices.map((slice) => slice.kind)).toEqual(["intent", "waiting", "waiting", "waiting"]);
    world.s.state = stateOf(rowsOf(world.s.state), world.s.state.applied);
    expect(told(world, { what: "resume" })).toBeUndefined();
    expect(sliceWindow(world.parent, 2).opensWallMs).toBe(21_000);
    world.turn(1_000);
    expect(world.parent.slices.map((slice) => slice.kind)).toEqual(["intent", "intent", "waiting", "waiting"]);
  });

  test("takes a resting child back, and what is left is shown anew when it is over", () => {
    const world = begun(iceberg);
    world.turn(10);
    told(world, { what: "pause" });
    world.settle("0");
    world.turn(10);
    expect(quantities(world)).toEqual(["0.3"]);
    told(world, { what: "resume" });
    world.turn(10);
    expect(quantities(world)).toEqual(["0.3", "0.3"]);
  });

  test("is said twice without effect, and not of exits or of what was stopped", () => {
    const world = begun(twap);
    expect(told(world, { what: "resume" })).toBeUndefined();
    told(world, { what: "pause" });
    expect(told(world, { what: "pause" })).toBeUndefined();
    expect(told(begun(bracket), { what: "pause" })).toBe("parent-state");
    const stop = { reason: "cancelled", by: "trader" } as const;
    world.tell(stopParent(world.s.state, world.parent, stop, wallMs(world.now)));
    expect(told(world, { what: "resume" })).toBe("parent-state");
    world.turn(10);
    expect(world.parent.status).toBe("cancelled");
  });
});

describe("an amendment", () => {
  test("of the quantity is shared by the slices that are still to come", () => {
    const world = begun(twap);
    world.turn(0);
    world.turn(1_000);
    expect(told(world, amend({ quantity: "2" }))).toBeUndefined();
    world.turn(1_000);
    expect(told(world, amend({ quantity: "1.5" }))).toBeUndefined();
    world.turn(1_000);
    expect(quantities(world)).toEqual(["0.25", "0.25", "0.75", "0.25"]);
    expect(quantities(world).map(decimal).reduce(add, zero)).toBe("1.5");
  });

  test("is never below what is scheduled, open or executed already, and names figures of its algorithm", () => {
    const world = begun(twap);
    world.turn(0);
    world.turn(1_000);
    expect(told(world, amend({ quantity: "0.49" }))).toBe("amend-too-small");
    expect(told(world, amend({ quantity: "0.505" }))).toBe("lot-size");
    expect(told(world, amend({ quantity: "0.51" }))).toBe("slice-too-small");
    expect(told(world, amend({ display: "0.1" }))).toBe("amend-malformed");
    expect(told(world, amend({ quantity: "-1" }))).toBe("amend-malformed");
    expect(told(world, amend({}))).toBe("amend-malformed");
    expect(told(world, amend({ participationMax: "0.1" }))).toBe("amend-malformed");
    const other = begun(iceberg);
    other.turn(10);
    expect(told(other, amend({ quantity: "0.2" }))).toBe("amend-too-small");
  });

  test("to exactly what is scheduled leaves nothing to the slices that are still to come", () => {
    const world = begun(twap);
    world.turn(0);
    expect(told(world, amend({ quantity: "0.25" }))).toBeUndefined();
    for (let turn = 0; turn < 8; turn += 1) world.turn(1_000);
    world.settle();
    world.turn(10);
    expect(quantities(world)).toEqual(["0.25"]);
    expect(world.parent.slices.slice(1)).toEqual(
      Array.from({ length: 3 }, () => ({ kind: "skipped", reason: "nothing-scheduled" })),
    );
  });

  test("of the price takes the shown child back and shows it at the new one", () => {
    const world = begun(iceberg);
    world.turn(10);
    told(world, amend({ limitPrice: "99" }));
    world.turn(10);
    world.settle("0");
    world.turn(10);
    const prices = [...world.s.state.orders.values()].map((order) => `${order.terms.price} ${order.status}`);
    expect(prices).toEqual(["99.5 cancelled", "99 new"]);
  });

  test("moves a stop, and the exits with it", () => {
    const world = begun({ ...bracket, entryPrice: decimal("99.5") });
    world.turn(10);
    world.settle();
    world.turn(10);
    expect(told(world, amend({ stopPrice: "104" }))).toBe("prices-crossed");
    expect(told(world, amend({ stopPrice: "99" }))).toBeUndefined();
    world.bid = decimal("99");
    world.turn(10);
    expect(world.parent.triggered?.basis.bid).toBe("99");
  });
});

describe("a bracket", () => {
  test("enters, rests its take, and at the stop calls it back and only then gets out", () => {
    const world = begun(bracket);
    world.turn(10);
    world.settle();
    world.turn(10);
    world.bid = decimal("96.5");
    world.turn(10);
    world.turn(10);
    // The take's cancel has not arrived: nothing gets out yet.
    expect(world.s.state.orders.size).toBe(2);
    world.settle("0");
    world.turn(10);
    const story = [...world.s.state.orders.values()].map(
      ({ terms, status }) => `${terms.side} ${terms.quantity} at ${terms.price} ${terms.timeInForce} ${status}`,
    );
    expect(story).toEqual(["buy 1 at 99.5 GTC filled", "sell 1 at 103 GTC cancelled", "sell 1 at 96.5 IOC cancelled"]);
  });

  test("whose entry executed nothing ends, and says so", () => {
    const world = new World({ algorithm: bracket, fates: ["rejected"], dieAfter: 1_000, isSent: false });
    world.turn(10);
    world.turn(10);
    expect(world.parent).toMatchObject({ status: "done", endDetail: "the entry executed nothing" });
  });

  test("with its prices on the wrong sides is refused", () => {
    expect(checkParent({ ...bracket, stopPrice: decimal("104") }, rules)?.code).toBe("prices-crossed");
    expect(checkParent({ ...bracket, entryPrice: decimal("103") }, rules)?.code).toBe("prices-crossed");
    expect(checkParent(bracket, rules)).toBeUndefined();
  });

  test("stops at a kill of its instrument, exits and all", () => {
    const world = begun(bracket);
    world.turn(10);
    world.settle();
    const words = { by: "op", reason: "drill", atWallMs: wallMs(world.now) };
    const scopes = [{ level: "instrument", id: btc, ...words }] as const;
    world.tell([{ kind: "kill.set", level: "instrument", ...words, scopes }]);
    world.turn(10);
    world.turn(10);
    expect(world.parent.status).toBe("killed");
    expect(stepParent(world.s.state, world.parent, tag, world.context).events).toEqual([]);
  });
});
