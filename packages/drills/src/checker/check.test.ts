/**
 * The checker against small runs written by hand: a good one passes, and each single change of it is convicted by the rule
 * that names it. The same rules meet real engines in `test/checker/`.
 */
import { decimal, id, wallMs } from "@baton/core";
import type { IntentId, JournalEvent, OrderView } from "@baton/core";
import { expect, test } from "vitest";
import type { RuleName } from "./evidence.ts";
import { t0, placed, recorded, filled, opened, events, venue, journalOf, historyOf, run, rules } from "./sample-run.ts";

test("a good run passes and its figures are those of the venue's log", () => {
  const verdict = run();
  expect(verdict.findings).toEqual([]);
  expect(verdict).toMatchObject({
    verdict: "pass",
    rtoMs: 57,
    blockedMs: 305,
    rpo: { acknowledged: 1, lost: 0 },
    orders: { intents: 3, accepted: 3, duplicates: 0, unexplained: 0 },
    epochs: [{ node: "a" }, { node: "b" }],
    maxima: { BTCUSDT: "0.3" },
  });
});

test("a second accepted order of one intent is convicted, and counted", () => {
  const twice: JournalEvent = {
    kind: "attempt.recorded",
    intent: id("i-2"),
    attempt: 2,
    clientOrderId: id("c2-2"),
    atWallMs: wallMs(t0 + 1_100),
  };
  const changes = {
    events: [...events, twice, filled(2, 4)],
    venue: [...venue, ...placed("c2-2", 4, "b-key", 1_300)],
  };
  expect(rules(changes)).toEqual(["accepted-once"]);
  expect(run(changes).orders.duplicates).toBe(1);
});

test("a lost acknowledged intent is convicted", () => {
  const changes = { acknowledged: [{ intentId: "i-9", clientOrderId: "c9", key: "k-9", atWallMs: t0 }] };
  expect(rules(changes)).toEqual(["acknowledged-kept"]);
  expect(run(changes).rpo).toEqual({ acknowledged: 1, lost: 1 });
});

test("one key that became two intents is convicted", () => {
  const again = recorded(4, "c4", 1_060, { request: { principal: "driver", key: "k-3", digest: "d" } });
  const refused: JournalEvent = {
    kind: "intent.ended",
    intent: id("i-4"),
    reason: "expired",
    atWallMs: wallMs(t0 + 9_000),
  };
  expect(rules({ events: [...events, again, refused] })).toEqual(["accepted-once"]);
});

test("an order that no journal knows is convicted", () => {
  expect(rules({ venue: [...venue, ...placed("cx", 9, "b-key", 1_400)] })).toEqual(["known-orders", "positions"]);
});

/** The inherited order was accepted and has not traded. */
const untraded = {
  venue: venue.filter((entry) => entry["type"] !== "fill" || entry["clientOrderId"] !== "c2"),
  events: events.filter((event) => event.kind !== "fill.recorded" || event.intent !== "i-2"),
};

test("an intent that stays in doubt is convicted once its budget is spent", () => {
  const open = { ...untraded, events: untraded.events.filter((event) => event.kind !== "doubt.resolved") };
  expect(rules(open)).toEqual(["ends-as-venue"]);
  expect(rules({ ...open, endedWallMs: t0 + 3_000 })).toEqual([]);
});

test("an intent that ended otherwise than at the venue is convicted", () => {
  const wrong = untraded.events.map((event): JournalEvent =>
    event.kind === "doubt.resolved" ? { ...event, resolution: { kind: "not-accepted", proof: "not found" } } : event,
  );
  expect(rules({ ...untraded, events: wrong })).toEqual(["ends-as-venue"]);
});

test("a trade proves that its order was accepted, whatever was not answered", () => {
  expect(rules({ events: events.filter((event) => event.kind !== "doubt.resolved") })).toEqual([]);
});

test("a fill that the journal credits to another order is convicted, one that was told before its order is not", () => {
  const told = { ...filled(2, 2), intent: undefined };
  const nameless = [...events.slice(0, -1), told as unknown as JournalEvent];
  expect(rules({ events: nameless })).toEqual([]);
  expect(rules({ events: [nameless.at(-1) as JournalEvent, ...events.slice(0, -1)] })).toEqual([]);
  const onAnother = [...events.slice(0, -1), { ...filled(2, 2), intent: id<IntentId>("i-3") }];
  expect(rules({ events: onAnother })).toEqual(["positions"]);
});

