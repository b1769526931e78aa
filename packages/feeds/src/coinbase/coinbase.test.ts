/** What only Coinbase does: one count for all messages of a connection, answers that name no request, heartbeats. */
import { id } from "@baton/core";
import type { SymbolId } from "@baton/core";
import { describe, expect, test } from "vitest";
import { until } from "../testing/open-for-test.ts";
import {
  btcUsd,
  ethUsd,
  holesOf,
  openVenueStage,
  spokenCoinbase,
  untilSameBooks,
  untilTradesGoOn,
  untilVenueLive,
  wrongTrades,
} from "../testing/venue-stage.ts";

const coinbase = spokenCoinbase;

describe("a feed of Coinbase", { timeout: 60_000 }, () => {
  test("asks for the heartbeats besides, one channel a message", async () => {
    await using stage = await openVenueStage(coinbase);
    await untilVenueLive(stage);
    const said = stage.venue.requests.map(({ text }) => JSON.parse(text) as unknown);
    const products = ["BTC-USD", "ETH-USD"];
    expect(said).toEqual([
      { type: "subscribe", product_ids: products, channel: "level2" },
      { type: "subscribe", product_ids: products, channel: "market_trades" },
      { type: "subscribe", channel: "heartbeats" },
    ]);
  });

  test("that misses a message of trades fetches them, because its number is missing", async () => {
    await using stage = await openVenueStage(coinbase);
    await untilVenueLive(stage);
    await untilTradesGoOn(stage);
    const { venue, feed, btc } = stage;
    const before = feed.status().symbols[0]?.tradesRepaired ?? 0;
    venue.wrong.framesToLose.set(coinbase.tradeStream(btc), 1);
    venue.trade(btc, 3);
    await until("they are repaired", () => (feed.status().symbols[0]?.tradesRepaired ?? 0) >= before + 3);
    // Nobody knows whose message it was: no book of the connection is believed before its next snapshot.
    expect(feed.status().symbols.map(({ gaps }) => gaps > 0)).toEqual([true, true]);
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    await untilTradesGoOn(stage);
    expect([...wrongTrades(stage, btcUsd), ...wrongTrades(stage, ethUsd)]).toEqual([]);
    expect(holesOf(stage, btcUsd)).toBe(0);
    expect(feed.status().connections).toBe(1);
  });

  test("does not take a cut for harmless because of an answer that the venue gave before it", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    await using stage = await openVenueStage(coinbase, {
      // Long enough for trades between the subscription to them and the last one: with them something can be missing.
      line: { paceMs: 300 },
      before: ({ wrong }) => wrong.gates.set("/ticker", promise),
    });
    const { venue, feed } = stage;
    await untilVenueLive(stage);
    // As soon as its streams stand the feed asks whether it has missed a trade.
    const hasAsked = (product: string): boolean =>
      venue.asked.some((path) => path.endsWith(`${product}/ticker?limit=1`));
    await until("both are asked for", () => hasAsked("BTC-USD") && hasAsked("ETH-USD"));
    await untilTradesGoOn(stage);
    await untilTradesGoOn(stage, ethUsd);
    venue.wrong.refuse = { status: 503 };
    for (const socket of venue.sockets) socket.terminate();
    await until("the cut is noticed", () => feed.status().state !== "live");
    // More than a new subscription brings.
    for (const code of [stage.btc, stage.eth]) venue.trade(code, 40);
    resolve();
    venue.wrong.gates.clear();
    // Who asks later is answered later: the feed has its answer now.
    await (await fetch(`${venue.restUrl}/api/v3/brokerage/market/products/BTC-USD/ticker?limit=1`)).json();
    venue.wrong.refuse = undefined;
    await untilVenueLive(stage);
    await untilTradesGoOn(stage);
    await untilTradesGoOn(stage, ethUsd);
    expect([...wrongTrades(stage, btcUsd), ...wrongTrades(stage, ethUsd)]).toEqual([]);
  });

  test("that misses the last message before a silence learns it by the next heartbeat", async () => {
    await using stage = await openVenueStage(coinbase);
    await untilVenueLive(stage);
    const { venue, feed, btc } = stage;
    venue.rest();
    await untilSameBooks(stage);
    venue.wrong.deadPaths.add("product_book");
    venue.wrong.framesToLose.set(coinbase.depthStream(btc), 1);
    venue.move(btc);
    await until("the gap is seen", () => (feed.status().symbols[0]?.gaps ?? 0) >= 1);
    await untilSameBooks(stage);
    expect(feed.status().connections).toBe(1);
  });

  test("carries the pair with USDC beside the one with USD, whose book and name it shares", async () => {
    await using stage = await openVenueStage(coinbase);
    await untilVenueLive(stage);
    const { venue, feed, trades, btc } = stage;
    const btcUsdc = id<SymbolId>("BTC/USDC");
    feed.add([btcUsdc]);
    const isSame = (): boolean => {
      const [own, other] = [feed.book(btcUsd, 20), feed.book(btcUsdc, 20)];
      return own !== undefined && own.updateId === other?.updateId && feed.top(btcUsdc)?.quality === "live";
    };
    await untilVenueLive(stage);
    await until("both have one book", isSame);
    expect(feed.book(btcUsdc, 20)?.bids).toEqual(feed.book(btcUsd, 20)?.bids);
    // The same from the first subscription of a connection on, and after a message that is missing.
    for (const socket of venue.sockets) socket.terminate();
    await until("it was noticed", () => feed.status().connections === 2);
    await untilVenueLive(stage);
    venue.wrong.framesToLose.set(coinbase.depthStream(btc), 1);
    await until("both see the gap", () =>
      feed.status().symbols.every(({ symbol, gaps }) => symbol === ethUsd || gaps >= 1),
    );
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    await until("both have one book again", isSame);
    const toldOf = (symbol: SymbolId): number[] =>
      trades.flatMap((event) => (event.type === "trade" && event.trade.symbol === symbol ? [event.trade.id] : []));
    await untilTradesGoOn(stage, btcUsdc);
    const ofUsdc = toldOf(btcUsdc);
    expect(ofUsdc.length).toBeGreaterThan(10);
    expect(toldOf(btcUsd)).toEqual(expect.arrayContaining(ofUsdc.slice(0, -10)));
    // Each goes by itself, and takes only its own with it.
    feed.remove([btcUsd]);
    await until("the other one is live", () => feed.status().state === "live" && feed.top(btcUsdc)?.quality === "live");
    await untilTradesGoOn(stage, btcUsdc);
    expect(feed.status().connections).toBe(2);
  });

  test("subscribes anew what the venue's list lacks", async () => {
    const before = "level2:BTC-USD";
    await using stage = await openVenueStage(coinbase, { before: ({ wrong }) => void wrong.toForget.add(before) });
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    expect(stage.feed.status().connections).toBe(1);
  });
});
