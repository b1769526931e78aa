import { add, clientOrderIdOf, decimal, id, marketKey, negate, tagOf } from "@baton/core";
import type { ClusterId, Config, IntentId, JournalEvent, TradeId, VenueOrder, VenueOrderId } from "@baton/core";
import type { VenueTrade } from "@baton/venues";
import { describe, expect, test } from "vitest";
import { wallNow } from "../clock.ts";
import { DeskRig, rigConfig } from "../testing/desk-rig.ts";
import { inDoubt, leading } from "../testing/leading-desk.ts";
import { btc, ScriptedVenue } from "../testing/scripted-venue.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

/** A trade of an order that somebody else has on this account, as the venue lists it. */
function foreignTrade(): VenueTrade {
  return {
    tradeId: id<TradeId>("7"),
    symbol: btc,
    venueOrderId: id<VenueOrderId>("900"),
    side: "buy",
    price: decimal("100"),
    quantity: decimal("1"),
    fee: decimal("0"),
    feeCurrency: "USDT",
    isMaker: false,
    tradedWallMs: wallNow(),
  };
}

test("a trade of somebody else's order on the account holds no doubt open, once the venue has said whose it is", async () => {
  const rig = await leading();
  rig.venue.script.push(() => Promise.resolve(inDoubt()));
  const intent = rig.order();
  await pass(1);
  rig.venue.trades.push(foreignTrade());
  await pass(10_000);
  expect(rig.row(intent).status).toBe("in-doubt");
  rig.venue.tell({ kind: "fill", fill: { ...foreignTrade(), clientOrderId: "by-hand" }, source: "stream" });
  await pass(10_000);
  expect(rig.row(intent)).toMatchObject({ status: "not-sent", endReason: "expired" });
});

test("an order that its venue took and denies later is told once, and stays open at worst case", async () => {
  const rig = await leading();
  const intent = rig.order();
  await pass(50);
  const { attempts } = rig.row(intent);
  const [clientOrderId = ""] = attempts.map((attempt) => attempt.clientOrderId as string);
  for (let reading = 0; reading < 2; reading += 1) rig.venue.deny(clientOrderId);
  rig.venue.deny("somebody-elses");
  expect(rig.warnings.filter((each) => each.startsWith("order.denied"))).toEqual([
    `order.denied: ${intent}: sim took this order and says now that it has none such; it stays open here, and counts in every limit, until the venue shows it or an operator ends it (baton orders resolve --ended).`,
  ]);
  expect(rig.row(intent).status).toBe("new");
});

