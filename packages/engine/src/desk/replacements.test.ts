import { decimal, latestAttempt, wallMs } from "@baton/core";
import type { IntentId, OrderRow, ReplaceRequest, VenueOrder } from "@baton/core";
import { describe, expect, test } from "vitest";
import { wallNow } from "../clock.ts";
import { DeskRig } from "../testing/desk-rig.ts";
import { inDoubt, leading } from "../testing/leading-desk.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";
import type { ReplaceTaken } from "./replacements.ts";

onVirtualTime();

const second = "i-2" as IntentId;

function replace(rig: DeskRig, intent: IntentId, over: Partial<ReplaceRequest> = {}, id?: string): ReplaceTaken {
  const taken = rig.desk.replace(
    intent,
    { price: decimal("99"), sendWithinMs: 10_000, ...over },
    "trader",
    id === undefined ? undefined : { key: id },
  );
  if (taken === undefined) throw new Error("there is no term");
  return taken;
}

/** It rests at the venue. */
async function resting(rig: DeskRig): Promise<IntentId> {
  const intent = rig.order();
  await pass(10);
  return intent;
}

/** So much of it has traded, and nobody was told. */
function trade(rig: DeskRig, row: OrderRow, executed: string): void {
  const { clientOrderId } = latestAttempt(row);
  const order = rig.venue.orders.get(clientOrderId) as VenueOrder;
  rig.venue.orders.set(clientOrderId, { ...order, status: "partially-filled", executed: decimal(executed) });
}

function successorOf({ replace: replaced }: OrderRow): IntentId {
  if (replaced?.end?.kind !== "replaced") throw new Error("nothing came in its place");
  return replaced.end.successor;
}

const openAt = (rig: DeskRig): readonly VenueOrder[] =>
  [...rig.venue.orders.values()].filter(({ status }) => status === "open" || status === "partially-filled");

const wire = (rig: DeskRig): readonly string[] => rig.venue.sent.map(({ kind }) => kind);

describe("replacing an order", () => {
  test("takes it back, and places what is left with its new figures when its end is committed", async () => {
    const rig = await leading();
    const intent = await resting(rig);
    trade(rig, rig.row(intent), "0.4");
    rig.isCommitting = false;
    expect(replace(rig, intent).kind).toBe("recorded");
    await pass(20);
    // Nothing was sent on a wish that is not durable.
    expect(wire(rig)).toEqual(["place"]);
    rig.commit();
    await pass(100);
    // Cancelled, and the venue's word on it is not durable: nothing is sent on that either.
    expect(wire(rig)).toEqual(["place", "cancel"]);
    rig.isCommitting = true;
    rig.commit();
    await pass(50);
    expect(wire(rig)).toEqual(["place", "cancel", "place"]);
    expect(rig.row(intent)).toMatchObject({ status: "cancelled", executed: "0.4" });
    expect(rig.row(second)).toMatchObject({ replaces: intent, terms: { quantity: "0.6", price: "99" }, by: "trader" });
    expect(openAt(rig)).toMatchObject([{ quantity: "0.6", price: "99" }]);
    expect(rig.told(intent)).toContain("replace.requested");
  });

  test("that risk would refuse leaves it where it is, and nothing on record", async () => {
    const rig = await leading();
    const intent = await resting(rig);
    const before = rig.journal.events.length;
    expect(replace(rig, intent, { price: decimal("110") })).toMatchObject({ refusal: { code: "price-collar" } });
    expect(replace(rig, intent, { quantity: decimal("21") })).toMatchObject({ refusal: { code: "order-size" } });
    rig.venue.breakerState = "open";
    expect(replace(rig, intent)).toMatchObject({ refusal: { code: "venue-ill" } });
    await pass(1_000);
    expect(rig.journal.events).toHaveLength(before);
    expect(openAt(rig)).toHaveLength(1);
    expect(replace(rig, second)).toEqual({ kind: "unknown" });
  });

  test("that traded before its cancel came ends with a sentence, and places nothing", async () => {
    const rig = await leading();
    const intent = await resting(rig);
    rig.venue.cancelScript.push((carryOut) => {
      rig.venue.fill(latestAttempt(rig.row(intent)).clientOrderId, "7");
      return Promise.resolve(carryOut());
    });
    replace(rig, intent, { quantity: decimal("3") });
    await pass(1_000);
    expect(rig.row(intent)).toMatchObject({
      status: "filled",
      replace: { end: { kind: "given-up", reason: "executed" } },
    });
    expect(rig.venue.placed).toHaveLength(1);
    expect(rig.warnings.some((each) => each.includes("executed before it could be taken back"))).toBe(true);
  });

  test("waits for a price while it has time, and gives up when that has passed", async () => {
    const rig = await leading();
    const fresh = rig.market;
    const [one, two] = [await resting(rig), await resting(rig)];
    replace(rig, one);
    replace(rig, two, { sendWithinMs: 500 });
    rig.market = { kind: "stale", why: "silence" };
    await pass(1_000);
    expect(openAt(rig)).toEqual([]);
    expect(rig.row(two).replace?.end).toEqual({ kind: "given-up", reason: "too-late" });
    expect(rig.row(one).replace?.end).toBeUndefined();
    rig.market = fresh;
    await pass(100);
    expect(openAt(rig)).toMatchObject([{ price: "99" }]);
  });

  test("is over when somebody takes the order back, also after its end, and when a kill does", async () => {
    const rig = await leading();
    const fresh = rig.market;
    const [one, two, three] = [await resting(rig), await resting(rig), await resting(rig)];
    rig.venue.cancelScript.push(() => new Promise(() => undefined));
    replace(rig, one);
    await pass(10);
    expect(rig.desk.cancel(one, "trader")).toMatchObject({ kind: "recorded" });
    expect(rig.row(one).replace?.end).toEqual({ kind: "given-up", reason: "cancelled" });
    replace(rig, two);
    replace(rig, three);
    rig.market = { kind: "stale", why: "silence" };
    await pass(100);
    expect([rig.row(two).status, rig.row(three).status]).toEqual(["cancelled", "cancelled"]);
    expect(rig.desk.cancel(two, "trader")).toMatchObject({ kind: "recorded" });
    expect(rig.desk.cancel(two, "trader")).toEqual({ kind: "ended" });
    const words = { by: "ops", reason: "drill", atWallMs: wallMs(wallNow()) };
    rig.desk.killHere({ level: "venue", id: "sim", ...words });
    rig.market = fresh;
    await pass(1_000);
    expect(rig.row(three).replace?.end).toEqual({ kind: "given-up", reason: "cancelled" });
    expect(rig.venue.placed).toHaveLength(3);
  });

  test("goes on when a switchover that held it is given up", async () => {
    const rig = await leading();
    const intent = await resting(rig);
    const fresh = rig.market;
    replace(rig, intent);
    rig.market = { kind: "stale", why: "silence" };
    await pass(60);
    const holding = rig.desk.hold();
    rig.market = fresh;
    await pass(300);
    await holding;
    expect(rig.venue.placed).toHaveLength(1);
    rig.desk.resume();
    await pass(50);
    expect(openAt(rig)).toMatchObject([{ price: "99" }]);
  });
});

