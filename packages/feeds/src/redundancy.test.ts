/** Two lines, and lines that are replaced: nothing is missed and nothing is stale, whatever one connection does. */
import { describe, expect, test } from "vitest";
import type { Stage } from "./testing/open-for-test.ts";
import { breakIn, btc, eth, isSameBook, openStage, until, untilLive } from "./testing/open-for-test.ts";

const depth = "btcusdt@depth@100ms";
const two = [{}, {}];
/** Longer than the turns of a busy process take. */
const staleAfterMs = 1_000;

/** Waits until both lines carry everything. */
async function untilBoth(stage: Stage): Promise<void> {
  await until("both lines are live", () => stage.feed.status().lines.every(({ state }) => state === "live"));
  await untilLive(stage);
}

/** No id is missing, none is told as a hole, and no price was stale since `from` changes ago. */
function expectNothingMissed(stage: Stage, from: number): void {
  for (const symbol of [btc, eth]) expect(breakIn(stage.trades, symbol)).toBeUndefined();
  expect(stage.trades.filter(({ type }) => type !== "trade")).toEqual([]);
  expect(stage.changes.slice(from)).not.toContainEqual(expect.objectContaining({ type: "quality", to: "stale" }));
}

/** Lets the market go on for so many trades. */
async function untilMoreTrades(stage: Stage, count: number): Promise<void> {
  const { length } = stage.trades;
  await until("the market has gone on", () => stage.trades.length >= length + count);
}