describe("an open order of ours that the journal does not know", () => {
  /** What another leader of this cluster placed. */
  function strange(rig: DeskRig): string {
    const { terms } = rig.row(rig.order());
    const tag = tagOf(id<ClusterId>("6f6c0f7e-0000-4000-8000-000000000001"));
    const clientOrderId = clientOrderIdOf({ tag, intent: 99, child: 0, attempt: 1, terms });
    rig.venue.accept({ clientOrderId, terms });
    return clientOrderId;
  }
  const cancels = (rig: DeskRig): readonly string[] =>
    rig.venue.sent.flatMap((sent) => (sent.kind === "cancel" ? [sent.clientOrderId] : []));

  test("is cancelled once its record is committed, and again while it stays open", async () => {
    const rig = await leading();
    const clientOrderId = strange(rig);
    rig.venue.listOpen();
    expect(cancels(rig)).toEqual([]);
    await pass(50);
    expect(cancels(rig)).toEqual([clientOrderId]);
    const order = rig.venue.orders.get(clientOrderId) as VenueOrder;
    rig.venue.orders.set(clientOrderId, { ...order, status: "open" });
    rig.venue.listOpen();
    expect(cancels(rig)).toEqual([clientOrderId, clientOrderId]);
    expect(rig.journal.events.filter((event) => event.kind === "orphan.found")).toHaveLength(1);
  });

  test("keeps new orders from the venue until it is gone: what it may still execute is in no limit", async () => {
    const rig = await leading();
    const clientOrderId = strange(rig);
    await pass(50);
    rig.isCommitting = false;
    rig.venue.listOpen();
    expect(rig.desk.whyNotReady(rig.venue.id)).toBe(
      "open orders of ours that the journal does not know are being taken back",
    );
    await pass(50);
    expect(rig.desk.whyNotReady(rig.venue.id)).toBeDefined();
    rig.isCommitting = true;
    rig.commit();
    await pass(50);
    expect([rig.venue.orders.get(clientOrderId)?.status, rig.desk.whyNotReady(rig.venue.id)]).toEqual([
      "cancelled",
      undefined,
    ]);
  });

  test("that is left alone counts in every limit until a list shows that it has gone, for a successor before its first list too", async () => {
    const config = rigConfig();
    const leave: Config = { ...config, doubt: { ...config.doubt, orphans: "leave" } };
    const rig = await leading(new DeskRig({ config: leave }));
    const clientOrderId = strange(rig);
    rig.order({ quantity: decimal("10") });
    await pass(50);
    rig.venue.listOpen();
    await pass(50);
    expect([cancels(rig), rig.desk.whyNotReady(rig.venue.id)]).toEqual([[], undefined]);
    expect(rig.desk.accountWarnings()).toEqual([expect.stringContaining("1 open orders of ours at sim")]);
    // Beside 1, 10, and the orphan's 1, of 20 at most.
    const nine = { quantity: decimal("9") };
    expect(rig.ask(nine)).toMatchObject({ refusal: { code: "position-limit" } });
    const worst = rig.desk
      .risk()
      ?.controls.find(({ control, scope }) => control === "position-limit" && /buy/.test(scope));
    expect(worst).toMatchObject({ used: "12", headroom: "8" });
    rig.desk.end();
    const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b", config: leave });
    next.commit();
    next.lead(2);
    await pass(5);
    expect(next.ask(nine)).toMatchObject({ refusal: { code: "position-limit" } });
    next.venue.orders.delete(clientOrderId);
    next.venue.listOpen();
    expect(next.ask(nine)).toMatchObject({ kind: "recorded" });
    expect(next.desk.accountWarnings()).toEqual([]);
  });

  test("that ended by itself keeps nothing up any more once a later list shows that", async () => {
    const rig = await leading();
    const clientOrderId = strange(rig);
    await pass(50);
    rig.isCommitting = false;
    rig.venue.listOpen();
    rig.venue.orders.delete(clientOrderId);
    rig.venue.listOpen();
    expect(rig.desk.whyNotReady(rig.venue.id)).toBeUndefined();
  });

  test("is left alone by a leader that can commit nothing any more: it is its successor's", async () => {
    const rig = await leading();
    const clientOrderId = strange(rig);
    await pass(50);
    rig.isCommitting = false;
    for (let sweep = 0; sweep < 3; sweep += 1) {
      rig.venue.listOpen();
      await pass(1_000);
    }
    expect(cancels(rig)).toEqual([]);
    expect(rig.venue.orders.get(clientOrderId)?.status).toBe("open");
  });
});

test("fills that the venue owes are looked for soon: not at once, and not once they are there", async () => {
  const rig = await leading();
  rig.venue.script.push((order) => Promise.resolve(rig.venue.accept(order, "filled")));
  const intent = rig.order();
  await pass(500);
  expect([rig.row(intent).status, rig.venue.isFillMissing]).toEqual(["filled", false]);
  await pass(1_000);
  expect(rig.venue.isFillMissing).toBe(true);
  rig.venue.fill(rig.row(intent).attempts[0]!.clientOrderId, "1");
  expect([rig.row(intent).filled, rig.venue.isFillMissing]).toEqual(["1", false]);
});

