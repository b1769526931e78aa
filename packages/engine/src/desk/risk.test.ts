import { decimal, id, wallMs } from "@baton/core";
import type { Config, MarketView, PovRequest, SymbolId, TradeEvent, VenueId, VwapRequest } from "@baton/core";
import { describe, expect, test, vi } from "vitest";
import { wallNow } from "../clock.ts";
import { DeskRig, rigConfig } from "../testing/desk-rig.ts";
import { btc } from "../testing/scripted-venue.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

async function leading(risk: Partial<Config["risk"]> = {}): Promise<DeskRig> {
  const config = rigConfig();
  const rig = new DeskRig({ config: { ...config, risk: { ...config.risk, ...risk } } }).lead(1);
  await pass(50);
  return rig;
}

const at = (bid: string, ask: string): MarketView => ({
  kind: "fresh",
  basis: { feed: "f", updateId: 1, ageMs: 1, bid: decimal(bid), ask: decimal(ask) },
});
const balances = (usdt: string): Parameters<DeskRig["venue"]["tell"]>[0] => ({
  kind: "balances",
  balances: { USDT: decimal(usdt) },
  source: "recovery",
});

describe("balances", () => {
  test("are the venue's word once it has told them, and until then the journal's own count", async () => {
    const rig = await leading();
    // The baseline says 100000; 20 of 1000 are the most that the position limit allows.
    expect(rig.ask({ quantity: decimal("10") })).toMatchObject({ kind: "recorded" });
    rig.venue.tell(balances("1100"));
    expect(rig.ask({ quantity: decimal("1") })).toMatchObject({ kind: "recorded" });
    expect(rig.ask({ quantity: decimal("0.1") })).toMatchObject({ refusal: { code: "balance" } });
    expect(rig.ask({ side: "sell", quantity: decimal("0.1") })).toMatchObject({ refusal: { code: "balance" } });
  });

  test("are not asked for where the configuration says so", async () => {
    const rig = await leading({ balances: "ignore" });
    rig.venue.tell(balances("0"));
    expect(rig.ask()).toMatchObject({ kind: "recorded" });
  });
});

test("a strategy that was switched off for its own fault is told beside what a control switched off, and enabled there", async () => {
  const rig = await leading();
  expect(rig.desk.risk()?.disabled).toEqual([]);
  const fault = { strategy: "maker", reason: "it threw: odd", atWallMs: wallMs(7) };
  rig.desk.note({ kind: "strategy.switched", enabled: false, ...fault });
  expect(rig.desk.risk()?.disabled).toEqual([
    { control: "strategy", subject: "maker", by: "maker", reason: "it threw: odd", atWallMs: 7 },
  ]);
  const enable = { control: "strategy", subject: "maker", reason: "mended", cluster: "test" } as const;
  expect(rig.desk.enable(enable, "op")).toMatchObject({ kind: "recorded" });
  expect(rig.desk.risk()?.disabled).toEqual([]);
});

describe("a repeated order", () => {
  test("switches its author off, on record, over a takeover, until an operator switches it on", async () => {
    const repeatedExecution = { count: 2, perMs: 10_000 };
    const rig = await leading({ repeatedExecution });
    rig.order();
    rig.order();
    expect(rig.ask()).toMatchObject({ refusal: { code: "repeated-execution" } });
    expect(rig.ask({ quantity: decimal("2") })).toMatchObject({ refusal: { code: "disabled" } });
    rig.desk.end();
    const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
    next.commit();
    next.lead(2);
    await pass(60_000);
    expect(next.ask({ quantity: decimal("2") })).toMatchObject({ refusal: { code: "disabled" } });
    const enable = { control: "repeated-execution", subject: "trader", reason: "looked at", cluster: "test" } as const;
    expect(next.desk.risk()?.disabled).toMatchObject([{ subject: "trader" }]);
    expect(next.desk.enable({ ...enable, subject: "other" }, "op")).toEqual({ why: "not-found" });
    expect(next.desk.enable(enable, "op")).toMatchObject({ kind: "recorded" });
    expect(next.ask({ quantity: decimal("2") })).toMatchObject({ kind: "recorded" });
    expect(next.desk.enable(enable, "op")).toEqual({ why: "not-found" });
  });
});