describe("of two lines", () => {
  test("either may be lost, and nobody notices in prices, books or trades", async () => {
    await using stage = await openStage({ lines: two, staleAfterMs, rules: { line: { giveUpAfter: Infinity } } });
    await untilBoth(stage);
    const [changes, asked] = [stage.changes.length, stage.venue.asked.length];
    for (let round = 0; round < 4; round += 1) {
      stage.venue.wrong.refuse = { status: 503 };
      [...stage.venue.sockets][round % 2]?.terminate();
      const lostMono = stage.clock.mono();
      await until("the loss was seen", () => stage.feed.status().reconnects.reset === round + 1);
      expect(stage.feed.status()).toMatchObject({ state: "live" });
      const sinceMs = (): number => stage.clock.mono() - lostMono;
      await until("a price of before the loss would be stale", () => sinceMs() > 1.2 * staleAfterMs);
      await untilMoreTrades(stage, 10);
      stage.venue.wrong.refuse = undefined;
      await untilBoth(stage);
    }
    expectNothingMissed(stage, changes);
    // What a line had missed it took from the other one.
    expect(stage.venue.asked.slice(asked).filter((path) => path.includes("limit=1000"))).toEqual([]);
    expect(stage.venue.asked.slice(asked).filter((path) => path.includes("historicalTrades"))).toEqual([]);
    await until("the books are the venue's", () => isSameBook(stage) && isSameBook(stage, eth));
  });

  test("the first copy of each trade is told and the second is not", async () => {
    await using stage = await openStage({ lines: two });
    await untilBoth(stage);
    await untilMoreTrades(stage, 40);
    const ids = stage.trades.flatMap((event) =>
      event.type === "trade" && event.trade.symbol === btc ? [event.trade.id] : [],
    );
    expect(new Set(ids).size).toBe(ids.length);
    expect(stage.feed.status().symbols[0]?.tradeDuplicates).toBeGreaterThan(15);
  });

  test("one fills the holes of the other, without a question to the venue", async () => {
    await using stage = await openStage({ lines: two, staleAfterMs });
    await untilBoth(stage);
    const [changes, asked] = [stage.changes.length, stage.venue.asked.length];
    for (const connection of [1, 2, 1]) {
      stage.venue.wrong.loseOn.push({ connection, stream: "btcusdt@trade" }, { connection, stream: depth });
      await untilMoreTrades(stage, 20);
      await untilBoth(stage);
    }
    expectNothingMissed(stage, changes);
    expect(stage.feed.status().symbols[0]).toMatchObject({ gaps: 3, tradesRepaired: 0 });
    expect(stage.venue.asked.slice(asked).filter((path) => /limit=1000|historicalTrades/u.test(path))).toEqual([]);
    expect(stage.feed.status().connections).toBe(2);
    await until("the book is the venue's", () => isSameBook(stage));
  });

  test("one that is broken again by what came with the break is mended again", async () => {
    await using stage = await openStage({ lines: two, staleAfterMs });
    await untilBoth(stage);
    stage.venue.rest();
    const isAt = (updateId: number): boolean =>
      stage.feed.book(btc, 1)?.updateId === updateId &&
      stage.feed.status().symbols.every(({ quality }) => quality === "live");
    await until("both have all", () => isAt(stage.venue.market("BTCUSDT").updateId));
    stage.venue.wrong.deafTo.add(2);
    stage.venue.move("BTCUSDT");
    stage.venue.move("BTCUSDT");
    const { updateId } = stage.venue.market("BTCUSDT");
    await until("the other one has more", () => isAt(updateId));
    // Both in one piece: the first is mended with the other line's book while the second waits to be read.
    const socket = stage.venue.socket(2);
    for (const u of [updateId, updateId + 9]) {
      const data = { e: "depthUpdate", E: Date.now(), s: "BTCUSDT", U: u, u, b: [], a: [] };
      socket?.send(JSON.stringify({ stream: depth, data }));
    }
    await until("both breaks were seen", () => stage.feed.status().symbols[0]?.gaps === 2);
    stage.venue.wrong.deafTo.delete(2);
    stage.venue.run(20);
    await untilBoth(stage);
    expect(stage.feed.status()).toMatchObject({ connections: 2, badFrames: 0 });
    await until("the book is the venue's", () => isSameBook(stage));
  });

  test("one that says nothing more is convicted by the other, and prices stay fresh", async () => {
    await using stage = await openStage({ lines: two, staleAfterMs });
    await untilBoth(stage);
    const changes = stage.changes.length;
    stage.venue.wrong.deafTo.add(1);
    await until("it was noticed", () => stage.feed.status().reconnects.stall === 1);
    await untilBoth(stage);
    expectNothingMissed(stage, changes);
    expect(stage.feed.status().reconnects.stall).toBe(1);
  });

  test("one that is gone makes the quality degraded, with the reason", async () => {
    await using stage = await openStage({ lines: two });
    await untilBoth(stage);
    stage.venue.wrong.refuse = { status: 503 };
    stage.venue.socket(1)?.terminate();
    await until("it is degraded", () => stage.feed.status().symbols[0]?.quality === "degraded");
    expect(stage.feed.status().symbols[0]?.reason).toBe("complete and fresh, but only 1 of 2 lines is live");
    expect(stage.feed.top(btc)?.quality).toBe("degraded");
    stage.venue.wrong.refuse = undefined;
    await untilBoth(stage);
  });

  test("each may have an uplink and addresses of its own", async () => {
    await using stage = await openStage({ lines: [{ localAddress: "127.0.0.2" }, { localAddress: "127.0.0.3" }] });
    await untilBoth(stage);
    expect([...stage.venue.dialledFrom].toSorted()).toEqual(["127.0.0.2", "127.0.0.3"]);
    const { port } = new URL(stage.venue.wsUrl);
    await using other = await openStage({
      wsUrl: "ws://127.0.0.1:1",
      lines: [{ wsUrls: [`ws://127.0.0.1:1`, `ws://127.0.0.1:${port}`] }],
      restUrl: stage.venue.restUrl,
      rules: { line: { switchAfter: 2 } },
    });
    await untilLive(other);
    expect(other.feed.status().lines[0]?.url).toContain(port);
    expect(other.feed.status().reconnects.refused).toBe(2);
  });
});

