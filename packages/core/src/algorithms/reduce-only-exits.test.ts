/** Brackets and OCOs where the venue has reduce-only orders: whatever became of the position, an exit opens none. */
import { expect, test } from "vitest";
import { decimal, zero } from "../decimal.ts";
import type { BracketParameters, OcoParameters } from "../formats/algorithms.ts";
import { btc, fill, updated, venue } from "../orders/sample-events.ts";
import { marketKey } from "../orders/state.ts";
import { World } from "./sample-world.ts";

const common = { venue, symbol: btc, quantity: decimal("1"), aggressionBps: 50 } as const;
const prices = { takePrice: decimal("103"), stopPrice: decimal("97") } as const;
const bracket: BracketParameters = {
  ...{ ...common, ...prices, name: "bracket", side: "buy", timeInForce: "GTC", entryPrice: decimal("99.5") },
};
const oco: OcoParameters = { ...common, ...prices, name: "oco", side: "sell" };

let trade = 1_000;

/** An order of somebody else on the account, executed by so much. */
function traded(world: World, side: "buy" | "sell", quantity: string, executed = quantity): void {
  const order = world.s.order(world.s.want({ side, quantity: decimal(quantity) }).id);
  world.s.tell(updated(order, { executed: decimal(executed) }));
  if (decimal(executed) !== zero) world.s.tell(fill(world.s.order(order.id), (trade += 1), executed));
}

function begun(
  algorithm: BracketParameters | OcoParameters,
  o: { hasReduceOnly?: boolean; held?: string } = {},
): World {
  const { hasReduceOnly = true, held } = o;
  const world = new World({ algorithm, fates: ["resting"], dieAfter: 1_000, isSent: false, hasReduceOnly });
  if (held !== undefined) traded(world, "buy", held);
  world.turn(10);
  return world;
}

const exits = (world: World): readonly string[] =>
  [...world.s.state.orders.values()]
    .filter((order) => order.parent !== undefined && order.terms.side === "sell")
    .map(({ terms: { quantity, timeInForce, reduceOnly } }) =>
      [quantity, timeInForce, ...(reduceOnly === true ? ["reduce-only"] : [])].join(" "),
    );
const position = (world: World): string => world.s.state.positions.get(marketKey(venue, btc))?.quantity ?? "0";
/** The price falls through the stop, the take goes, and the way out is tried for a while. */
function falls(world: World): void {
  world.bid = decimal("96.5");
  for (let turn = 0; turn < 20; turn += 1) {
    world.turn(1_000);
    world.settle("0");
  }
}

test("both ways out are reduce-only where the venue has such orders, and plain where it has none; an entry is plain", () => {
  for (const hasReduceOnly of [true, false]) {
    const world = begun(bracket, { hasReduceOnly });
    world.settle();
    world.turn(10);
    falls(world);
    const [entry] = world.s.state.orders.values();
    expect(entry?.terms).not.toHaveProperty("reduceOnly");
    const suffix = hasReduceOnly ? " reduce-only" : "";
    expect(exits(world).slice(0, 2)).toEqual([`1 GTC${suffix}`, `1 IOC${suffix}`]);
  }
});

test("an OCO of more than is held gets out of what is held, at either price, and turns no position", () => {
  const resting = begun(oco, { held: "0.4" });
  expect(exits(resting)).toEqual(["0.4 GTC reduce-only"]);
  const falling = begun(oco, { held: "0.4" });
  falls(falling);
  const tried = exits(falling);
  expect(tried.slice(0, 2)).toEqual(["0.4 GTC reduce-only", "0.4 IOC reduce-only"]);
  expect(tried.filter((exit) => !exit.startsWith("0.4 "))).toEqual([]);
  // The venue without such orders is sold all of it: what it holds there is the trader's to know.
  expect(exits(begun(oco, { held: "0.4", hasReduceOnly: false }))).toEqual(["1 GTC"]);
});

test("closed by another hand, the position is not sold a second time; the stop waits, and is there when it comes back", () => {
  const world = begun(bracket);
  world.settle();
  traded(world, "sell", "1");
  falls(world);
  expect([exits(world), position(world), world.parent.status]).toEqual([[], "0", "working"]);
  expect(world.parent.triggered).toBeDefined();
  traded(world, "buy", "0.3");
  world.turn(1_000);
  expect(exits(world)).toEqual(["0.3 IOC reduce-only"]);
});

test("what else is open against the position comes first: an exit is for what that leaves", () => {
  const world = begun(bracket);
  traded(world, "sell", "0.7", "0");
  world.settle();
  world.turn(10);
  expect(exits(world)).toEqual(["0.3 GTC reduce-only"]);
});

test("the take waits until all trades of its entry are told, so that it is one order for all; the stop does not", () => {
  const world = begun(bracket);
  const [entry] = world.s.state.orders.values();
  if (entry === undefined) throw new Error("it has an entry");
  world.s.tell(updated(entry, { status: "filled", executed: decimal("1") }));
  world.s.tell(fill(world.s.order(entry.id), 1, "0.4"));
  world.turn(10);
  expect(exits(world)).toEqual([]);
  world.bid = decimal("96.5");
  world.turn(10);
  world.turn(1_000);
  expect(exits(world)).toEqual(["0.4 IOC reduce-only"]);
});
