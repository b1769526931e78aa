import { decimal, id, wallMs } from "@baton/core";
import type { IntentId, TradeId, VenueOrderId } from "@baton/core";
import type { Venue, VenueTrade } from "@baton/venues";
import { describe, expect, test, vi } from "vitest";
import { DeskRig } from "../testing/desk-rig.ts";
import { inDoubt, leading } from "../testing/leading-desk.ts";
import { btc } from "../testing/scripted-venue.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";
import { tradesSince } from "./doubts.ts";

onVirtualTime();

/** Somebody sets this machine's wall clock; the venue's time, and all that counts on the monotonic clock, goes on. */
function setClock(rig: DeskRig, byMs: number): void {
  vi.setSystemTime(Date.now() + byMs);
  rig.venue.clockOffsetMs -= byMs;
}

describe("a wall clock that is set forward", () => {
  test("proves nothing absent: what the venue takes late is adopted, not placed a second time", async () => {
    const rig = await leading();
    rig.venue.script.push(() => Promise.resolve(inDoubt()));
    const intent = rig.order({ sendWithinMs: 600_000 });
    await pass(100);
    setClock(rig, 60_000);
    await pass(100);
    // Still within its validity by the venue's clock.
    rig.venue.accept({ clientOrderId: rig.venue.placed[0] ?? "", terms: rig.row(intent).terms });
    setClock(rig, -60_000);
    await pass(10_000);
    expect(rig.venue.placed).toHaveLength(1);
    expect(rig.row(intent)).toMatchObject({ status: "new", venueOrderId: "1" });
  });

  test("hides no order that the venue has, and a doubt ends as ever once the clock is right again", async () => {
    const rig = await leading();
    rig.venue.script.push((order) => {
      rig.venue.accept(order);
      return Promise.resolve(inDoubt());
    });
    rig.venue.script.push(() => Promise.resolve(inDoubt()));
    const had = rig.order();
    const absent = rig.order({ sendWithinMs: 600_000, quantity: rig.row(had).terms.quantity });
    await pass(20);
    setClock(rig, 60_000);
    await pass(3_000);
    expect(rig.row(had).status).toBe("new");
    expect(rig.row(absent).status).toBe("in-doubt");
    setClock(rig, -60_000);
    await pass(3_000);
    expect(rig.row(absent)).toMatchObject({ status: "new", attempts: [{ number: 1 }, { number: 2 }] });
  });
});

test("doubts that can be proved at one time share one reading of the account's lists, and none is proved by an older one", async () => {
  const rig = await leading();
  const lost = (count: number): IntentId[] =>
    Array.from({ length: count }, (_, at) => {
      rig.venue.script.push(() => Promise.resolve(inDoubt()));
      return rig.order({ quantity: decimal(`0.${at + 1}`) });
    });
  // As many as are begun to be sent in one turn of the loop: they are in doubt from one instant on.
  const [first, before] = [lost(8), rig.venue.listings];
  await pass(1_000);
  // Its proof time is a second later: what was read for the others says nothing of it.
  const later = lost(1);
  await pass(10_000);
  for (const intent of [...first, ...later]) expect(rig.row(intent)).toMatchObject({ status: "not-sent" });
  expect(rig.venue.listings - before).toBe(2);
});

// Found in simulation, after an unclean failover: an order that the journal had lost traded in the window of a doubt.
test("an inherited doubt ends although an order that is none of ours traded in its time and the leader has changed since", async () => {
  const rig = await leading();
  rig.venue.script.push(() => Promise.resolve(inDoubt()));
  const intent = rig.order();
  await pass(20);
  rig.venue.accept({ clientOrderId: "web_1", terms: rig.row(intent).terms });
  rig.venue.fill("web_1", "7");
  // A list of trades names no client order ids.
  for (const trade of rig.venue.trades) Reflect.deleteProperty(trade, "clientOrderId");
  await pass(50);
  rig.desk.end();
  const successor = new DeskRig({ journal: rig.journal, venue: rig.venue }).lead(2);
  await pass(20_000);
  expect(successor.row(intent)).toMatchObject({ status: "not-sent" });
});

test("many doubts ask the venue less often each than one alone does, and all of them end", async () => {
  const questionsEach = async (count: number): Promise<number> => {
    const rig = await leading();
    const intents = Array.from({ length: count }, () => {
      rig.venue.script.push(() => Promise.resolve(inDoubt()));
      return rig.order({ quantity: decimal("0.1") });
    });
    await pass(60_000);
    for (const intent of intents) expect(rig.row(intent)).toMatchObject({ status: "not-sent" });
    return rig.venue.queries / count;
  };
  expect(await questionsEach(64)).toBeLessThan(await questionsEach(1));
});

describe("the trades since a doubt began", () => {
  /** An account whose trades have every tenth thousandth id of the symbol, one a second. */
  function account(trades: number): Pick<Venue, "trades"> {
    const all = Array.from({ length: trades }, (_, at): VenueTrade => ({
      tradeId: id<TradeId>(`${(at + 1) * 10_000}`),
      symbol: btc,
      venueOrderId: id<VenueOrderId>(`${at}`),
      side: "buy",
      price: decimal("100"),
      quantity: decimal("1"),
      fee: decimal("0"),
      feeCurrency: "USDT",
      isMaker: false,
      tradedWallMs: wallMs(at * 1_000),
    }));
    return {
      trades: (_symbol, { fromId, limit = 1_000 }) => {
        if (fromId === undefined) return Promise.resolve(all.slice(-limit));
        return Promise.resolve(all.filter((trade) => BigInt(trade.tradeId) >= BigInt(fromId)).slice(0, limit));
      },
    };
  }

  test("are all of them, however many pages they fill and however far apart their ids are", async () => {
    for (const since of [0, 1_000, 7_000, 49_000, 60_000]) {
      const found = await tradesSince(account(50), btc, wallMs(since), 7);
      expect(found.map((trade) => trade.tradedWallMs)).toEqual(
        Array.from({ length: Math.max(0, 50 - since / 1_000) }, (_, at) => since + at * 1_000),
      );
    }
    expect(await tradesSince(account(0), btc, wallMs(0), 7)).toEqual([]);
  });
});
