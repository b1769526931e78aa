/** What only OKX does: ids that fall at a reset, messages that say that nothing is new, snapshots of REST, notices. */
import { describe, expect, test } from "vitest";
import { until } from "../testing/open-for-test.ts";
import {
  btcUsd,
  openVenueStage,
  spokenOkx,
  spokenOkxByRest,
  untilSameBooks,
  untilVenueLive,
} from "../testing/venue-stage.ts";

const okx = spokenOkx;

describe("a feed of OKX", { timeout: 60_000 }, () => {
  test("follows a reset to lower ids without a gap", async () => {
    await using stage = await openVenueStage(okx);
    await untilVenueLive(stage);
    const { venue, feed, dialect, btc } = stage;
    const { updateId = 0 } = feed.top(btcUsd) ?? {};
    dialect.resetNext(venue.market(btc));
    await until("prices come after it", () => (feed.top(btcUsd)?.updateId ?? 0) > updateId + 500_000);
    await untilSameBooks(stage);
    expect(feed.status().symbols[0]?.gaps).toBe(0);
  });

  test("takes a message that says that nothing is new for the word that the book is current", async () => {
    await using stage = await openVenueStage(okx);
    await untilVenueLive(stage);
    const { venue, feed, dialect, btc } = stage;
    venue.rest();
    await untilSameBooks(stage);
    venue.wrong.deadPaths.add("/market/books");
    const timer = setInterval(() => {
      for (const code of [btc, stage.eth]) venue.send(dialect.quiet(venue.market(code)));
    }, 100);
    try {
      const from = stage.clock.mono();
      await until("more time has passed than a price may be old", () => stage.clock.mono() - from > 2_500);
    } finally {
      clearInterval(timer);
    }
    expect(feed.top(btcUsd)?.quality).toBe("live");
    expect(feed.status().connections).toBe(1);
    expect(feed.status().symbols[0]?.gaps).toBe(0);
  });

  test("joins the stream to a snapshot of REST, of which a gap costs one more and no request over the socket", async () => {
    await using stage = await openVenueStage(spokenOkxByRest);
    await untilVenueLive(stage);
    const { venue, feed, btc } = stage;
    const said = venue.requests.length;
    expect(venue.asked.filter((path) => path.includes("sz=400")).length).toBeGreaterThan(0);
    const before = feed.status().symbols[0]?.snapshots ?? 0;
    venue.wrong.framesToLose.set(okx.depthStream(btc), 1);
    await until("the gap is seen", () => (feed.status().symbols[0]?.gaps ?? 0) >= 1);
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    expect(feed.status().symbols[0]?.snapshots).toBeGreaterThan(before);
    expect(venue.requests.slice(said).filter(({ text }) => text.includes("subscribe"))).toEqual([]);
  });

  test("has another connection in the place of one that the venue announces to close", async () => {
    await using stage = await openVenueStage(okx);
    await untilVenueLive(stage);
    const { venue, feed } = stage;
    const notice = { event: "notice", code: "64008", msg: "The connection will soon be closed for a service upgrade." };
    venue.socket(1)?.send(JSON.stringify({ ...notice, connId: "a4d3ae55" }));
    await until("it has been replaced", () => feed.status().rotations === 1);
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    expect(feed.status().symbols.map(({ gaps }) => gaps)).toEqual([0, 0]);
  });
});