/** Until where the first leader comes. Each leaves the order of 1, of which 0.4 has traded, to be replaced at 99. */
const states: readonly (readonly [string, (rig: DeskRig, intent: IntentId) => Promise<void>])[] = [
  [
    "the wish is on its disk only",
    async (rig, intent) => {
      rig.isCommitting = false;
      replace(rig, intent);
      await pass(10);
    },
  ],
  [
    "the answer to the cancel is lost",
    async (rig, intent) => {
      rig.venue.cancelScript.push((carryOut) => {
        carryOut();
        return new Promise(() => undefined);
      });
      replace(rig, intent);
      await pass(10);
    },
  ],
  [
    "the order is known to be gone",
    async (rig, intent) => {
      replace(rig, intent);
      rig.market = { kind: "stale", why: "silence" };
      await pass(60);
    },
  ],
  [
    "what comes in its place is recorded and not sent",
    async (rig, intent) => {
      const fresh = rig.market;
      replace(rig, intent);
      rig.market = { kind: "stale", why: "silence" };
      await pass(20);
      rig.isCommitting = false;
      rig.market = fresh;
      await pass(100);
      expect(rig.row(second).status).toBe("pending-new");
    },
  ],
  [
    "what comes in its place is accepted, and the answer lost",
    async (rig, intent) => {
      rig.venue.script.push((order) => {
        rig.venue.accept(order);
        return Promise.resolve(inDoubt());
      });
      replace(rig, intent);
      await pass(20);
      expect(rig.row(second).status).toBe("in-doubt");
    },
  ],
  [
    "what comes in its place never arrived, and nobody knows",
    async (rig, intent) => {
      rig.venue.script.push(() => Promise.resolve(inDoubt()));
      replace(rig, intent);
      await pass(20);
      expect(rig.row(second).status).toBe("in-doubt");
    },
  ],
];

test.each(states)("a leader that dies when %s leaves a replacement that its successor ends, once", async (_, until) => {
  const rig = await leading();
  const intent = await resting(rig);
  trade(rig, rig.row(intent), "0.4");
  await until(rig, intent);
  rig.desk.end();
  const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
  next.commit();
  next.lead(2);
  let openMost = 0;
  for (let tick = 0; tick < 800; tick += 1) {
    await pass(10);
    openMost = Math.max(openMost, openAt(next).length);
  }
  expect(openMost).toBe(1);
  expect(next.row(intent)).toMatchObject({
    status: "cancelled",
    executed: "0.4",
    replace: { end: { kind: "replaced" } },
  });
  expect(openAt(next)).toMatchObject([{ quantity: "0.6", price: "99" }]);
  expect(next.row(successorOf(next.row(intent)))).toMatchObject({ status: "new", terms: { quantity: "0.6" } });
  expect(next.ledger.speculative.orders.size).toBe(2);
});

test("a replacement under an id is known to the successor, and done once", async () => {
  const rig = await leading();
  const intent = await resting(rig);
  const first = replace(rig, intent, {}, "op-1");
  await pass(50);
  rig.desk.end();
  const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
  next.commit();
  next.lead(2);
  await pass(50);
  expect(first.kind).toBe("recorded");
  expect(replace(next, intent, {}, "op-1")).toMatchObject({ kind: "repeated" });
  expect(replace(next, intent, { price: decimal("98") }, "op-1")).toEqual({ kind: "key-reused" });
  expect(replace(next, intent, {}, "op-2")).toEqual({ kind: "ended" });
  expect(rig.venue.placed).toHaveLength(2);
});
