/** A reduce-only order that its venue takes back: whether the account is stopped for it is what the account's numbers say. */
import { decimal } from "@baton/core";
import type { IntentId } from "@baton/core";
import { expect, test } from "vitest";
import { DeskRig, rigConfig } from "../testing/desk-rig.ts";
import { leading } from "../testing/leading-desk.ts";
import { btc, ScriptedVenue } from "../testing/scripted-venue.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

/** It holds 2 at a venue of futures, and an order to sell them rests there. */
async function guarded(): Promise<{ readonly rig: DeskRig; readonly guard: IntentId }> {
  const venue = new ScriptedVenue();
  venue.positions = new Map();
  const config = rigConfig();
  const rig = await leading(
    new DeskRig({ venue, config: { ...config, risk: { ...config.risk, balances: "ignore" } } }),
  );
  rig.order({ quantity: decimal("2") });
  await pass(50);
  venue.fill(venue.placed[0] ?? "", "1");
  venue.positions.set(btc, decimal("2"));
  await pass(50);
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
