/** What only Coinbase does: one count for all messages of a connection, answers that name no request, heartbeats. */
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

describe("a feed of Coinbase", { timeout: 30_000 }, () => {
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

  test("subscribes anew what the venue's list lacks", async () => {
    const before = "level2:BTC-USD";
    await using stage = await openVenueStage(coinbase, { before: ({ wrong }) => void wrong.toForget.add(before) });
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    expect(stage.feed.status().connections).toBe(1);
  });
});
