/** What is recorded of a feed of any exchange is, played again, what that feed saw. */
import type { TradeEvent } from "@baton/core";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openFeed } from "../feed.ts";
import { until } from "../testing/open-for-test.ts";
import type { SpokenVenue, VenueStage } from "../testing/venue-stage.ts";
import {
  btcUsd,
  ethUsd,
  openVenueStage,
  spokenVenues,
  untilSameBooks,
  untilTradesGoOn,
  untilVenueLive,
} from "../testing/venue-stage.ts";
import { openPlayer } from "./player.ts";
import { openRecorder } from "./recorder.ts";
import { tapesIn } from "./tape-reader.ts";

const told = (events: readonly TradeEvent[]): readonly (readonly string[])[] =>
  [btcUsd, ethUsd].map((symbol) =>
    events.flatMap((event) =>
      event.type === "trade" && event.trade.symbol === symbol
        ? [`${event.trade.id} ${event.trade.price} ${event.trade.quantity} ${event.trade.taker}`]
        : [],
    ),
  );

/** A gap in a book, a lost connection with trades that only REST has, and the market going on. */
async function live(stage: VenueStage): Promise<void> {
  const { venue, feed, btc, eth, spoken } = stage;
  await untilVenueLive(stage);
  await untilTradesGoOn(stage);
  venue.wrong.framesToLose.set(spoken.depthStream(btc), 1);
  await until("the gap is seen", () => (feed.status().symbols[0]?.gaps ?? 0) >= 1);
  await untilVenueLive(stage);
  for (const socket of venue.sockets) socket.terminate();
  for (const code of [btc, eth]) venue.trade(code, 5);
  await until("it was noticed", () => feed.status().connections >= 2 * spoken.connections);
  await untilVenueLive(stage);
  await untilTradesGoOn(stage);
  await untilTradesGoOn(stage, ethUsd);
  venue.rest();
  await untilSameBooks(stage);
  const hasAll = (): boolean =>
    [btcUsd, ethUsd].every((symbol) => feed.lastTrade(symbol)?.id === venue.lastTradeId(spoken.codeOf(symbol)));
  await until("all has come and is told", () => hasAll() && feed.status().delivery.waiting === 0);
}

describe.each(Object.entries<SpokenVenue>(spokenVenues))(
  "a tape of %s",
  { concurrent: true, timeout: 60_000 },
  (_, spoken) => {
    test("played gives the feed's own trades and its last books, gaps and lost connections included", async () => {
      const directory = await mkdtemp(join(tmpdir(), "baton-tape-"));
      try {
        const recorder = openRecorder({ directory });
        await using stage = await openVenueStage(spoken, { tap: recorder, everyMs: 10 });
        await live(stage);
        const seen = { trades: told(stage.trades), status: stage.feed.status() };
        const books = [btcUsd, ethUsd].map((symbol) => stage.feed.book(symbol, 20));
        await stage.feed.close();
        await recorder.close();
        expect(recorder.status()).toMatchObject({ dropped: 0, failure: undefined });

        const player = openPlayer({ files: await tapesIn(directory, "spot") });
        const { exchange } = spoken;
        const played = openFeed({
          ...{ id: "played", venue: exchange, exchange, symbols: [btcUsd, ethUsd], staleAfterMs: 1_000 },
          world: player.world,
        });
        const trades: TradeEvent[] = [];
        played.onTrade((event) => trades.push(event));
        await player.play();
        const status = played.status();
        const got = told(trades);
        for (const at of [0, 1]) expect(got[at]?.slice(-(seen.trades[at]?.length ?? 0))).toEqual(seen.trades[at]);
        for (const [at, symbol] of [btcUsd, ethUsd].entries()) {
          expect(played.book(symbol, 20)).toMatchObject({ bids: books[at]?.bids, asks: books[at]?.asks });
        }
        expect(status.reconnects.reset).toBe(seen.status.reconnects.reset);
        expect(status.badFrames).toBe(0);
        expect(status.symbols[0]).toMatchObject({ gaps: seen.status.symbols[0]?.gaps, tradesFlagged: 0 });
        await played.close();
      } finally {
        await rm(directory, { recursive: true });
      }
    });
  },
);
