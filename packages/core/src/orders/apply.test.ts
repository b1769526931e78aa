import { describe, expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import type { JournalEvent } from "../formats/events.ts";
import type { FillRecorded } from "../formats/order-events.ts";
import type { VolumeCounted } from "../formats/parent-events.ts";
import { id } from "../ids.ts";
import type { IntentId, ParentId, TradeId, VenueOrderId } from "../ids.ts";
import { wallMs } from "../time.ts";
import type { WallMs } from "../time.ts";
import { applyEvent } from "./apply.ts";
import { keysLeftUpTo } from "./forgetting.ts";
import { attemptEvent } from "./intent.ts";
import { withOwner } from "./reconciliation.ts";
import { refusalOf } from "./refusal.ts";
import {
  accepted,
  btc,
  epochOpened,
  fill,
  inDoubt,
  notSent,
  povRecorded,
  provedAbsent,
  rejected,
  story,
  tag,
  twapRecorded,
  updated,
  venue,
  venueOrder,
  wanted,
} from "./sample-events.ts";
import type { Story } from "./sample-events.ts";
import { marketKey, rowsOf, wasRecorded } from "./state.ts";
import { stateOf } from "./state-of-rows.ts";
import type { Touched } from "./state.ts";

const market = marketKey(venue, btc);
const volume: VolumeCounted = {
  kind: "volume.counted",
  parent: id<ParentId>("p-1"),
  lastTradeId: 110,
  volume: decimal("2"),
  atWallMs: wallMs(11_000),
};

describe("the life of an order", () => {
  test("an accepted order fills by its trades, and the position is their sum", () => {
    const s = story();
    const { id: intent } = s.want();
    s.tell(accepted(s.order(intent)));
    expect(s.order(intent).status).toBe("new");
    s.tell(fill(s.order(intent), 1, "0.5"));
    expect(s.order(intent)).toMatchObject({ status: "partially-filled", executed: "0.5", executedQuote: "50" });
    s.tell(fill(s.order(intent), 2, "1.5", "99"));
    expect(s.order(intent)).toMatchObject({ status: "filled", executed: "2", filled: "2", executedQuote: "198.5" });
    expect(s.state.positions.get(market)).toMatchObject({
      quantity: "2",
      bought: "2",
      quoteSpent: "198.5",
      fees: { USDT: "0.02" },
      fills: 2,
      lastTradeId: "2",
    });
    expect(s.state.indexes.exposure.get(market)).toMatchObject({ buyOpen: "0", buyNotional: "0", orders: 0 });
  });

  test("a fill that comes before the answer proves acceptance, and the late answer takes nothing back", () => {
    const s = story();
    const { id: intent } = s.want();
    s.tell(fill(s.order(intent), 1, "0.5"));
    expect(s.state.indexes.unsettled.has(intent)).toBe(false);
    expect(refusalOf(s.state, rejected(s.order(intent)))).toBe("answer-contradicts");
    s.tell(accepted(s.order(intent), { executed: decimal("0") }));
    expect(s.order(intent)).toMatchObject({
      status: "partially-filled",
      executed: "0.5",
      venueOrderId: `v${intent}-1`,
    });
  });

  test("an unanswered request is in doubt only while nothing proves that it was accepted", () => {
    const s = story();
    const { id: intent } = s.want();
    s.tell(updated(s.order(intent), { status: "open" }));
    s.tell(inDoubt(s.order(intent)));
    expect(s.order(intent).status).toBe("new");
    expect(s.order(intent).attempts[0]?.outcome?.kind).toBe("in-doubt");
  });

  test("an older update after a newer one changes nothing", () => {
    const s = story();
    const { id: intent } = s.want();
    s.tell(accepted(s.order(intent)));
    s.tell(updated(s.order(intent), { status: "partially-filled", executed: decimal("1") }));
    s.tell(updated(s.order(intent), { status: "open" }));
    expect(s.order(intent)).toMatchObject({ status: "partially-filled", executed: "1" });
    s.tell(updated(s.order(intent), { status: "cancelled", executed: decimal("1") }));
    s.tell(updated(s.order(intent), { status: "partially-filled", executed: decimal("0.5") }));
    expect(s.order(intent)).toMatchObject({ status: "cancelled", executed: "1" });
  });

  test("a fill told after the cancel completes the order but never opens it again", () => {
    const s = story();
    const { id: intent } = s.want();
    s.tell(accepted(s.order(intent)));
    s.tell(updated(s.order(intent), { status: "cancelled" }));
    s.tell(fill(s.order(intent), 1, "1"));
    expect(s.order(intent)).toMatchObject({ status: "cancelled", executed: "1" });
    s.tell(fill(s.order(intent), 2, "1"));
    expect(s.order(intent)).toMatchObject({ status: "filled", executed: "2" });
  });

  test("what the venue executed and no fill has told yet stays in the exposure after the end", () => {
    const s = story();
    const { id: intent } = s.want();
    s.tell(accepted(s.order(intent)));
    s.tell(updated(s.order(intent), { status: "cancelled", executed: decimal("1.5") }));
    expect(s.state.indexes.exposure.get(market)).toMatchObject({ buyOpen: "1.5", orders: 0 });
    expect([...s.state.indexes.fillsMissing]).toEqual([intent]);
    s.tell(fill(s.order(intent), 1, "1.5"));
    expect(s.state.indexes.exposure.get(market)).toMatchObject({ buyOpen: "0", buyNotional: "0" });
    expect(s.state.indexes.fillsMissing.size).toBe(0);
  });
});

describe("doubt", () => {
  test("counts with its whole quantity until it is proved absent and the intent has ended", () => {
    const s = story();
    const { id: intent } = s.want();
    s.tell(inDoubt(s.order(intent)));
    expect(s.state.indexes.exposure.get(market)).toMatchObject({ buyDoubt: "2", buyNotional: "200", orders: 1 });
    s.tell(provedAbsent(s.order(intent)));
    expect(s.state.indexes.exposure.get(market)).toMatchObject({ buyDoubt: "2" });
    s.tell({ kind: "intent.ended", intent, reason: "expired", atWallMs: wallMs(20_001) });
    expect(s.order(intent)).toMatchObject({ status: "not-sent", endReason: "expired" });
    expect(s.state.indexes.exposure.get(market)).toMatchObject({ buyDoubt: "0", buyNotional: "0", orders: 0 });
  });

  test("a takeover makes each unsettled attempt a doubt, bounded by the first takeover after it", () => {
    const s = story();
    const { id: intent } = s.want();
    s.tell(epochOpened(s.state, 2));
    expect(s.order(intent)).toMatchObject({ status: "in-doubt", attempts: [{ inheritedSendByWallMs: 22_000 }] });
    s.tell(epochOpened(s.state, 3));
    expect(s.order(intent)).toMatchObject({ status: "in-doubt", attempts: [{ inheritedSendByWallMs: 22_000 }] });
  });

  test("an epoch that forgets a doubt is refused", () => {
    const s = story();
    s.want();
    expect(refusalOf(s.state, epochOpened(s.state, 2, { inDoubt: [] }))).toBe("doubt-list-differs");
    expect(refusalOf(s.state, epochOpened(s.state, 1))).toBe("epoch-not-newer");
  });

  test("the next attempt needs the proof, the time, no cancel and no kill", () => {
    const s = story();
    const { id: intent } = s.want({}, { sendWithinMs: 12_000 });
    const early = { ...attemptFor(s.order(intent)), attempt: 2 };
    expect(refusalOf(s.state, early)).toBe("not-proved-absent");
    s.tell(inDoubt(s.order(intent)));
    expect(refusalOf(s.state, early)).toBe("not-proved-absent");
    s.tell(provedAbsent(s.order(intent)));
    const next = attemptEvent(tag, s.order(intent), wallMs(22_000), undefined);
    expect(refusalOf(s.state, { ...next, atWallMs: wallMs(22_001) })).toBe("send-within-passed");
    expect(refusalOf(s.state, { ...next, attempt: 3 })).toBe("attempt-unknown");
    expect(refusalOf(s.state, next)).toBeUndefined();
    const killed = stateOf(rowsOf(s.state), s.state.applied);
    const kill = { kind: "kill.set", level: "cluster", by: "op", reason: "drill", atWallMs: wallMs(20_001) } as const;
    applyEvent(killed, killed.applied + 1, kill);
    expect(refusalOf(killed, next)).toBe("kill-cluster");
    expect(refusalOf(killed, wanted(killed))).toBe("kill-cluster");
    s.tell(next);
    expect(s.order(intent)).toMatchObject({ status: "pending-new", attempts: [{ number: 1 }, { number: 2 }] });
    expect(refusalOf(s.state, { ...accepted(s.order(intent)), attempt: 1 })).toBe("attempt-superseded");
  });

  test("an intent ends only with proof that it is not at the venue", () => {
    const s = story();
    const { id: intent } = s.want();
    const end = { kind: "intent.ended", intent, reason: "expired", atWallMs: wallMs(12_000) } as const;
    expect(refusalOf(s.state, end)).toBe("outcome-missing");
    s.tell(notSent(s.order(intent), "limiter"));
    expect(refusalOf(s.state, end)).toBeUndefined();
    s.tell(inDoubt(s.order(intent)));
    expect(refusalOf(s.state, end)).toBe("intent-in-doubt");
    expect(refusalOf(s.state, notSent(s.order(intent), "limiter"))).toBe("answer-contradicts");
    s.tell(accepted(s.order(intent)));
    expect(refusalOf(s.state, end)).toBe("order-accepted");
    expect(refusalOf(s.state, provedAbsent(s.order(intent)))).toBe("doubt-settled");
  });

  test("a successor cannot say of an inherited attempt that it was not sent", () => {
    const s = story();
    const { id: intent } = s.want();
    s.tell(notSent(s.order(intent), "connect-failed"));
    s.tell(epochOpened(s.state, 2));
    expect(s.order(intent).status).toBe("in-doubt");
    expect(refusalOf(s.state, notSent(s.order(intent), "connect-failed"))).toBe("attempt-inherited");
  });
});

describe("trades that are told of before their order is known", () => {
  function unnamed(s: Story, intent: IntentId, tradeId: number, quantity: string): Omit<FillRecorded, "intent"> {
    const { intent: _intent, ...trade } = fill(s.order(intent), tradeId, quantity);
    return trade;
  }

  // The venue listed the trade and did not yet know the order when it was asked whose it is; each trade is recorded once.
  test("are its trades as soon as its doubt has ended, in its row and in its parent's", () => {
    const s = story();
    s.tell(twapRecorded(s.state));
    const parent = id<ParentId>("p-1");
    const { id: intent } = s.want({ side: "sell", quantity: decimal("1") }, { parent, slice: 1 });
    s.tell(inDoubt(s.order(intent)));
    s.tell(unnamed(s, intent, 1, "0.4"));
    s.tell(unnamed(s, intent, 2, "0.6"));
    expect(s.order(intent)).toMatchObject({ status: "in-doubt", filled: "0" });
    const order = venueOrder(s.order(intent), { status: "filled", executed: decimal("1") });
    const resolution = { kind: "accepted", order } as const;
    s.tell({ kind: "doubt.resolved", intent, attempt: 1, resolution, by: "venue", atWallMs: wallMs(12_000) });
    expect(s.order(intent)).toMatchObject({ status: "filled", executed: "1", filled: "1", executedQuote: "100" });
    expect(s.state.parents.get(parent)).toMatchObject({ executed: "1" });
    expect([...s.state.fills.values()].map((one) => one.intent)).toEqual([intent, intent]);
    expect(s.state.positions.get(market)).toMatchObject({ quantity: "-1", fills: 2 });
    expect(s.state.indexes.fillsMissing.size).toBe(0);
    expect(s.state.indexes.exposure.get(market)).toMatchObject({ sellOpen: "0", sellDoubt: "0" });
  });

  test("and are recorded when it is, carry its name", () => {
    const s = story();
    const { id: intent } = s.want();
    const told = unnamed(s, intent, 1, "2");
    s.tell(accepted(s.order(intent)));
    s.tell(withOwner(s.state, told));
    expect(s.order(intent)).toMatchObject({ status: "filled", filled: "2" });
  });

  test("are nobody's where their order is not ours, and leave the tables in their turn", () => {
    const s = story();
    const { id: intent } = s.want();
    s.tell({ ...unnamed(s, intent, 1, "1"), venueOrderId: id<VenueOrderId>("somebody else's") });
    s.tell(accepted(s.order(intent)));
    expect(s.order(intent)).toMatchObject({ status: "new", filled: "0" });
    expect(s.state.indexes.unclaimed.size).toBe(1);
    s.state.engine = { ...s.state.engine, kept: { orders: 10, fills: 0, forMs: -1_000_000 } };
    s.tell(fill(s.order(intent), 2, "1"));
    expect(s.state.fills.size).toBe(0);
    expect(s.state.indexes.unclaimed.size).toBe(0);
  });
});

describe("nothing twice", () => {
  test("a trade is recorded once, and never one from before the baseline", () => {
    const s = story();
    const { id: intent } = s.want();
    s.tell({
      kind: "baseline.taken",
      venue,
      atWallMs: wallMs(10_000),
      balances: {},
      lastTradeIds: { [btc]: id<TradeId>("99") },
      externalOrders: [],
    });
    expect(refusalOf(s.state, fill(s.order(intent), 99, "1"))).toBe("fill-before-baseline");
    s.tell(fill(s.order(intent), 100, "1"));
    expect(refusalOf(s.state, fill(s.order(intent), 100, "1"))).toBe("fill-known");
  });

  test("a trade of another order is never booked on ours", () => {
    const s = story();
    const { id: intent } = s.want();
    expect(refusalOf(s.state, { ...fill(s.order(intent), 1, "1"), side: "sell" })).toBe("fill-mismatch");
  });

  test("an idempotency key belongs to its principal and names its first intent", () => {
    const s = story();
    const request = { principal: "desk", key: "k1", digest: "d" };
    s.want({}, { request });
    expect(s.state.keys.get("desk|k1")?.ref).toBe("i-1");
    expect(refusalOf(s.state, wanted(s.state, {}, { request }))).toBe("key-known");
    expect(refusalOf(s.state, wanted(s.state, {}, { request: { ...request, principal: "other" } }))).toBeUndefined();
  });

  test("the oldest keys leave the state once there are too many and they are old enough, and it says up to which record", () => {
    const s = story();
    s.state.engine = { ...s.state.engine, kept: { orders: 9, fills: 9, keys: 2, forMs: 60_000 } };
    const use = (key: string, at: number): readonly Touched[] =>
      s.tell(wanted(s.state, {}, { request: { principal: "desk", key, digest: "d" }, atWallMs: wallMs(at) }));
    expect(keysLeftUpTo(s.state)).toBeUndefined();
    use("k1", 10_000);
    use("k2", 20_000);
    // As many as are kept: none has left, but whoever asks cannot tell that.
    expect(keysLeftUpTo(s.state)).toBe((s.state.keys.get("desk|k1")?.sequence ?? 0) - 1);
    use("k3", 69_999);
    expect(s.state.keys.size).toBe(3);
    const first = s.state.keys.get("desk|k1");
    const touched = use("k4", 70_000);
    expect([...s.state.keys.keys()]).toEqual(["desk|k2", "desk|k3", "desk|k4"]);
    expect(touched).toContainEqual({ table: "keys", key: "desk|k1", pastKey: first });
    expect(keysLeftUpTo(s.state)).toBe((s.state.keys.get("desk|k2")?.sequence ?? 0) - 1);
    const rebuilt = stateOf(rowsOf(s.state), s.state.applied);
    expect(keysLeftUpTo(rebuilt)).toBe(keysLeftUpTo(s.state));
  });

  test("keys that are over leave no gap: whoever asks is sent to the journal until few are left", () => {
    const s = story();
    s.state.engine = { ...s.state.engine, kept: { orders: 9, fills: 9, keys: 4, forMs: 0 } };
    const use = (key: string, at: number): readonly Touched[] =>
      s.tell(wanted(s.state, {}, { request: { principal: "desk", key, digest: "d" }, atWallMs: wallMs(at) }));
    for (let at = 1; at <= 5; at += 1) use(`k${at}`, 10_000 * at);
    // A clock that was a day ahead for a moment: two of the four are taken for too old.
    use("k6", 30 * 3_600_000);
    expect([...s.state.keys.values()].map(({ key }) => key)).toEqual(["k4", "k5", "k6"]);
    expect(keysLeftUpTo(s.state)).toBe((s.state.keys.get("desk|k4")?.sequence ?? 0) - 1);
  });

  test("a key that is older than 25 hours stands for nothing, and is kept nowhere", () => {
    const s = story();
    const request = { principal: "desk", key: "k1", digest: "d" };
    s.want({}, { request });
    const later = wallMs(10_000 + 25 * 3_600_000 + 1);
    const other = wanted(s.state, {}, { request: { ...request, principal: "other" }, atWallMs: later });
    expect(s.tell(other)).toContainEqual({ table: "keys", key: "desk|k1" });
    expect([...s.state.keys.keys()]).toEqual(["other|k1"]);
    expect(keysLeftUpTo(s.state)).toBeUndefined();
    expect(refusalOf(s.state, wanted(s.state, {}, { request }))).toBeUndefined();
  });

  test("intent numbers only grow", () => {
    const s = story();
    const first = wanted(s.state);
    s.tell(first);
    expect(refusalOf(s.state, first)).toBe("intent-known");
    expect(refusalOf(s.state, { ...wanted(s.state), clientOrderId: first.clientOrderId })).toBe(
      "client-order-id-known",
    );
  });

  test("a slice is recorded once, and its parent ends with the last of them", () => {
    const s = story();
    s.tell(twapRecorded(s.state, { slices: 2 }));
    const parent = id<never>("p-1");
    const end = { kind: "parent.ended", parent, reason: "done", atWallMs: wallMs(20_000) } as const;
    const { id: child } = s.want({ side: "sell" }, { parent, slice: 1 });
    expect(refusalOf(s.state, wanted(s.state, {}, { parent, slice: 1 }))).toBe("slice-known");
    expect(refusalOf(s.state, wanted(s.state, {}, { parent, slice: 3 }))).toBe("slice-unknown");
    expect(refusalOf(s.state, end)).toBe("slices-waiting");
    s.tell({ kind: "slice.skipped", parent, slice: 2, reason: "window-passed", atWallMs: wallMs(14_000) });
    expect(refusalOf(s.state, end)).toBe("children-open");
    s.tell(accepted(s.order(child)));
    s.tell(fill(s.order(child), 1, "2"));
    s.tell(end);
    expect(s.state.parents.get(parent)).toMatchObject({ status: "done", executed: "2", executedQuote: "200" });
  });
});

describe("bounds", () => {
  test("the oldest complete orders and fills leave the tables, and no forgotten trade comes back", () => {
    const s = story();
    s.state.engine = { ...s.state.engine, kept: { orders: 2, fills: 2, forMs: 0 } };
    const done = [1, 2, 3, 4].map((trade) => {
      const { id: intent } = s.want();
      s.tell(accepted(s.order(intent)));
      s.tell(fill(s.order(intent), trade, "2"));
      return intent;
    });
    const { id: open } = s.want();
    expect([...s.state.orders.keys()]).toEqual([...done.slice(2), open]);
    expect(s.state.fills.size).toBe(2);
    expect(s.tables.has("orders i-1")).toBe(false);
    expect(s.state.positions.get(market)).toMatchObject({ quantity: "8", forgottenTradeId: "2" });
    expect(refusalOf(s.state, fill(s.order(open), 2, "1"))).toBe("fill-forgotten");
    expect(s.state.indexes.byClientOrderId.size).toBe(3);
  });
});

test("a number that the venue gives a second time is the later order's, also when the earlier one has left the state", () => {
  const s = story();
  const again = { venueOrderId: id<VenueOrderId>("7") };
  const [first, second] = [s.want().id, s.want().id];
  s.tell(accepted(s.order(first), again));
  s.tell({ ...fill(s.order(first), 1, "2"), ...again });
  s.tell(accepted(s.order(second), again));
  s.state.engine = { ...s.state.engine, kept: { orders: 0, fills: 10, forMs: -1_000_000 } };
  s.tell({ kind: "cancel.requested", intent: second, by: "trader", atWallMs: wallMs(10_100) });
  expect(s.state.orders.has(first)).toBe(false);
  const { intent: _intent, ...told } = { ...fill(s.order(second), 2, "1"), ...again };
  s.tell(withOwner(s.state, told));
  expect(s.order(second)).toMatchObject({ filled: "1" });
});

test("parents that have ended leave the tables, the oldest end first, and stay on record", () => {
  const s = story();
  s.state.engine = { ...s.state.engine, kept: { orders: 9, fills: 9, parents: 1, forMs: 60_000 } };
  const ids = [1, 2, 3].map((number) => {
    s.tell(povRecorded(s.state));
    return id<ParentId>(`p-${number}`);
  });
  const end = (parent: ParentId, at: number): readonly Touched[] =>
    s.tell({ kind: "parent.ended", parent, reason: "done", atWallMs: wallMs(at) });
  end(ids[1] as ParentId, 20_000);
  expect(refusalOf(s.state, { ...volume, parent: ids[1] as ParentId })).toBe("parent-ended");
  end(ids[0] as ParentId, 30_000);
  expect([...s.state.parents.keys()]).toEqual(ids);
  s.state = stateOf(rowsOf(s.state), s.state.applied);
  const second = s.state.parents.get(ids[1] as ParentId);
  const touched = s.tell(epochOpened(s.state, 8, { atWallMs: wallMs(80_000) }));
  expect([...s.state.parents.keys()]).toEqual([ids[0], ids[2]]);
  expect(touched).toContainEqual({ table: "parents", key: ids[1], pastParent: second });
  expect(wasRecorded(s.state, "p-2")).toBe(true);
  expect(wasRecorded(s.state, "p-4")).toBe(false);
});

test("volume is counted once: a count begins at the trade where the one before ended", () => {
  const s = story();
  s.tell(povRecorded(s.state));
  expect(refusalOf(s.state, { ...volume, lastTradeId: 100 })).toBe("volume-known");
  s.tell(volume);
  expect(refusalOf(s.state, volume)).toBe("volume-known");
  s.tell({ ...volume, lastTradeId: 3, volume: decimal("1"), isRestart: true });
  expect(s.state.parents.get(volume.parent)?.counted).toMatchObject({ lastTradeId: 3, volume: "3" });
  s.tell(twapRecorded(s.state));
  expect(refusalOf(s.state, { ...volume, parent: id<ParentId>("p-2") })).toBe("parent-counts-nothing");
});

test("an order that has just ended stays until the venue's late word on it has had time to come", () => {
  const s = story();
  s.state.engine = { ...s.state.engine, kept: { orders: 0, fills: 0, forMs: 60_000 } };
  const { id: intent } = s.want();
  s.tell(accepted(s.order(intent)));
  s.tell({ ...fill(s.order(intent), 1, "2"), tradedWallMs: wallMs(20_000) });
  const ended = s.order(intent);
  s.tell(epochOpened(s.state, 7, { atWallMs: wallMs(79_999) }));
  expect(s.state.orders.get(intent)).toBe(ended);
  const touched = s.tell(epochOpened(s.state, 8, { atWallMs: wallMs(80_000) }));
  expect(s.state.orders.has(intent)).toBe(false);
  expect(s.state.fills.size).toBe(0);
  expect(touched).toContainEqual({ table: "orders", key: intent, past: ended });
});

test("what was recorded while a clock was wrong by years holds up nothing behind it, and is counted as recent only by what was told late", () => {
  const s = story();
  const wrong = wallMs(4e12);
  const keyed = (key: string, at: WallMs): JournalEvent =>
    wanted(s.state, {}, { request: { principal: "desk", key, digest: "d" }, atWallMs: at });
  s.tell(twapRecorded(s.state, { slices: 1 }));
  const parent = id<ParentId>("p-1");
  s.tell({ kind: "slice.skipped", parent, slice: 1, reason: "window-passed", atWallMs: wallMs(14_000) });
  s.tell({ kind: "parent.ended", parent, reason: "done", atWallMs: wrong });
  s.tell(keyed("wrong", wrong));
  const { id: intent } = s.want();
  s.tell(accepted(s.order(intent)));
  s.tell({ ...fill(s.order(intent), 1, "2"), tradedWallMs: wrong });
  const late = s.want().id;
  s.state.engine = { ...s.state.engine, kept: { orders: 0, fills: 0, parents: 0, keys: 0, forMs: 60_000 } };
  // A trade of long ago that is told late says nothing of what is recent now.
  s.tell({ ...fill(s.order(late), 2, "1"), tradedWallMs: wallMs(1_000) });
  expect(s.state.orders.has(intent)).toBe(true);
  s.tell(keyed("next", wallMs(10_000)));
  expect(s.state.orders.has(intent)).toBe(false);
  expect(s.state.parents.has(parent)).toBe(false);
  expect([...s.state.fills.values()].map(({ tradeId }) => tradeId)).toEqual(["2"]);
  expect([...s.state.keys.values()].map(({ key }) => key)).toEqual(["next"]);
});

test("an event that does not follow on, or that was refused, ends the process", () => {
  const s = story();
  expect(() => applyEvent(s.state, 7, wanted(s.state))).toThrow("follows on 1");
  const { id: intent } = s.want();
  expect(() =>
    s.tell({ ...fill(s.order(intent), 1, "1"), venueOrderId: id<VenueOrderId>("x"), quantity: decimal("0") }),
  ).toThrow("fill-malformed");
  expect(s.state.applied).toBe(2);
});

function attemptFor(order: Parameters<typeof provedAbsent>[0]): ReturnType<typeof attemptEvent> {
  const proved = { kind: "not-accepted", by: "venue", proof: "", atWallMs: wallMs(0) } as const;
  const attempts = order.attempts.map((attempt) => ({ ...attempt, resolution: proved }));
  return attemptEvent(tag, { ...order, attempts }, wallMs(11_000), undefined);
}
