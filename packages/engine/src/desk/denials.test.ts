/** An order that its venue took and denies now, and the operator who ends it. */
import { decimal, marketKey } from "@baton/core";
import type { IntentId } from "@baton/core";
import { expect, test } from "vitest";
import { DeskRig } from "../testing/desk-rig.ts";
import { inDoubt, leading } from "../testing/leading-desk.ts";
import { btc } from "../testing/scripted-venue.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

const kim = { by: "kim", reason: "the test network was emptied" };

/** The venue took it, and was emptied a while later. */
async function denied(): Promise<{ readonly rig: DeskRig; readonly intent: IntentId; readonly name: string }> {
  const rig = await leading();
  const intent = rig.order();
  await pass(5_000);
  const name = rig.venue.placed[0] ?? "";
  rig.venue.orders.delete(name);
  rig.venue.deny(name);
  return { rig, intent, name };
}

const endings = (rig: DeskRig): number => rig.journal.events.filter(({ kind }) => kind === "order.ended").length;

test("it ends on record, its room is free, and the next leader knows; the same word again does nothing", async () => {
  const { rig, intent } = await denied();
  // A wish to take it back cannot come true: the venue has none such.
  rig.desk.cancel(intent, "trader");
  await pass(1_000);
  expect(rig.row(intent).status).toBe("new");
  const sequence = await rig.desk.endDenied(intent, { ...kim, operation: { key: "op-1" } });
  expect(rig.row(intent)).toMatchObject({ status: "expired", endReason: "denied" });
  expect(rig.ledger.speculative.indexes.exposure.get(marketKey(rig.venue.id, btc))?.orders).toBe(0);
  expect(await rig.desk.endDenied(intent, { ...kim, operation: { key: "op-1" } })).toMatchObject({ kind: "repeated" });
  expect(await rig.desk.endDenied(intent, kim)).toMatchObject({ code: "order-ended" });
  expect(endings(rig)).toBe(1);
  await pass(50);
  expect(rig.journal.last.sequence).toBeGreaterThanOrEqual(Number(sequence));
  const sent = rig.venue.sent.length;
  await pass(10_000);
  expect(rig.venue.sent).toHaveLength(sent);
  rig.desk.end();
  const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
  next.commit();
  next.lead(2);
  await pass(50);
  expect(next.row(intent)).toMatchObject({ status: "expired", endReason: "denied" });
  // Nobody's hand was on the account.
  expect(next.ask()).toMatchObject({ kind: "recorded" });
});

test("not while the venue has it, does not answer, or took it a moment ago; and then its own word is recorded", async () => {
  const rig = await leading();
  const intent = rig.order();
  await pass(50);
  const name = rig.venue.placed[0] ?? "";
  expect(await rig.desk.endDenied(intent, kim)).toMatchObject({ code: "too-early" });
  await pass(5_000);
  expect(await rig.desk.endDenied(intent, kim)).toMatchObject({ code: "not-denied" });
  rig.venue.isReachable = false;
  expect(await rig.desk.endDenied(intent, kim)).toMatchObject({ code: "venue-silent" });
  rig.venue.isReachable = true;
  expect(await rig.desk.endDenied("i-9", kim)).toBe("unknown");
  const order = rig.venue.orders.get(name);
  if (order === undefined) throw new Error("the venue has it");
  rig.venue.orders.set(name, { ...order, status: "expired", executed: decimal("0") });
  expect(await rig.desk.endDenied(intent, kim)).toMatchObject({ code: "not-denied" });
  expect(rig.row(intent)).toMatchObject({ status: "expired" });
  expect(rig.row(intent).endReason).toBeUndefined();
  expect(endings(rig)).toBe(0);
});

test("not while a trade of it is not on record, nor a doubt, nor by who does not lead", async () => {
  const { rig, intent, name } = await denied();
  const [doubt] = [(rig.venue.script.push(() => Promise.resolve(inDoubt())), rig.order())];
  await pass(50);
  expect(await rig.desk.endDenied(doubt, kim)).toMatchObject({ code: "not-accepted-yet" });
  const venueOrderId = rig.row(intent).venueOrderId;
  rig.venue.trades.push({
    ...{ tradeId: "7" as never, symbol: btc, venueOrderId: venueOrderId as never, clientOrderId: name, side: "buy" },
    ...{ price: decimal("100"), quantity: decimal("1"), fee: decimal("0"), feeCurrency: "USDT", isMaker: true },
    tradedWallMs: Date.now() as never,
  });
  expect(await rig.desk.endDenied(intent, kim)).toMatchObject({ code: "not-denied" });
  rig.venue.trades.length = 0;
  const asking = rig.desk.endDenied(intent, kim);
  rig.desk.end();
  expect(await asking).toBeUndefined();
  expect(endings(rig)).toBe(0);
});

test("one that the venue shows open again is taken back, and nothing new goes there until it is gone", async () => {
  const { rig, intent, name } = await denied();
  rig.venue.accept({ clientOrderId: name, terms: rig.row(intent).terms });
  const order = rig.venue.orders.get(name);
  rig.venue.orders.delete(name);
  await rig.desk.endDenied(intent, kim);
  await pass(50);
  if (order !== undefined) rig.venue.orders.set(name, order);
  rig.venue.listOpen();
  expect(rig.ask()).toMatchObject({ refusal: { code: "held" } });
  await pass(50);
  expect(rig.venue.orders.get(name)?.status).toBe("cancelled");
  rig.venue.listOpen();
  expect(rig.ask()).toMatchObject({ kind: "recorded" });
});