describe("the day's loss", () => {
  const dayLossMax = { USDT: decimal("100") };

  test("stops new risk and lets the position be closed; it is counted anew when an operator says so", async () => {
    const rig = await leading({ dayLossMax });
    rig.venue.tell(balances("100000"));
    const intent = rig.order({ quantity: decimal("10") });
    await pass(50);
    rig.venue.fill(rig.row(intent).attempts[0]?.clientOrderId ?? "", "1");
    rig.market = at("89.5", "90");
    expect(rig.ask({ price: decimal("90") })).toMatchObject({ refusal: { code: "loss-limit" } });
    expect(rig.ask({ price: decimal("89.5"), side: "sell", quantity: decimal("1") })).toMatchObject({
      refusal: { code: "balance" },
    });
    rig.venue.tell({ kind: "balances", balances: { BTC: decimal("10") }, source: "stream" });
    expect(rig.ask({ price: decimal("89.5"), side: "sell", quantity: decimal("1") })).toMatchObject({
      kind: "recorded",
    });
    rig.market = at("99.5", "100");
    expect(rig.ask()).toMatchObject({ refusal: { code: "disabled" } });
    const enable = { control: "loss-limit", subject: "USDT", reason: "looked at", cluster: "test" } as const;
    rig.market = { kind: "stale", why: "silence" };
    expect(rig.desk.enable(enable, "op")).toMatchObject({ why: "refused", refusal: { code: "price-stale" } });
    rig.market = at("89.5", "90");
    expect(rig.desk.enable(enable, "op")).toMatchObject({ kind: "recorded" });
    expect(rig.ask({ price: decimal("90") })).toMatchObject({ kind: "recorded" });
  });

  test("begins with the day of UTC, at the first price that is fresh, once over any number of leaders", async () => {
    vi.setSystemTime(new Date("2026-06-01T23:59:50Z"));
    const rig = await leading({ dayLossMax });
    const opened = (): number => rig.journal.events.filter((event) => event.kind === "risk.day-opened").length;
    expect(opened()).toBe(1);
    await pass(9_000);
    expect(opened()).toBe(1);
    await pass(3_000);
    expect(opened()).toBe(2);
    rig.desk.end();
    const config = rigConfig();
    const next = new DeskRig({
      ...{ journal: rig.journal, venue: rig.venue, node: "b" },
      config: { ...config, risk: { ...config.risk, dayLossMax } },
    });
    next.commit();
    next.lead(2);
    await pass(5_000);
    expect(opened()).toBe(2);
  });
});

