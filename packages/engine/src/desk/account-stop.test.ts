/** When a leader stops an account by itself, and what an operator's word does where the venue has none. */
import { decimal, id } from "@baton/core";
import type { IntentId, TradeId, VenueOrder, VenueOrderId } from "@baton/core";
import type { VenueTrade } from "@baton/venues";
import { describe, expect, test } from "vitest";
import { wallNow } from "../clock.ts";
import { DeskRig, rigConfig } from "../testing/desk-rig.ts";
import { inDoubt, leading } from "../testing/leading-desk.ts";
import { btc } from "../testing/scripted-venue.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

/** Somebody else cancels it at the venue, and the account stream tells. */
function cancelElsewhere(rig: DeskRig, clientOrderId: string | undefined): void {
  const order = rig.venue.orders.get(clientOrderId ?? "");
  if (order === undefined) throw new Error("the venue has no such order");
  const cancelled: VenueOrder = { ...order, status: "cancelled" };
  rig.venue.orders.set(order.clientOrderId, cancelled);
  rig.venue.tell({ kind: "order", order: cancelled, source: "stream" });
}

describe("a cancel that nobody here asked for", () => {
  test("stops the account: its other orders are taken back, new ones are refused, etcd is told, the next leader knows", async () => {
    const rig = await leading();
    const [first, second] = [rig.order(), rig.order({ price: decimal("99.5") })];
    await pass(50);
    cancelElsewhere(rig, rig.venue.placed[0]);
    await pass(500);
    expect(rig.row(first)).toMatchObject({ status: "cancelled" });
    expect(rig.row(second)).toMatchObject({ status: "cancelled", cancel: { by: "kill" } });
    expect(rig.ask()).toMatchObject({ kind: "refused", refusal: { code: "kill-account" } });
    expect(rig.reasserted).toEqual(["account t"]);
    rig.desk.end();
    const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
    next.commit();
    next.lead(2);
    await pass(50);
    expect(next.ask()).toMatchObject({ refusal: { code: "kill-account" } });
  });

  test.each([
    ["while a switchover drains", false],
    ["while the journal is sealed for it", true],
  ])(
    "%s stops the account also when that is given up: its other orders are taken back then",
    async (_when, isSealed) => {
      const rig = await leading();
      const second = ((): IntentId => (rig.order(), rig.order({ price: decimal("99.5") })))();
      await pass(50);
      const held = rig.desk.hold();
      if (isSealed) {
        await pass(200);
        await held;
      }
      cancelElsewhere(rig, rig.venue.placed[0]);
      await pass(10);
      rig.desk.resume();
      await pass(500);
      expect(rig.ask()).toMatchObject({ kind: "refused", refusal: { code: "kill-account" } });
      expect(rig.row(second)).toMatchObject({ status: "cancelled", cancel: { by: "kill" } });
    },
  );

  test("is suspected when it is committed and not when an older word on its order is: a leader that was replaced while it stood still learns first what its successor took back", async () => {
    const rig = await leading();
    const intent = rig.order();
    await pass(50);
    rig.isCommitting = false;
    const order = rig.venue.orders.get(rig.venue.placed[0] ?? "");
    if (order === undefined) throw new Error("it was placed");
    rig.venue.tell({ kind: "order", order: { ...order, executed: decimal("0.5") }, source: "stream" });
    await pass(10);
    const older = rig.journal.last.sequence;
    cancelElsewhere(rig, order.clientOrderId);
    await pass(10);
    expect(rig.row(intent)).toMatchObject({ status: "cancelled" });
    expect(rig.journal.last.sequence).toBeGreaterThan(older);
    rig.commit(older);
    expect([rig.warnings, rig.reasserted]).toEqual([[], []]);
    rig.commit();
    expect(rig.reasserted).toEqual(["account t"]);
  });

  test("is only told where the configuration says so", async () => {
    const config = rigConfig();
    const rig = await leading(new DeskRig({ config: { ...config, risk: { ...config.risk, unaskedCancels: "warn" } } }));
    rig.order();
    await pass(50);
    cancelElsewhere(rig, rig.venue.placed[0]);
    await pass(500);
    expect(rig.warnings).toContain("order.cancelled-unasked: i-1 was cancelled at sim, and nobody here took it back.");
    expect(rig.ask()).toMatchObject({ kind: "recorded" });
  });

  test("is not told again when a trade of that order is taken back later", async () => {
    const config = rigConfig();
    const rig = await leading(new DeskRig({ config: { ...config, risk: { ...config.risk, unaskedCancels: "warn" } } }));
    const intent = rig.order();
    await pass(50);
    const venueOrder = rig.venue.orders.get(rig.venue.placed[0] ?? "");
    if (venueOrder === undefined) throw new Error("it was placed");
    const { clientOrderId, venueOrderId, side } = venueOrder;
    const fill: VenueTrade = {
      ...{ tradeId: id<TradeId>("1"), symbol: btc, venueOrderId, clientOrderId, side, price: decimal("100") },
      ...{ quantity: decimal("0.5"), fee: decimal("0"), feeCurrency: "USDT", isMaker: true, tradedWallMs: wallNow() },
    };
    rig.venue.tell({ kind: "fill", fill, source: "stream" });
    rig.venue.orders.set(clientOrderId, { ...venueOrder, executed: decimal("0.5") });
    cancelElsewhere(rig, clientOrderId);
    await pass(500);
    expect(rig.row(intent)).toMatchObject({ status: "cancelled", filled: "0.5" });
    const told = (): number => rig.warnings.filter((line) => line.startsWith("order.cancelled-unasked")).length;
    const before = told();
    expect(before).toBeGreaterThan(0);
    for (let turn = 0; turn < 18; turn += 1) {
      const balances = { USDT: decimal("100000"), BTC: decimal("0") };
      rig.venue.tell({ kind: "balances", balances, source: "recovery" });
      await pass(5_000);
    }
    expect(rig.row(intent)).toMatchObject({ status: "cancelled", filled: "0", busted: "0.5" });
    expect(told()).toBe(before);
  });

  test("is not the end of an immediate order's rest, nor the answer to a wish of ours", async () => {
    const rig = await leading();
    rig.venue.script.push((order) => Promise.resolve(rig.venue.accept(order, "cancelled")));
    rig.order({ timeInForce: "IOC" });
    const resting = rig.order();
    await pass(50);
    rig.desk.cancel(resting, "trader");
    await pass(500);
    expect(rig.row(resting).status).toBe("cancelled");
    expect(rig.ask()).toMatchObject({ kind: "recorded" });
  });
});