describe("a line that must end soon", () => {
  test("is replaced a hundred times without a missing id and without a stale price", { timeout: 120_000 }, async () => {
    const rules = { line: { rotateBetweenMs: [60, 120], paceMs: 10 } } as const;
    await using stage = await openStage({ everyMs: 4, staleAfterMs, rules });
    await untilLive(stage);
    const changes = stage.changes.length;
    await until("a hundred rotations", () => stage.feed.status().rotations >= 100, 110_000);
    await untilMoreTrades(stage, 10);
    expectNothingMissed(stage, changes);
    const { reconnects, symbols, connections } = stage.feed.status();
    expect(reconnects.rotation).toBeGreaterThanOrEqual(99);
    expect(Object.entries(reconnects).filter(([cause, count]) => count > 0 && cause !== "rotation")).toEqual([]);
    expect(connections).toBeGreaterThan(100);
    expect(symbols.map(({ tradesRepaired }) => tradesRepaired)).toEqual([0, 0]);
    await until("the book is the venue's", () => isSameBook(stage));
    // Whatever was replaced is gone.
    await until("one or two sockets are left", () => stage.venue.sockets.size <= 2);
  });

  test("because the venue announced its end is left only when another one is live", async () => {
    await using stage = await openStage({ everyMs: 5, staleAfterMs });
    await untilLive(stage);
    const changes = stage.changes.length;
    for (let round = 1; round <= 5; round += 1) {
      stage.venue.wrong.garbage.push(JSON.stringify({ e: "serverShutdown", E: 1 }));
      await until("it has left", () => stage.feed.status().reconnects.maintenance === round);
    }
    await untilMoreTrades(stage, 20);
    expectNothingMissed(stage, changes);
    expect(stage.venue.accepted).toHaveLength(6);
    expect(stage.changes.slice(changes).filter((one) => one.type === "line" && one.to === "backing-off")).toEqual([]);
  });

  test("and is cut before its successor is live comes back through the successor", async () => {
    await using stage = await openStage({ everyMs: 5 });
    await untilLive(stage);
    stage.venue.wrong.acksToLose = 2;
    stage.venue.wrong.garbage.push(JSON.stringify({ e: "serverShutdown", E: 1 }));
    await until("its successor is dialled", () => stage.venue.accepted.length === 2);
    stage.venue.socket(1)?.terminate();
    await until("the loss was seen", () => stage.feed.status().reconnects.reset === 1);
    await untilLive(stage);
    await untilMoreTrades(stage, 10);
    for (const symbol of [btc, eth]) expect(breakIn(stage.trades, symbol)).toBeUndefined();
    expect(stage.trades.filter(({ type }) => type !== "trade")).toEqual([]);
    expect(stage.venue.accepted).toHaveLength(2);
  });

  test("goes on while its successor cannot be reached", async () => {
    await using stage = await openStage({ rules: { line: { rotateBetweenMs: [1_500, 1_500] } } });
    // Long before its time: the venue refuses from here on, so that only the first connection stands.
    await untilLive(stage);
    stage.venue.wrong.refuse = { status: 503 };
    await until("it has tried in vain", () => stage.venue.dials.length > 4);
    expect(stage.feed.status()).toMatchObject({ state: "live", rotations: 0 });
    expect(stage.feed.status().lines.map(({ isSuccessor }) => isSuccessor)).toEqual([false, true]);
    stage.venue.wrong.refuse = undefined;
    await until("it was replaced", () => stage.feed.status().rotations > 0);
  });
});

describe("symbols", () => {
  test("are added and removed while the feed runs, on every line, acknowledged and verified", async () => {
    await using stage = await openStage({ symbols: [btc], lines: two });
    await untilBoth(stage);
    expect(stage.feed.top(eth)).toBeUndefined();
    stage.feed.add([eth]);
    await until("both are here", () => stage.feed.status().symbols.length === 2);
    await untilBoth(stage);
    await until("its book is the venue's", () => isSameBook(stage, eth));
    stage.feed.remove([btc]);
    const unsubscribed = (): number =>
      stage.venue.requests.filter(({ text }) => text.includes("UNSUBSCRIBE") && text.includes("btcusdt")).length;
    await until("both lines have let go", () => unsubscribed() >= 2);
    await untilBoth(stage);
    expect([stage.feed.top(btc), stage.feed.book(btc, 5)]).toEqual([undefined, undefined]);
    expect(stage.feed.status()).toMatchObject({ connections: 2, badFrames: 0 });
  });

  test("whose subscription the venue acknowledged and forgot are asked for again", async () => {
    await using stage = await openStage({
      before: ({ wrong }) => wrong.toForget.add("btcusdt@bookTicker").add(depth),
    });
    await untilLive(stage);
    await until("the book is the venue's", () => isSameBook(stage));
    const asked = stage.venue.requests.filter(({ text }) => text.includes('"SUBSCRIBE"')).map(({ text }) => text);
    expect(asked).toHaveLength(2);
    expect(JSON.parse(asked[1] ?? "")).toMatchObject({ params: [depth, "btcusdt@bookTicker"] });
    expect(stage.feed.status().connections).toBe(1);
  });
});
