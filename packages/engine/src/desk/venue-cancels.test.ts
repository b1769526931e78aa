/** A reduce-only order that its venue takes back: whether the account is stopped for it is what the account's numbers say. */
import { decimal } from "@baton/core";
import type { IntentId, ParentRequest } from "@baton/core";
import { expect, test } from "vitest";
import { DeskRig, rigConfig } from "../testing/desk-rig.ts";
import { leading } from "../testing/leading-desk.ts";
import { btc, ScriptedVenue } from "../testing/scripted-venue.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

/** It holds 2 at a venue of futures. */
async function holding(hasSwitch = false): Promise<DeskRig> {
  const venue = new ScriptedVenue();
  venue.positions = new Map();
  venue.hasSwitch = hasSwitch;
  const config = rigConfig();
  const armed = { deadMansSwitch: { policy: "arm-on-lead", timeoutMs: 8_000 } } as const;
  const venues = config.venues.map((each) => (hasSwitch ? { ...each, ...armed } : each));
  const rig = await leading(
    new DeskRig({ venue, config: { ...config, venues, risk: { ...config.risk, balances: "ignore" } } }),
  );
  rig.order({ quantity: decimal("2") });
  await pass(50);
  venue.fill(venue.placed[0] ?? "", "1");
  venue.positions.set(btc, decimal("2"));
  await pass(50);
  return rig;
}

/** It holds 2 at a venue of futures, and an order to sell them rests there. */
async function guarded(hasSwitch = false): Promise<{ readonly rig: DeskRig; readonly guard: IntentId }> {
  const rig = await holding(hasSwitch);
  const guard = rig.order({ side: "sell", price: decimal("100.5"), quantity: decimal("2"), reduceOnly: true });
  await pass(50);
  return { rig, guard };
}

/** The venue cancels it, and tells. */
function cancelAtVenue(rig: DeskRig, guard: IntentId): void {
  const order = rig.venue.orders.get(rig.row(guard).attempts[0]?.clientOrderId ?? "");
  if (order === undefined) throw new Error("the venue has no such order");
  const cancelled = { ...order, status: "cancelled" } as const;
  rig.venue.orders.set(order.clientOrderId, cancelled);
  rig.venue.tell({ kind: "order", order: cancelled, source: "stream" });
}

/** It took the trade back, and what was to reduce the position with it. */
function bust(rig: DeskRig, guard: IntentId): void {
  rig.venue.trades.length = 0;
  rig.venue.positions?.set(btc, decimal("0"));
  cancelAtVenue(rig, guard);
}

const isStopped = (rig: DeskRig): boolean => rig.ledger.speculative.engine.kill.level === "account";
const busts = (rig: DeskRig): number => rig.journal.events.filter((event) => event.kind === "fill.busted").length;

test("of which a bust has taken the position has ended, is told, and stops nothing; trading goes on when the bust is on record too", async () => {
  const { rig, guard } = await guarded();
  bust(rig, guard);
  await pass(500);
  expect(rig.row(guard)).toMatchObject({ status: "cancelled" });
  expect(rig.warnings).toEqual([expect.stringContaining(`order.cancelled-by-venue: ${guard}, which only reduces`)]);
  await pass(50_000);
  expect([busts(rig), isStopped(rig)]).toEqual([0, false]);
  await pass(60_000);
  expect([busts(rig), isStopped(rig)]).toEqual([1, false]);
  expect(rig.ask()).toMatchObject({ kind: "recorded" });
  // Its position has grown again by somebody's order: that is no reason to suspect anybody of the cancel of then.
  rig.venue.fill(rig.venue.placed.at(-1) ?? "", "2");
  await pass(30_000);
  expect(isStopped(rig)).toBe(false);
});

test("of which the venue has the position as the journal has it was taken back by somebody: the account is stopped", async () => {
  const { rig, guard } = await guarded();
  cancelAtVenue(rig, guard);
  await pass(3_900);
  expect(isStopped(rig)).toBe(false);
  await pass(6_000);
  expect(isStopped(rig)).toBe(true);
  expect(rig.warnings).toContain(
    `order.cancelled-unasked: ${guard} was cancelled at sim, and nobody here took it back.`,
  );
});

test("that was the exit of an OCO stops the account as well, though its parent has made another one meanwhile", async () => {
  const rig = await holding();
  const oco: ParentRequest = {
    ...{ algo: "oco", symbol: btc, side: "sell", quantity: decimal("2"), aggressionBps: 100 },
    ...{ takePrice: decimal("101"), stopPrice: decimal("90") },
  };
  expect(rig.desk.request(oco, "trader", undefined)).toMatchObject({ kind: "recorded" });
  await pass(1_000);
  const exits = (): readonly IntentId[] =>
    [...rig.ledger.speculative.orders.values()].filter((order) => order.parent !== undefined).map((order) => order.id);
  const [exit] = exits();
  if (exit === undefined) throw new Error("there is no exit");
  cancelAtVenue(rig, exit);
  await pass(3_900);
  expect(exits()).toHaveLength(2);
  expect(isStopped(rig)).toBe(false);
  await pass(6_000);
  expect(isStopped(rig)).toBe(true);
  expect(rig.warnings).toContain(
    `order.cancelled-unasked: ${exit} was cancelled at sim, and nobody here took it back.`,
  );
});

test("when its venue's switch may have fired is understood as that, also where the positions are read long after", async () => {
  const { rig, guard } = await guarded(true);
  // The switch could not be set for longer than its countdown; then it is again, and what it cancelled is told.
  rig.venue.isReachable = false;
  await pass(9_000);
  rig.venue.isReachable = true;
  await pass(8_000);
  cancelAtVenue(rig, guard);
  await pass(20_000);
  expect(isStopped(rig)).toBe(false);
  expect(rig.warnings).toContain(`switch.fired: ${guard} was cancelled at sim, by its dead man's switch as it seems.`);
});

test("of which the position has gone, and neither a trade nor a bust says why, stops the account when that is on record", async () => {
  const { rig, guard } = await guarded();
  rig.venue.positions?.set(btc, decimal("0.3"));
  cancelAtVenue(rig, guard);
  await pass(20_000);
  expect(rig.journal.events.filter((event) => event.kind === "drift.found")).toMatchObject([{ told: "0.3" }]);
  expect(isStopped(rig)).toBe(true);
});

test("is waited for while the venue's positions cannot be read, and judged when they can", async () => {
  const { rig, guard } = await guarded();
  rig.venue.isReachable = false;
  cancelAtVenue(rig, guard);
  await pass(30_000);
  expect(isStopped(rig)).toBe(false);
  rig.venue.isReachable = true;
  await pass(10_000);
  expect(isStopped(rig)).toBe(true);
});

test.each([
  ["is understood by the successor too, where a bust took the position", true],
  ["stops the account under the successor, where nothing explains it", false],
])("that its leader did not live to judge %s", async (_what, isBust) => {
  const { rig, guard } = await guarded();
  if (isBust) bust(rig, guard);
  else cancelAtVenue(rig, guard);
  await pass(1_000);
  rig.desk.end();
  const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
  next.commit();
  next.lead(2);
  await pass(90_000);
  expect([busts(next), isStopped(next)]).toEqual(isBust ? [1, false] : [0, true]);
});