test("an order of the old epoch after the first of the new is convicted unless it was inherited, and in time", () => {
  const notInherited = events.map((event): JournalEvent =>
    event.kind === "epoch.opened" && event.epoch === 2 ? { ...event, inDoubt: [] } : event,
  );
  expect(rules({ events: notInherited })).toEqual(["old-epoch-silent"]);
  const tooLate = venue.map((entry) =>
    entry["clientOrderId"] === "c2" && entry["type"] !== "recv" ? { ...entry, at: 4_100 } : entry,
  );
  expect(rules({ venue: tooLate })).toEqual(["old-epoch-silent", "within-validity"]);
});

test("a request signed when its lease must be over is convicted even if it was refused", () => {
  const recv = placed("c2", 8, "a-key", 3_500).slice(0, 1);
  expect(rules({ venue: [...venue, ...recv] })).toEqual(["sent-once", "old-epoch-silent"]);
});

test("a leader that was overtaken and cancels its successor's order is convicted; the successor may", () => {
  const cancel = (key: string, at: number): Record<string, unknown> => ({
    ...{ type: "recv", at, call: "order.cancel", timestamp: t0 + at, recvWindow: 200 },
    ...{ apiKey: key, account: "demo", symbol: "BTCUSDT", orderId: 3, clientOrderId: "c3" },
  });
  expect(rules({ venue: [...venue, cancel("a-key", 1_060)] })).toEqual(["old-epoch-silent"]);
  expect(rules({ venue: [...venue, cancel("b-key", 1_060)] })).toEqual([]);
});

test("two requests with one client order id are convicted", () => {
  expect(rules({ venue: [...venue, ...placed("c3", 8, "b-key", 1_060).slice(0, 1)] })).toEqual(["sent-once"]);
});

test("a successor that sends what it inherited is convicted, though the venue has the order once", () => {
  const resent = [
    ...venue.filter((entry) => entry["clientOrderId"] !== "c2"),
    ...placed("c2", 2, "b-key", 1_060, 1_200),
  ];
  expect(rules({ venue: resent })).toEqual(["own-attempts"]);
});

test("a dead process is convicted by what it sends while a later boot of its node leads", () => {
  const history = [historyOf(1, "a", 0), historyOf(2, "b", 1_000), historyOf(3, "a", 4_000)];
  const reopened = [...events, opened(3, "a", 4_000)];
  const journals = [journalOf("b", events), journalOf("a", reopened)];
  expect(rules({ history, journals })).toEqual([]);
  // Recorded in epoch 1 and signed in the time of epoch 3, by the same node's key.
  const late = venue.map((entry) =>
    entry["clientOrderId"] !== "c2"
      ? entry
      : entry["type"] === "recv"
        ? { ...entry, at: 4_100, timestamp: t0 + 4_100 }
        : { ...entry, at: 4_101 },
  );
  expect(rules({ history, journals, venue: late })).toEqual(["old-epoch-silent"]);
});

test("an order of a leader that had died is convicted sooner than one of a leader whose lease lived on", () => {
  const at3 = venue.map((entry) =>
    entry["clientOrderId"] !== "c2"
      ? entry
      : entry["type"] === "recv"
        ? { ...entry, at: 1_900, timestamp: t0 + 1_900 }
        : { ...entry, at: 2_500 },
  );
  expect(rules({ venue: at3 })).toEqual([]);
  const crashed = [historyOf(1, "a", 0), { ...historyOf(2, "b", 1_000), reason: "crash-release" as const }];
  expect(rules({ venue: at3, history: crashed })).toEqual(["old-epoch-silent"]);
});

test("a request signed for longer than is configured, or accepted without one in the log, is convicted", () => {
  const change = (type: string, more: object): readonly Record<string, unknown>[] =>
    venue.map((entry) => (entry["clientOrderId"] === "c3" && entry["type"] === type ? { ...entry, ...more } : entry));
  expect(rules({ venue: change("recv", { recvWindow: 60_000 }) })).toEqual(["within-validity"]);
  expect(rules({ venue: change("recv", { recvWindow: undefined }) })).toEqual(["within-validity"]);
  const unasked = venue.filter((entry) => entry["clientOrderId"] !== "c3" || entry["type"] !== "recv");
  expect(rules({ venue: unasked })).toEqual(["within-validity"]);
});

