/** The futures venue, traded on for real: the same connection, another dialect, against the exchange's futures personality. */
import { expect, it } from "vitest";
import {
  add,
  applyEvent,
  bustSettledMs,
  bustSuspects,
  decimal,
  emptyState,
  judgeBusts,
  marketKey,
  negate,
  wallMs,
  type AuditRecord,
  type Decimal,
  type DriftFound,
  type JournalEvent,
  type SymbolId,
  type TradeId,
} from "@baton/core";
import { takeBaseline, type AccountEvent } from "@baton/venues";
import { btcPerpetual, clock, inMs, of, startRig, taking, until, type Rig } from "./rig.ts";

const startFutures = (): Promise<Rig> => startRig({ personality: "usdm" });

it("places, finds by our id, and cancels on futures, and knows the contract's steps", async () => {
  await using rig = await startFutures();
  expect(rig.venue.instruments.get(btcPerpetual)).toMatchObject({
    base: "BTC",
    quote: "USDT",
    tickSize: "0.1",
    lotSize: "0.001",
    notionalMin: "100",
  });
  const placed = await rig.place("f1");
  expect(placed).toMatchObject({ kind: "accepted", order: { clientOrderId: "f1", status: "open" } });
  expect(await rig.venue.query(btcPerpetual, "f1")).toMatchObject({ kind: "found", order: { symbol: btcPerpetual } });
  expect((await rig.venue.openOrders()).map((order) => order.clientOrderId)).toEqual(["f1"]);
  const cancelled = await rig.venue.cancel({ clientOrderId: "f1", symbol: btcPerpetual }, rig.permits.permit());
  expect(cancelled).toMatchObject({ kind: "cancelled", order: { status: "cancelled" } });
  expect(await rig.venue.query(btcPerpetual, "never")).toEqual({ kind: "not-found" });
  expect(await rig.venue.reach()).toBe(true);
});

it("each refusal of the futures venue falls into its class", async () => {
  await using rig = await startFutures();
  await rig.place("open");
  expect(await rig.place("open")).toMatchObject({ kind: "duplicate" });
  expect(await rig.place("dust", { quantity: decimal("0.001") })).toMatchObject({ kind: "rejected", code: "-4164" });
  expect(await rig.place("steps", { quantity: decimal("0.0105") })).toMatchObject({ kind: "rejected", code: "-1111" });
  expect(await rig.place("whole", { timeInForce: "FOK" })).toMatchObject({ kind: "rejected", code: "-5021" });
});

it("an answer that is lost leaves a doubt that a query resolves, and the order is there once", async () => {
  await using rig = await startRig({ personality: "usdm" });
  rig.fault({ fault: "ack-lost", count: 1 });
  const outcome = await rig.place("lost");
  expect(outcome.kind).toBe("in-doubt");
  await until("the order is found", async () => (await rig.venue.query(btcPerpetual, "lost")).kind === "found");
  expect(of(rig.audit(), "accept", "lost")).toHaveLength(1);
  expect(of(rig.audit(), "recv", "lost")).toHaveLength(1);
});

it("fills come by the listen key's stream, survive drops of it, and add up to the venue's own position", async () => {
  await using rig = await startFutures();
  const before = await takeBaseline(rig.venue, [btcPerpetual]);
  const events: AccountEvent[] = [];
  const stream = rig.venue.openAccountStream({
    lastTradeId: () => before.lastTradeIds[btcPerpetual],
    liveOrders: () => [],
    onEvent: (event) => events.push(event),
  });
  await until("ready", () => stream.state() === "ready");
  for (let order = 0; order < 12; order += 1) {
    if (order === 5) rig.fault({ fault: "stream-drop", closeCode: 1006 });
    // Sold twice as often as bought: the position ends short, which spot could not be.
    await rig.place(`o${order}`, { ...taking, side: order % 3 === 0 ? "buy" : "sell" });
  }
  const truth = rig
    .audit()
    .filter((one): one is Extract<AuditRecord, { type: "fill" }> => one.type === "fill" && one.account === "desk");
  const fills = (): Extract<AccountEvent, { kind: "fill" }>[] => events.filter((event) => event.kind === "fill");
  await until("each fill was heard", () => fills().length >= truth.length);
  expect(new Set(fills().map((event) => event.fill.tradeId)).size).toBe(truth.length);
  expect(new Set(fills().map((event) => event.fill.clientOrderId)).size).toBe(12);
  const held = fills().reduce<Decimal>(
    (sum, { fill }) => add(sum, fill.side === "buy" ? fill.quantity : negate(fill.quantity)),
    decimal("0"),
  );
  expect((await rig.venue.positions()).get(btcPerpetual)).toBe(held);
  expect(held.startsWith("-")).toBe(true);
  expect(fills().some((event) => event.source === "stream")).toBe(true);
});

it("a reduce-only order takes back what is held and is told as one; with nothing left to reduce it is refused (-2022)", async () => {
  await using rig = await startFutures();
  const events: AccountEvent[] = [];
  const stream = rig.venue.openAccountStream({
    lastTradeId: () => undefined,
    liveOrders: () => [],
    onEvent: (event) => events.push(event),
  });
  await until("ready", () => stream.state() === "ready");
  const back = { ...taking, side: "sell", reduceOnly: true } as const;
  const told = (name: string): readonly unknown[] =>
    events.flatMap((event) => {
      const isIts = event.kind === "order" && event.source === "stream" && event.order.clientOrderId === name;
      return isIts ? [event.order.reduceOnly] : [];
    });
  expect(await rig.place("bought", taking)).toMatchObject({ order: { status: "filled", reduceOnly: false } });
  expect(await rig.place("closed", back)).toMatchObject({ order: { status: "filled", reduceOnly: true } });
  expect(await rig.venue.query(btcPerpetual, "closed")).toMatchObject({ order: { reduceOnly: true } });
  await until("both were told", () => told("bought").length > 0 && told("closed").length > 0);
  expect([new Set(told("bought")), new Set(told("closed"))]).toEqual([new Set([false]), new Set([true])]);
  expect(await rig.venue.positions()).toEqual(new Map());
  expect(await rig.place("nothing", back)).toMatchObject({ kind: "rejected", code: "-2022" });
});

