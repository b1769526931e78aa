import { decimal, latestAttempt, refused, wallMs } from "@baton/core";
import type { PlaceOutcome } from "@baton/core";
import { describe, expect, test } from "vitest";
import { DeskRig } from "../testing/desk-rig.ts";
import { inDoubt, leading } from "../testing/leading-desk.ts";
import { stampNow } from "../testing/scripted-venue.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

const notSent = (reason: "connect-failed" | "permit-ended"): PlaceOutcome => ({
  kind: "not-sent",
  reason,
  message: "as scripted",
});
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
    rig.venue.script.push(() => Promise.resolve(notSent("connect-failed")));
    rig.venue.script.push(() => Promise.resolve(notSent("connect-failed")));
    const intent = rig.order();
    await pass(500);
    expect(new Set(rig.venue.placed).size).toBe(1);
    expect(rig.venue.placed).toHaveLength(3);
    expect(rig.row(intent)).toMatchObject({ status: "new", attempts: [{ number: 1 }] });
  });

  test("that could not be sent in its time ends not sent, and never leaves later", async () => {
    const rig = await leading();
    for (let times = 0; times < 100; times += 1)
      rig.venue.script.push(() => Promise.resolve(notSent("connect-failed")));
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

describe("a switchover", () => {
  test("takes nothing new, lets what is out be answered, and seals", async () => {
    const rig = await leading();
    let answer: (() => void) | undefined;
    rig.venue.script.push((order) => new Promise((resolve) => (answer = () => resolve(rig.venue.accept(order)))));
    const intent = rig.order();
    await pass(5);
    const holding = rig.desk.hold();
    expect(rig.ask()).toMatchObject({ refusal: { code: "held" } });
    expect(rig.desk.cancel(intent, "trader")).toBeUndefined();
    await pass(20);
    answer?.();
    await pass(20);
    await expect(holding).resolves.toBe(rig.journal.last.sequence);
    expect(rig.row(intent).status).toBe("new");
    expect(rig.desk.maySend).toBe(false);
  });

  test("sends what was recorded before it, and nothing after the seal", async () => {
    const rig = await leading();
    rig.isCommitting = false;
    rig.order();
    const holding = rig.desk.hold();
    rig.commit();
    await pass(150);
    await holding;
    expect(rig.venue.placed).toHaveLength(1);
  });

  test("takes back what has not left when its time to send is over, and the successor places it without a doubt", async () => {
    const rig = await leading();
    const waiting = (_order: unknown, withdrawal?: AbortSignal): Promise<PlaceOutcome> =>
      new Promise((resolve) => {
        const outcome: PlaceOutcome = { kind: "not-sent", reason: "withdrawn", message: "it waited for a socket" };
        withdrawal?.addEventListener("abort", () => resolve(outcome));
      });
    rig.venue.script.push(waiting, () => Promise.resolve(notSent("connect-failed")));
    const [one, other] = [rig.order({ sendWithinMs: 60_000 }), rig.order({ sendWithinMs: 60_000 })];
    await pass(5);
    rig.venue.script.push(...Array.from({ length: 10 }, () => () => Promise.resolve(notSent("connect-failed"))));
    const holding = rig.desk.hold();
    await pass(61);
    await expect(holding).resolves.toBe(rig.journal.last.sequence);
    for (const intent of [one, other]) expect(rig.told(intent).at(-1)).toBe("attempt.answered not-sent");
    rig.desk.end();
    rig.venue.script.length = 0;
    const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
    next.commit();
    next.lead(2, "switchover");
    await pass(50);
    expect(rig.journal.events.at(-1)).not.toMatchObject({ kind: "doubt.resolved" });
    expect(rig.journal.events.filter(({ kind }) => kind === "epoch.opened").at(-1)).toMatchObject({ inDoubt: [] });
    for (const intent of [one, other]) expect(next.row(intent)).toMatchObject({ status: "new", attempts: [{}, {}] });
    expect(rig.venue.queries).toBe(0);
  });

  test("has what was taken back on record again beside the opening, and sends it once both are committed", async () => {
    const rig = await leading();
    rig.isCommitting = false;
    const intents = Array.from({ length: 20 }, () => rig.order({ quantity: decimal("0.1"), sendWithinMs: 60_000 }));
    const holding = rig.desk.hold();
    await pass(150);
    await holding;
    rig.desk.end();
    const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
    next.commit();
    next.isCommitting = false;
    const before = rig.journal.last.sequence;
    next.lead(2, "switchover");
    await pass(10);
    // The opening, and an attempt of each.
    expect(rig.journal.last.sequence).toBe(before + 1 + intents.length);
    expect(rig.venue.placed).toEqual([]);
    next.commit();
    await pass(50);
    expect(rig.venue.placed).toHaveLength(20);
    next.commit();
    for (const intent of intents) expect(next.row(intent)).toMatchObject({ status: "new", attempts: [{}, {}] });
  });

  test("does not take back what has left, however late its answer comes", async () => {
    const rig = await leading();
    let answer: (() => void) | undefined;
    rig.venue.script.push((order) => new Promise((resolve) => (answer = () => resolve(rig.venue.accept(order)))));
    const intent = rig.order();
    await pass(5);
    const holding = rig.desk.hold();
    await pass(110);
    answer?.();
    await pass(5);
    await expect(holding).resolves.toBe(rig.journal.last.sequence);
    expect(rig.told(intent)).toEqual(["intent.recorded", "attempt.answered accepted"]);
  });

  test("that does not happen goes on with what was not committed at the seal, and sends it once", async () => {
    const rig = await leading();
    rig.isCommitting = false;
    const intent = rig.order();
    const holding = rig.desk.hold();
    await pass(150);
    await holding;
    rig.desk.resume();
    await pass(50);
    expect(rig.venue.placed).toHaveLength(0);
    rig.commit();
    await pass(50);
    expect(rig.venue.placed).toHaveLength(1);
    rig.commit();
    expect(rig.row(intent).status).toBe("new");
  });

  test("that does not happen keeps the answers that came while the journal was sealed", async () => {
    const rig = await leading();
    let answer: (() => void) | undefined;
    rig.venue.script.push((order) => new Promise((resolve) => (answer = () => resolve(rig.venue.accept(order)))));
    const intent = rig.order();
    await pass(5);
    const holding = rig.desk.hold();
    await pass(200);
    const sealed = await holding;
    answer?.();
    await pass(20);
    expect(rig.journal.last.sequence).toBe(sealed);
    rig.desk.resume();
    expect(rig.row(intent).status).toBe("new");
    expect(rig.ask()).toMatchObject({ kind: "recorded" });
  });

  test("that is given up while it drains seals nothing, nor does it seal the next one before that has drained", async () => {
    const rig = await leading();
    let answer: (() => void) | undefined;
    const late = (): Promise<unknown> => {
      rig.venue.script.push((order) => new Promise((resolve) => (answer = () => resolve(rig.venue.accept(order)))));
      rig.order();
      return pass(5);
    };
    await late();
    const first = rig.desk.hold();
    rig.desk.resume();
    expect(rig.ask()).toMatchObject({ kind: "recorded" });
    await pass(20);
    const second = rig.desk.hold();
    answer?.();
    await pass(20);
    await expect(first).resolves.toBeUndefined();
    await expect(second).resolves.toBe(rig.journal.last.sequence);
    rig.desk.resume();
    await late();
    const third = rig.desk.hold();
    rig.desk.resume();
    await pass(200);
    await expect(third).resolves.toBeUndefined();
    expect(rig.ask()).toMatchObject({ kind: "recorded" });
    answer?.();
  });

  test("takes no order back while it lasts, and says so", async () => {
    const rig = await leading();
    const intent = rig.order();
    await pass(20);
    const holding = rig.desk.hold();
    expect(rig.desk.takeBackAll("quorum-loss")).toBe(false);
    await pass(200);
    await holding;
    expect(rig.desk.takeBackAll("quorum-loss")).toBe(false);
    rig.desk.resume();
    expect(rig.desk.takeBackAll("quorum-loss")).toBe(true);
    await pass(50);
    expect(rig.row(intent).status).toBe("cancelled");
  });

  test("does not end an order that is proved absent meanwhile: it is placed anew when trading goes on", async () => {
    const rig = await leading();
    rig.venue.script.push(() => Promise.resolve(inDoubt()));
    const intent = rig.order({ sendWithinMs: 10_000 });
    await pass(2_100);
    const holding = rig.desk.hold();
    await pass(1_000);
    await holding;
    expect(rig.row(intent).status).not.toBe("not-sent");
    rig.desk.resume();
    await pass(2_000);
    expect(rig.row(intent).status).toBe("new");
    expect(rig.venue.placed).toHaveLength(2);
  });
});

describe("a kill", () => {
  const kill = { level: "cluster", by: "op", reason: "test", atWallMs: wallMs(1) } as const;

  test("takes open orders back, refuses new ones, and ends when it is lifted", async () => {
    const rig = await leading();
    const intents = [rig.order(), rig.order(), rig.order()];
    await pass(20);
    rig.desk.applyKill(kill);
    rig.desk.applyKill(kill);
    expect(rig.ask()).toMatchObject({ refusal: { code: "kill-cluster" } });
    await pass(500);
    expect(intents.map((intent) => rig.row(intent).status)).toEqual(["cancelled", "cancelled", "cancelled"]);
    expect(rig.journal.events.filter((event) => event.kind === "kill.set")).toHaveLength(1);
    rig.desk.applyKill({ ...kill, level: "off" });
    expect(rig.ask().kind).toBe("recorded");
  });

  test("that comes before the commit keeps the order from leaving", async () => {
    const rig = await leading();
    rig.isCommitting = false;
    const intent = rig.order();
    rig.desk.applyKill(kill);
    rig.isCommitting = true;
    rig.commit();
    await pass(500);
    expect(rig.venue.placed).toEqual([]);
    expect(rig.row(intent).status).toBe("not-sent");
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

describe("a TWAP", () => {
  const filled = (rig: DeskRig): void => {
    for (let times = 0; times < 8; times += 1)
      rig.venue.script.push((order) => Promise.resolve(rig.venue.accept(order, "filled")));
  };

  test("executes each slice once and ends", async () => {
    const rig = await leading();
    filled(rig);
    const parent = rig.twap();
    await pass(4_500);
    expect(rig.venue.placed).toHaveLength(4);
    expect(rig.ledger.committed.parents.get(parent)?.status).toBe("done");
  });

  test("goes on after a takeover with no slice repeated or skipped, and inherited ones are only looked for", async () => {
    const rig = await leading();
    filled(rig);
    const parent = rig.twap();
    await pass(1_100);
    expect(rig.venue.placed).toHaveLength(2);
    // The third slice is recorded, committed and sent; its answer dies with the leader.
    rig.venue.script[0] = (order) => {
      rig.venue.accept(order, "filled");
      return new Promise(() => undefined);
    };
    await pass(1_000);
    expect(rig.venue.placed).toHaveLength(3);
    rig.desk.end();
    const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
    next.commit();
    next.lead(2, "crash-release", 0);
    await pass(4_000);
    const row = next.ledger.committed.parents.get(parent);
    expect(row?.status).toBe("done");
    expect(row?.slices.map((slice) => slice.kind)).toEqual(["intent", "intent", "intent", "intent"]);
    expect(new Set(next.venue.placed).size).toBe(4);
    expect(next.venue.placed).toHaveLength(4);
    expect(next.venue.sent.map((each) => each.epoch)).toEqual([1, 1, 1, 2]);
  });

  test("ends when a fill is the only word on its last child", async () => {
    const rig = await leading();
    const parent = rig.twap({ quantity: decimal("1"), slices: 1, durationMs: 500 });
    await pass(700);
    expect(rig.ledger.committed.parents.get(parent)?.status).toBe("working");
    rig.venue.fill(rig.venue.placed[0] ?? "", "7");
    await pass(100);
    expect(rig.ledger.committed.parents.get(parent)?.status).toBe("done");
  });

  test("takes a slice up as soon as the price is fresh again within its window", async () => {
    const rig = await leading();
    filled(rig);
    const { market } = rig;
    rig.market = { kind: "stale", why: "reconnecting" };
    const parent = rig.twap();
    await pass(400);
    rig.market = market;
    await pass(300);
    expect(rig.venue.placed).toHaveLength(1);
    await pass(4_000);
    const row = rig.ledger.committed.parents.get(parent);
    expect(row?.slices.map((slice) => slice.kind)).toEqual(["intent", "intent", "intent", "intent"]);
  });

  test("that is taken back executes nothing more and ends", async () => {
    const rig = await leading();
    const parent = rig.twap();
    await pass(1_100);
    rig.desk.cancel(parent, "trader");
    await pass(5_000);
    expect(rig.venue.placed).toHaveLength(2);
    expect(rig.ledger.committed.parents.get(parent)?.status).toBe("cancelled");
    expect([...rig.venue.orders.values()].map((order) => order.status)).toEqual(["cancelled", "cancelled"]);
  });
});

describe("what became of intents", () => {
  test("is counted once per word on them, and times are taken from the commit", async () => {
    const rig = await leading();
    rig.venue.script.push(() => Promise.resolve(notSent("connect-failed")));
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
