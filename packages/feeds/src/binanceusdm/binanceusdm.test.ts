/** What only Binance's futures do: a line is two connections, and each has a life of its own. */
import { describe, expect, test } from "vitest";
import { until } from "../testing/open-for-test.ts";
import type { VenueStage } from "../testing/venue-stage.ts";
import {
  btcUsd,
  ethUsd,
  holesOf,
  openVenueStage,
  spokenBinanceUsdm,
  untilSameBooks,
  untilTradesGoOn,
  untilVenueLive,
  wrongTrades,
} from "../testing/venue-stage.ts";

/** The connection by which this stream comes, as the venue numbers them. */
const numberOf = ({ venue }: VenueStage, isOf: (text: string) => boolean): number => {
  const asked = venue.requests.find(({ text }) => text.includes('"SUBSCRIBE"') && isOf(text));
  if (asked === undefined) throw new Error("nobody has asked for that stream");
  return asked.connection;
};

/** However many attempts are refused while a test waits: a line that has given up would ask again in half a minute only. */
const undaunted = { line: { giveUpAfter: Infinity } };

describe("a feed of Binance's futures", { timeout: 60_000 }, () => {
  test("has the books by one connection and the trades by another, and shows both", async () => {
    await using stage = await openVenueStage(spokenBinanceUsdm);
    await untilVenueLive(stage);
    const { lines } = stage.feed.status();
    expect(lines.map(({ line, state, url }) => [line, state, new URL(url).pathname])).toEqual([
      ["public-a1", "live", "/public/stream"],
      ["market-a1", "live", "/market/stream"],
    ]);
    const asked = stage.venue.requests.filter(({ text }) => text.includes('"SUBSCRIBE"')).map(({ text }) => text);
    expect(asked.filter((text) => text.includes("@aggTrade"))).toHaveLength(1);
    expect(asked.filter((text) => text.includes("@depth") && text.includes("@bookTicker"))).toHaveLength(1);
    expect(asked).toHaveLength(2);
  });

  test("that loses the trades alone keeps its books, is degraded while they are gone, and misses none", async () => {
    await using stage = await openVenueStage(spokenBinanceUsdm, undaunted);
    await untilVenueLive(stage);
    await untilTradesGoOn(stage);
    const { venue, feed, changes } = stage;
    const heard = changes.length;
    const before = feed.status().symbols.map(({ snapshots }) => snapshots);
    venue.wrong.refuse = { status: 503 };
    venue.socket(numberOf(stage, (text) => text.includes("@aggTrade")))?.terminate();
    await until("the symbol is degraded", () => feed.top(btcUsd)?.quality === "degraded");
    const { state, symbols, lines } = feed.status();
    expect(state).not.toBe("live");
    expect(lines[0]).toMatchObject({ line: "public-a1", state: "live" });
    expect(symbols[0]).toMatchObject({ book: "aligned", quality: "degraded" });
    for (const code of [stage.btc, stage.eth]) venue.trade(code, 5);
    venue.wrong.refuse = undefined;
    await untilVenueLive(stage);
    await untilTradesGoOn(stage);
    await untilTradesGoOn(stage, ethUsd);
    await untilSameBooks(stage);
    expect([...wrongTrades(stage, btcUsd), ...wrongTrades(stage, ethUsd)]).toEqual([]);
    expect([holesOf(stage, btcUsd), holesOf(stage, ethUsd)]).toEqual([0, 0]);
    // The books had nothing to do with it: no snapshot was asked for, and no price was stale.
    expect(feed.status().symbols.map(({ snapshots }) => snapshots)).toEqual(before);
    expect(changes.slice(heard).filter((change) => change.type === "quality" && change.to === "stale")).toEqual([]);
    expect(changes.slice(heard).flatMap((change) => (change.type === "lost" ? [change.line] : []))).not.toContain(
      "public-a1",
    );
  });

  test("that loses the books alone goes on telling trades, and its price is stale in time", async () => {
    await using stage = await openVenueStage(spokenBinanceUsdm, undaunted);
    await untilVenueLive(stage);
    await untilTradesGoOn(stage);
    const { venue, feed } = stage;
    venue.wrong.refuse = { status: 503 };
    venue.socket(numberOf(stage, (text) => text.includes("@depth")))?.terminate();
    await until("the price is stale", () => feed.top(btcUsd)?.quality === "stale");
    await untilTradesGoOn(stage);
    expect(feed.book(btcUsd, 1)).toBeUndefined();
    venue.wrong.refuse = undefined;
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    expect(wrongTrades(stage, btcUsd)).toEqual([]);
    expect(holesOf(stage, btcUsd)).toBe(0);
  });
});