test("an end that the stream told before a stale answer to the placement is the end", async () => {
  const rig = await leading();
  rig.venue.script.push(async (order) => {
    const answer = rig.venue.accept(order);
    const told = rig.venue.orders.get(order.clientOrderId) as VenueOrder;
    rig.venue.tell({ kind: "order", order: { ...told, status: "cancelled" }, source: "stream" });
    await new Promise((resolve) => setTimeout(resolve, 100));
    return answer;
  });
  const intent = rig.order();
  await pass(1_000);
  expect(rig.row(intent).status).toBe("cancelled");
});

test("money that comes from elsewhere is recorded as drift, once, with both numbers, and risk goes on by the venue's", async () => {
  const rig = await leading();
  const told = { USDT: decimal("100500") };
  rig.venue.tell({ kind: "balances", balances: told, source: "recovery" });
  await pass(5_000);
  rig.venue.tell({ kind: "balances", balances: told, source: "recovery" });
  await pass(5_000);
  rig.venue.tell({ kind: "balances", balances: told, source: "recovery" });
  const drifts = rig.journal.events.filter((event) => event.kind === "drift.found");
  expect(drifts).toMatchObject([{ subject: { currency: "USDT" }, journal: "100000", told: "100500" }]);
  expect(rig.warnings).toEqual([
    "account.drift: balance USDT at sim: 100500 by the venue, 100000 by the journal; neither was changed.",
  ]);
  expect(rig.ledger.speculative.baselines.get(rig.venue.id)?.baseline?.balances).toEqual({ USDT: "100000" });
});

/** A desk whose first order bought or sold at the venue in trade 1, told by its stream; and the account's next recoveries. */
async function traded(): Promise<{
  readonly rig: DeskRig;
  readonly intent: IntentId;
  readonly recover: (usdt: string, btcHeld?: string) => Promise<unknown>;
}> {
  const rig = await leading();
  const intent = rig.order();
  await pass(50);
  rig.venue.fill(rig.row(intent).attempts[0]!.clientOrderId, "1");
  const recover = async (usdt: string, btcHeld = "0"): Promise<unknown> => {
    const balances = { USDT: decimal(usdt), BTC: decimal(btcHeld) };
    rig.venue.tell({ kind: "balances", balances, source: "recovery" });
    return await pass(5_000);
  };
  return { rig, intent, recover };
}

test("while no stream can be had, status says that the account is read, and one reading makes it whole", async () => {
  const venue = new ScriptedVenue();
  venue.isRecoveryHeld = true;
  const rig = new DeskRig({ venue }).lead(1);
  await pass(50);
  venue.state("reading", "the subscription was refused");
  venue.state("backing-off", "the subscription was refused");
  venue.state("reading", "the subscription was refused");
  expect(rig.desk.accountWarnings()).toEqual([expect.stringContaining("no account stream of sim can be had")]);
  expect(rig.warnings).toEqual([expect.stringContaining("account.read-instead")]);
  venue.state("ready", "");
  expect(rig.desk.accountWarnings()).toEqual([]);
});