test("a key that was answered with two intents is convicted, also where the journal lost the key", () => {
  const first = { intentId: "i-1", clientOrderId: "c1", key: "k-1", atWallMs: t0 + 102 };
  const keyless = events.map((event): JournalEvent => {
    if (event.kind !== "intent.recorded") return event;
    const { request: _request, ...rest } = event;
    return rest;
  });
  const acknowledged = [first, { intentId: "i-3", clientOrderId: "c3", key: "k-1", atWallMs: t0 + 1_052 }];
  expect(rules({ acknowledged })).toEqual(["accepted-once", "acknowledged-kept"]);
  expect(rules({ acknowledged, events: keyless })).toEqual(["accepted-once", "acknowledged-kept"]);
  expect(rules({ acknowledged: [first], events: keyless })).toEqual(["acknowledged-kept"]);
});

test("an order that was asked to go and stays at the venue is convicted", () => {
  const asked: JournalEvent = {
    kind: "cancel.requested",
    intent: id("i-2"),
    by: "driver",
    atWallMs: wallMs(t0 + 1_400),
  };
  const open = {
    venue: untraded.venue,
    events: untraded.events.map((event): JournalEvent => {
      if (event.kind !== "doubt.resolved" || event.resolution.kind !== "accepted") return event;
      const order = { ...event.resolution.order, status: "open" as const, executed: decimal("0") };
      return { ...event, resolution: { kind: "accepted", order } };
    }),
  };
  expect(rules(open)).toEqual([]);
  expect(rules({ ...open, events: [...open.events, asked] })).toEqual(["cancels-kept"]);
});

test("a committed record that is missing at the end of the last leader's journal is convicted", () => {
  const noted: JournalEvent = {
    kind: "operation.noted",
    operation: id("o-1"),
    what: "a fact",
    by: "op",
    reason: "because",
    atWallMs: wallMs(t0 + 1_500),
  };
  const longer = journalOf("a", [...events, noted]);
  expect(rules({ journals: [longer, journalOf("b", events)] })).toEqual(["journals-agree"]);
  expect(rules({ journals: [{ ...longer, committed: events.length }, journalOf("b", events)] })).toEqual([]);
});

test("a fill that is missing, doubled, invented or on the other side is convicted", () => {
  const turned = events.map((event): JournalEvent =>
    event.kind === "fill.recorded" && event.intent === "i-2" ? { ...event, side: "sell" } : event,
  );
  expect(rules({ events: turned })).toEqual(["positions"]);
  expect(rules({ events: events.slice(0, -1) })).toEqual(["positions"]);
  expect(rules({ events: [...events, filled(2, 2)] })).toEqual(["positions"]);
  expect(rules({ events: [...events, { ...filled(2, 77), intent: id("i-77") } as JournalEvent] })).toEqual([
    "positions",
  ]);
});

test("a bust that the journal ignores is convicted once it could be known, and so is one that never was, or twice", () => {
  const back = { type: "bust", at: 1_400, apiKey: "a-key", account: "demo", symbol: "BTCUSDT", orderId: 2, tradeId: 2 };
  const busted: JournalEvent = {
    ...{ kind: "fill.busted", venue: id("sim"), symbol: id("BTC/USDT"), tradeId: id("2"), intent: id("i-2") },
    ...{ evidence: "gone", atWallMs: wallMs(t0 + 90_000) },
  };
  const atVenue = [...venue, { ...back, quantity: "0.1", price: "100" }];
  const much = { endedWallMs: t0 + 400_000 };
  expect(rules({ venue: atVenue, events: [...events, busted], ...much })).toEqual([]);
  expect(rules({ venue: atVenue, ...much })).toEqual(["positions"]);
  expect(rules({ venue: atVenue })).toEqual([]);
  expect(rules({ events: [...events, busted], ...much })).toEqual(["positions"]);
  expect(rules({ venue: atVenue, events: [...events, busted, busted], ...much })).toEqual(["positions"]);
  // What is taken back is held no more: without the bust the account would have stood above this limit.
  const later = [...atVenue, ...placed("c4", 4, "b-key", 1_500)];
  const of4 = [recorded(4, "c4", 1_490), { ...filled(4, 4) }];
  const positionMax = { BTCUSDT: decimal("0.3") };
  expect(rules({ venue: later, events: [...events, ...of4, busted], positionMax, ...much })).not.toContain("exposure");
  const kept = later.filter(({ type }) => type !== "bust");
  expect(rules({ venue: kept, events: [...events, ...of4], positionMax, ...much })).toContain("exposure");
});

