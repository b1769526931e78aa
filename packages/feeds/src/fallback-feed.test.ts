/** Two providers over real sockets: the second stands in for the first while its price is sane. */
import { monoMs } from "@baton/core";
import type { SymbolId } from "@baton/core";
import { describe, expect, test } from "vitest";
import { openFallbackFeed } from "./fallback-feed.ts";
import type { FeedChange, Top } from "./market-view.ts";
import { btc, openStage, until, untilLive } from "./testing/open-for-test.ts";

const rules = { bandBps: 50, bandBpsPerSecond: 5, backAfterMs: 300 };
const clock = { mono: () => monoMs(performance.now()), wall: () => 0 as never };

describe("two providers", () => {
  test("are one: the second takes over, and the first comes back once it has been fresh for a while", async () => {
    await using one = await openStage({ id: "one", staleAfterMs: 200 });
    await using two = await openStage({ id: "two", staleAfterMs: 200 });
    await Promise.all([untilLive(one), untilLive(two)]);
    // When the combination asked, by its own clock, and found the first fresh at each question since.
    let freshSince: number | undefined;
    let askedAt = 0;
    const asking = { ...clock, mono: () => monoMs((askedAt = performance.now())) };
    const first = {
      ...one.feed,
      top(symbol: SymbolId) {
        const top = one.feed.top(symbol);
        const isFresh = top !== undefined && top.quality !== "stale";
        freshSince = isFresh ? (freshSince ?? askedAt) : undefined;
        return top;
      },
    };
    const both = openFallbackFeed({ id: "both", first, second: two.feed, rules, clock: asking });
    const changes: FeedChange[] = [];
    const tops: Top[] = [];
    both.onState((change) => changes.push(change));
    both.onTop((top) => tops.push(top));
    expect(both.top(btc)?.feed).toBe("one");
    await until("prices are told", () => tops.length > 5);
    expect(tops.every(({ feed }) => feed === "one")).toBe(true);

    one.venue.wrong.refuse = { status: 503 };
    one.venue.wrong.deadPaths.add("depth");
    for (const socket of one.venue.sockets) socket.terminate();
    await until("the second is used", () => both.source(btc).feed === "two");
    expect(both.top(btc)).toMatchObject({ feed: "two", quality: "live" });
    expect(both.book(btc, 5)?.feed).toBe("two");
    expect(changes.at(-1)).toMatchObject({ type: "source", feed: "both", source: "two" });

    one.venue.wrong.refuse = undefined;
    one.venue.wrong.deadPaths.clear();
    await until("the first is used again", () => both.source(btc).feed === "one");
    expect((changes.at(-1)?.atMono ?? 0) - (freshSince ?? Infinity)).toBeGreaterThanOrEqual(rules.backAfterMs);
    // A price of the second may still have been on its way; the first may be stale for a moment once more.
    const ofOthers = (): number => tops.findLastIndex(({ feed }) => feed !== "one");
    await until("its prices are told again, and only they", () => tops.length > ofOthers() + 6);
    both.close();
  });

  test("do not stand in for each other at a price that cannot be the same thing", async () => {
    await using one = await openStage({ id: "one", staleAfterMs: 200 });
    await using two = await openStage({
      id: "two",
      staleAfterMs: 200,
      before: (venue) => venue.shift("BTCUSDT", 690_000),
    });
    await Promise.all([untilLive(one), untilLive(two)]);
    const both = openFallbackFeed({ id: "both", first: one.feed, second: two.feed, rules, clock });
    expect(both.top(btc)?.feed).toBe("one");
    one.venue.wrong.refuse = { status: 503 };
    one.venue.wrong.deadPaths.add("depth");
    for (const socket of one.venue.sockets) socket.terminate();
    await until("nobody is used", () => both.source(btc).feed === undefined);
    expect(both.top(btc)).toBeUndefined();
    expect(both.source(btc).reason).toContain("bps off the first's last word");
    both.close();
  });
});