describe("a trade that is gone from the venue's list, with its money back", () => {
  test("is taken back once it is old enough to be missed, on record and with a warning; no drift is left", async () => {
    const { rig, intent, recover } = await traded();
    const busts = (): readonly JournalEvent[] => rig.journal.events.filter((event) => event.kind === "fill.busted");
    rig.venue.trades.length = 0;
    for (let turn = 0; turn < 4; turn += 1) await recover("100000");
    expect([busts(), driftsOf(rig), rig.warnings]).toEqual([[], [], []]);
    for (let turn = 0; turn < 14; turn += 1) await recover("100000");
    expect(busts()).toMatchObject([{ tradeId: "1", intent, symbol: btc }]);
    expect(driftsOf(rig)).toEqual([]);
    expect(rig.warnings).toEqual([expect.stringMatching(/^fill\.busted: sim took trade 1 of BTC\/USDT back/)]);
    expect(rig.row(intent)).toMatchObject({ status: "filled", filled: "0", executed: "0" });
    expect(rig.ledger.speculative.positions.get(marketKey(rig.venue.id, btc))?.quantity).toBe("0");
  });

  test("with other money than its own is drift, and the warning names the trade that is not listed", async () => {
    const { rig, recover } = await traded();
    rig.venue.trades.length = 0;
    for (let turn = 0; turn < 4; turn += 1) await recover("100001");
    expect(rig.journal.events.filter((event) => event.kind === "fill.busted")).toEqual([]);
    expect(rig.warnings.find((line) => line.includes("USDT"))).toMatch(/1 trades are not listed any more/);
  });

  test("is none that the list has under a time of one millisecond less than the stream told", async () => {
    const venue = new ScriptedVenue();
    venue.exchange = "okx";
    const rig = new DeskRig({ venue }).lead(1);
    await pass(50);
    const intent = rig.order();
    await pass(50);
    const atMs = Math.floor(wallNow());
    venue.fill(rig.row(intent).attempts[0]!.clientOrderId, `${atMs}00000007`);
    venue.trades.splice(0, 1, { ...venue.trades[0]!, tradeId: id<TradeId>(`${atMs - 1}00000007`) });
    expect(rig.ledger.speculative.fills.size).toBe(1);
    for (let turn = 0; turn < 18; turn += 1) {
      const balances = { USDT: decimal("100000"), BTC: decimal("0") };
      venue.tell({ kind: "balances", balances, source: "recovery" });
      await pass(5_000);
    }
    expect(rig.journal.events.filter((event) => event.kind === "fill.busted")).toEqual([]);
    expect(driftsOf(rig)).not.toEqual([]);
    expect(rig.warnings.join()).not.toContain("not listed");
  });

  test("is drift where the list is too long to be looked through: a difference is never kept quiet", async () => {
    const { rig, recover } = await traded();
    const [own] = rig.venue.trades.splice(0, 1);
    if (own === undefined) throw new Error("it has traded");
    for (let n = 2; n < 10_100; n += 1) rig.venue.trades.push({ ...own, tradeId: id<TradeId>(`${n}`) });
    for (let turn = 0; turn < 4; turn += 1) await recover("100000");
    expect(rig.journal.events.filter((event) => event.kind === "fill.busted")).toEqual([]);
    expect(driftsOf(rig)).not.toEqual([]);
  });

  test("is left for the next look while the venue's list cannot be read", async () => {
    const { rig, recover } = await traded();
    rig.venue.trades.length = 0;
    rig.venue.isReachable = false;
    for (let turn = 0; turn < 16; turn += 1) await recover("100000");
    expect(rig.journal.events.filter((event) => event.kind === "fill.busted")).toEqual([]);
    expect(driftsOf(rig)).toEqual([]);
    rig.venue.isReachable = true;
    for (let turn = 0; turn < 4; turn += 1) await recover("100000");
    expect(rig.journal.events.filter((event) => event.kind === "fill.busted")).toHaveLength(1);
  });
});

/** A desk on a futures venue, and its recovery: all balances are told, whereupon the positions are read. */
async function leadingFutures(): Promise<{ readonly rig: DeskRig; readonly recover: () => Promise<unknown> }> {
  const venue = new ScriptedVenue();
  venue.positions = new Map();
  const rig = new DeskRig({ venue }).lead(1);
  await pass(50);
  const recover = async (): Promise<unknown> => {
    venue.tell({ kind: "balances", balances: { USDT: decimal("99000") }, source: "recovery" });
    return await pass(5_000);
  };
  return { rig, recover };
}

const driftsOf = (rig: DeskRig): readonly unknown[] =>
  rig.journal.events.filter((event) => event.kind === "drift.found");

