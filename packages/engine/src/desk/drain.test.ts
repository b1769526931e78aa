import { decimal } from "@baton/core";
import type { PlaceOutcome } from "@baton/core";
import { describe, expect, test } from "vitest";
import { DeskRig } from "../testing/desk-rig.ts";
import { inDoubt, leading, notSent } from "../testing/leading-desk.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

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
    rig.venue.script.push(waiting, () => Promise.resolve(notSent()));
    const [one, other] = [rig.order({ sendWithinMs: 60_000 }), rig.order({ sendWithinMs: 60_000 })];
    await pass(5);
    rig.venue.script.push(...Array.from({ length: 10 }, () => () => Promise.resolve(notSent())));
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
