/** What only Bybit does: at most ten topics a request, refusals of the whole, a service whose ids begin anew. */
import { describe, expect, test } from "vitest";
import type { SymbolId } from "@baton/core";
import { id } from "@baton/core";
import { until } from "../testing/open-for-test.ts";
import { btcUsd, openVenueStage, spokenBybit, untilSameBooks, untilVenueLive } from "../testing/venue-stage.ts";

const bybit = spokenBybit;

interface Said {
  readonly op: string;
  readonly args?: readonly string[];
}

describe("a feed of Bybit", { timeout: 60_000 }, () => {
  test("asks for no more than ten topics at once", async () => {
    await using stage = await openVenueStage(bybit);
    await untilVenueLive(stage);
    // The venue has no such markets; what counts is what it is asked for.
    stage.feed.add(Array.from({ length: 12 }, (_, at) => id<SymbolId>(`C${at}/USD`)));
    const asked = (): readonly Said[] => stage.venue.requests.map(({ text }) => JSON.parse(text) as Said);
    await until("it has asked", () => asked().filter(({ op }) => op === "subscribe").length >= 3);
    for (const { args } of asked()) expect(args?.length ?? 0).toBeLessThanOrEqual(10);
  });

  test("takes a snapshot of a service that was restarted for its whole book", async () => {
    await using stage = await openVenueStage(bybit);
    await untilVenueLive(stage);
    const { venue, feed, dialect, btc } = stage;
    venue.send(dialect.restarted(venue.market(btc)));
    await untilSameBooks(stage);
    expect(feed.status().symbols[0]?.gaps).toBe(0);
    expect(feed.status().connections).toBe(1);
  });

  test("that missed that snapshot knows it, and gets another one", async () => {
    await using stage = await openVenueStage(bybit);
    await untilVenueLive(stage);
    const { venue, feed, dialect, btc } = stage;
    venue.wrong.framesToLose.set(bybit.depthStream(btc), 1);
    venue.send(dialect.restarted(venue.market(btc)));
    await until("the gap is seen", () => (feed.status().symbols[0]?.gaps ?? 0) >= 1);
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    expect(feed.book(btcUsd, 50)).toBeDefined();
    expect(feed.status().connections).toBe(1);
  });
});