it("trades that the venue took back are listed no more, and the position without them proves it to the last digit", async () => {
  await using rig = await startFutures();
  const { venue } = rig;
  const before = await takeBaseline(venue, [btcPerpetual]);
  const events: AccountEvent[] = [];
  const stream = venue.openAccountStream({
    lastTradeId: () => before.lastTradeIds[btcPerpetual],
    liveOrders: () => [],
    onEvent: (event) => events.push(event),
  });
  await until("ready", () => stream.state() === "ready");
  await rig.place("kept", taking);
  // It turns the position, which is long again without it.
  rig.fault({ fault: "trade-bust", delayMs: 300, match: { side: "SELL" } });
  await rig.place("gone", { ...taking, side: "sell", quantity: decimal("0.025") });
  const tradesOf = (name: string): readonly string[] =>
    of(rig.audit(), "fill", name).flatMap((one) => (one.type === "fill" ? [`${one.tradeId}`] : []));
  const gone = tradesOf("gone");
  await until(
    "all of it was taken back",
    () => rig.audit().filter(({ type }) => type === "bust").length === gone.length,
  );
  const fills = (): Extract<AccountEvent, { kind: "fill" }>[] => events.filter((event) => event.kind === "fill");
  await until("each fill was heard", () => fills().length === gone.length + tradesOf("kept").length);
  const told = (await venue.positions()).get(btcPerpetual);
  expect(told).toBe("0.01");

  const journal = emptyState();
  const tell = (event: JournalEvent): void => void applyEvent(journal, journal.applied + 1, event);
  const held = (): Decimal => journal.positions.get(marketKey(venue.id, btcPerpetual))?.quantity ?? decimal("0");
  for (const { fill } of fills()) {
    const { clientOrderId: _ours, isMaker: _maker, ...trade } = fill;
    tell({ kind: "fill.recorded", venue: venue.id, ...trade });
  }
  expect(held()).toBe("-0.015");
  const now = clock.wall();
  const subject = { kind: "position", symbol: btcPerpetual } as const;
  const differs = { venue: venue.id, subject, journal: held(), told: told ?? decimal("0") };
  const drift = (atMs: number): DriftFound => ({ kind: "drift.found", ...differs, atWallMs: wallMs(atMs) });
  const listed = new Set((await venue.trades(btcPerpetual, { limit: 1_000 })).map(({ tradeId }) => tradeId));
  const look = {
    suspects: bustSuspects(journal, differs, now),
    isListed: (_: SymbolId, id: TradeId) => listed.has(id),
  };
  expect(judgeBusts(journal, drift(now), look)).toEqual({ kind: "too-early" });
  const later = judgeBusts(journal, drift(now + bustSettledMs), look);
  if (later.kind !== "busted") throw new Error(`it is ${later.kind}`);
  expect(later.busts.map(({ tradeId }) => tradeId as string)).toEqual(gone);
  for (const bust of later.busts) tell(bust);
  expect(held()).toBe("0.01");
});

it("the dead man's switch holds while it is set again, is taken back, and once it ends every order is told as cancelled", async () => {
  await using rig = await startFutures();
  const events: AccountEvent[] = [];
  const before = await takeBaseline(rig.venue, [btcPerpetual]);
  const stream = rig.venue.openAccountStream({
    lastTradeId: () => before.lastTradeIds[btcPerpetual],
    liveOrders: () => [],
    onEvent: (event) => events.push(event),
  });
  await until("ready", () => stream.state() === "ready");
  const set = async (timeoutMs: number): Promise<boolean | undefined> =>
    await rig.venue.setSwitch?.(timeoutMs, rig.permits.permit());
  const marks = (type: AuditRecord["type"]): readonly AuditRecord[] => rig.audit().filter((one) => one.type === type);
  await rig.place("left-1");
  await rig.place("left-2");
  expect(await set(120_000)).toBe(true);
  expect(await set(0)).toBe(true);
  expect(marks("dms-arm")).toMatchObject([{ timeoutMs: 120_000 }, { timeoutMs: 0 }]);
  expect(marks("dms-fire")).toEqual([]);
  expect(await rig.venue.openOrders()).toHaveLength(2);
  // A permit that ended sets nothing: not one byte leaves.
  const permit = rig.permits.permit();
  rig.permits.deadlineMonoMs = inMs(-1);
  expect(await rig.venue.setSwitch?.(120_000, permit)).toBe(false);
  rig.permits.deadlineMonoMs = inMs(600_000);
  expect(marks("dms-arm")).toHaveLength(2);
  // The last setting of a leader that is gone.
  expect(await set(1_000)).toBe(true);
  await until("it fired", () => marks("dms-fire").length === 1);
  const cancelled = (): string[] =>
    events.flatMap((event) =>
      event.kind === "order" && event.order.status === "cancelled" ? [event.order.clientOrderId] : [],
    );
  await until("both were told", () => new Set(cancelled()).size === 2);
  expect(new Set(cancelled())).toEqual(new Set(["left-1", "left-2"]));
  expect(await rig.venue.openOrders()).toEqual([]);
  expect(await rig.venue.query(btcPerpetual, "left-1")).toMatchObject({
    kind: "found",
    order: { status: "cancelled" },
  });
});
