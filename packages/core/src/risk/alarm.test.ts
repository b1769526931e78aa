import { describe, expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import { id } from "../ids.ts";
import type { IntentId, TradeId, VenueId } from "../ids.ts";
import type { AccountReading } from "../orders/drift.ts";
import type { OrderRow } from "../orders/order-row.ts";
import { wallMs } from "../time.ts";
import { btc, epochOpened, fill, story, updated, venue as at } from "../orders/sample-events.ts";
import type { Story } from "../orders/sample-events.ts";
import { accountStop, cancelCause, judgeVenueCancels, unjudgedCancels } from "./alarm.ts";

const venue = (name: string): VenueId => id<VenueId>(name);

test("a stop takes every venue on the account with it, and no other", () => {
  const accounts = [
    { id: venue("spot"), account: "main" },
    { id: venue("futures"), account: "main" },
    { id: venue("elsewhere"), account: "other" },
  ];
  expect(accountStop(accounts, venue("spot"), "a hand of somebody else", wallMs(1))).toMatchObject({
    level: "account",
    id: "main",
    venues: ["spot", "futures"],
  });
});

test("a reduce-only order that outlives its position is taken back by the venue, which is no stranger's hand; before that it may be one", () => {
  const s = story();
  s.tell(fill(s.order(s.want({ side: "buy" }).id), 1, "2"));
  const { id: guard } = s.want({ side: "sell", reduceOnly: true });
  const { id: plain } = s.want({ side: "sell" });
  for (const intent of [guard, plain]) s.tell(updated(s.order(intent), { status: "cancelled" }));
  const causeOf = (intent: typeof guard): string => cancelCause(s.state, s.order(intent));
  expect([causeOf(guard), causeOf(plain)]).toEqual(["venue-perhaps", "stranger"]);
  s.tell(fill(s.order(s.want({ side: "sell" }).id), 2, "0.1"));
  expect([causeOf(guard), causeOf(plain)]).toEqual(["understood", "stranger"]);
});

test("an order that is older than a loss may have been taken back in the lost history, which is no stranger's hand; a later one was not", () => {
  const s = story();
  const { id: older } = s.want({ side: "sell" });
  s.tell(updated(s.order(older), {}));
  s.tell(epochOpened(s.state, 2, { reason: "unclean", numbersFrom: 2_000 }));
  const { id: later } = s.want({ side: "sell" });
  for (const intent of [older, later]) s.tell(updated(s.order(intent), { status: "cancelled" }));
  expect([older, later].map((intent) => cancelCause(s.state, s.order(intent)))).toEqual(["understood", "stranger"]);
});

describe("a reduce-only order that its venue took back though the journal has the position", () => {
  const symbol = btc;
  /** It holds 2 by the journal, and an order to sell them was cancelled at 10,020. */
  function cancelledGuard(quantity = "2"): { readonly s: Story; readonly guard: OrderRow } {
    const s = story();
    s.tell({
      ...{ kind: "baseline.taken", venue: at, atWallMs: wallMs(1), externalOrders: [], lastTradeIds: {} },
      balances: {},
    });
    s.tell(fill(s.order(s.want({ side: "buy", quantity: decimal("2") }).id), 1, "2"));
    const { id: guard } = s.want({ side: "sell", reduceOnly: true, quantity: decimal(quantity) });
    s.tell(updated(s.order(guard), { status: "cancelled" }));
    return { s, guard: s.order(guard) };
  }
  const reading = (position: string, atWallMs: number): AccountReading => ({
    ...{ venue: at, balances: {}, isAll: true, atWallMs: wallMs(atWallMs) },
    positions: new Map([[symbol, decimal(position)]]),
  });
  const bust = (s: Story): void =>
    void s.tell({
      ...{ kind: "fill.busted", venue: at, symbol, tradeId: id<TradeId>("1"), evidence: "it is gone" },
      ...{ intent: id<IntentId>("i-1"), atWallMs: wallMs(80_000) },
    });

  test("is a stranger's doing where the venue has that position too, once its list cannot lag behind the cancel", () => {
    const { s, guard } = cancelledGuard();
    expect(judgeVenueCancels(s.state, [guard], reading("2", 14_019))).toEqual(["wait"]);
    expect(judgeVenueCancels(s.state, [guard], reading("2", 14_020))).toEqual(["unexplained"]);
  });

  test("waits while the venue's position is another, is understood by a bust, and is unexplained as drift", () => {
    const { s, guard } = cancelledGuard();
    expect(judgeVenueCancels(s.state, [guard], reading("0", 60_000))).toEqual(["wait"]);
    bust(s);
    expect(judgeVenueCancels(s.state, [guard], reading("0", 90_000))).toEqual(["understood"]);
    const other = cancelledGuard();
    other.s.tell({
      ...{ kind: "drift.found", venue: at, subject: { kind: "position", symbol } },
      ...{ journal: decimal("2"), told: decimal("0"), atWallMs: wallMs(60_000) },
    });
    expect(judgeVenueCancels(other.s.state, [other.guard], reading("0", 64_000))).toEqual(["unexplained"]);
  });

  test("counts with the others of its kind: two of one each outlive a position of one and a half", () => {
    const { s, guard } = cancelledGuard("1");
    const { id: second } = s.want({ side: "sell", reduceOnly: true, quantity: decimal("1") });
    s.tell(updated(s.order(second), {}));
    s.tell(fill(s.order(s.want({ side: "sell", quantity: decimal("0.5") }).id), 2, "0.5"));
    expect(cancelCause(s.state, guard)).toBe("understood");
    s.tell(updated(s.order(second), { status: "cancelled" }));
    expect(judgeVenueCancels(s.state, [guard, s.order(second)], reading("1.5", 60_000))).toEqual([
      "understood",
      "understood",
    ]);
  });

  test("is not explained by the exit that came in its place, nor by what that one has sold since", () => {
    const { s, guard } = cancelledGuard();
    const { id: next } = s.want(
      { side: "sell", reduceOnly: true, quantity: decimal("2") },
      { atWallMs: wallMs(10_500) },
    );
    s.tell(updated(s.order(next), {}));
    expect(judgeVenueCancels(s.state, [guard], reading("2", 15_000))).toEqual(["unexplained"]);
    s.tell({ ...fill(s.order(next), 2, "0.5"), tradedWallMs: wallMs(10_600) });
    expect(judgeVenueCancels(s.state, [guard], reading("1.5", 15_000))).toEqual(["unexplained"]);
    s.tell({ ...updated(s.order(next), { status: "cancelled" }), atWallMs: wallMs(12_000) } as never);
    const both = [guard, s.order(next)];
    expect(judgeVenueCancels(s.state, both, reading("1.5", 20_000))).toEqual(["unexplained", "unexplained"]);
    expect(unjudgedCancels(s.state, wallMs(20_000)).map((order) => order.id)).toEqual(both.map((order) => order.id));
    bust(s);
    expect(judgeVenueCancels(s.state, both, reading("-0.5", 90_000))).toEqual(["understood", "understood"]);
  });

  test("is understood where what it closed has gone, though another has bought since", () => {
    const { s, guard } = cancelledGuard();
    const later = s.order(s.want({ side: "buy", quantity: decimal("3") }, { atWallMs: wallMs(10_500) }).id);
    s.tell({ ...fill(later, 2, "3"), tradedWallMs: wallMs(10_600) });
    expect(judgeVenueCancels(s.state, [guard], reading("3", 15_000))).toEqual(["wait"]);
    bust(s);
    expect(judgeVenueCancels(s.state, [guard], reading("3", 90_000))).toEqual(["understood"]);
  });

  test("is understood where another rested beside it that the position had no room for, whatever that one has sold since", () => {
    const { s, guard } = cancelledGuard("1");
    const { id: second } = s.want({ side: "sell", reduceOnly: true, quantity: decimal("1") });
    s.tell(updated(s.order(second), {}));
    s.tell(fill(s.order(s.want({ side: "sell", quantity: decimal("0.5") }).id), 2, "0.5"));
    s.tell({ ...fill(s.order(second), 3, "0.6"), tradedWallMs: wallMs(15_000) });
    expect(judgeVenueCancels(s.state, [guard], reading("0.9", 20_000))).toEqual(["understood"]);
  });

  test("is not brought up again by a successor when a person has lifted the stop that it led to", () => {
    const { s, guard } = cancelledGuard();
    s.tell({ kind: "kill.set", level: "account", by: "baton", reason: "a hand", atWallMs: wallMs(15_000) } as never);
    expect(unjudgedCancels(s.state, wallMs(20_000)).map((order) => order.id)).toEqual([guard.id]);
    s.tell({ kind: "kill.set", level: "off", by: "ann", reason: "it was me", atWallMs: wallMs(18_000) });
    expect(unjudgedCancels(s.state, wallMs(20_000))).toEqual([]);
  });

  test("is understood by a successor too where another rested beside it, and was taken back by us since", () => {
    const { s, guard } = cancelledGuard("1");
    const { id: second } = s.want({ side: "sell", reduceOnly: true, quantity: decimal("1") });
    s.tell(updated(s.order(second), {}));
    s.tell(fill(s.order(s.want({ side: "sell", quantity: decimal("0.5") }).id), 2, "0.5"));
    s.tell({ kind: "cancel.requested", intent: second, by: "trader", atWallMs: wallMs(11_000) });
    s.tell({ ...updated(s.order(second), { status: "cancelled" }), atWallMs: wallMs(11_010) } as never);
    expect(cancelCause(s.state, guard)).toBe("venue-perhaps");
    expect(unjudgedCancels(s.state, wallMs(20_000))).toEqual([]);
  });

  test("is left to a successor for two minutes, unless the position has grown since", () => {
    const { s, guard } = cancelledGuard();
    expect(unjudgedCancels(s.state, wallMs(130_000)).map((order) => order.id)).toEqual([guard.id]);
    expect(unjudgedCancels(s.state, wallMs(130_020))).toEqual([]);
    const grown = fill(s.order(s.want({ side: "buy", quantity: decimal("1") }).id), 2, "1");
    s.tell({ ...grown, tradedWallMs: wallMs(10_030) });
    expect(unjudgedCancels(s.state, wallMs(20_000))).toEqual([]);
  });
});
