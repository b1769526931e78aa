/** What a naive reconnecting client gets wrong, one fact per mistake. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { feedRules } from "./feed-rules.ts";
import { breakIn, btc, eth, isSameBook, openStage, until, untilLive } from "./testing/open-for-test.ts";

const depth = "btcusdt@depth@100ms";
const { liveness } = feedRules(400);

/** A listener that takes its time, and everybody else's. */
function blockFor(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

describe("a silent stall", () => {
  test("of everything, with pongs, makes prices stale and is then reconnected", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    const { venue, feed, changes, clock } = stage;
    for (const kind of ["depth@100ms", "bookTicker", "trade"]) {
      for (const code of ["btcusdt", "ethusdt"]) venue.wrong.muted.add(`${code}@${kind}`);
    }
    const stalledMono = clock.mono();
    await until("it was noticed", () => feed.status().reconnects.stall >= 1);
    const noticedMono = clock.mono();
    venue.wrong.muted.clear();
    expect(noticedMono - stalledMono).toBeLessThan(5_000);
    expect(feed.status().lastLoss?.reason).toContain("though the venue has newer data");
    await untilLive(stage);
    expect(changes).toContainEqual(expect.objectContaining({ type: "quality", to: "stale" }));
  });

  test("of one stream among lively ones is noticed", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    stage.venue.wrong.muted.add(depth);
    await until("it was noticed", () => stage.feed.status().reconnects.stall >= 1);
    expect(stage.feed.status().lastLoss?.reason).toContain(depth);
    stage.venue.wrong.muted.clear();
    await untilLive(stage);
    await until("the book is the venue's", () => isSameBook(stage));
  });

  test("of the trades alone is noticed, and costs none of them", async () => {
    await using stage = await openStage({
      rules: {
        liveness: {
          ...liveness,
          trade: { askAfterMs: 200, answerWithinMs: 200, graceMs: 100, silenceMaxMs: Infinity },
        },
      },
    });
    await untilLive(stage);
    stage.venue.wrong.muted.add("btcusdt@trade");
    await until("it was noticed", () => stage.feed.status().reconnects.stall >= 1);
    stage.venue.wrong.muted.clear();
    await until("what was missed is repaired", () => (stage.feed.status().symbols[0]?.tradesRepaired ?? 0) > 0);
    await untilLive(stage);
    expect(breakIn(stage.trades, btc)).toBeUndefined();
    expect(stage.trades.filter(({ type }) => type !== "trade")).toEqual([]);
  });

  test("of the ticker alone is noticed by what the book says", async () => {
    await using stage = await openStage({
      rules: { liveness: { ...liveness, ticker: { ...liveness.ticker, graceMs: 200 } } },
    });
    await untilLive(stage);
    stage.venue.wrong.muted.add("btcusdt@bookTicker");
    await until("it was noticed", () => stage.feed.status().reconnects.stall >= 1);
    expect(stage.feed.status().lastLoss?.reason).toContain("btcusdt@bookTicker");
  });

  test("from the first moment on, so that nothing is ever delivered, is noticed too", async () => {
    await using stage = await openStage({ before: ({ wrong }) => wrong.muted.add(depth) });
    await until("it was noticed", () => stage.feed.status().reconnects.stall >= 1);
    stage.venue.wrong.muted.clear();
    await untilLive(stage);
    expect(stage.feed.status().connections).toBeGreaterThanOrEqual(2);
  });

  test("while the venue cannot be asked is taken for death", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    stage.venue.wrong.deadPaths.add("depth");
    stage.venue.rest();
    await until("it was noticed", () => stage.feed.status().reconnects.stall >= 1);
    expect(stage.feed.status().lastLoss?.reason).toContain("does not say whether it has newer data");
    expect(stage.feed.top(btc)?.quality).toBe("stale");
  });
});

