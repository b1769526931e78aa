import { decimal, id } from "@baton/core";
import type { PlaceOutcome, TradeId, VenueOrder, VenueOrderId } from "@baton/core";
import type { VenueTrade } from "@baton/venues";
import { expect, test } from "vitest";
import { wallNow } from "../clock.ts";
import { DeskRig } from "../testing/desk-rig.ts";
import { btc, stampNow } from "../testing/scripted-venue.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

async function leading(): Promise<DeskRig> {
  const rig = new DeskRig().lead(1);
  await pass(50);
  return rig;
}

/** A trade of an order that somebody else has on this account, as the venue lists it. */
function foreignTrade(): VenueTrade {
  return {
    tradeId: id<TradeId>("7"),
    symbol: btc,
    venueOrderId: id<VenueOrderId>("900"),
    side: "buy",
    price: decimal("100"),
    quantity: decimal("1"),
    fee: decimal("0"),
    feeCurrency: "USDT",
    isMaker: false,
    tradedWallMs: wallNow(),
  };
}

const inDoubt = (): Promise<PlaceOutcome> =>
  Promise.resolve({ kind: "in-doubt", cause: "no answer", stamp: stampNow() });

test("a trade of somebody else's order on the account holds no doubt open, once the venue has said whose it is", async () => {
  const rig = await leading();
  rig.venue.script.push(inDoubt);
  const intent = rig.order();
  await pass(1);
  rig.venue.trades.push(foreignTrade());
  await pass(10_000);
  expect(rig.row(intent).status).toBe("in-doubt");
  rig.venue.tell({ kind: "fill", fill: { ...foreignTrade(), clientOrderId: "by-hand" }, source: "stream" });
  await pass(10_000);
  expect(rig.row(intent)).toMatchObject({ status: "not-sent", endReason: "expired" });
});

test("an end that the stream told before a stale answer to the placement is the end", async () => {
  const rig = await leading();
  rig.venue.script.push(async (order) => {
    const answer = rig.venue.accept(order);
    const told = rig.venue.orders.get(order.clientOrderId) as VenueOrder;
    rig.venue.tell({ kind: "order", order: { ...told, status: "cancelled" }, source: "stream" });
    await new Promise((resolve) => setTimeout(resolve, 100));
    return answer;
  });
  const intent = rig.order();
  await pass(1_000);
  expect(rig.row(intent).status).toBe("cancelled");
});

test("money that comes from elsewhere is recorded as drift, once, with both numbers, and risk goes on by the venue's", async () => {
  const rig = await leading();
  const told = { USDT: decimal("100500") };
  rig.venue.tell({ kind: "balances", balances: told, source: "recovery" });
  await pass(5_000);
  rig.venue.tell({ kind: "balances", balances: told, source: "recovery" });
  await pass(5_000);
  rig.venue.tell({ kind: "balances", balances: told, source: "recovery" });
  const drifts = rig.journal.events.filter((event) => event.kind === "drift.found");
  expect(drifts).toMatchObject([{ subject: { currency: "USDT" }, journal: "100000", told: "100500" }]);
  expect(rig.warnings).toEqual([
    "account.drift: balance USDT at sim: 100500 by the venue, 100000 by the journal; neither was changed.",
  ]);
  expect(rig.ledger.speculative.baselines.get(rig.venue.id)?.baseline?.balances).toEqual({ USDT: "100000" });
});