test("an order whose trade was taken back is shown as it ended, without that trade", () => {
  const back = { type: "bust", at: 1_400, apiKey: "a-key", account: "demo", symbol: "BTCUSDT", orderId: 2, tradeId: 2 };
  const busted: JournalEvent = {
    ...{ kind: "fill.busted", venue: id("sim"), symbol: id("BTC/USDT"), tradeId: id("2"), intent: id("i-2") },
    ...{ evidence: "gone", atWallMs: wallMs(t0 + 90_000) },
  };
  const told = { venue: [...venue, { ...back, quantity: "0.1", price: "100" }], events: [...events, busted] };
  const shown = (executed: string): OrderView =>
    ({ id: "i-2", status: "filled", outcome: "accepted", executed }) as unknown as OrderView;
  expect(rules({ ...told, orders: [shown("0")] })).toEqual([]);
  expect(rules({ ...told, orders: [shown("0.1")] })).toEqual(["ends-as-venue"]);
});

test("a ban is convicted, and so is whoever asks or orders on after a 429 was heard and before its Retry-After", () => {
  const key = { apiKey: "b-key", account: "demo" };
  const no = { type: "throttled", ...key, call: "openOrders", status: 429, retryAfterSeconds: 5 };
  const ask = (at: number): Record<string, unknown> => ({ type: "query", at, ...key, call: "order.status" });
  const with429 = (...more: Record<string, unknown>[]): RuleName[] =>
    rules({ venue: [...venue, { ...no, at: 3_000 }, ...more] });
  // What was on its way when the 429 left is no fault, and neither is what comes after it, or from another.
  expect(with429(ask(3_500), ask(8_001), { ...ask(5_000), apiKey: "a-key" })).toEqual([]);
  expect(with429(ask(4_500))).toEqual(["rate-limits"]);
  const cancel = { type: "recv", ...key, call: "order.cancel", recvWindow: 1_000 };
  expect(with429({ ...cancel, at: 4_500, timestamp: t0 + 4_500 })).toContain("rate-limits");
  // A longer silence is not made shorter by a later 429.
  const later = { ...no, at: 3_200, retryAfterSeconds: 1 };
  expect(with429(later, ask(6_000))).toEqual(["rate-limits"]);
  expect(rules({ venue: [...venue, { ...no, at: 3_000, status: 418 }] })).toEqual(["rate-limits"]);
});

test("a position beyond its limit is convicted", () => {
  expect(rules({ positionMax: { BTCUSDT: decimal("0.25") } })).toEqual(["exposure"]);
});

test("journals that differ in a committed record, or whose chain is broken, are convicted", () => {
  const other = events.slice(0, 5).with(1, recorded(1, "c1", 101));
  expect(rules({ journals: [journalOf("a", other), journalOf("b", events)] })).toEqual(["journals-agree"]);
  const sound = journalOf("b", events);
  const broken = { ...sound, texts: sound.texts.with(3, sound.texts[3]?.replace("100", "101") ?? "") };
  expect(rules({ journals: [broken] })).toEqual(["journals-agree"]);
});

test("two leaders of one epoch are convicted", () => {
  const history = [historyOf(1, "a", 0), historyOf(2, "b", 1_000), historyOf(2, "b", 1_001)];
  expect(rules({ history })).toEqual(["one-leader"]);
});

test("a hole in the log is convicted", () => {
  expect(rules({ venue: [...venue, { type: "sub", at: 2_000, stream: "x", action: "subscribe", n: 99 }] })).toEqual([
    "audit-complete",
  ]);
});

test("a slice that is executed twice, or nowhere, is convicted", () => {
  const parent: JournalEvent = {
    kind: "parent.recorded",
    parent: id("p-1"),
    algorithm: {
      name: "twap",
      venue: id("sim"),
      symbol: id("BTC/USDT"),
      side: "buy",
      quantity: decimal("0.3"),
      slices: 3,
      durationMs: 3_000,
      aggressionBps: 10,
    },
    by: "driver",
    atWallMs: wallMs(t0),
  };
  const ended: JournalEvent = { kind: "parent.ended", parent: id("p-1"), reason: "done", atWallMs: wallMs(t0 + 3_000) };
  const sliced = (slices: readonly number[]): JournalEvent[] => [
    parent,
    ...events.map((event): JournalEvent => {
      if (event.kind !== "intent.recorded") return event;
      const slice = slices[Number(event.intent.slice(2)) - 1];
      return slice === undefined ? event : { ...event, parent: id("p-1"), slice };
    }),
    ended,
  ];
  expect(run({ events: sliced([0, 1, 2]) })).toMatchObject({
    verdict: "pass",
    parent: { slices: 3, done: 3, repeated: 0, skipped: 0 },
  });
  expect(rules({ events: sliced([0, 1, 1]) })).toEqual(["slices-once"]);
  expect(rules({ events: sliced([0, 1]) })).toEqual(["slices-once"]);
});