describe("reconnecting", () => {
  test("after a normal close waits, and each time longer: no hot loop", async () => {
    await using stage = await openStage({
      before: ({ wrong }) => (wrong.closeOnAccept = 1000),
      random: () => 0.999,
      rules: { line: { backoff: { baseMs: 20, capMs: 5_000 } } },
    });
    await until("six attempts", () => stage.venue.accepted.length >= 6);
    const gaps = stage.venue.accepted.slice(1).map((at, index) => at - (stage.venue.accepted[index] ?? 0));
    for (const [index, bound] of [40, 80, 160, 320, 640].entries()) expect(gaps[index]).toBeGreaterThan(bound * 0.9);
    expect(stage.feed.status().failuresInRow).toBeGreaterThanOrEqual(5);
  });

  test("to a venue that accepts and drops is given up in the end, alerts once, and is still probed", async () => {
    await using stage = await openStage({
      before: ({ wrong }) => (wrong.closeOnAccept = 1001),
      rules: { line: { giveUpAfter: 4, probeEveryMs: 300 } },
    });
    await until("it was given up", () => stage.feed.status().state === "given-up");
    const attempts = stage.venue.accepted.length;
    await until("it is probed", () => stage.venue.accepted.length >= attempts + 2);
    await until("the alert was told", () => stage.changes.some(({ type }) => type === "gave-up"));
    expect(stage.changes.filter(({ type }) => type === "gave-up")).toHaveLength(1);
    stage.venue.wrong.closeOnAccept = undefined;
    await untilLive(stage);
  });

  test("that was given up is dialled at once when the feed is told that the venue answers again", async () => {
    await using stage = await openStage({
      before: ({ wrong }) => (wrong.closeOnAccept = 1001),
      // No probe of its own comes within this test.
      rules: { line: { giveUpAfter: 2, probeEveryMs: 3_600_000 } },
    });
    await until("it was given up", () => stage.feed.status().state === "given-up");
    stage.venue.wrong.closeOnAccept = undefined;
    const dials = stage.venue.dials.length;
    stage.feed.hurry();
    await untilLive(stage);
    expect(stage.venue.dials.length).toBe(dials + 1);
  });

  test("survives refused upgrades and obeys Retry-After", async () => {
    await using stage = await openStage({
      before: ({ wrong }) => (wrong.refuse = { status: 429, retryAfterSeconds: 1 }),
    });
    await until("it was refused", () => stage.feed.status().reconnects["rate-limit"] === 1);
    stage.venue.wrong.refuse = undefined;
    await untilLive(stage);
    const [first, second] = stage.venue.dials;
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(1_000);
    expect(stage.venue.dials).toHaveLength(2);
  });

  test("ten times in a row makes no storm, and ends live", async () => {
    await using stage = await openStage({ rules: { line: { giveUpAfter: 20 } } });
    for (let round = 0; round < 10; round += 1) {
      await untilLive(stage);
      for (const socket of stage.venue.sockets) socket.terminate();
      await until("the loss was seen", () => stage.feed.status().reconnects.reset === round + 1);
    }
    await untilLive(stage);
    expect(stage.venue.dials).toHaveLength(11);
    expect(stage.venue.sockets.size).toBe(1);
  });

  test("is left in good order when the venue announces its end", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    stage.venue.wrong.garbage.push(JSON.stringify({ e: "serverShutdown", E: 1 }));
    await until("it has left", () => stage.feed.status().reconnects.maintenance === 1);
    await untilLive(stage);
    expect(stage.venue.accepted).toHaveLength(2);
  });

  test("a dial that hangs ends by its deadline", async () => {
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    await using stage = await openStage({ wsUrl: `ws://127.0.0.1:${port}`, rules: { line: { connectWithinMs: 150 } } });
    await until("two dials have ended", () => stage.feed.status().reconnects.timeout >= 2);
    expect(stage.feed.status().lastLoss?.reason).toBe("no connection within 150 ms");
    silent.close();
  });

  test("a peer that does not finish the close handshake does not hold up the end", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    // The venue's end stops reading: neither the close frame nor anything else is ever answered.
    for (const socket of stage.venue.sockets) socket.pause();
    await stage.feed.close();
    expect(stage.feed.status().state).toBe("idle");
  });
});

describe("subscribing", () => {
  test("a lost acknowledgement is asked for again under a new id", async () => {
    await using stage = await openStage({ before: ({ wrong }) => (wrong.acksToLose = 1) });
    await untilLive(stage);
    const asked = stage.venue.requests.filter(({ text }) => text.includes('"SUBSCRIBE"'));
    expect(asked.map(({ text }) => (JSON.parse(text) as { id: number }).id)).toEqual([1, 2]);
    expect(stage.venue.accepted).toHaveLength(1);
  });

  test("without any acknowledgement is no subscription, though data flows", async () => {
    await using stage = await openStage({ before: ({ wrong }) => (wrong.acksToLose = 4) });
    await until("it has reconnected", () => stage.feed.status().reconnects.unacknowledged === 1);
    await untilLive(stage);
    expect(stage.venue.accepted).toHaveLength(2);
  });

  test("that is refused again and again is named", async () => {
    await using stage = await openStage({ before: ({ wrong }) => (wrong.acksToRefuse = 3) });
    await until("it has reconnected", () => stage.feed.status().reconnects.unacknowledged === 1);
    expect(stage.feed.status().lastLoss?.reason).toContain("Invalid request");
    await untilLive(stage);
  });

  test("puts all streams into one message", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    const asked = stage.venue.requests.filter(({ text }) => text.includes('"SUBSCRIBE"'));
    expect(asked).toHaveLength(1);
    expect((JSON.parse(asked[0]?.text ?? "{}") as { params: unknown }).params).toHaveLength(6);
  });
});

