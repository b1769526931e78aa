/** When a difference on the account is a trade that was taken back, and what that does to the books. */
import { describe, expect, test } from "vitest";
import { takenBy } from "../algorithms/child.ts";
import { decimal } from "../decimal.ts";
import { decodeEvent } from "../formats/events.ts";
import type { DriftFound, JournalEvent } from "../formats/events.ts";
import type { FillBusted } from "../formats/order-events.ts";
import { id } from "../ids.ts";
import type { SymbolId, TradeId } from "../ids.ts";
import { journaledTotal } from "../risk/funds.ts";
import { wallMs } from "../time.ts";
import { bustSettledMs, bustSuspects, judgeBusts } from "./busts.ts";
import type { BustVerdict } from "./busts.ts";
import { isComplete } from "./order-row.ts";
import { refusalOf } from "./refusal.ts";
import { replacementOf } from "./replacement.ts";
import { accepted, btc, eth, fill, story, twapRecorded, updated, venue, venueOrder } from "./sample-events.ts";
import type { Story } from "./sample-events.ts";
import { marketKey, rowsOf } from "./state.ts";
import { stateOf } from "./state-of-rows.ts";
import type { ParentRow } from "./state.ts";
import { tradesToTell } from "./strategy-trades.ts";
import { venueWord } from "./venue-word.ts";

const later = wallMs(10_015 + bustSettledMs + 1);

/** An account with 1,000 USDT that bought 3 BTC at 100 in trades 1 (one) and 2 (two), each for a fee of 0.01 USDT. */
function account(): Story {
  const s = story();
  s.tell({
    ...{ kind: "baseline.taken", venue, atWallMs: wallMs(0), externalOrders: [], lastTradeIds: {} },
    balances: { USDT: decimal("1000") },
  });
  const order = s.want({ quantity: decimal("3") });
  s.tell(accepted(order));
  s.tell(fill(order, 1, "1"));
  s.tell(fill(order, 2, "2"));
  return s;
}

/** The verdict on a currency that the venue tells so, while it lists these trades. */
function verdict(s: Story, currency: string, told: string, listed: readonly string[], atWallMs = later): BustVerdict {
  const drift: DriftFound = {
    ...{ kind: "drift.found", venue, subject: { kind: "balance", currency } },
    ...{ journal: journaledTotal(s.state, venue, currency), told: decimal(told), atWallMs },
  };
  const suspects = bustSuspects(s.state, drift, atWallMs);
  const isListed = (_symbol: SymbolId, tradeId: TradeId): boolean => listed.includes(tradeId);
  return judgeBusts(s.state, drift, { suspects, isListed });
}

const bust = (tradeId: string, more: Partial<FillBusted> = {}): JournalEvent => ({
  ...{ kind: "fill.busted", venue, symbol: btc, tradeId: id<TradeId>(tradeId), evidence: "gone", atWallMs: later },
  ...more,
});

describe("a difference is a bust", () => {
  test("when trades that are no longer listed explain it to the last digit, in the base or in the quote", () => {
    const s = account();
    expect(verdict(s, "BTC", "1", ["1"])).toMatchObject({
      kind: "busted",
      busts: [
        { kind: "fill.busted", venue, symbol: btc, tradeId: "2", intent: s.state.fills.values().next().value?.intent },
      ],
    });
    // 1,000 less what trade 1 cost with its fee.
    expect(verdict(s, "USDT", "899.99", ["1"])).toMatchObject({ kind: "busted", busts: [{ tradeId: "2" }] });
    expect(verdict(s, "USDT", "1000", [])).toMatchObject({
      kind: "busted",
      busts: [{ tradeId: "1" }, { tradeId: "2" }],
    });
  });

  test("and not when the money is another amount, or every trade is listed, or nothing is", () => {
    const s = account();
    expect(verdict(s, "BTC", "1.00000001", ["1"])).toEqual({ kind: "drift", unlisted: 1 });
    expect(verdict(s, "BTC", "1", ["1", "2"])).toEqual({ kind: "drift", unlisted: 0 });
    expect(verdict(s, "BTC", "1", [])).toEqual({ kind: "drift", unlisted: 2 });
    expect(verdict(s, "ETH", "5", [])).toEqual({ kind: "drift", unlisted: 0 });
  });

  test("and not yet while the trade is so young that list and balance may lag together", () => {
    const s = account();
    expect(verdict(s, "BTC", "1", ["1"], wallMs(later - 2))).toEqual({ kind: "too-early" });
  });

  test("beside drift that is on record already", () => {
    const s = account();
    s.tell({
      ...{ kind: "drift.found", venue, subject: { kind: "balance", currency: "BTC" } },
      ...{ journal: decimal("3"), told: decimal("4"), atWallMs: wallMs(11_000) },
    });
    expect(verdict(s, "BTC", "2", ["1"])).toMatchObject({ kind: "busted", busts: [{ tradeId: "2" }] });
    expect(verdict(s, "BTC", "1", ["1"])).toEqual({ kind: "drift", unlisted: 1 });
  });
});

