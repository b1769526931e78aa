import { decimal, latestAttempt } from "@baton/core";
import { describe, expect, test } from "vitest";
import { DeskRig } from "../testing/desk-rig.ts";
import { inDoubt, leading } from "../testing/leading-desk.ts";
import { stampNow } from "../testing/scripted-venue.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

describe("an order in doubt", () => {
  test("that the venue has is adopted, and not placed again", async () => {
    const rig = await leading();
    rig.venue.script.push((order) => {
      rig.venue.accept(order);
      return Promise.resolve(inDoubt());
    });
    const intent = rig.order();
    await pass(1_000);
    expect(rig.row(intent)).toMatchObject({ status: "new", venueOrderId: "1" });
    expect(rig.venue.placed).toHaveLength(1);
  });

  test("that the venue never had is placed anew under another id, and only past its proof time", async () => {
    const rig = await leading();
    rig.venue.script.push(() => Promise.resolve(inDoubt()));
    const intent = rig.order({ sendWithinMs: 10_000 });
    // validity 1000 + twice the clock error 250 + processing 500 + query lag 200
    await pass(2_190);
    expect(rig.venue.placed).toHaveLength(1);
    expect(rig.row(intent).status).toBe("in-doubt");
    await pass(200);
    expect(rig.venue.placed).toHaveLength(2);
    expect(new Set(rig.venue.placed).size).toBe(2);
    expect(rig.row(intent)).toMatchObject({ status: "new", attempts: [{ number: 1 }, { number: 2 }] });
  });

  test("whose time has passed when it is proved absent is not placed anew", async () => {
    const rig = await leading();
    rig.venue.script.push(() => Promise.resolve(inDoubt()));
    const intent = rig.order({ sendWithinMs: 1_000 });
    await pass(5_000);
    expect(rig.row(intent)).toMatchObject({ status: "not-sent", endReason: "expired" });
    expect(rig.venue.placed).toHaveLength(1);
  });

  test("stays in doubt while the venue does not answer, and ends when it does", async () => {
    const rig = await leading();
    rig.venue.script.push((order) => {
      rig.venue.accept(order);
      return Promise.resolve(inDoubt());
    });
    rig.venue.isReachable = false;
    const intent = rig.order();
    await pass(60_000);
    expect(rig.row(intent).status).toBe("in-doubt");
    rig.venue.isReachable = true;
    await pass(6_000);
    expect(rig.row(intent).status).toBe("new");
  });

  test("ends by a late answer", async () => {
    const rig = await leading();
    rig.venue.script.push(() => Promise.resolve(inDoubt()));
    const intent = rig.order();
    await pass(100);
    const { clientOrderId } = latestAttempt(rig.row(intent));
    rig.desk.lateAnswer(clientOrderId, rig.venue.accept({ clientOrderId, terms: rig.row(intent).terms }));
    expect(rig.row(intent).status).toBe("new");
    await pass(10_000);
    expect(rig.venue.placed).toHaveLength(1);
  });

  test("that a late answer refuses is placed anew once, however slow the commit is", async () => {
    const rig = await leading();
    rig.venue.script.push(() => Promise.resolve(inDoubt()));
    const intent = rig.order({ sendWithinMs: 10_000 });
    await pass(100);
    rig.isCommitting = false;
    const { clientOrderId } = latestAttempt(rig.row(intent));
    rig.desk.lateAnswer(clientOrderId, { kind: "rejected", code: "-1021", message: "too late", stamp: stampNow() });
    // The search for it looks again meanwhile, and finds nothing to look for.
    await pass(300);
    expect(rig.venue.placed).toHaveLength(1);
    rig.commit();
    rig.isCommitting = true;
    await pass(10_000);
    expect(rig.venue.placed).toHaveLength(2);
    expect(rig.row(intent).status).toBe("new");
  });

  test("that somebody wants gone is cancelled again and again, because it may still arrive", async () => {
    const rig = await leading();
    rig.venue.script.push(() => Promise.resolve(inDoubt()));
    const intent = rig.order();
    await pass(20);
    rig.desk.cancel(intent, "trader");
    await pass(900);
    const { clientOrderId } = latestAttempt(rig.row(intent));
    const cancels = (): number => rig.venue.sent.filter((each) => each.kind === "cancel").length;
    expect(cancels()).toBeGreaterThanOrEqual(3);
    rig.venue.accept({ clientOrderId, terms: rig.row(intent).terms });
    await pass(1_500);
    expect(rig.venue.orders.get(clientOrderId)?.status).toBe("cancelled");
    expect(rig.row(intent).status).toBe("cancelled");
    const before = cancels();
    await pass(10_000);
    expect(cancels()).toBe(before);
  });

  test("of which nothing can be asked costs the process nothing", async () => {
    const rig = await leading();
    rig.venue.script.push(() => Promise.resolve(inDoubt()));
    const intent = rig.order();
    await pass(20);
    rig.desk.end();
    // The configuration has lost the venue of an order that is in doubt.
    const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
    next.withoutVenues();
    next.commit();
    next.lead(2);
    await pass(2_000);
    expect(next.row(intent).status).toBe("in-doubt");
  });
});

describe("an order proved absent", () => {
  test("waits for what passes by itself, such as a fresh price, before it is placed anew", async () => {
    const rig = await leading();
    rig.venue.script.push(() => Promise.resolve(inDoubt()));
    const intent = rig.order({ sendWithinMs: 10_000 });
    await pass(1_000);
    const { market } = rig;
    rig.market = { kind: "stale", why: "silence" };
    await pass(3_000);
    expect(rig.row(intent).status).toBe("pending-new");
    rig.market = market;
    await pass(500);
    expect(rig.row(intent).status).toBe("new");
    expect(rig.venue.placed).toHaveLength(2);
  });

  test("that risk refuses ends, on record", async () => {
    const rig = await leading();
    rig.venue.script.push(() => Promise.resolve(inDoubt()));
    const intent = rig.order({ sendWithinMs: 10_000 });
    await pass(1_000);
    rig.market = {
      kind: "fresh",
      basis: { feed: "f", updateId: 2, ageMs: 1, bid: decimal("50"), ask: decimal("50.5") },
    };
    await pass(3_000);
    expect(rig.row(intent)).toMatchObject({ status: "not-sent", endReason: "risk: price-collar" });
  });
});
