/**
 * What the reconnecting client that everybody copies gets wrong, each mistake as a fact about this feed. The numbers are
 * those of the list in the README.
 */
import { wallMs } from "@baton/core";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { feedRules } from "./feed-rules.ts";
import { breakIn, btc, eth, isSameBook, openStage, until, untilLive } from "./testing/open-for-test.ts";
import { openOwnTime } from "./testing/own-time.ts";

const depth = "btcusdt@depth@100ms";
const everything = ["btcusdt", "ethusdt"].flatMap((code) =>
  ["depth@100ms", "bookTicker", "trade"].map((kind) => `${code}@${kind}`),
);

describe("unlike a naive client, the feed", () => {
  test("1. answers pings and reads on while a listener never finishes", async () => {
    await using stage = await openStage();
    const endless: () => unknown = () => new Promise(() => undefined);
    stage.feed.onTrade(endless);
    stage.feed.onTop(endless);
    await untilLive(stage);
    const pongs: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const [socket] = stage.venue.sockets;
      const pingedMono = stage.clock.mono();
      socket?.once("pong", () => pongs.push(stage.clock.mono() - pingedMono));
      socket?.ping();
      await until("the pong has come", () => pongs.length === round + 1);
    }
    expect(Math.max(...pongs)).toBeLessThan(1_000);
    await until("the book is the venue's", () => isSameBook(stage));
  });

  test("2. outlives handler errors, bad frames, and handshakes that fail by TLS, DNS, 429 or 503", async () => {
    await using stage = await openStage({ wsUrl: "ws://127.0.0.1:1", everyMs: 0 });
    const { port } = new URL(stage.venue.wsUrl);
    await using tried = await openStage({
      lines: [{ wsUrls: [`wss://127.0.0.1:${port}`, "ws://no-such-host.invalid", `ws://127.0.0.1:${port}`] }],
      restUrl: stage.venue.restUrl,
      // A resolver may take long to say that there is no such name.
      rules: { line: { switchAfter: 1, giveUpAfter: 50, connectWithinMs: 30_000 } },
    });
    stage.venue.wrong.refuse = { status: 503 };
    await until("it has failed in each way", () => {
      const { tls, dns, maintenance } = tried.feed.status().reconnects;
      return tls > 0 && dns > 0 && maintenance > 0;
    });
    stage.venue.wrong.refuse = { status: 429 };
    await until("it was limited", () => tried.feed.status().reconnects["rate-limit"] > 0);
    stage.venue.wrong.refuse = undefined;
    stage.venue.run(20);
    await untilLive(tried);
    expect(tried.feed.status().lines.map(({ url }) => new URL(url).port)).toEqual([port]);
    tried.feed.onTop(() => {
      throw new Error("a listener's own fault");
    });
    stage.venue.wrong.garbage.push("{", Buffer.from([0xc3, 0x28, 0xff]), "[".repeat(20_000));
    await until("both were counted", () => {
      const { badFrames, delivery } = tried.feed.status();
      return badFrames === 3 && delivery.listenerErrors > 2;
    });
    await untilLive(tried);
  });

  test("3. waits after a normal close as after any other, its own included", async () => {
    await using stage = await openStage({
      before: ({ wrong }) => (wrong.closeOnAccept = 1000),
      random: () => 0.999,
      rules: { line: { backoff: { baseMs: 30, capMs: 5_000 } } },
    });
    await until("five attempts", () => stage.venue.accepted.length >= 5);
    const gaps = stage.venue.accepted.slice(1).map((at, index) => at - (stage.venue.accepted[index] ?? 0));
    for (const [index, bound] of [60, 120, 240, 480].entries()) expect(gaps[index]).toBeGreaterThan(bound * 0.9);
  });

  test("4. counts an accepted connection as a failure until it has been live, with data, for a while", async () => {
    await using stage = await openStage({ before: ({ wrong }) => (wrong.closeOnAccept = 1001) });
    await until("it has failed often", () => stage.feed.status().failuresInRow >= 5);
    stage.venue.wrong.closeOnAccept = undefined;
    await untilLive(stage);
    expect(stage.feed.status().failuresInRow).toBeGreaterThanOrEqual(5);
    await using healthy = await openStage({ rules: { line: { stableAfterMs: 50 } } });
    await untilLive(healthy);
    await until("it has been healthy for a while", () => (healthy.feed.status().lines[0]?.ageMs ?? 0) > 60);
    for (const socket of healthy.venue.sockets) socket.terminate();
    await until("the loss was seen", () => healthy.feed.status().reconnects.reset === 1);
    expect(healthy.feed.status().failuresInRow).toBe(0);
  });

  test("5. gives up loudly, once, as a state, and still probes", async () => {
    await using stage = await openStage({
      before: ({ wrong }) => (wrong.refuse = { status: 503 }),
      rules: { line: { giveUpAfter: 3, probeEveryMs: 200 } },
    });
    await until("it is given up", () => stage.feed.status().state === "given-up");
    const { length } = stage.venue.dials;
    await until("it is probed", () => stage.venue.dials.length >= length + 3);
    expect(stage.changes.filter(({ type }) => type === "gave-up")).toHaveLength(1);
    expect(stage.feed.status().state).toBe("given-up");
    stage.venue.wrong.refuse = undefined;
    await untilLive(stage);
  });

  test("6. spreads its waits over the whole bound, and never waits longer than the cap", async () => {
    let draw = 0;
    const draws = [0, 0.999, 0.5, 0.05, 0.95];
    await using stage = await openStage({
      before: ({ wrong }) => (wrong.closeOnAccept = 1000),
      random: () => draws[(draw += 1) % draws.length] ?? 0,
      rules: { line: { backoff: { baseMs: 100, capMs: 200 }, giveUpAfter: 1_000 } },
    });
    await until("twelve attempts", () => stage.venue.accepted.length >= 12);
    // By the feed's own word of when it began to wait and when it dialled: the dial itself is the machine's.
    const waits = stage.changes.flatMap((change, at) => {
      const next = stage.changes.slice(at + 1).find(({ type }) => type === "line");
      const isWait = change.type === "line" && change.to === "backing-off" && next?.type === "line";
      return isWait && next.to === "connecting" ? [next.atMono - change.atMono] : [];
    });
    expect(waits.length).toBeGreaterThanOrEqual(10);
    expect(Math.min(...waits)).toBeLessThan(60);
    expect(Math.max(...waits)).toBeGreaterThan(120);
    expect(waits.toSorted((a, b) => a - b)[Math.floor(waits.length / 2)]).toBeLessThan(260);
  });

  test("7. judges each connection from its own beginning: one that never delivers is seen, a quiet one is left alone", async () => {
    await using stage = await openStage({ before: ({ wrong }) => wrong.deafTo.add(1) });
    await until("the first was given up", () => stage.feed.status().reconnects.stall >= 1);
    await untilLive(stage);
    stage.venue.rest();
    await until("the books are the venue's", () => isSameBook(stage) && isSameBook(stage, eth));
    const asked = stage.venue.asked.length;
    await until("it has asked often", () => stage.venue.asked.length > asked + 12);
    // On a busy machine an answer may come so late that the price is stale for a moment, and rightly.
    await until("quiet is not stale", () => stage.feed.top(btc)?.quality === "live");
    expect(stage.venue.accepted).toHaveLength(2);
  });

  test("8. goes by the monotonic clock, whatever the wall clock does", async () => {
    let jumps = 0;
    const wall = (): ReturnType<typeof wallMs> => {
      jumps += 1;
      return wallMs(Date.now() + (jumps % 2 === 0 ? 7_200_000 : -7_200_000));
    };
    using time = openOwnTime();
    await using stage = await openStage({ clock: { mono: time.mono, wall } });
    await untilLive(stage);
    const { length } = stage.changes;
    const { frames } = stage.feed.status();
    await until("the market has gone on", () => stage.feed.status().frames > frames + 100);
    expect(jumps).toBeGreaterThan(20);
    expect(stage.changes.slice(length)).toEqual([]);
    expect(stage.venue.accepted).toHaveLength(1);
  });

  test("9. takes no acknowledgement, pong or other symbol for the life of a stream", async () => {
    await using stage = await openStage({ rules: { line: { pingEveryMs: 50, verifyEveryMs: 50 } } });
    await untilLive(stage);
    stage.venue.wrong.muted.add("ethusdt@depth@100ms");
    await until("it was noticed", () => stage.feed.status().reconnects.stall >= 1);
    expect(stage.feed.status().lastLoss?.reason).toContain("ethusdt@depth@100ms");
    stage.venue.wrong.muted.clear();
    await untilLive(stage);
  });

  test("10. notices a dead peer within ping and pong, again and again, though a close would hang", async () => {
    const never = { askAfterMs: Infinity, answerWithinMs: 1_000, graceMs: 1_000, silenceMaxMs: Infinity };
    await using stage = await openStage({
      // Only the pongs can tell.
      rules: {
        line: { pingEveryMs: 100, pongWithinMs: 150 },
        liveness: { depth: never, trade: never, ticker: never },
      },
    });
    for (let round = 1; round <= 3; round += 1) {
      await untilLive(stage);
      const deadMono = stage.clock.mono();
      stage.venue.wrong.isDead = true;
      await until("it was noticed", () => stage.feed.status().reconnects["half-open"] >= round);
      expect(stage.clock.mono() - deadMono).toBeLessThan(2_000);
      stage.venue.wrong.isDead = false;
    }
    await untilLive(stage);
  });

  test("11. resubscribes with new ids, within the venue's pace, and reports what the venue refuses", async () => {
    await using stage = await openStage({ rules: { line: { paceMs: 40, batchMax: 1, ackAttempts: 3 } } });
    await untilLive(stage);
    stage.venue.wrong.acksToRefuse = Infinity;
    for (const socket of stage.venue.sockets) socket.terminate();
    await until("the refusal is the reason", () => stage.feed.status().reconnects.unacknowledged === 1);
    expect(stage.feed.status().lastLoss?.reason).toContain("Invalid request");
    stage.venue.wrong.acksToRefuse = 0;
    await untilLive(stage);
    const ids = stage.venue.requests.map(({ text }) => (JSON.parse(text) as { id: number }).id);
    expect(new Set(ids).size).toBe(ids.length);
    const subscriptions = stage.venue.requests.filter(({ text }) => text.includes('"SUBSCRIBE"'));
    const openedMono = stage.changes.findLast(
      (change) => change.type === "line" && change.to === "subscribing",
    )?.atMono;
    // Six messages need five distances of 40 ms, from when the connection stood to when the last has arrived.
    expect((subscriptions.at(-1)?.atMs ?? 0) - (openedMono ?? Infinity)).toBeGreaterThanOrEqual(5 * 40);
  });

  test("12. sees holes in books and trades, buffers while it repairs, and shows nothing meanwhile that is wrong", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    // Until it has been looked at the repair does not come to its end.
    let answer = (): void => undefined;
    stage.venue.wrong.gates.set("limit=1000", new Promise<void>((resolve) => (answer = resolve)));
    stage.venue.wrong.framesToLose.set(depth, 1);
    stage.venue.wrong.framesToLose.set("btcusdt@trade", 3);
    await until("the gap was seen", () => stage.feed.status().symbols[0]?.gaps === 1);
    expect(stage.feed.book(btc, 5)).toBeUndefined();
    expect(stage.feed.top(btc)?.quality).toBe("degraded");
    answer();
    await untilLive(stage);
    await until("the book is the venue's", () => isSameBook(stage));
    await until("the trades are here", () => stage.feed.status().symbols[0]?.tradesRepaired === 3);
    expect(breakIn(stage.trades, btc)).toBeUndefined();
  });

  test.each(["backing-off", "live"])(
    "13. stops at once while it is %s, and leaves nothing behind: the process ends",
    async (state) => {
      const directory = await mkdtemp(join(tmpdir(), "baton-feeds-"));
      const program = new URL("testing/open-and-close.ts", import.meta.url).pathname;
      // The waits are ten minutes long; the program has less than one.
      const { stdout } = await promisify(execFile)(process.execPath, [program, state, directory], { timeout: 50_000 });
      await rm(directory, { recursive: true });
      const { state: end, left } = JSON.parse(stdout) as { state: string; left: readonly string[] };
      expect(end).toBe("idle");
      expect(left).toEqual([]);
    },
  );

  test("13. is replaced before it is cut, and counts every end by its cause", async () => {
    await using stage = await openStage({ rules: { line: { rotateBetweenMs: [80, 100] } } });
    await until("three rotations", () => stage.feed.status().rotations >= 3);
    const { reconnects } = stage.feed.status();
    expect(reconnects.rotation).toBeGreaterThanOrEqual(2);
    expect(Object.keys(reconnects)).toContain("age-cut");
    expect(breakIn(stage.trades, btc)).toBeUndefined();
  });
});

test(
  "a silent stall of everything is noticed within five seconds by the default rules",
  { timeout: 60_000 },
  async () => {
    const { liveness } = feedRules(2_000);
    const worst = (kind: "depth" | "trade"): number => {
      const { askAfterMs, answerWithinMs, graceMs } = liveness[kind];
      return askAfterMs + Math.min(answerWithinMs, 200) + graceMs;
    };
    expect([worst("depth"), worst("trade")].every((ms) => ms < 5_000)).toBe(true);
    await using stage = await openStage({ staleAfterMs: 2_000, rules: { liveness } });
    await untilLive(stage);
    const latencies: number[] = [];
    for (let round = 1; round <= 3; round += 1) {
      const stalledMono = stage.clock.mono();
      for (const stream of everything) stage.venue.wrong.muted.add(stream);
      await until("it was noticed", () => stage.feed.status().reconnects.stall >= round);
      latencies.push(stage.clock.mono() - stalledMono);
      stage.venue.wrong.muted.clear();
      await untilLive(stage);
    }
    expect(Math.max(...latencies)).toBeLessThan(5_000);
  },
);
