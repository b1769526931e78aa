import { decimal, id, latestAttempt, wallMs } from "@baton/core";
import type { IntentId, VenueId } from "@baton/core";
import { describe, expect, test } from "vitest";
import { DeskRig, rigConfig } from "../testing/desk-rig.ts";
import { leading } from "../testing/leading-desk.ts";
import { btc } from "../testing/scripted-venue.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

/** Small, so that many fit beside each other under the rig's limits. */
const small = { quantity: decimal("0.1") };

/** A desk whose venue has no socket for what it is given: each order waits until `free` or its own time is over. */
async function jammed(on?: DeskRig): Promise<{ readonly rig: DeskRig; readonly free: () => Promise<void> }> {
  const rig = await leading(on);
  rig.venue.hasSockets = false;
  let open = (): void => undefined;
  const freed = new Promise<void>((resolve) => (open = resolve));
  for (let count = 0; count < 50; count += 1) {
    rig.venue.script.push(async (order, withdrawal) => {
      const taken = new Promise<"taken">((resolve) =>
        withdrawal?.addEventListener("abort", () => resolve("taken"), { once: true }),
      );
      if ((await Promise.race([freed, taken])) === "taken") {
        return { kind: "not-sent", reason: "withdrawn", message: "taken back" };
      }
      order.onLeft?.();
      return rig.venue.accept(order);
    });
  }
  const free = async (): Promise<void> => {
    rig.venue.hasSockets = true;
    open();
    await pass(5);
  };
  return { rig, free };
}

const waiting = (rig: DeskRig): number => rig.desk.backlogs().reduce((sum, { orders }) => sum + orders, 0);
const codeOf = (taken: ReturnType<DeskRig["ask"]>): string =>
  taken.kind === "refused" ? taken.refusal.code : taken.kind;

describe("a leader whose orders do not leave", () => {
  test("refuses a client's next one when the oldest has waited a quarter of its time, and records nothing of it", async () => {
    const { rig, free } = await jammed();
    rig.order(small);
    await pass(499);
    expect(codeOf(rig.ask(small))).toBe("recorded");
    await pass(1);
    const before = rig.journal.events.length;
    expect(codeOf(rig.ask(small, "key-1"))).toBe("overloaded");
    expect(codeOf(rig.ask({ ...small, sendWithinMs: 10_000 }))).toBe("recorded");
    expect(rig.journal.events).toHaveLength(before + 1);
    const shown = await rig.metrics.registry.metrics();
    expect(shown).toContain('baton_refusals_total{code="overloaded"} 1');
    await free();
    expect(waiting(rig)).toBe(0);
    // The key is as free as before: the very same request passes now.
    expect(codeOf(rig.ask(small, "key-1"))).toBe("recorded");
  });

  test("gives a repeated request its first answer all the same", async () => {
    const { rig } = await jammed();
    const first = rig.ask(small, "key-1");
    await pass(600);
    expect(codeOf(rig.ask(small))).toBe("overloaded");
    expect(rig.ask(small, "key-1")).toEqual({ ...first, kind: "repeated" });
  });

  test("counts what waits for its commit, too", async () => {
    const rig = await leading();
    rig.isCommitting = false;
    rig.order(small);
    await pass(500);
    expect(codeOf(rig.ask(small))).toBe("overloaded");
    rig.commit();
    await pass(5);
    expect(codeOf(rig.ask(small))).toBe("recorded");
  });

  test("takes cancels and kills, and has them carried out", async () => {
    const rig = await leading();
    const resting = rig.order(small);
    await pass(5);
    rig.venue.hasSockets = false;
    rig.venue.script.push(() => new Promise(() => undefined));
    const stuck = rig.order(small);
    await pass(600);
    expect(codeOf(rig.ask(small))).toBe("overloaded");
    expect(rig.desk.cancel(resting, "trader")).toMatchObject({ kind: "recorded" });
    await pass(50);
    expect(rig.row(resting).status).toBe("cancelled");
    rig.desk.applyKill({ level: "cluster", by: "op", reason: "test", atWallMs: wallMs(Date.now()) });
    await pass(50);
    expect(rig.row(stuck).cancel).toBeDefined();
  });

  test("refuses that an order is replaced, which would be one order more, and leaves it where it is", async () => {
    const rig = await leading();
    const resting = rig.order(small);
    await pass(5);
    rig.venue.hasSockets = false;
    rig.venue.script.push(() => new Promise(() => undefined));
    rig.order(small);
    await pass(600);
    const change = { price: decimal("99.5"), sendWithinMs: 2_000 };
    expect(rig.desk.replace(resting, change, "trader")).toMatchObject({ refusal: { code: "overloaded" } });
    expect(rig.row(resting)).toMatchObject({ status: "new" });
    expect(rig.row(resting).cancel).toBeUndefined();
  });

  test("goes on with the slices of a parent, and takes other parents for twice as long as plain orders", async () => {
    const { rig } = await jammed();
    const parent = rig.twap();
    await pass(700);
    const child = id<IntentId>(
      [...rig.ledger.speculative.orders.values()].find((order) => order.parent === parent)?.id ?? "none",
    );
    expect(rig.row(child).status).toBe("pending-new");
    expect(codeOf(rig.ask(small))).toBe("overloaded");
    rig.twap();
    await pass(400);
    expect(() => rig.twap()).toThrow("overloaded");
    // The oldest has waited for longer than a second: the second slice was recorded beside it.
    expect([...rig.ledger.speculative.orders.values()].filter((order) => order.parent === parent)).toHaveLength(2);
  });
});