describe("the reader", () => {
  test("survives frames that are none, counts them and keeps a sample", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    const garbage = [
      "",
      "{",
      "null",
      "[]",
      "42",
      '{"stream":"btcusdt@trade"}',
      '{"stream":"btcusdt@trade","data":{"e":"trade","t":"x"}}',
      `{"stream":"${depth}","data":{"e":"depthUpdate","E":1,"U":1,"u":2,"b":[["1e5","1"]],"a":[]}}`,
      `{"stream":"${depth}","data":{"e":"depthUpdate","E":1,"U":1,"u":2,"b":[["-1","1"]],"a":[]}}`,
      `{"stream":"${depth}","data":{"e":"depthUpdate","E":1,"U":99999999999999999999,"u":2,"b":[],"a":[]}}`,
      '{"stream":"btcusdt@bookTicker","data":{"u":1,"b":"5","B":"1","a":"4","A":"1"}}',
    ];
    stage.venue.wrong.garbage.push(...garbage);
    await until("they were counted", () => stage.feed.status().badFrames === garbage.length);
    await until("the book is still the venue's", () => isSameBook(stage));
    expect(stage.feed.status()).toMatchObject({ connections: 1, state: "live" });
    expect(stage.feed.status().lastBadFrame?.sample).toContain("bookTicker");
  });

  test("survives listeners that throw or reject, and counts them", async () => {
    await using stage = await openStage();
    let calls = 0;
    stage.feed.onTop(() => {
      calls += 1;
      throw new Error("a listener's own fault");
    });
    // What its type forbids happens: an async listener whose promise is rejected.
    const rejecting: () => unknown = () => Promise.reject(new Error("later"));
    stage.feed.onTrade(rejecting);
    await until("it was called again", () => calls > 3);
    await until("both were counted", () => stage.feed.status().delivery.listenerErrors > 6);
    await untilLive(stage);
    expect(stage.feed.status().delivery.lastListenerError).toMatch(/fault|later/);
  });

  test("is not held up by a slow listener: prices conflate, trades beyond the bound are brought again, in their place", async () => {
    await using stage = await openStage({ rules: { undeliveredMax: 200 } });
    await untilLive(stage);
    // Listeners that block the whole process for a while, and more trades than may wait for them.
    stage.feed.onTrade(() => blockFor(1));
    stage.feed.onTop(() => undefined);
    for (let count = 0; count < 300; count += 1) {
      stage.venue.trade("BTCUSDT");
      stage.venue.move("BTCUSDT");
    }
    await until("trades found their queue full", () => stage.feed.status().delivery.overflowed > 20);
    const isEven = (): boolean => {
      const { overflowed, recovered, waiting } = stage.feed.status().delivery;
      return waiting === 0 && recovered === overflowed - flagged();
    };
    const flagged = (): number =>
      stage.trades.reduce((sum, event) => sum + (event.type === "hole" ? event.toId - event.fromId + 1 : 0), 0);
    await until("what was missed has been told", isEven);
    expect(breakIn(stage.trades, btc)).toBeUndefined();
    expect(breakIn(stage.trades, eth)).toBeUndefined();
    const { delivery, symbols } = stage.feed.status();
    expect(delivery.recovered).toBeGreaterThan(0);
    expect(delivery.lagPeakMs).toBeGreaterThan(2);
    expect(delivery.conflated).toBeGreaterThan(0);
    expect(symbols.map(({ tradesFlagged }) => tradesFlagged)).toEqual([0, 0]);
  });

  test("tells as a hole what a slow listener missed and the venue cannot bring again", async () => {
    await using stage = await openStage({ rules: { undeliveredMax: 20 } });
    await untilLive(stage);
    stage.venue.wrong.deadPaths.add("Trades");
    stage.feed.onTrade(() => blockFor(2));
    for (let count = 0; count < 60; count += 1) stage.venue.trade("BTCUSDT");
    await until("trades were told as a hole", () => stage.trades.some((event) => event.type === "hole"));
    expect(breakIn(stage.trades, btc)).toBeUndefined();
    expect(stage.feed.status().state).toBe("live");
  });

  test("waits for a slow snapshot with the differences buffered", async () => {
    await using stage = await openStage({ before: ({ wrong }) => wrong.slowPaths.set("limit=1000", 300) });
    await untilLive(stage);
    await until("the books are the venue's", () => isSameBook(stage) && isSameBook(stage, eth));
    expect(stage.feed.status().symbols[0]).toMatchObject({ gaps: 0 });
  });
});
