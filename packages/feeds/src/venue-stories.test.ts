/**
 * What every exchange must live through, against a venue that speaks its documented words over real sockets: one table of
 * stories, told of each. What only one of them can do stands beside its protocol.
 */
import { describe, expect, test } from "vitest";
import { until } from "./testing/open-for-test.ts";
import type { SpokenVenue } from "./testing/venue-stage.ts";
import {
  btcUsd,
  ethUsd,
  holesOf,
  openVenueStage,
  spokenVenues,
  untilSameBooks,
  untilTradesGoOn,
  untilVenueLive,
  wrongTrades,
} from "./testing/venue-stage.ts";

const venues = Object.entries<SpokenVenue>(spokenVenues);
const withinMs = 60_000;

describe.each(venues)("a feed of %s", { concurrent: true, timeout: withinMs }, (_, spoken) => {
  test("is live with the venue's own books and trades, and complains of nothing", async () => {
    await using stage = await openVenueStage(spoken);
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    stage.venue.trade(stage.btc, 3);
    await untilTradesGoOn(stage);
    expect([...wrongTrades(stage, btcUsd), ...wrongTrades(stage, ethUsd)]).toEqual([]);
    expect([holesOf(stage, btcUsd), holesOf(stage, ethUsd)]).toEqual([0, 0]);
    const { badFrames, restErrors, connections } = stage.feed.status();
    expect({ badFrames, restErrors, connections }).toEqual({
      badFrames: 0,
      restErrors: 0,
      connections: spoken.connections,
    });
    const top = stage.feed.top(btcUsd);
    expect(Number(top?.bid)).toBeLessThan(Number(top?.ask));
  });

  test("that loses a book message knows it, and repairs the book on the same connection", async () => {
    await using stage = await openVenueStage(spoken);
    await untilVenueLive(stage);
    const { venue, feed, changes, btc } = stage;
    const heard = changes.length;
    venue.wrong.framesToLose.set(spoken.depthStream(btc), 1);
    await until("the gap is seen", () => (feed.status().symbols[0]?.gaps ?? 0) >= 1);
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    const states = changes.slice(heard).flatMap((change) => (change.type === "line" ? [change.to] : []));
    expect(states).toContain("gap");
    expect(states).not.toContain("subscribing");
    expect(feed.status().connections).toBe(spoken.connections);
    await untilTradesGoOn(stage);
    expect([...wrongTrades(stage, btcUsd), ...wrongTrades(stage, ethUsd)]).toEqual([]);
  });

  test("whose book messages come in the wrong order never holds a wrong book", async () => {
    await using stage = await openVenueStage(spoken);
    await untilVenueLive(stage);
    const { venue, feed, btc } = stage;
    venue.wrong.framesToSwap.set(spoken.depthStream(btc), 1);
    await until("the gap is seen", () => (feed.status().symbols[0]?.gaps ?? 0) >= 1);
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    expect(feed.status().connections).toBe(spoken.connections);
  });

  test("asks again where an acknowledgement is lost", async () => {
    await using stage = await openVenueStage(spoken, { before: ({ wrong }) => (wrong.acksToLose = 1) });
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    expect(stage.feed.status().connections).toBe(spoken.connections);
  });

  test("asks again where a subscription is refused", async () => {
    await using stage = await openVenueStage(spoken, { before: ({ wrong }) => (wrong.acksToRefuse = 1) });
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    expect(stage.feed.status().connections).toBe(spoken.connections);
  });

  test("that is refused each time gives the connection up and says why", async () => {
    await using stage = await openVenueStage(spoken, { before: ({ wrong }) => (wrong.acksToRefuse = 7) });
    await until("it was given up", () => stage.feed.status().reconnects.unacknowledged >= 1, 20_000);
    expect(stage.feed.status().lastLoss?.reason).toMatch(/refused|acknowledged/);
    await untilVenueLive(stage);
  });

  test("that is cut comes back, and misses no trade", async () => {
    await using stage = await openVenueStage(spoken);
    await untilVenueLive(stage);
    const { venue, feed } = stage;
    await untilTradesGoOn(stage);
    for (const socket of venue.sockets) socket.terminate();
    for (const code of [stage.btc, stage.eth]) venue.trade(code, 5);
    await until("it was noticed", () => feed.status().connections === 2 * spoken.connections);
    await untilVenueLive(stage);
    await untilTradesGoOn(stage);
    await untilTradesGoOn(stage, ethUsd);
    await untilSameBooks(stage);
    expect([...wrongTrades(stage, btcUsd), ...wrongTrades(stage, ethUsd)]).toEqual([]);
    expect([holesOf(stage, btcUsd), holesOf(stage, ethUsd)]).toEqual([0, 0]);
    expect(feed.status().symbols.every(({ tradesRepaired }) => tradesRepaired >= 5)).toBe(true);
  });

  test("that is cut while REST does not answer tells the hole, and goes on", async () => {
    await using stage = await openVenueStage(spoken);
    await untilVenueLive(stage);
    await untilTradesGoOn(stage);
    const { venue, feed } = stage;
    venue.wrong.isBusy = true;
    for (const socket of venue.sockets) socket.terminate();
    for (const code of [stage.btc, stage.eth]) venue.trade(code, 5);
    await until("the hole is told", () => holesOf(stage, btcUsd) > 0 && holesOf(stage, ethUsd) > 0, 20_000);
    await untilTradesGoOn(stage);
    expect([...wrongTrades(stage, btcUsd), ...wrongTrades(stage, ethUsd)]).toEqual([]);
    expect(feed.status().restErrors).toBeGreaterThan(0);
    venue.wrong.isBusy = false;
    await untilVenueLive(stage);
  });

  test("of two lines feels nothing of the loss of one", async () => {
    await using stage = await openVenueStage(spoken, { lines: 2, staleAfterMs: 4_000 });
    await untilVenueLive(stage);
    const { venue, feed, changes } = stage;
    await untilTradesGoOn(stage);
    const heard = changes.length;
    venue.socket(1)?.terminate();
    await until("it was noticed", () => feed.status().connections === 2 * spoken.connections + 1);
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    await untilTradesGoOn(stage);
    expect([...wrongTrades(stage, btcUsd), ...wrongTrades(stage, ethUsd)]).toEqual([]);
    expect([holesOf(stage, btcUsd), holesOf(stage, ethUsd)]).toEqual([0, 0]);
    const stale = changes.slice(heard).filter((change) => change.type === "quality" && change.to === "stale");
    expect(stale).toEqual([]);
  });

  test("of a quiet market stays fresh, because the venue's book is still the one that is held", async () => {
    // A machine that stands still for long has its lines replaced, and a quiet stream does not continue the new book.
    await using stage = await openVenueStage(spoken, { staleAfterMs: 2_000 });
    await untilVenueLive(stage);
    const { venue, feed } = stage;
    venue.rest();
    await untilSameBooks(stage);
    const proofs = (): number => venue.asked.filter((path) => path.includes(spoken.bookPath)).length;
    const before = proofs();
    await until("it was asked again and again", () => proofs() >= before + 6, 20_000);
    await until("it is fresh", () => feed.top(btcUsd)?.quality === "live");
    expect(feed.status().connections).toBe(spoken.connections);
  });

  test("of which one book falls silent is reconnected, by what the venue's book shows", async () => {
    await using stage = await openVenueStage(spoken);
    await untilVenueLive(stage);
    const { venue, feed, changes, btc } = stage;
    venue.wrong.muted.add(spoken.depthStream(btc));
    if (spoken.tickerStream !== undefined) venue.wrong.muted.add(spoken.tickerStream(btc));
    await until("it was noticed", () => feed.status().reconnects.stall >= 1, 20_000);
    expect(feed.status().lastLoss?.reason).toContain(spoken.depthStream(btc));
    venue.wrong.muted.clear();
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    expect(changes).toContainEqual(expect.objectContaining({ type: "quality", symbol: btcUsd, to: "stale" }));
  });

  test("of which the trades fall silent is reconnected, and misses none", async () => {
    await using stage = await openVenueStage(spoken);
    await untilVenueLive(stage);
    const { venue, feed, btc } = stage;
    await untilTradesGoOn(stage);
    venue.wrong.muted.add(spoken.tradeStream(btc));
    await until("it was noticed", () => feed.status().reconnects.stall >= 1, 20_000);
    venue.wrong.muted.clear();
    await untilVenueLive(stage);
    await untilTradesGoOn(stage);
    expect(wrongTrades(stage, btcUsd)).toEqual([]);
  });

  test("survives rubbish, counts it, and holds the true book in the end", async () => {
    await using stage = await openVenueStage(spoken);
    await untilVenueLive(stage);
    const { venue, feed } = stage;
    venue.wrong.garbage.push(
      "{",
      "null",
      "[1,2]",
      '{"channel":7}',
      Buffer.from([0xff, 0x00, 0x80]),
      '{"a":'.repeat(50),
    );
    await until("it is counted", () => feed.status().badFrames >= 6);
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    expect(feed.status().connections).toBe(spoken.connections);
  });
});

