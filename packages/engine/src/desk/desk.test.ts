import { decimal, latestAttempt, refused } from "@baton/core";
import { describe, expect, test } from "vitest";
import { DeskRig } from "../testing/desk-rig.ts";
import { inDoubt, leading, notSent } from "../testing/leading-desk.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

describe("an intent", () => {
  test("is sent only after its record is committed", async () => {
    const rig = await leading();
    rig.isCommitting = false;
    const intent = rig.order();
    await pass(500);
    expect(rig.venue.sent).toEqual([]);
    expect(rig.row(intent).status).toBe("pending-new");
    rig.commit();
    await pass(1);
    expect(rig.venue.placed).toEqual([latestAttempt(rig.row(intent)).clientOrderId]);
    expect(rig.row(intent).status).toBe("new");
  });

  test("is taken only when the account's baseline is on record", async () => {
    const rig = new DeskRig();
    rig.venue.isReachable = false;
    rig.lead(1);
    await pass(50);
    expect(rig.ask()).toMatchObject({ kind: "refused", refusal: { code: "held" } });
  });

  test("of which no byte left is sent again under the same id", async () => {
    const rig = await leading();
    rig.venue.script.push(() => Promise.resolve(notSent()));
    rig.venue.script.push(() => Promise.resolve(notSent()));
    const intent = rig.order();
    await pass(500);
    expect(new Set(rig.venue.placed).size).toBe(1);
    expect(rig.venue.placed).toHaveLength(3);
    expect(rig.row(intent)).toMatchObject({ status: "new", attempts: [{ number: 1 }] });
  });

  test("that could not be sent in its time ends not sent, and never leaves later", async () => {
    const rig = await leading();
    for (let times = 0; times < 100; times += 1) rig.venue.script.push(() => Promise.resolve(notSent()));
    const intent = rig.order({ sendWithinMs: 300 });
    await pass(5_000);
    const { length } = rig.venue.sent;
    expect(rig.row(intent)).toMatchObject({ status: "not-sent", endReason: "expired" });
    await pass(5_000);
    expect(rig.venue.sent).toHaveLength(length);
  });

  test("without a permit is left to the successor", async () => {
    const rig = await leading();
    rig.deadlineMonoMs = rig.now();
    const intent = rig.order();
    await pass(1_000);
    expect(rig.venue.sent).toEqual([]);
    expect(rig.told(intent)).toEqual(["intent.recorded", "attempt.answered not-sent"]);
    expect(await rig.metrics.registry.getSingleMetricAsString("baton_fence_refusals_total")).toContain(
      "baton_fence_refusals_total 1",
    );
  });

  test("refused by risk leaves nothing on record", async () => {
    const rig = await leading();
    const before = rig.journal.events.length;
    expect(rig.ask({ quantity: decimal("11") })).toMatchObject({ refusal: { code: "order-size" } });
    expect(rig.ask({ price: decimal("110") })).toMatchObject({ refusal: { code: "price-collar" } });
    rig.market = { kind: "stale", why: "silence" };
    expect(rig.ask()).toMatchObject({ refusal: { code: "price-stale" } });
    rig.noRisk = refused("durability");
    expect(rig.ask()).toMatchObject({ refusal: { code: "durability" } });
    expect(rig.journal.events).toHaveLength(before);
  });

  test("shares its headroom with none that is recorded beside it and not committed yet", async () => {
    const rig = await leading();
    rig.isCommitting = false;
    rig.order({ quantity: decimal("10") });
    rig.order({ quantity: decimal("10") });
    expect(rig.ask({ quantity: decimal("0.1") })).toMatchObject({ refusal: { code: "position-limit" } });
  });
});

describe("an idempotency key", () => {
  test("gives the same request its first answer, also while that is not committed, and another one a refusal", async () => {
    const rig = await leading();
    rig.isCommitting = false;
    const first = rig.ask({}, "k-1");
    expect(first.kind).toBe("recorded");
    expect(rig.ask({}, "k-1")).toEqual({ ...first, kind: "repeated" });
    expect(rig.ask({ quantity: decimal("2") }, "k-1")).toEqual({ kind: "key-reused" });
    rig.commit();
    await pass(10);
    expect(rig.venue.placed).toHaveLength(1);
  });

  test("is known to the successor", async () => {
    const rig = await leading();
    const first = rig.ask({}, "k-1");
    await pass(10);
    rig.desk.end();
    const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
    next.commit();
    next.lead(2);
    await pass(10);
    expect(next.ask({}, "k-1")).toEqual({ ...first, kind: "repeated" });
  });
});

describe("what became of intents", () => {
  test("is counted once per word on them, and times are taken from the commit", async () => {
    const rig = await leading();
    rig.venue.script.push(() => Promise.resolve(notSent()));
    rig.order();
    await pass(500);
    rig.venue.script.push(() => Promise.resolve(inDoubt()));
    rig.order({ sendWithinMs: 1_000 });
    await pass(5_000);
    rig.ask({ quantity: decimal("11") });
    const counted = await rig.metrics.intents.get();
    expect(Object.fromEntries(counted.values.map(({ labels, value }) => [labels.outcome, value]))).toEqual({
      recorded: 2,
      rejected: 0,
      accepted: 1,
      "in-doubt": 1,
      "not-sent": 1,
      refused: 1,
    });
    const commits = await rig.metrics.journalCommit.get();
    const count = commits.values.find(({ metricName }) => metricName?.endsWith("_count") === true)?.value;
    expect(count).toBe(rig.journal.last.sequence);
    const acks = await rig.metrics.orderAck.get();
    // One was accepted after a pause of 50 ms, the other was in doubt at once.
    const sum = acks.values.find(({ metricName }) => metricName?.endsWith("_sum") === true)?.value ?? 0;
    expect(sum).toBeGreaterThanOrEqual(0.05);
  });
});

describe("a successor", () => {
  test("never sends what it inherits: it looks for it and places it anew past the proof time", async () => {
    const rig = await leading();
    rig.venue.script.push(() => new Promise(() => undefined));
    const intent = rig.order({ sendWithinMs: 20_000 });
    await pass(5);
    rig.desk.end();
    const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
    next.commit();
    next.lead(2, "pre-emption", 2_000);
    await pass(100);
    expect(next.row(intent).status).toBe("in-doubt");
    expect(next.ask()).toMatchObject({ kind: "recorded" });
    // sent by + 2000, validity 1000 + twice the clock error 250 + processing 500 + query lag 200
    await pass(4_000);
    expect(next.row(intent).status).toBe("in-doubt");
    await pass(500);
    expect(next.row(intent)).toMatchObject({ status: "new", attempts: [{ epoch: 1 }, { epoch: 2 }] });
  });

  test("goes on with the cancels that its predecessor owed", async () => {
    const rig = await leading();
    const intent = rig.order();
    await pass(10);
    rig.isCommitting = false;
    rig.desk.cancel(intent, "trader");
    rig.desk.end();
    const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
    next.commit();
    next.lead(2);
    await pass(200);
    expect(next.row(intent).status).toBe("cancelled");
  });

  test("drops what it hears for the term that has ended", async () => {
    const rig = await leading();
    let answer: (() => void) | undefined;
    rig.venue.script.push((order) => new Promise((resolve) => (answer = () => resolve(rig.venue.accept(order)))));
    rig.order();
    await pass(5);
    const { length } = rig.journal.events;
    rig.desk.end();
    answer?.();
    await pass(100);
    expect(rig.journal.events).toHaveLength(length);
  });
});
