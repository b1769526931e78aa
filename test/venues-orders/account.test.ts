import { expect, it } from "vitest";
import { add, decimal, negate, type AuditRecord, type Decimal } from "@baton/core";
import { takeBaseline, type AccountEvent, type AccountStream } from "@baton/venues";
import { btc, startRig, taking, until, type Rig } from "./rig.ts";

interface Heard {
  readonly stream: AccountStream;
  readonly events: AccountEvent[];
  fills(): string[];
}

function listen(rig: Rig, over: { readonly sweepEveryMs?: number } = {}): Heard {
  const events: AccountEvent[] = [];
  const stream = rig.venue.openAccountStream({
    lastTradeId: () => undefined,
    liveOrders: () => [],
    onEvent: (event) => events.push(event),
    ...over,
  });
  const fills = (): string[] =>
    events.flatMap((event) => (event.kind === "fill" ? [event.fill.tradeId as string] : []));
  return { stream, events, fills };
}

const byId = (a: string, b: string): number => Number(a) - Number(b);
type Fill = Extract<AuditRecord, { type: "fill" }>;
const fillsOf = (audit: readonly AuditRecord[]): readonly Fill[] =>
  audit.filter((record): record is Fill => record.type === "fill" && record.account === "desk");

it("drops of the stream lose no fill and double none: what was heard is what the exchange's log has", async () => {
  await using rig = await startRig();
  const heard = listen(rig);
  await until("ready", () => heard.stream.state() === "ready");
  const sides = ["buy", "sell"] as const;
  for (let order = 0; order < 24; order += 1) {
    if (order % 6 === 3) await until("ready", () => heard.stream.state() === "ready");
    if (order % 6 === 3) rig.fault({ fault: "stream-drop", closeCode: order % 12 === 3 ? 1006 : 1001 });
    await rig.place(`o${order}`, { ...taking, side: sides[order % 2]! });
  }
  const truth = fillsOf(rig.audit()).map((fill) => `${fill.tradeId}`);
  expect(truth.length).toBeGreaterThanOrEqual(24);
  await until(
    "each fill was heard",
    () => new Set(heard.fills()).size >= truth.length && heard.stream.state() === "ready",
  );
  expect(heard.fills().toSorted(byId)).toEqual(truth.toSorted(byId));
  expect(rig.audit().filter((record) => record.type === "fault").length).toBe(4);
});

it("an event that the venue never sent is found by the sweep", async () => {
  await using rig = await startRig();
  const heard = listen(rig, { sweepEveryMs: 200 });
  await until("ready", () => heard.stream.state() === "ready");
  rig.fault({ fault: "user-event-loss" });
  await rig.place("unheard", taking);
  const truth = fillsOf(rig.audit()).map((fill) => `${fill.tradeId}`);
  await until("the fill was found", () => heard.fills().length >= truth.length);
  expect(heard.fills().toSorted(byId)).toEqual(truth.toSorted(byId));
  const sources = heard.events.flatMap((event) => (event.kind === "fill" ? [event.source] : []));
  expect(new Set(sources)).toEqual(new Set(["recovery"]));
});

it("heard fills name their order, and sum to the change of the balance", async () => {
  await using rig = await startRig();
  const before = await takeBaseline(rig.venue, [btc]);
  const heard = listen(rig);
  await until("ready", () => heard.stream.state() === "ready");
  await rig.place("one", taking);
  await rig.place("two", taking);
  const bought = (): Decimal => {
    let sum = decimal("0");
    for (const event of heard.events) if (event.kind === "fill") sum = add(sum, event.fill.quantity);
    return sum;
  };
  await until("both orders are filled", () => bought() === "0.02");
  const named = heard.events.flatMap((event) => (event.kind === "fill" ? [event.fill.clientOrderId] : []));
  expect(new Set(named)).toEqual(new Set(["one", "two"]));
  const after = await takeBaseline(rig.venue, [btc]);
  let fees = decimal("0");
  for (const event of heard.events) {
    if (event.kind === "fill" && event.fill.feeCurrency === "BTC") fees = add(fees, event.fill.fee);
  }
  expect(add(after.balances["BTC"]!, fees)).toBe(add(before.balances["BTC"]!, decimal("0.02")));
  expect(after.lastTradeIds[btc]).toBe(heard.fills().at(-1));
});

it("a trade that the venue took back is listed no more, and its money is told to have moved back", async () => {
  await using rig = await startRig();
  const before = await takeBaseline(rig.venue, [btc]);
  const heard = listen(rig);
  await until("ready", () => heard.stream.state() === "ready");
  rig.fault({ fault: "trade-bust", delayMs: 300, count: 1 });
  await rig.place("gone", taking);
  await until("it was taken back", () => rig.audit().some(({ type }) => type === "bust"));
  const gone = rig.audit().flatMap((record) => (record.type === "bust" ? [`${record.tradeId}`] : []));
  await until("the trades were heard", () => heard.fills().length >= fillsOf(rig.audit()).length);
  const listed = (await rig.venue.trades(btc, { limit: 1_000 })).map(({ tradeId }) => tradeId as string);
  expect(listed).toEqual(heard.fills().filter((tradeId) => !gone.includes(tradeId)));
  let held = before.balances["BTC"]!;
  for (const event of heard.events) {
    if (event.kind !== "fill" || gone.includes(event.fill.tradeId)) continue;
    held = add(held, add(event.fill.quantity, negate(event.fill.fee)));
  }
  const told = (): Decimal | undefined =>
    heard.events.flatMap((event) => (event.kind === "balances" ? (event.balances["BTC"] ?? []) : [])).at(-1);
  await until("the money is back", () => told() === held);
});
