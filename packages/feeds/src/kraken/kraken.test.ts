/** What only Kraken does: checksums, one message a channel, `Already subscribed`, trades by the time of the last. */
import { describe, expect, test } from "vitest";
import { until } from "../testing/open-for-test.ts";
import {
  btcUsd,
  openVenueStage,
  spokenKraken,
  untilSameBooks,
  untilTradesGoOn,
  untilVenueLive,
  wrongTrades,
} from "../testing/venue-stage.ts";
import type { ScriptedVenue } from "../testing/scripted-venue.ts";

const kraken = spokenKraken;

interface Said {
  readonly method: string;
  readonly params?: { readonly channel: string; readonly symbol: readonly string[] };
}
const said = (venue: ScriptedVenue, method: string): readonly Said[] =>
  venue.requests.map(({ text }) => JSON.parse(text) as Said).filter((one) => one.method === method);

describe("a feed of Kraken", { timeout: 60_000 }, () => {
  test("asks by one message a channel, and renews the stream of a broken book alone", async () => {
    await using stage = await openVenueStage(kraken);
    await untilVenueLive(stage);
    const { venue, feed } = stage;
    expect(said(venue, "subscribe").map(({ params }) => [params?.channel, params?.symbol.length])).toEqual([
      ["book", 2],
      ["trade", 2],
    ]);
    venue.wrong.framesToLose.set("book:BTC/USD", 1);
    await until("the gap is seen", () => (feed.status().symbols[0]?.gaps ?? 0) >= 1);
    await untilVenueLive(stage);
    const renewed = said(venue, "unsubscribe").map(({ params }) => [params?.channel, ...(params?.symbol ?? [])]);
    expect(renewed).toContainEqual(["book", btcUsd]);
    expect(renewed.every(([channel]) => channel === "book")).toBe(true);
  });

  test("whose checksum is wrong shows no book until a true one has come, even if the snapshot is wrong as well", async () => {
    await using stage = await openVenueStage(kraken);
    await untilVenueLive(stage);
    const { feed, dialect } = stage;
    dialect.checksumsToSpoil.set(btcUsd, 3);
    await until("the book is unknown", () => feed.book(btcUsd, 10) === undefined);
    expect(feed.status().symbols[0]?.quality).not.toBe("live");
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    expect(dialect.checksumsToSpoil.get(btcUsd)).toBe(0);
    expect(feed.status().connections).toBe(1);
  });

  test("fetches trades that the stream left out by the time of the last, and tells them in their place", async () => {
    await using stage = await openVenueStage(kraken);
    await untilVenueLive(stage);
    const { venue, feed } = stage;
    await untilTradesGoOn(stage);
    venue.wrong.framesToLose.set("trade:BTC/USD", 4);
    await until("they are repaired", () => (feed.status().symbols[0]?.tradesRepaired ?? 0) >= 4);
    await untilVenueLive(stage);
    expect(wrongTrades(stage, btcUsd)).toEqual([]);
    expect(venue.asked.some((path) => path.includes("/Trades?pair=XBTUSD&since="))).toBe(true);
  });

  test("asks again for the one symbol whose acknowledgement is lost, and takes `Already subscribed` for one", async () => {
    await using stage = await openVenueStage(kraken, { before: ({ wrong }) => (wrong.acksToLose = 1) });
    await untilVenueLive(stage);
    const asked = said(stage.venue, "subscribe");
    expect(asked).toHaveLength(3);
    expect(asked[2]?.params?.symbol).toHaveLength(1);
    expect(stage.feed.status().connections).toBe(1);
  });
});