test("an order under our id with other terms stops the account", async () => {
  const rig = await leading();
  rig.venue.script.push((order) => {
    rig.venue.accept({ ...order, terms: { ...order.terms, quantity: decimal("7") } });
    return Promise.resolve(inDoubt());
  });
  const intent = rig.order();
  await pass(1_000);
  expect(rig.row(intent).status).toBe("in-doubt");
  expect(rig.ask()).toMatchObject({ refusal: { code: "kill-account" } });
});

test("an attempt that was proved absent and is told of stops the account", async () => {
  const rig = await leading();
  rig.venue.script.push(() => Promise.resolve(inDoubt()));
  const intent = rig.order({ sendWithinMs: 10_000 });
  await pass(3_000);
  expect(rig.row(intent).attempts).toHaveLength(2);
  const [first] = rig.row(intent).attempts;
  const late = rig.venue.orders.get(rig.venue.placed[1] ?? "");
  if (first === undefined || late === undefined) throw new Error("there are two attempts");
  const order = { ...late, clientOrderId: first.clientOrderId, venueOrderId: id<VenueOrderId>("900") };
  rig.venue.tell({ kind: "order", order, source: "stream" });
  await pass(50);
  expect(rig.ask()).toMatchObject({ refusal: { code: "kill-account" } });
});

test("an operator ends a doubt that the venue cannot, past its proof time, and the order goes on", async () => {
  const rig = await leading();
  rig.venue.script.push(() => Promise.resolve(inDoubt()));
  rig.venue.isReachable = false;
  const intent = rig.order({ sendWithinMs: 1_000 });
  const kim = { by: "kim", reason: "told on the phone" };
  await pass(1_500);
  expect(rig.desk.resolve(intent, { as: "not-accepted" }, kim)).toMatchObject({ code: "too-early" });
  await pass(5_000);
  expect(rig.desk.resolve("i-9", { as: "not-accepted" }, kim)).toBe("unknown");
  expect(rig.desk.resolve(intent, { as: "not-accepted" }, kim)).toBe(rig.ledger.speculative.applied);
  await pass(200);
  expect(rig.row(intent)).toMatchObject({ status: "not-sent", endReason: "expired" });
  expect(rig.journal.events.find((event) => event.kind === "doubt.resolved")).toMatchObject({
    by: "operator",
    word: "kim: told on the phone",
  });
});
