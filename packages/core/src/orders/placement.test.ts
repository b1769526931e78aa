import { describe, expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import type { IntentId, NodeId } from "../ids.ts";
import { wallMs } from "../time.ts";
import type { WallMs } from "../time.ts";
import { clientOrderIdOf } from "./client-order-id.ts";
import { attemptEvent } from "./intent.ts";
import type { OrderRow } from "./order-row.ts";
import {
  answerEvents,
  armedCancels,
  inheritedDoubts,
  nextCancelWallMs,
  nextPlacementStep,
  reissuableIntents,
  sendRefusal,
  withdrawals,
} from "./placement.ts";
import { reconcile } from "./reconciliation.ts";
import { refusalOf } from "./refusal.ts";
import {
  accepted,
  answer,
  btc,
  epochOpened,
  fill,
  inDoubt,
  notSent,
  provedAbsent,
  rejected,
  stamp,
  story,
  tag,
  updated,
  venue,
  venueOrder,
} from "./sample-events.ts";
import type { Story } from "./sample-events.ts";

const soon = wallMs(10_020);
const late = wallMs(12_001);

function wantedOne(): { readonly s: Story; readonly order: () => OrderRow } {
  const s = story();
  const { id: intent } = s.want();
  return { s, order: () => s.order(intent) };
}

function cancelled(order: OrderRow): Parameters<Story["tell"]>[0] {
  return { kind: "cancel.requested", intent: order.id, by: "trader", atWallMs: wallMs(10_020) };
}

describe("what a leader takes back when it stops sending for a switchover", () => {
  const by = { epoch: 1, node: "a" as NodeId };
  const withdraw = (s: Story, out: ReadonlySet<IntentId>): void => {
    for (const event of withdrawals(s.state, { ...by, out }, soon)) s.tell(event);
  };

  test("is what it has recorded and not sent: a successor doubts it not and makes another attempt", () => {
    const { s, order } = wantedOne();
    withdraw(s, new Set());
    expect(inheritedDoubts(s.state)).toEqual([]);
    expect(reissuableIntents(s.state)).toEqual([order().id]);
    s.tell(epochOpened(s.state, 2));
    expect(order().status).toBe("pending-new");
    expect(nextPlacementStep(s.state, order(), soon)).toEqual({ kind: "reissue", attempt: 2 });
    const next = attemptEvent(tag, order(), soon, undefined);
    expect(refusalOf(s.state, next)).toBeUndefined();
    // The first can never be at the venue: a word to the contrary is for a person.
    expect(refusalOf(s.state, accepted(order()))).toBe("answer-contradicts");
  });

  test("is not what may have left", () => {
    const { s, order } = wantedOne();
    const { id: answeredLate } = s.want();
    s.tell(inDoubt(s.order(answeredLate)));
    withdraw(s, new Set([order().id]));
    expect(inheritedDoubts(s.state)).toEqual([order().id, answeredLate]);
  });

  test("ends at once where its owner had taken it back", () => {
    const { s, order } = wantedOne();
    s.tell(cancelled(order()));
    withdraw(s, new Set());
    expect(order()).toMatchObject({ status: "not-sent", endReason: "cancelled" });
  });
});

describe("what an answer leads to", () => {
  test.each([
    ["limiter", { kind: "send", notBeforeWallMs: 10_060 }],
    ["connect-failed", { kind: "send", notBeforeWallMs: 10_060 }],
    ["validity-too-short", { kind: "send", notBeforeWallMs: 10_060 }],
    ["permit-ended", { kind: "send", notBeforeWallMs: 10_060 }],
    ["breaker-open", { kind: "end", reason: "breaker-open" }],
    ["expired", { kind: "end", reason: "expired" }],
  ] as const)("not sent (%s) leads to %j", (reason, step) => {
    const { s, order } = wantedOne();
    s.tell(notSent(order(), reason));
    expect(nextPlacementStep(s.state, order(), soon)).toEqual(step);
  });

  test("not sent in time ends as expired, never later as sent", () => {
    const { s, order } = wantedOne();
    const facts = answerEvents(s.state, order(), notSent(order(), "limiter"), late);
    expect(facts.map((fact) => fact.kind)).toEqual(["attempt.answered", "intent.ended"]);
    for (const fact of facts) s.tell(fact);
    expect(order()).toMatchObject({ status: "not-sent", endReason: "expired" });
  });

  test("a right that ended leaves the intent to the successor, who resolves it and does not send it", () => {
    const { s, order } = wantedOne();
    for (const fact of answerEvents(s.state, order(), notSent(order(), "permit-ended"), late)) s.tell(fact);
    expect(order().status).toBe("pending-new");
    s.tell(epochOpened(s.state, 2));
    expect(nextPlacementStep(s.state, order(), late)).toEqual({ kind: "resolve" });
    expect(sendRefusal(s.state, order(), soon)).toBe("permit-ended");
  });

  test("a right that was missing until the intent's time had passed ends it as expired", () => {
    const { s, order } = wantedOne();
    for (const fact of answerEvents(s.state, order(), notSent(order(), "permit-ended"), soon)) s.tell(fact);
    expect(nextPlacementStep(s.state, order(), late)).toEqual({ kind: "end", reason: "expired" });
  });

  test("accepted and rejected are settled; in doubt and duplicate are resolved", () => {
    const { s, order } = wantedOne();
    s.tell(answer(order(), { kind: "duplicate", message: "Duplicate order sent.", stamp }));
    expect(nextPlacementStep(s.state, order(), soon)).toEqual({ kind: "resolve" });
    s.tell(accepted(order()));
    expect(nextPlacementStep(s.state, order(), soon)).toEqual({ kind: "settled" });
    const other = wantedOne();
    other.s.tell(rejected(other.order()));
    expect(nextPlacementStep(other.s.state, other.order(), soon)).toEqual({ kind: "settled" });
    expect(other.order()).toMatchObject({ status: "rejected", endReason: "-2010" });
  });

  test("proved absent, it is issued anew in its time, ended after it, and ended when it was taken back", () => {
    const { s, order } = wantedOne();
    s.tell(inDoubt(order()));
    s.tell(provedAbsent(order()));
    expect(nextPlacementStep(s.state, order(), soon)).toEqual({ kind: "reissue", attempt: 2 });
    expect(nextPlacementStep(s.state, order(), late)).toEqual({ kind: "end", reason: "expired" });
    s.tell(cancelled(order()));
    expect(nextPlacementStep(s.state, order(), soon)).toEqual({ kind: "end", reason: "cancelled" });
  });
});

describe("right before the venue", () => {
  test("only a recorded attempt of the own epoch, in time, wanted and not killed, may be handed over", () => {
    const { s, order } = wantedOne();
    expect(sendRefusal(s.state, order(), soon)).toBeUndefined();
    expect(sendRefusal(s.state, order(), wallMs(12_000))).toBeUndefined();
    expect(sendRefusal(s.state, order(), late)).toBe("expired");
    s.tell({ kind: "kill.set", level: "cluster", by: "op", reason: "drill", atWallMs: soon });
    expect(sendRefusal(s.state, order(), soon)).toBe("killed");
    s.tell({ kind: "kill.set", level: "off", by: "op", reason: "drill", atWallMs: soon });
    s.tell(cancelled(order()));
    expect(sendRefusal(s.state, order(), soon)).toBe("cancelled");
  });

  test("an attempt whose answer is in doubt is never handed over again", () => {
    const { s, order } = wantedOne();
    s.tell(inDoubt(order()));
    expect(sendRefusal(s.state, order(), soon)).toBe("permit-ended");
  });
});

describe("after a takeover", () => {
  test("unsettled intents are in doubt, proved-absent ones wait for their next attempt, wanted cancels stay armed", () => {
    const s = story();
    const [quiet, doubted, open, absent] = [s.want(), s.want(), s.want(), s.want({}, { sendWithinMs: 60_000 })];
    s.tell(inDoubt(s.order(doubted.id)));
    s.tell(accepted(s.order(open.id)));
    s.tell(cancelled(s.order(open.id)));
    s.tell(cancelled(s.order(doubted.id)));
    s.tell(inDoubt(s.order(absent.id)));
    s.tell(provedAbsent(s.order(absent.id)));
    s.tell(epochOpened(s.state, 2));
    expect(inheritedDoubts(s.state)).toEqual([quiet.id, doubted.id]);
    expect(reissuableIntents(s.state)).toEqual([absent.id]);
    expect(armedCancels(s.state)).toEqual([doubted.id, open.id]);
    s.tell(attemptEvent(tag, s.order(absent.id), wallMs(21_000), undefined));
    expect(sendRefusal(s.state, s.order(absent.id), wallMs(21_000))).toBeUndefined();
    expect(reissuableIntents(s.state)).toEqual([]);
  });
});

describe("a cancel", () => {
  const due = (order: OrderRow, requests: number, now: number): WallMs | undefined =>
    nextCancelWallMs(
      order,
      requests === 0 ? undefined : { requests, lastWallMs: wallMs(now) },
      wallMs(23_255),
      wallMs(now),
    );

  test("of a doubted order is repeated until its proof time, of an open one until it has ended", () => {
    const { s, order } = wantedOne();
    s.tell(cancelled(order()));
    expect(due(order(), 0, 10_030)).toBeUndefined();
    s.tell(inDoubt(order()));
    expect(due(order(), 0, 10_030)).toBe(10_030);
    expect(due(order(), 1, 10_030)).toBe(10_230);
    expect(due(order(), 9, 20_000)).toBe(22_000);
    expect(due(order(), 9, 23_256)).toBeUndefined();
    s.tell(accepted(order()));
    expect(due(order(), 9, 23_256)).toBe(25_256);
    s.tell(updated(order(), { status: "cancelled" }));
    expect(due(order(), 9, 23_256)).toBeUndefined();
  });
});

describe("the venue's open orders against the journal", () => {
  test("finds orphans of our tag, newer states and missing orders, and leaves foreign orders alone", () => {
    const s = story();
    const [doubted, open, gone, ended] = [s.want(), s.want(), s.want(), s.want()];
    for (const each of [open, gone]) s.tell(accepted(s.order(each.id)));
    s.tell(inDoubt(s.order(doubted.id)));
    s.tell(notSent(s.order(ended.id), "limiter"));
    s.tell({ kind: "intent.ended", intent: ended.id, reason: "expired", atWallMs: wallMs(13_000) });
    const clientOrderId = clientOrderIdOf({ tag, intent: 999, child: 0, attempt: 1, terms: open.terms });
    const unknown = { ...venueOrder(open), clientOrderId };
    const list = {
      venue,
      symbols: [btc],
      orders: [
        venueOrder(doubted),
        venueOrder(open, { executed: decimal("1"), status: "partially-filled" }),
        venueOrder(ended),
        unknown,
        { ...venueOrder(open), clientOrderId: "web_1" },
      ],
      atWallMs: wallMs(14_000),
    };
    const found = reconcile(s.state, list, { tag, orphans: "cancel" });
    expect(found.updates.map((update) => update.intent)).toEqual([doubted.id, open.id]);
    expect(found.orphans.map((orphan) => [orphan.order.clientOrderId, orphan.action])).toEqual([
      [ended.attempts[0]?.clientOrderId, "cancel"],
      [unknown.clientOrderId, "cancel"],
    ]);
    expect(found.missing).toEqual([gone.id]);
    for (const update of found.updates) s.tell(update);
    for (const orphan of found.orphans) s.tell(orphan);
    expect(s.order(doubted.id).status).toBe("new");
    expect(s.state.baselines.get(venue)?.orphans).toHaveLength(2);
  });

  test("an older list says nothing new about an order that has ended since", () => {
    const { s, order } = wantedOne();
    s.tell(accepted(order()));
    s.tell(fill(order(), 1, "2"));
    const list = { venue, symbols: [btc], orders: [venueOrder(order())], atWallMs: wallMs(14_000) };
    expect(reconcile(s.state, list, { tag, orphans: "cancel" })).toEqual({ updates: [], orphans: [], missing: [] });
  });
});
