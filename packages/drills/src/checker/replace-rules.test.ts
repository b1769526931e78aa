import { decimal, id, wallMs } from "@baton/core";
import type { JournalEvent } from "@baton/core";
import { expect, test } from "vitest";
import { events, filled, placed, recorded, rules, t0, venue } from "./sample-run.ts";

const order = {
  venueOrderId: "4",
  clientOrderId: "c4",
  symbol: "BTC/USDT",
  side: "buy",
  quantity: "0.1",
  price: "100",
};

/** The order 4 rests, is to be replaced by one of `wanted` in all, and 5 of `quantity` comes. */
function told(wanted: string, quantity = "0.1"): readonly JournalEvent[] {
  const at = (ms: number): { readonly atWallMs: ReturnType<typeof wallMs> } => ({ atWallMs: wallMs(t0 + ms) });
  const stamp = { sentWallMs: t0 + 1_101, validityMs: 1_000 };
  const open = { ...order, status: "open", executed: "0" };
  const five = recorded(5, "c5", 1_300, { replaces: id("i-4") });
  if (five.kind !== "intent.recorded") throw new Error("an intent");
  const answer = { attempt: 1, epoch: 2, node: "b" };
  const list: readonly unknown[] = [
    recorded(4, "c4", 1_100),
    {
      kind: "attempt.answered",
      intent: "i-4",
      ...answer,
      outcome: { kind: "accepted", order: open, stamp },
      ...at(1_105),
    },
    { kind: "cancel.requested", intent: "i-4", by: "driver", ...at(1_200) },
    {
      ...{ kind: "replace.requested", intent: "i-4", quantity: wanted, price: "100", sendWithinMs: 5_000 },
      by: "driver",
      ...at(1_200),
    },
    { kind: "order.updated", intent: "i-4", attempt: 1, order: { ...open, status: "cancelled" }, ...at(1_260) },
    { ...five, terms: { ...five.terms, quantity: decimal(quantity) } },
    {
      ...{ kind: "attempt.answered", intent: "i-5", ...answer, ...at(1_310) },
      outcome: {
        ...{ kind: "accepted", stamp: { ...stamp, sentWallMs: t0 + 1_305 } },
        order: { ...order, venueOrderId: "5", clientOrderId: "c5", status: "filled", quantity, executed: quantity },
      },
    },
    { ...filled(5, 5), quantity },
  ];
  return [...events, ...(list as readonly JournalEvent[])];
}

function seen(cancelledAt: number, quantity = "0.1"): readonly Record<string, unknown>[] {
  const [recv, accept] = placed("c4", 4, "b-key", 1_101);
  const five = placed("c5", 5, "b-key", 1_305).map((record) => ({ ...record, quantity }));
  return [
    ...venue,
    recv ?? {},
    accept ?? {},
    { ...accept, type: "cancel", at: cancelledAt, cause: "request" },
    ...five,
  ];
}

test("an order that was gone before the one in its place was accepted convicts nobody", () => {
  expect(rules({ events: told("0.1"), venue: seen(1_250) })).toEqual([]);
});

test("one that was still at the venue then does, whatever the journal says", () => {
  expect(rules({ events: told("0.1"), venue: seen(1_400) })).toEqual(["replaced-in-turn"]);
});

test("one in whose place more came than was asked for does", () => {
  expect(rules({ events: told("0.1", "0.2"), venue: seen(1_250, "0.2") })).toEqual(["replaced-in-turn"]);
  expect(rules({ events: told("0.2", "0.2"), venue: seen(1_250, "0.2") })).toEqual([]);
});

test("one that nobody wanted replaced does", () => {
  const unasked = told("0.1").filter(({ kind }) => kind !== "replace.requested");
  expect(rules({ events: unasked, venue: seen(1_250) })).toEqual(["replaced-in-turn"]);
});