describe("a bust subtracts", () => {
  test("from the position, the order and its parent what its trade had added, and the trade stays on record", () => {
    const s = story();
    const parent = twapRecorded(s.state);
    s.tell(parent);
    const of = { parent: "p-1" as never, slice: 1 };
    const order = s.want({ side: "sell", quantity: decimal("1") }, of);
    s.tell(accepted(order));
    const before = JSON.stringify([s.state.positions.get(marketKey(venue, btc)) ?? null]);
    s.tell(fill(order, 1, "1"));
    expect(s.order(order.id)).toMatchObject({ status: "filled", executed: "1" });
    s.tell(bust("1", { intent: order.id }));
    expect(before).toBe("[null]");
    expect(s.state.positions.get(marketKey(venue, btc))).toMatchObject({
      ...{ quantity: "0", sold: "0", quoteReceived: "0", fees: { USDT: "0" }, fills: 0, lastTradeId: "1" },
    });
    expect(s.order(order.id)).toMatchObject({ status: "filled", executed: "0", filled: "0", executedQuote: "0" });
    expect(s.state.parents.get("p-1" as never)).toMatchObject({ executed: "0", executedQuote: "0" });
    expect([...s.state.fills.values()]).toMatchObject([{ tradeId: "1", quantity: "1", bustedWallMs: later }]);
    expect(refusalOf(s.state, fill(order, 1, "1"))).toBe("fill-known");
  });

  test("and an order that is still open has that much more to come", () => {
    const s = account();
    const [order] = s.state.orders.values();
    if (order === undefined) throw new Error("there is one");
    const open = s.want({ quantity: decimal("5") });
    s.tell(accepted(open));
    s.tell(fill(open, 7, "2"));
    s.tell(bust("7", { intent: open.id }));
    expect(s.order(open.id)).toMatchObject({ status: "new", executed: "0", filled: "0" });
    expect(s.state.indexes.exposure.get(marketKey(venue, btc))).toMatchObject({ buyOpen: "5", orders: 1 });
    s.tell(updated(open, { status: "partially-filled", executed: decimal("1") }));
    expect(s.order(open.id)).toMatchObject({ status: "partially-filled", executed: "1" });
  });

  test("and the venue's own figure of the order, which may have the trade still, counts without it from then on", () => {
    const s = story();
    const order = s.want({ quantity: decimal("5") });
    s.tell(accepted(order));
    s.tell(fill(order, 1, "2"));
    s.tell(bust("1", { intent: order.id }));
    const word = (executed: string, status: "partially-filled" | "cancelled"): string => {
      const told = venueOrder(s.order(order.id), { executed: decimal(executed), status });
      const meant = venueWord(s.state, told, later);
      if (meant.kind === "update") s.tell(meant.event);
      return meant.kind;
    };
    expect(word("2", "partially-filled")).toBe("known");
    expect(word("3", "partially-filled")).toBe("update");
    expect(s.order(order.id)).toMatchObject({ executed: "1", filled: "0", busted: "2" });
    expect([...s.state.indexes.fillsMissing]).toEqual([order.id]);
    s.tell(fill(order, 2, "1"));
    expect(word("3", "cancelled")).toBe("update");
    expect(s.order(order.id)).toMatchObject({ status: "cancelled", executed: "1", filled: "1" });
    expect(word("3", "cancelled")).toBe("known");
    // Nothing of it is waited for any more, and it takes no room in any limit.
    expect([s.state.indexes.fillsMissing.size, isComplete(s.order(order.id))]).toEqual([0, true]);
    expect(s.state.indexes.exposure.get(marketKey(venue, btc))).toMatchObject({ buyOpen: "0", orders: 0 });
  });

  test("and a figure that is older than a later trade of the order does not count the trade that was taken back once more", () => {
    const s = story();
    const order = s.want({ quantity: decimal("10") });
    s.tell(accepted(order));
    s.tell(fill(order, 1, "4"));
    s.tell(bust("1", { intent: order.id }));
    s.tell(fill(order, 2, "3"));
    // A list of open orders that was read before the second trade, at a venue that keeps its figures as they are.
    const stale = venueOrder(s.order(order.id), { executed: decimal("4"), status: "partially-filled" });
    expect(venueWord(s.state, stale, later).kind).toBe("known");
    s.tell(updated(order, { status: "partially-filled", executed: decimal("4") }));
    s.tell(updated(order, { status: "cancelled", executed: decimal("7") }));
    expect(s.order(order.id)).toMatchObject({ status: "cancelled", executed: "3", filled: "3", busted: "4" });
    expect([s.state.indexes.fillsMissing.size, isComplete(s.order(order.id))]).toEqual([0, true]);
  });

  test("and is not wanted again by who replaces its order: what traded, taken back or not, is part of the whole", () => {
    const s = story();
    const order = s.want({ quantity: decimal("5") });
    s.tell(accepted(order));
    s.tell(fill(order, 1, "2"));
    s.tell(bust("1", { intent: order.id }));
    const change = { price: decimal("99") };
    expect(replacementOf(s.order(order.id), change)).toMatchObject({ quantity: "5", rest: { quantity: "3" } });
    const small = { ...change, quantity: decimal("2") };
    expect(replacementOf(s.order(order.id), small)).toMatchObject({ code: "amend-too-small" });
  });

  test("and what its parent has taken is the same before and after a fill that is told later than the venue's figure", () => {
    const s = story();
    s.tell(twapRecorded(s.state));
    const order = s.want({ side: "sell", quantity: decimal("2") }, { parent: "p-1" as never, slice: 1 });
    s.tell(accepted(order));
    s.tell(fill(order, 1, "1"));
    s.tell(updated(order, { status: "filled", executed: decimal("2") }));
    s.tell(bust("1", { intent: order.id }));
    const taken = (): string => takenBy(s.state, s.state.parents.get("p-1" as never)!);
    expect(taken()).toBe("2");
    s.tell(fill(order, 2, "1"));
    expect([taken(), isComplete(s.order(order.id))]).toEqual(["2", true]);
  });

  test("from the parent too when the child has left the state, and stays remembered there as taken", () => {
    const s = story();
    s.tell(twapRecorded(s.state));
    const order = s.want({ side: "sell", quantity: decimal("1") }, { parent: "p-1" as never, slice: 1 });
    s.tell(accepted(order));
    s.tell(fill(order, 1, "1"));
    const parent = (): ParentRow | undefined => s.state.parents.get("p-1" as never);
    const taken = takenBy(s.state, parent()!);
    // As the retention lets it go, from the rows of a journal that has it no more.
    const rows = [...rowsOf(s.state)].filter(({ table, key }) => table !== "orders" || key !== order.id);
    s.state = stateOf(rows, s.state.applied);
    s.tell(bust("1", { intent: order.id }));
    expect(parent()).toMatchObject({ executed: "0", executedQuote: "0", busted: "1" });
    expect(takenBy(s.state, parent()!)).toBe(taken);
  });

  test("and what a parent has taken stays the same when the child leaves the state after the bust", () => {
    const s = story();
    s.tell(twapRecorded(s.state));
    const order = s.want({ side: "sell", quantity: decimal("1") }, { parent: "p-1" as never, slice: 1 });
    s.tell(accepted(order));
    s.tell(fill(order, 1, "1"));
    s.tell(bust("1", { intent: order.id }));
    const taken = takenBy(s.state, s.state.parents.get("p-1" as never)!);
    const rows = [...rowsOf(s.state)].filter(({ table, key }) => table !== "orders" || key !== order.id);
    s.state = stateOf(rows, s.state.applied);
    expect([taken, takenBy(s.state, s.state.parents.get("p-1" as never)!)]).toEqual(["1", "1"]);
  });

  test("and is told to strategies after its trade, each once and in the order of the journal", () => {
    const s = account();
    s.tell(bust("1", { intent: [...s.state.orders.keys()][0] as never }));
    const told = (after: number): readonly string[] =>
      tradesToTell(s.state, { after, symbols: [btc], most: 9 }).map(({ kind, fill: { tradeId } }) => kind + tradeId);
    expect([told(0), told(s.state.applied - 1), told(s.state.applied)]).toEqual([
      ["fill1", "fill2", "bust1"],
      ["bust1"],
      [],
    ]);
    expect(tradesToTell(s.state, { after: 0, symbols: [eth], most: 9 })).toEqual([]);
    expect(tradesToTell(s.state, { after: 0, symbols: [btc], most: 2 })).toHaveLength(2);
  });

  test("once, only from a trade that is on record, and under its own order", () => {
    const s = account();
    const [order] = s.state.orders.values();
    const intent = order?.id as never;
    expect(refusalOf(s.state, bust("9", { intent }))).toBe("fill-unknown");
    expect(refusalOf(s.state, bust("1"))).toBe("fill-mismatch");
    s.tell(bust("1", { intent }));
    expect(refusalOf(s.state, bust("1", { intent }))).toBe("fill-busted");
    expect(journaledTotal(s.state, venue, "USDT")).toBe("799.99");
  });

  test("of a trade that nobody claimed: who learns its order later does not count it", () => {
    const s = story();
    const order = s.want({ quantity: decimal("3") });
    const { intent: _intent, ...unnamed } = fill(order, 5, "1");
    s.tell(unnamed);
    s.tell(bust("5"));
    s.tell(accepted(order));
    expect(s.order(order.id)).toMatchObject({ status: "new", executed: "0" });
    const rebuilt = stateOf(JSON.parse(JSON.stringify([...rowsOf(s.state)])), s.state.applied);
    expect(rebuilt.indexes.unclaimed).toEqual(s.state.indexes.unclaimed);
  });
});

test("a record of a kind that a build does not know is refused with a sentence, whatever else it says", () => {
  expect(() => decodeEvent('{"kind":"order.teleported","atWallMs":1}')).toThrow(
    'a record "order.teleported" that this build does not know: a newer build wrote it, so run that one',
  );
  expect(() => decodeEvent('{"kind":"toString"}')).toThrow("does not know");
});