const pinging = venues.filter(([, { ping }]) => ping !== undefined);

describe.each(pinging)("a feed of %s", { concurrent: true, timeout: withinMs }, (_, spoken) => {
  test("sends the venue's own ping, lives on its answer, and reconnects without", async () => {
    await using stage = await openVenueStage(spoken, { line: { heartbeat: { everyMs: 100, withinMs: 800 } } });
    await untilVenueLive(stage);
    const { venue, feed } = stage;
    const pings = (): number => venue.requests.filter(({ text }) => text.includes(spoken.ping ?? "")).length;
    await until("it pings", () => pings() >= 3);
    expect(feed.status().connections).toBe(spoken.connections);
    venue.wrong.hasNoPong = true;
    await until("it was noticed", () => feed.status().reconnects["half-open"] >= 1);
    venue.wrong.hasNoPong = false;
    await untilVenueLive(stage);
  });
});

const streaming = venues.filter(([, { snapshots }]) => snapshots === "stream");

describe.each(streaming)("a feed of %s", { concurrent: true, timeout: withinMs }, (name, spoken) => {
  test("of which a snapshot is lost gets another one", async () => {
    await using stage = await openVenueStage(spoken, { before: ({ wrong }) => (wrong.snapshotsToLose = 1) });
    await untilVenueLive(stage);
    await untilSameBooks(stage);
    expect(stage.feed.status().connections, name).toBe(spoken.connections);
  });
});

const ascending = venues.filter(([, { tradeIds }]) => tradeIds === "ascending");

describe.each(ascending)("a feed of %s", { concurrent: true, timeout: withinMs }, (_, spoken) => {
  test("flags a trade that comes behind a later one, since it cannot be told in its place", async () => {
    await using stage = await openVenueStage(spoken, { everyMs: 40 });
    await untilVenueLive(stage);
    await untilTradesGoOn(stage);
    const missed = (): number => stage.feed.status().symbols[0]?.tradeHoles ?? 0;
    const missedBefore = missed();
    stage.venue.wrong.framesToSwap.set(spoken.tradeStream(stage.btc), 1);
    // Where the connection's messages are counted it is missed at once: it comes, or is fetched, while its place is kept.
    const isSettled = (): boolean =>
      spoken.exchange === "coinbase" ? missed() > missedBefore : holesOf(stage, btcUsd) === 1;
    await until("it is settled", isSettled, 20_000);
    await untilTradesGoOn(stage);
    expect(wrongTrades(stage, btcUsd)).toEqual([]);
  });
});
