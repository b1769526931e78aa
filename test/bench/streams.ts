/**
 * How soon a feed with its usual settings notices that a stream has died in silence, how soon it is live again after its
 * connection was cut, and what the loss of one of two lines costs. Real sockets to the simulated exchange on loopback, fifty
 * feeds at once, each from an address of its own.
 */
import type { SymbolId } from "@baton/core";
import { id } from "@baton/core";
import type { RunningExchange } from "@baton/exchange";
import { startExchange } from "@baton/exchange";
import type { Feed, FeedChange } from "@baton/feeds";
import { machineClock, openFeed, realWorld } from "@baton/feeds";
import { setTimeout as delay } from "node:timers/promises";
import type { Figure } from "./figure.ts";
import { Timings } from "./figure.ts";

const btc = id<SymbolId>("BTC/USDT");
const feedsMax = 50;
const rounds = 6;
const pairsMax = 20;
const pairRounds = 5;
/** Whatever takes longer has failed. */
const withinMs = 60_000;

interface Subject {
  readonly feed: Feed;
  readonly sources: readonly string[];
  readonly changes: FeedChange[];
  missing: number;
}

/** Runs the benchmark. */
export async function run(): Promise<readonly Figure[]> {
  const exchange = await startExchange({ port: 0, seed: 21, keys: [], flow: { rate: 20 } });
  try {
    const single = await open(exchange, feedsMax, 1);
    const stall = new Timings();
    const reconnect = new Timings();
    for (let round = 0; round < rounds; round += 1) {
      await stallAll(exchange, single, stall);
      await dropAll(exchange, single, reconnect);
    }
    await close(single);
    const pairs = await open(exchange, pairsMax, 2);
    const felt = await dropOneOfTwo(exchange, pairs);
    await close(pairs);
    const timed = (name: string, timings: Timings, goal: number): Figure[] =>
      [50, 99].map((percentile) => ({
        name: `${name}: p${percentile}`,
        unit: "ms",
        value: timings.at(percentile),
        samples: timings.count,
        ...(percentile === 99 ? { goal: { atMost: goal } } : {}),
      }));
    return [
      ...timed("a silent stall, until it is noticed", stall, 5_000),
      ...timed("a cut connection, until it is live again", reconnect, 1_000),
      ...felt,
    ];
  } finally {
    await exchange.close();
  }
}

async function open(exchange: RunningExchange, count: number, lines: number): Promise<readonly Subject[]> {
  const subjects = Array.from({ length: count }, (_, at): Subject => {
    const sources = Array.from({ length: lines }, (_line, line) => `127.0.${20 + 2 * lines + line}.${at + 1}`);
    const attempts = { take: () => undefined, close: () => undefined };
    const feed = openFeed({
      id: `bench-${at}`,
      venue: "binance",
      symbols: [btc],
      wsUrl: `ws://127.0.0.1:${exchange.port}`,
      restUrl: exchange.url,
      lines: sources.map((localAddress) => ({ localAddress })),
      world: realWorld(machineClock, Math.random, attempts),
      // Every connection counts as one that has stood for long: else the rounds would be one venue that drops and drops.
      rules: { line: { stableAfterMs: 100 } },
    });
    const subject: Subject = { feed, sources, changes: [], missing: 0 };
    feed.onState((change) => subject.changes.push(change));
    feed.onTrade((event) => {
      if (event.type === "hole") subject.missing += event.toId - event.fromId + 1;
    });
    return subject;
  });
  await until(() => subjects.every(isLive));
  return subjects;
}

async function close(subjects: readonly Subject[]): Promise<void> {
  await Promise.all(subjects.map(({ feed }) => feed.close()));
}

/** Everything falls silent, and pongs go on. */
async function stallAll(exchange: RunningExchange, subjects: readonly Subject[], timings: Timings): Promise<void> {
  forget(subjects);
  const beganMono = machineClock.mono();
  const fault = exchange.arm({ fault: "stream-stall" });
  await until(() => subjects.every(({ changes }) => changes.some((one) => one.type === "lost")));
  exchange.clearFaults(fault);
  for (const { changes } of subjects) {
    const lost = changes.find((one) => one.type === "lost");
    if (lost?.cause !== "stall") throw new Error(`it was lost by ${lost?.cause ?? "nothing"}`);
    timings.add(lost.atMono - beganMono);
  }
  await until(() => subjects.every(isLive));
  // What was live for so long is cut as a healthy connection.
  await delay(500);
}

/** Ten at a time: what a herd costs is another question, and its snapshots would be all that is measured. */
async function dropAll(exchange: RunningExchange, all: readonly Subject[], timings: Timings): Promise<void> {
  for (let at = 0; at < all.length; at += 10) await dropSome(exchange, all.slice(at, at + 10), timings);
}

async function dropSome(exchange: RunningExchange, subjects: readonly Subject[], timings: Timings): Promise<void> {
  forget(subjects);
  for (const { sources } of subjects) {
    exchange.arm({ fault: "stream-drop", closeCode: 1006, match: { source: `${sources[0] ?? ""}:` } });
  }
  const backOf = ({ changes }: Subject): number | undefined => {
    const lost = changes.find((one) => one.type === "lost")?.atMono ?? Infinity;
    return changes.find((one) => one.type === "line" && one.to === "live" && one.atMono >= lost)?.atMono;
  };
  await until(() => subjects.every((subject) => backOf(subject) !== undefined));
  for (const subject of subjects) {
    const lost = subject.changes.find((one) => one.type === "lost");
    timings.add((backOf(subject) ?? Number.NaN) - (lost?.atMono ?? Number.NaN));
  }
  await until(() => subjects.every(isLive));
}

/** Each of two lines in turn; nobody may notice in prices or trades. */
async function dropOneOfTwo(exchange: RunningExchange, pairs: readonly Subject[]): Promise<readonly Figure[]> {
  forget(pairs);
  let staleMs = 0;
  for (let round = 0; round < pairRounds; round += 1) {
    const before = pairs.map(({ feed }) => feed.status().connections);
    for (const { sources } of pairs) {
      exchange.arm({ fault: "stream-drop", closeCode: 1006, match: { source: `${sources[round % 2] ?? ""}:` } });
    }
    await until(() => pairs.every(({ feed }, at) => feed.status().connections > (before[at] ?? 0)));
    await until(() =>
      pairs.every((pair) => isLive(pair) && pair.feed.status().lines.every(({ state }) => state === "live")),
    );
  }
  for (const { changes } of pairs) {
    let since: number | undefined;
    for (const change of changes) {
      if (change.type !== "quality") continue;
      if (change.to === "stale") since ??= change.atMono;
      else if (since !== undefined) {
        staleMs += change.atMono - since;
        since = undefined;
      }
    }
  }
  const samples = pairs.length * pairRounds;
  const missing = pairs.reduce((sum, pair) => sum + pair.missing, 0);
  return [
    { name: "one of two lines lost: stale in all", unit: "ms", value: staleMs, samples, goal: { atMost: 0 } },
    { name: "one of two lines lost: missing ids", unit: "ids", value: missing, samples, goal: { atMost: 0 } },
  ];
}

function forget(subjects: readonly Subject[]): void {
  for (const { changes } of subjects) changes.length = 0;
}

function isLive({ feed }: Subject): boolean {
  const { state, symbols } = feed.status();
  return state === "live" && symbols.every(({ quality }) => quality === "live");
}

async function until(holds: () => boolean): Promise<void> {
  const untilMs = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > untilMs) throw new Error("what was measured has not come about");
    await delay(10);
  }
}