test("a position that the venue keeps and no fill explains is recorded as drift, once; a wallet's change is none", async () => {
  const { rig, recover } = await leadingFutures();
  const intent = rig.order();
  await pass(50);
  rig.venue.fill(rig.row(intent).attempts[0]!.clientOrderId, "1");
  const { side, quantity } = rig.row(intent).terms;
  rig.venue.positions?.set(btc, side === "buy" ? quantity : negate(quantity));
  for (let turn = 0; turn < 3; turn += 1) await recover();
  expect(driftsOf(rig)).toEqual([]);
  rig.venue.positions?.set(btc, decimal("-7"));
  for (let turn = 0; turn < 3; turn += 1) await recover();
  expect(driftsOf(rig)).toMatchObject([{ subject: { kind: "position", symbol: btc }, told: "-7" }]);
  expect(rig.warnings).toEqual([expect.stringContaining("account.drift: position BTC/USDT at sim: -7 by the venue")]);
});

test("positions are compared with what the journal held while they were read: a fill told late is no drift", async () => {
  const { rig } = await leadingFutures();
  for (let turn = 0; turn < 3; turn += 1) {
    const [first, second] = [rig.order(), rig.order()];
    await pass(50);
    const { side, quantity } = rig.row(first).terms;
    const held = rig.ledger.speculative.positions.get(marketKey(rig.venue.id, btc))?.quantity ?? decimal("0");
    // The venue counts the first fill already, its stream tells it half a second later, and then one that came after.
    rig.venue.positions?.set(btc, add(held, side === "buy" ? quantity : negate(quantity)));
    rig.venue.tell({ kind: "balances", balances: { USDT: decimal("99000") }, source: "recovery" });
    await pass(500);
    for (const [number, intent] of [first, second].entries()) {
      rig.venue.fill(rig.row(intent).attempts[0]!.clientOrderId, `${turn * 2 + number + 1}`);
    }
    await pass(5_000);
  }
  expect(driftsOf(rig)).toEqual([]);
});

test("a futures position that went back with a trade that is gone is that trade's bust, on record once and told to its order", async () => {
  const { rig, recover } = await leadingFutures();
  const [kept, gone] = [rig.order(), rig.order()];
  await pass(50);
  for (const [at, intent] of [kept, gone].entries()) {
    rig.venue.fill(rig.row(intent).attempts[0]!.clientOrderId, `${at + 1}`);
    await pass(10);
  }
  rig.venue.trades.pop();
  rig.venue.positions?.set(btc, decimal("1"));
  const busts = (): readonly JournalEvent[] => rig.journal.events.filter((event) => event.kind === "fill.busted");
  for (let turn = 0; turn < 4; turn += 1) await recover();
  expect([busts(), driftsOf(rig)]).toEqual([[], []]);
  for (let turn = 0; turn < 14; turn += 1) await recover();
  expect(busts()).toMatchObject([{ tradeId: "2", intent: gone, symbol: btc }]);
  expect(driftsOf(rig)).toEqual([]);
  expect([rig.row(kept).executed, rig.row(gone)]).toMatchObject([
    "1",
    { status: "filled", executed: "0", busted: "1" },
  ]);
  expect(rig.ledger.speculative.positions.get(marketKey(rig.venue.id, btc))?.quantity).toBe("1");
  // The next leader reads the same account, and finds nothing that it does not know.
  rig.desk.end();
  const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
  next.commit();
  next.lead(2);
  await pass(50);
  for (let turn = 0; turn < 14; turn += 1) await recover();
  expect([busts().length, driftsOf(next), next.warnings]).toEqual([1, [], []]);
});

test("positions that cannot be read are told, and read again at the next recovery", async () => {
  const { rig, recover } = await leadingFutures();
  rig.venue.positions?.set(btc, decimal("3"));
  rig.venue.isReachable = false;
  await recover();
  expect(rig.warnings).toEqual([expect.stringContaining("account.positions-unread")]);
  rig.venue.isReachable = true;
  for (let turn = 0; turn < 2; turn += 1) await recover();
  expect(driftsOf(rig)).toMatchObject([{ told: "3", journal: "0" }]);
});