test("a strategy's orders are taken for twice as long as a client's; one that is refused is told, and its state is recorded", async () => {
  const maker = { id: "maker", module: "/m.ts", venue: id<VenueId>("sim"), symbols: [btc], budgetMs: 50, params: {} };
  const { rig } = await jammed(new DeskRig({ config: { ...rigConfig(), strategies: [maker] } }));
  const wish = { symbol: btc, side: "buy", type: "limit", quantity: "0.1", price: "100" } as const;
  rig.order(small);
  await pass(999);
  expect(codeOf(rig.ask(small))).toBe("overloaded");
  rig.desk.strategy("maker", { n: 1 }, [wish], undefined);
  expect(waiting(rig)).toBe(2);
  await pass(1);
  rig.desk.strategy("maker", { n: 2 }, [wish], undefined);
  expect(waiting(rig)).toBe(2);
  expect(rig.ledger.speculative.strategies.get("maker")?.state).toEqual({ n: 2 });
  expect(await rig.metrics.registry.metrics()).toContain('baton_refusals_total{code="overloaded"} 2');
});

describe("what waits to be sent", () => {
  test("does not count what ended without having left", async () => {
    const rig = await leading();
    rig.venue.hasSockets = false;
    rig.venue.script.push(() => Promise.resolve({ kind: "not-sent", reason: "risk", message: "no such order here" }));
    rig.order(small);
    await pass(5);
    expect(waiting(rig)).toBe(0);
  });

  test("still counts what meets no permit, until its time is over", async () => {
    const rig = await leading();
    rig.deadlineMonoMs = 0;
    rig.order({ ...small, sendWithinMs: 300 });
    await pass(200);
    expect(waiting(rig)).toBe(1);
    await pass(200);
    expect(waiting(rig)).toBe(0);
  });

  test("is counted anew when a switchover took it back and was given up", async () => {
    const { rig, free } = await jammed();
    const intent = rig.order(small);
    await pass(50);
    const holding = rig.desk.hold();
    await pass(300);
    await holding;
    expect(waiting(rig)).toBe(0);
    rig.desk.resume();
    await pass(5);
    expect(latestAttempt(rig.row(intent)).number).toBe(2);
    expect(rig.desk.backlogs()).toMatchObject([{ venue: "sim", orders: 1 }]);
    expect(rig.desk.backlogs()[0]?.oldestMs).toBeLessThan(50);
    await free();
    expect(waiting(rig)).toBe(0);
  });

  test("is nothing in a new term, which sends nothing that it inherits", async () => {
    const { rig } = await jammed();
    rig.order(small);
    await pass(50);
    rig.desk.end();
    const next = new DeskRig({ journal: rig.journal, venue: rig.venue }).lead(2);
    await pass(5);
    expect(waiting(next)).toBe(0);
  });
});

test("why an order does not leave is recorded once, however often it is tried again in its time", async () => {
  const rig = await leading();
  rig.venue.hasSockets = false;
  const full = { kind: "not-sent", reason: "limiter", message: "no room" } as const;
  const away = { kind: "not-sent", reason: "connect-failed", message: "away" } as const;
  for (const outcome of [full, full, full, away, away, full]) rig.venue.script.push(() => Promise.resolve(outcome));
  const intent = rig.order(small);
  await pass(1_000);
  expect(rig.row(intent).status).toBe("new");
  expect(rig.venue.placed).toHaveLength(7);
  const answers = rig.journal.events.filter((event) => event.kind === "attempt.answered");
  expect(answers.map(({ outcome }) => (outcome.kind === "not-sent" ? outcome.reason : outcome.kind))).toEqual([
    "limiter",
    "connect-failed",
    "limiter",
    "accepted",
  ]);
});

test("of orders that are committed at once a few leave at a time, and one that is taken back before its turn never does", async () => {
  const rig = await leading();
  rig.isCommitting = false;
  const intents = Array.from({ length: 20 }, () => rig.order(small));
  rig.commit();
  await Promise.resolve();
  expect(rig.venue.placed).toHaveLength(8);
  const last = intents.at(-1) ?? id<IntentId>("none");
  expect(rig.desk.cancel(last, "trader")).toMatchObject({ kind: "recorded" });
  await pass(5);
  rig.commit();
  await pass(50);
  expect(rig.venue.placed).toHaveLength(19);
  expect(rig.row(last)).toMatchObject({ status: "not-sent", endReason: "cancelled" });
  for (const intent of intents.slice(0, -1)) expect(rig.row(intent).status).toBe("new");
});
