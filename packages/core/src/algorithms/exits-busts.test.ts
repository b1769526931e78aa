/** Brackets whose entry loses trades again: what they hold is what is left, and no exit is for more, on spot and on futures. */
import { describe, expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import type { BracketParameters } from "../formats/algorithms.ts";
import { isOrderEnded } from "../orders/order-row.ts";
import type { OrderRow } from "../orders/order-row.ts";
import { btc, updated, venue } from "../orders/sample-events.ts";
import { marketKey } from "../orders/state.ts";
import { wallMs } from "../time.ts";
import { World } from "./sample-world.ts";
import type { Fate } from "./sample-world.ts";

const bracket: BracketParameters = {
  ...{ venue, symbol: btc, side: "buy", quantity: decimal("1"), name: "bracket", aggressionBps: 50 },
  ...{ timeInForce: "GTC", entryPrice: decimal("99.5"), takePrice: decimal("103"), stopPrice: decimal("97") },
};

function begun(hasReduceOnly: boolean, entry: Fate): World {
  const world = new World({
    algorithm: bracket,
    fates: [entry, "resting"],
    dieAfter: 1_000,
    isSent: false,
    hasReduceOnly,
  });
  world.turn(10);
  return world;
}

const entryOf = (world: World): OrderRow => [...world.s.state.orders.values()][0] as OrderRow;
const exitsOf = (world: World): readonly string[] =>
  [...world.s.state.orders.values()]
    .slice(1)
    .map(({ terms, status }) => `${terms.quantity} ${terms.timeInForce} ${status}`);
const position = (world: World): string => world.s.state.positions.get(marketKey(venue, btc))?.quantity ?? "0";

/** The venue takes back the first trade of the entry that it has not taken back already. */
function bust(world: World): void {
  const fill = [...world.s.state.fills.values()].find(({ bustedWallMs }) => bustedWallMs === undefined);
  if (fill?.intent === undefined) throw new Error("the entry has traded");
  const { symbol, tradeId, intent } = fill;
  world.tell([{ kind: "fill.busted", venue, symbol, tradeId, intent, evidence: "gone", atWallMs: wallMs(world.now) }]);
}

function turns(world: World, count: number): void {
  for (let turn = 0; turn < count; turn += 1) {
    world.turn(1_000);
    world.settle("0");
  }
}

describe.each([
  ["spot", false],
  ["futures", true],
])("at a venue of %s", (_kind, hasReduceOnly) => {
  test("the take of an entry that lost a trade while it was open is for what the entry has left, and waits for nothing", () => {
    const world = begun(hasReduceOnly, "partial");
    expect(entryOf(world)).toMatchObject({ status: "partially-filled", filled: "0.5" });
    bust(world);
    // The venue's own figure has the trade still, in whatever it tells of the order.
    const told = updated(entryOf(world), { status: "partially-filled", executed: decimal("0.5") });
    world.tell([told]);
    expect(entryOf(world)).toMatchObject({ status: "new", executed: "0", filled: "0" });
    world.settle();
    expect(entryOf(world)).toMatchObject({ status: "filled", executed: "0.5", filled: "0.5", busted: "0.5" });
    turns(world, 3);
    expect([exitsOf(world), position(world)]).toEqual([["0.5 GTC new"], "0.5"]);
  });

  test("a take that rests is called back when a trade of its entry is taken back, and comes again for what is left", () => {
    const world = begun(hasReduceOnly, "resting");
    world.settle("0.4");
    world.settle();
    turns(world, 2);
    expect(exitsOf(world)).toEqual(["1 GTC new"]);
    bust(world);
    turns(world, 3);
    expect([exitsOf(world), position(world)]).toEqual([["1 GTC cancelled", "0.6 GTC new"], "0.6"]);
    world.bid = decimal("96.5");
    turns(world, 4);
    expect(exitsOf(world).slice(0, 3)).toEqual(["1 GTC cancelled", "0.6 GTC cancelled", "0.6 IOC cancelled"]);
  });

  test("whose entry lost all of its trades it takes its exit back and ends, and says why", () => {
    const world = begun(hasReduceOnly, "resting");
    world.settle();
    turns(world, 2);
    expect(exitsOf(world)).toEqual(["1 GTC new"]);
    bust(world);
    turns(world, 3);
    expect(exitsOf(world)).toEqual(["1 GTC cancelled"]);
    expect(world.parent).toMatchObject({ status: "done", endDetail: "what the entry executed was taken back" });
    expect([...world.s.state.orders.values()].every((order) => isOrderEnded(order))).toBe(true);
  });
});
