/** A feed against a venue that behaves, and one that does what venues do. */
import type { RawLevel } from "@baton/core";
import { compareMarks } from "@baton/core";
import { describe, expect, test } from "vitest";
import { binanceHistory } from "./binance/history.ts";
import { openFeed } from "./feed.ts";
import type { VenueHistory } from "./protocol.ts";
import { openRest } from "./rest.ts";
import { symbolId } from "./symbol-id.ts";
import { breakIn, btc, eth, isSameBook, openStage, until, untilLive } from "./testing/open-for-test.ts";
import { machineClock } from "./world.ts";

const depth = "btcusdt@depth@100ms";

describe("a feed", () => {
  test("gives best prices, books and trades of every symbol as exact decimals", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    const { feed, venue } = stage;
    await until("the books are the venue's", () => isSameBook(stage, btc) && isSameBook(stage, eth));
    venue.rest();
    const isUpToDate = (): boolean =>
      isSameBook(stage) &&
      feed.top(btc)?.updateId === venue.book("BTCUSDT").updateId &&
      feed.lastTrade(btc)?.id === venue.lastTradeId("BTCUSDT");
    await until("price, book and trades are the venue's last", isUpToDate);
    const top = feed.top(btc);
    const book = feed.book(btc, 5);
    expect(top).toMatchObject({ feed: "spot", symbol: btc, bid: book?.bids[0]?.price, ask: book?.asks[0]?.price });
    expect(book?.bids).toHaveLength(5);
    expect(top?.bid).toMatch(/^\d+(\.\d*[1-9])?$/);
    expect(
      stage.changes.filter(({ type }) => type === "line").map((change) => change.type === "line" && change.to),
    ).toEqual(["subscribing", "syncing", "live"]);
  });

  test("tells each changed price to its listeners until they stop listening", async () => {
    await using stage = await openStage();
    const told: number[] = [];
    const stop = stage.feed.onTop((top) => top.symbol === btc && told.push(top.updateId));
    await until("prices are told", () => told.length >= 5);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    stop();
    const { length } = told;
    const { updateId } = stage.venue.book("BTCUSDT");
    await until("the market has moved on", () => (stage.feed.top(btc)?.updateId ?? 0) > updateId + 50);
    expect(told).toHaveLength(length);
  });

  test("knows nothing of a symbol that it does not carry", async () => {
    await using stage = await openStage({ symbols: [btc] });
    await untilLive(stage);
    expect([stage.feed.top(eth), stage.feed.book(eth, 5), stage.feed.lastTrade(eth)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("repairs a gap in the book by a snapshot, without a reconnection", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    stage.venue.wrong.framesToLose.set(depth, 2);
    await until("the gap was seen", () => stage.feed.status().symbols[0]?.gaps === 1);
    await untilLive(stage);
    await until("the book is the venue's", () => isSameBook(stage));
    expect(stage.feed.status()).toMatchObject({ connections: 1 });
    expect(stage.feed.status().symbols[1]).toMatchObject({ gaps: 0 });
    expect(stage.changes).toContainEqual(expect.objectContaining({ type: "line", to: "gap" }));
  });

  test("repairs trades that the stream left out, in their place", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    stage.venue.wrong.framesToLose.set("btcusdt@trade", 7);
    await until("they were repaired", () => stage.feed.status().symbols[0]?.tradesRepaired === 7);
    expect(breakIn(stage.trades, btc)).toBeUndefined();
    expect(stage.trades.filter(({ type }) => type !== "trade")).toEqual([]);
  });

  test("flags trades that nobody can bring, and goes on", async () => {
    await using stage = await openStage({ before: ({ wrong }) => wrong.deadPaths.add("historicalTrades") });
    await untilLive(stage);
    stage.venue.wrong.framesToLose.set("btcusdt@trade", 3);
    await until("they were flagged", () => stage.feed.status().symbols[0]?.tradesFlagged === 3);
    const told = (): number => stage.trades.findIndex((event) => event.type === "hole" && event.symbol === btc);
    const after = (): boolean =>
      stage.trades.slice(told()).some((event) => event.type === "trade" && event.trade.symbol === btc);
    await until("the hole and later trades are told", () => told() !== -1 && after());
    expect(breakIn(stage.trades, btc)).toBeUndefined();
    expect(stage.feed.status().restErrors).toBeGreaterThan(0);
    await untilLive(stage);
  });

  test("misses no trade through a lost connection, even before the next one comes", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    const { venue, feed } = stage;
    venue.wrong.refuse = { status: 503 };
    for (const socket of venue.sockets) socket.terminate();
    await until("it tries in vain", () => venue.dials.length >= 3);
    venue.rest();
    const missed = venue.lastTradeId("BTCUSDT");
    venue.wrong.refuse = undefined;
    await until("the missed trades are here", () => feed.lastTrade(btc)?.id === missed);
    expect(breakIn(stage.trades, btc)).toBeUndefined();
    expect(feed.status().reconnects).toMatchObject({ reset: 1 });
    expect(feed.status().reconnects.maintenance).toBeGreaterThanOrEqual(2);
  });

  test("says when the venue's ids begin anew", async () => {
    await using stage = await openStage({ everyMs: 0 });
    const { venue, trades } = stage;
    await until("it has subscribed", () => stage.feed.status().state === "syncing");
    for (let count = 0; count < 3; count += 1) venue.trade("BTCUSDT");
    await until("three trades", () => trades.length === 3);
    for (const socket of venue.sockets) socket.terminate();
    venue.beginAnew("BTCUSDT");
    await until("it has come back", () => venue.accepted.length === 2 && stage.feed.status().state === "syncing");
    for (let count = 0; count < 2; count += 1) venue.trade("BTCUSDT");
    await until("it goes on", () => trades.length === 6);
    expect(trades.map((event) => (event.type === "trade" ? event.trade.id : event.type))).toEqual([
      1,
      2,
      3,
      "restart",
      1,
      2,
    ]);
  });

  test("stays fresh in a quiet market, because the venue proves that it is quiet", async () => {
    await using stage = await openStage({ staleAfterMs: 2_000 });
    await untilLive(stage);
    const { venue, feed, changes } = stage;
    venue.rest();
    await until("the book is the venue's", () => isSameBook(stage) && isSameBook(stage, eth));
    const told = changes.length;
    const questions = (): number => venue.asked.filter((path) => path.includes("limit=5")).length;
    await until("it has asked several times", () => questions() > 6);
    expect(feed.top(btc)?.quality).toBe("live");
    expect(changes.slice(told)).toEqual([]);
    expect(venue.accepted).toHaveLength(1);
  });

  test("marks its book so that two nodes can compare theirs, and a wrong one is found", async () => {
    await using stage = await openStage();
    const { venue, feed } = stage;
    const others = { id: "other", venue: "binance", symbols: [btc], wsUrl: venue.wsUrl } as const;
    const same = openFeed({ ...others, restUrl: venue.restUrl });
    // Its snapshots are lies.
    const wrong = openFeed({ ...others, history: lyingHistory(venue.restUrl) });
    try {
      await until(
        "the same book is found the same",
        () => compareMarks(feed.marks(btc), same.marks(btc))?.isEqual === true,
      );
      await until("the wrong one differs", () => compareMarks(feed.marks(btc), wrong.marks(btc))?.isEqual === false);
      expect(feed.marks(btc).length).toBeGreaterThan(0);
    } finally {
      await Promise.all([same.close(), wrong.close()]);
    }
  });

  test("takes names of markets that have been checked, and says what is wrong with others", () => {
    expect(symbolId("BTC/USDT")).toBe(btc);
    for (const wrong of ["BTCUSDT", "btc/usdt", "BTC/", "/USDT", "BTC/USDT/X", ""]) {
      expect(() => symbolId(wrong)).toThrow(`"${wrong}" is no symbol: two currencies with a slash between them`);
    }
  });

  test("lets go of everything when it is closed, in whatever state", async () => {
    const venueAway = { wsUrl: "ws://127.0.0.1:1", restUrl: "http://127.0.0.1:1" };
    await using away = await openStage(venueAway);
    await until("it backs off", () => away.feed.status().reconnects.refused > 0);
    await away.feed.close();
    expect(away.feed.status().state).toBe("idle");
    await using stage = await openStage();
    await untilLive(stage);
    await stage.feed.close();
    await stage.feed.close();
    expect(stage.feed.status().state).toBe("idle");
    await until("the venue sees it go", () => stage.venue.sockets.size === 0);
    const { frames } = stage.feed.status();
    const { updateId } = stage.venue.book("BTCUSDT");
    await until("the market has moved on", () => stage.venue.book("BTCUSDT").updateId > updateId + 50);
    expect(stage.feed.status().frames).toBe(frames);
  });
});

/** The venue's REST interface, with amounts that are not its own. */
function lyingHistory(restUrl: string): VenueHistory {
  const rest = openRest({ origin: restUrl, clock: machineClock, deadlineMs: 2_000 });
  const history = binanceHistory(rest);
  return {
    ...history,
    async snapshot(symbol, signal) {
      const snapshot = await history.snapshot(symbol, signal);
      const bids = (snapshot.bids as readonly RawLevel[]).map(([price, amount]): RawLevel => [price, `1${amount}`]);
      return { ...snapshot, bids };
    },
  };
}