describe("parents that count volume", () => {
  const sim = id<VenueId>("sim");
  const trade = (number: number, quantity: string, tradedWallMs: number = wallNow()): TradeEvent => ({
    type: "trade",
    trade: {
      ...{ symbol: btc, id: number, price: decimal("100"), quantity: decimal(quantity), taker: "buy" },
      ...{ tradedWallMs: wallMs(tradedWallMs), source: "stream" },
    },
  });
  const pov: PovRequest = {
    algo: "pov",
    symbol: btc,
    side: "buy",
    quantity: decimal("5"),
    participation: decimal("0.1"),
    durationMs: 60_000,
    intervalMs: 1_000,
    aggressionBps: 10,
  };

  test("need a feed that has seen a trade", async () => {
    const rig = await leading();
    expect(rig.desk.request(pov, "trader", undefined)).toMatchObject({ refusal: { code: "volume-missing" } });
    expect(rig.desk.request({ ...pov, symbol: "ETH/USDT" as SymbolId }, "trader", undefined)).toMatchObject({
      refusal: { code: "unknown-symbol" },
    });
  });

  test("go on over a takeover from the trade where the record ends, on the successor's own feed", async () => {
    const rig = await leading();
    rig.volume.note(sim, "f", trade(1, "50"));
    expect(rig.desk.request(pov, "trader", undefined)).toMatchObject({ kind: "recorded" });
    rig.volume.note(sim, "f", trade(2, "10"));
    await pass(200);
    expect(rig.row(id("i-1")).terms.quantity).toBe("1");
    // Counted, and not on record when the leader ends: nothing came of it.
    rig.volume.note(sim, "f", trade(3, "10"));
    rig.desk.end();
    const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
    for (const [number, quantity] of [
      [1, "50"],
      [2, "10"],
      [3, "10"],
    ] as const)
      next.volume.note(sim, "f", trade(number, quantity));
    // A second feed of the same symbol counts for nothing.
    next.volume.note(sim, "g", trade(3, "10"));
    next.commit();
    next.lead(2);
    await pass(2_000);
    const quantities = [...next.ledger.speculative.orders.values()].map((order) => order.terms.quantity);
    // The first child took 1 as an IOC that executed nothing yet is open at the scripted venue.
    expect(quantities).toEqual(["1", "1"]);
    expect(next.ledger.speculative.parents.get(id("p-1"))?.counted).toMatchObject({ lastTradeId: 3, volume: "20" });
  });

  test("a profile is what the feed saw over as long before, and is on record", async () => {
    const rig = await leading();
    const vwap: VwapRequest = {
      algo: "vwap",
      symbol: btc,
      side: "buy",
      quantity: decimal("4"),
      slices: 2,
      durationMs: 2_000,
      aggressionBps: 10,
    };
    expect(rig.desk.request(vwap, "trader", undefined)).toMatchObject({ refusal: { code: "profile-missing" } });
    const now = wallNow();
    for (const [number, quantity, ago] of [
      [1, "9", 3_000],
      [2, "3", 1_500],
      [3, "1", 500],
    ] as const)
      rig.volume.note(sim, "f", trade(number, quantity, now - ago));
    expect(rig.desk.request(vwap, "trader", undefined)).toMatchObject({ kind: "recorded" });
    expect(rig.ledger.speculative.parents.get(id("p-1"))?.algorithm).toMatchObject({
      profile: "feed",
      weights: ["3", "1"],
    });
    await pass(1_500);
    expect([...rig.ledger.speculative.orders.values()].map((order) => order.terms.quantity)).toEqual(["3", "1"]);
  });
});

test("a strategy's state and its intents are recorded as one, with the price that it decided on; what risk refuses is left out", async () => {
  const config = rigConfig();
  const strategies = [
    { ...{ id: "maker", module: "/m.ts", venue: id<VenueId>("sim"), symbols: [btc], budgetMs: 50 }, params: {} },
  ];
  const rig = new DeskRig({ config: { ...config, strategies } }).lead(1);
  await pass(50);
  const wish = { symbol: btc, side: "buy", type: "limit", quantity: "1", price: "100" } as const;
  const decidedOn = { feed: "f", updateId: 7, ageMs: 12 };
  const before = rig.journal.frames.length;
  rig.desk.strategy("maker", { n: 1 }, [wish, { ...wish, quantity: "11" }, { ...wish, quantity: "2" }], decidedOn);
  expect(rig.journal.frames.length).toBe(before + 1);
  const told = rig.journal.events.slice(-3);
  expect(told.map((event) => event.kind)).toEqual(["strategy.advanced", "intent.recorded", "intent.recorded"]);
  expect(told[2]).toMatchObject({ by: "maker", decidedOn, basis: { updateId: 1 }, terms: { quantity: "2" } });
  await pass(50);
  expect(rig.venue.placed).toHaveLength(2);
  rig.desk.end();
  const next = new DeskRig({
    ...{ journal: rig.journal, venue: rig.venue, node: "b" },
    config: { ...config, strategies },
  });
  next.commit();
  next.lead(2);
  expect(next.ledger.speculative.strategies.get("maker")?.state).toEqual({ n: 1 });
});
