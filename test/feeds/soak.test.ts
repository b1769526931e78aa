/**
 * A soak: feeds of one line and of two under random faults that overlap, from a seed. Ten feeds at once for twelve
 * seconds are two minutes of streams; `BATON_LONG=1` makes it ten minutes for each feed. In the end, and at every look
 * meanwhile, what was told is held against what the exchange had.
 */
import type { TradeEvent } from "@baton/core";
import type { FaultRequest, RunningExchange } from "@baton/exchange";
import { startExchange } from "@baton/exchange";
import type { Feed } from "@baton/feeds";
import { machineClock, openFeed, realWorld } from "@baton/feeds";
import { expect, test } from "vitest";
import { btc, isLive, openTruth, roomy, until } from "./truth.ts";

const isLong = process.env["BATON_LONG"] === "1";
const forMs = isLong ? 600_000 : 12_000;
const seed = Number(process.env["BATON_SEED"] ?? 5);
const feedsMax = 10;
const staleAfterMs = 2_000;

const streams = ["btcusdt@trade", "btcusdt@depth@100ms", "btcusdt@bookTicker", undefined];

/** Uniform in [0, 1), the same for the same seed. */
function diceOf(begin: number): () => number {
  let state = begin;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** One fault of those that a stream can have; lasting ones end by themselves. */
function fault(dice: () => number): FaultRequest {
  const one = <T>(list: readonly T[]): T => list[Math.floor(dice() * list.length)] as T;
  const stream = one(streams);
  const match = stream === undefined ? {} : { stream };
  const durationMs = 200 + Math.floor(dice() * 3_000);
  const count = 1 + Math.floor(dice() * 6);
  return one<() => FaultRequest>([
    () => ({ fault: "stream-stall", durationMs, match }),
    () => ({ fault: "stream-gap", count, match }),
    () => ({ fault: "stream-duplicate", count, delayMs: one([0, 300, 1_500]), match }),
    () => ({ fault: "stream-reorder", count, span: count, delayMs: 700, match }),
    () => ({ fault: "stream-replay", count: 1, span: 4 * count, match }),
    () => ({ fault: "stream-truncate", count, match }),
    () => ({ fault: "stream-slow", delayMs: 100 * count, durationMs, match }),
    () => ({ fault: "stream-garbage", mode: one(["any", "utf8", "opcode"] as const), count }),
    () => ({ fault: "stream-reset", count: 1 }),
    () => ({ fault: "stream-drop", closeCode: one([1000, 1001, 1006, 1008, 1012]) }),
    () => ({ fault: "stream-mute", durationMs }),
    () => ({ fault: "black-hole", durationMs }),
    () => ({ fault: "server-shutdown", delayMs: one([5, 800]) }),
    () => ({ fault: "accept-close", count }),
    () => ({ fault: one(["sub-lost", "sub-ack-lost", "sub-refused", "sub-hollow"] as const), count: 1 }),
  ])();
}

interface Run {
  readonly feed: Feed;
  readonly sources: readonly string[];
  readonly trades: TradeEvent[];
  readonly armed: string[];
  readonly lies: string[];
}

/** Arms one fault after the other until the time is over. */
async function harass(exchange: RunningExchange, run: Run, dice: () => number, untilMs: number): Promise<void> {
  const faults: number[] = [];
  while (performance.now() < untilMs) {
    const { match, ...request } = fault(dice);
    const source = run.sources[Math.floor(dice() * run.sources.length)] ?? "";
    faults.push(exchange.arm({ ...request, match: { ...match, source: `${source}:` } }));
    run.armed.push(request.fault);
    await new Promise((resolve) => setTimeout(resolve, 200 + dice() * 2_000));
  }
  for (const armed of faults) exchange.clearFaults(armed);
}

test(
  `${feedsMax} feeds under random faults tell what the exchange had, or that they do not know (seed ${seed})`,
  async () => {
    const exchange = await startExchange({ port: 0, seed, keys: [], limits: roomy, flow: { rate: 15 } });
    const truth = await openTruth(exchange, [btc]);
    const runs = Array.from({ length: feedsMax }, (_, at): Run => {
      // Every other one has a second line.
      const sources = at % 2 === 0 ? [`127.0.9.${at + 1}`] : [`127.0.9.${at + 1}`, `127.0.10.${at + 1}`];
      const feed = openFeed({
        id: `soak-${at}`,
        venue: "binance",
        symbols: [btc],
        wsUrl: `ws://127.0.0.1:${exchange.port}`,
        restUrl: exchange.url,
        lines: sources.map((localAddress) => ({ localAddress })),
        staleAfterMs,
        // A venue like this one is given up, and its host's budget is spent, within minutes, and rightly so. Here each
        // connection counts as a healthy one, or the soak would be one of waiting.
        rules: {
          line: {
            connectWithinMs: 30_000,
            stableAfterMs: 500,
            giveUpAfter: Infinity,
            backoff: { baseMs: 250, capMs: 2_000 },
          },
        },
        world: realWorld(machineClock, Math.random, { take: () => undefined, close: () => undefined }),
      });
      const trades: TradeEvent[] = [];
      feed.onTrade((event) => trades.push(event));
      return { feed, sources, trades, armed: [], lies: [] };
    });
    const looking = setInterval(() => {
      for (const { feed, lies } of runs) {
        const lie = truth.lie(feed, btc, staleAfterMs);
        if (lie !== undefined && lies.length < 3) lies.push(lie);
      }
    }, 25);
    try {
      await until("all are live at first", () => runs.every(({ feed }) => isLive(feed)));
      const untilMs = performance.now() + forMs;
      await Promise.all(runs.map((run, at) => harass(exchange, run, diceOf(seed * 1_000 + at), untilMs)));
      for (const run of runs) {
        const what = `after ${run.armed.length} faults, the last ones ${run.armed.slice(-12).join(", ")}`;
        await until(`it is live again ${what}`, () => isLive(run.feed)).catch((error: unknown) => {
          const { state, reason, symbols, lines } = run.feed.status();
          const ofLines = lines.map((line) => `${line.line} ${line.state}: ${line.reason}`).join("; ");
          throw new Error(`${state}: ${reason}; ${symbols[0]?.quality}: ${symbols[0]?.reason}; ${ofLines}`, {
            cause: error,
          });
        });
        await truth.sameBook(run.feed, btc);
        const { length } = run.trades;
        await until("trades are told again", () => run.trades.length > length + 5);
        expect(run.lies, what).toEqual([]);
        // The exchange's history is there, so each hole is filled, or was told: none is between the ids.
        // Both at one instant: while the exchange is asked, the feed goes on.
        const flagged = run.feed.status().symbols[0]?.tradesFlagged;
        const missing = await truth.sameTrades([...run.trades], btc);
        expect(missing.length, what).toBe(flagged);
      }
      // Or the soak has shown nothing.
      expect(runs.flatMap(({ armed }) => armed).length).toBeGreaterThan(feedsMax * 5);
      expect(new Set(runs.flatMap(({ armed }) => armed)).size).toBeGreaterThan(12);
      expect(runs.reduce((sum, { feed }) => sum + feed.status().connections, 0)).toBeGreaterThan(feedsMax * 3);
    } finally {
      clearInterval(looking);
      truth.close();
      await Promise.all(runs.map(({ feed }) => feed.close()));
      await exchange.close();
    }
  },
  forMs + 300_000,
);
