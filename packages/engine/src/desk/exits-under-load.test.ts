/** A crowd of clients that opens positions holds back nothing that reduces one, neither in a control nor in a queue. */
import { decimal, id } from "@baton/core";
import type { IntentId, OrderRow, ParentId, ParentRequest } from "@baton/core";
import { describe, expect, test } from "vitest";
import { DeskRig, rigConfig } from "../testing/desk-rig.ts";
import { leading } from "../testing/leading-desk.ts";
import { btc } from "../testing/scripted-venue.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

const small = { quantity: decimal("0.1") };
const closing = { side: "sell", price: decimal("99.5"), quantity: decimal("1") } as const;
const oco: ParentRequest = {
  ...{ algo: "oco", symbol: btc, side: "sell", quantity: decimal("1"), aggressionBps: 100 },
  ...{ takePrice: decimal("101"), stopPrice: decimal("99") },
};

/** It holds 2 and no order is open; `orderRate`: of the whole cluster in a second. */
async function holding(orderRate = 100): Promise<DeskRig> {
  const config = rigConfig();
  const risk = { ...config.risk, orderRate: { count: orderRate, perMs: 1_000 } };
  const rig = await leading(new DeskRig({ config: { ...config, risk } }));
  rig.order({ quantity: decimal("2") });
  await pass(50);
  rig.venue.fill(rig.venue.placed[0] ?? "", "1");
  await pass(50);
  return rig;
}

const codeOf = (taken: ReturnType<DeskRig["ask"]>): string =>
  taken.kind === "refused" ? taken.refusal.code : taken.kind;

function protect(rig: DeskRig): ParentId {
  const taken = rig.desk.request(oco, "trader", undefined);
  if (taken?.kind !== "recorded") throw new Error(`not recorded: ${JSON.stringify(taken)}`);
  return id<ParentId>(taken.ref);
}

const childrenOf = (rig: DeskRig, parent: ParentId): readonly OrderRow[] =>
  [...rig.ledger.speculative.orders.values()].filter((order) => order.parent === parent);

/** The price falls through the stop. */
function fall(rig: DeskRig): void {
  rig.market = {
    kind: "fresh",
    basis: { feed: "f", updateId: 2, ageMs: 1, bid: decimal("98.9"), ask: decimal("99") },
  };
}

test("a stop gets out while clients take every place that the order rate frees", async () => {
  const rig = await holding(20);
  const parent = protect(rig);
  await pass(1_500);
  expect(childrenOf(rig, parent).map((child) => child.terms.timeInForce)).toEqual(["GTC"]);
  const codes = new Map<string, number>();
  const crowd = async (forMs: number): Promise<void> => {
    for (let ms = 0; ms < forMs; ms += 1) {
      const code = codeOf(rig.ask({ quantity: decimal("0.2"), price: decimal("99") }));
      codes.set(code, (codes.get(code) ?? 0) + 1);
      await pass(1);
    }
  };
  await crowd(1_500);
  fall(rig);
  await crowd(300);
  // All that time there was no place: the crowd took each as soon as it was free.
  expect(codes.get("order-rate")).toBeGreaterThan(1_700);
  expect(codes.get("recorded")).toBeLessThanOrEqual(40);
  expect(childrenOf(rig, parent).map((child) => child.terms.timeInForce)).toEqual(["GTC", "IOC"]);
});

describe("where a crowd waits to leave", () => {
  /** No order of the crowd leaves, and the oldest of them has waited for longer than anybody may. */
  async function jammed(): Promise<DeskRig> {
    const rig = await holding();
    rig.venue.hasSockets = false;
    rig.venue.script.push(() => new Promise(() => undefined));
    rig.order({ ...small, sendWithinMs: 60_000 });
    await pass(5_000);
    expect(codeOf(rig.ask(small))).toBe("overloaded");
    return rig;
  }

  test("what closes a position is taken, and leaves by a way of its own", async () => {
    const rig = await jammed();
    const asked: (boolean | undefined)[] = [];
    rig.venue.script.push((order) => (asked.push(order.isAhead), Promise.resolve(rig.venue.accept(order))));
    expect(codeOf(rig.ask({ ...closing, quantity: decimal("2.1") }))).toBe("overloaded");
    const intent = rig.order(closing);
    await pass(5);
    expect(rig.row(intent).status).toBe("new");
    expect(asked).toEqual([true]);
  });

  test("what opens has no such way", async () => {
    const rig = await holding();
    const asked: (boolean | undefined)[] = [];
    rig.venue.script.push((order) => (asked.push(order.isAhead), Promise.resolve(rig.venue.accept(order))));
    rig.order(small);
    await pass(5);
    expect(asked).toEqual([false]);
  });

  test("an OCO that gets out is taken, and what opens first, a bracket or an OCO, is not", async () => {
    const rig = await jammed();
    expect(rig.desk.request(oco, "trader", undefined)).toMatchObject({ kind: "recorded" });
    const bracket: ParentRequest = { ...oco, algo: "bracket", side: "buy", timeInForce: "IOC" };
    expect(rig.desk.request(bracket, "trader", undefined)).toMatchObject({ refusal: { code: "overloaded" } });
    // On spot one that buys, with nothing short, is an entry.
    const entry: ParentRequest = { ...oco, side: "buy", takePrice: decimal("99"), stopPrice: decimal("101") };
    expect(rig.desk.request(entry, "trader", undefined)).toMatchObject({ refusal: { code: "overloaded" } });
  });

  test("what closes may be replaced, and what opens may not", async () => {
    const rig = await holding();
    const [exit, entry] = [rig.order({ ...closing, price: decimal("100") }), rig.order(small)];
    await pass(5);
    rig.venue.hasSockets = false;
    rig.venue.script.push(() => new Promise(() => undefined));
    rig.order({ ...small, sendWithinMs: 60_000 });
    await pass(2_000);
    const change = { price: decimal("100.5"), sendWithinMs: 2_000 };
    expect(rig.desk.replace(entry, change, "trader")).toMatchObject({ refusal: { code: "overloaded" } });
    expect(rig.desk.replace(exit, change, "trader")).toMatchObject({ kind: "recorded" });
  });

  test("what closes waits for its own kind, and is refused when that waits too long", async () => {
    const rig = await jammed();
    rig.venue.script.push(() => new Promise(() => undefined));
    rig.order({ ...closing, sendWithinMs: 60_000 });
    await pass(999);
    expect(codeOf(rig.ask({ ...closing, quantity: decimal("0.5") }))).toBe("recorded");
    await pass(1);
    expect(codeOf(rig.ask({ ...closing, quantity: decimal("0.1") }))).toBe("overloaded");
  });
});

test("of orders that are committed at once, what closes leaves in the first turn, behind no crowd", async () => {
  const rig = await holding();
  rig.isCommitting = false;
  const before = rig.venue.placed.length;
  for (let count = 0; count < 20; count += 1) rig.order(small);
  const exit: IntentId = rig.order(closing);
  rig.commit();
  await Promise.resolve();
  const first = rig.venue.placed.slice(before);
  expect(first).toHaveLength(9);
  expect(first).toContain(rig.row(exit).attempts[0]?.clientOrderId);
});
