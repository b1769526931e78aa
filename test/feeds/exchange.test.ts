/**
 * The feed and the simulated exchange, over real sockets: what the feed shows is what the exchange has, through every
 * stream fault that the exchange knows.
 */
import type { SymbolId, TradeEvent } from "@baton/core";
import { id, monoMs, wallMs } from "@baton/core";
import type { FaultRequest, RunningExchange } from "@baton/exchange";
import { startExchange } from "@baton/exchange";
import type { Feed, FeedChange, FeedRules } from "@baton/feeds";
import { feedRules, openFeed } from "@baton/feeds";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

const symbols = ["BTC/USDT", "ETH/USDT", "SOL/USDT"].map((symbol) => id<SymbolId>(symbol));
const [btc] = symbols as [SymbolId];
const staleAfterMs = 1_000;
const patience = { timeout: 60_000, interval: 10 };
/**
 * A feed's own rules, with patience for a machine that is busy with other things: a connection that is given up because
 * nobody let the exchange speak is counted like any other, and here they are counted.
 */
const usual = feedRules(staleAfterMs);
const patient: Partial<FeedRules> = {
  line: { connectWithinMs: 30_000, ackWithinMs: 30_000 },
  liveness: {
    ...usual.liveness,
    depth: { ...usual.liveness.depth, answerWithinMs: 10_000, graceMs: 3_000, silenceMaxMs: 30_000 },
    trade: { ...usual.liveness.trade, answerWithinMs: 10_000, graceMs: 3_000 },
  },
  trades: { ...usual.trades, holdMs: 60_000 },
  restWithinMs: 20_000,
};

let exchange: RunningExchange;
let feed: Feed;
let changes: FeedChange[];
let trades: TradeEvent[];

beforeEach(async () => {
  exchange = await startExchange({ port: 0, seed: 7, keys: [], flow: { rate: 60 } });
  feed = openFeed({
    id: "spot",
    venue: "binance",
    symbols,
    wsUrl: `ws://127.0.0.1:${exchange.port}`,
    restUrl: exchange.url,
    staleAfterMs,
    rules: patient,
    clock: { mono: () => monoMs(performance.now()), wall: () => wallMs(Date.now()) },
  });
  changes = [];
  trades = [];
  feed.onState((change) => changes.push(change));
  feed.onTrade((event) => trades.push(event));
  await live();
});
afterEach(async () => {
  await feed.close();
  await exchange.close();
});

async function until(fact: string, holds: () => boolean): Promise<void> {
  await vi.waitFor(() => expect(holds(), fact).toBe(true), patience);
}

async function live(): Promise<void> {
  await until("the feed and every symbol are live", () => {
    const status = feed.status();
    return status.state === "live" && status.symbols.every(({ quality }) => quality === "live");
  });
}

async function ask<T>(path: string): Promise<T> {
  const response = await fetch(`${exchange.url}${path}`);
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

/** Both sides of a book in one text, with amounts in one form. */
function textOf(book: {
  readonly bids: readonly (readonly string[])[];
  readonly asks: readonly (readonly string[])[];
}): string {
  const side = (levels: readonly (readonly string[])[]): string =>
    levels.map(([price, quantity]) => `${Number(price)}x${Number(quantity)}`).join(" ");
  return `${side(book.bids)} | ${side(book.asks)}`;
}

/** Compares the feed's book with the exchange's wherever both stand at the same update, until `count` were compared. */
async function compareBooks(symbol: SymbolId, count: number, of: Feed = feed): Promise<number> {
  const held = new Map<number, string>();
  const stop = of.onTop((top) => {
    const book = top.symbol === symbol ? of.book(symbol, 1_000) : undefined;
    if (book === undefined) return;
    const pairs = (side: typeof book.bids): string[][] => side.map(({ price, quantity }) => [price, quantity]);
    held.set(book.updateId, textOf({ bids: pairs(book.bids), asks: pairs(book.asks) }));
  });
  const truths = new Map<number, string>();
  const matches = (): number[] => [...truths.keys()].filter((updateId) => held.has(updateId));
  await vi.waitFor(async () => {
    type Depth = { lastUpdateId: number; bids: string[][]; asks: string[][] };
    const depth = await ask<Depth>(`/api/v3/depth?symbol=${symbol.replace("/", "")}&limit=1000`);
    truths.set(depth.lastUpdateId, textOf(depth));
    expect(matches().length).toBeGreaterThanOrEqual(count);
  }, patience);
  stop();
  for (const updateId of matches()) expect(held.get(updateId)).toBe(truths.get(updateId));
  return matches().length;
}

function tradesOf(symbol: SymbolId): readonly Extract<TradeEvent, { type: "trade" }>["trade"][] {
  return trades.flatMap((event) => (event.type === "trade" && event.trade.symbol === symbol ? [event.trade] : []));
}

/** What is lost before the first trade was told is nothing that the feed ever began. */
function tradesFlow(): Promise<void> {
  return until("trades of each symbol are told", () => symbols.every((symbol) => tradesOf(symbol).length > 0));
}

/** Asserts that what was told of the symbol's trades is the exchange's own list, each once, in order, none left out. */
async function expectTheVenuesTrades(symbol: SymbolId): Promise<void> {
  const { length } = tradesOf(symbol);
  await until("more of its trades are told", () => tradesOf(symbol).length > Math.max(length, 5));
  const told = tradesOf(symbol);
  expect(trades.filter(({ type }) => type !== "trade")).toEqual([]);
  const first = told[0]?.id ?? 0;
  type Row = { id: number; price: string; qty: string };
  const code = symbol.replace("/", "");
  const truth = await ask<Row[]>(`/api/v3/historicalTrades?symbol=${code}&fromId=${first}&limit=1000`);
  expect(
    told.slice(0, truth.length).map(({ id: tradeId, price, quantity }) => [tradeId, Number(price), Number(quantity)]),
  ).toEqual(truth.slice(0, told.length).map((row) => [row.id, Number(row.price), Number(row.qty)]));
}

const arm = (fault: FaultRequest): number => exchange.arm(fault);
const symbolStatus = (): NonNullable<ReturnType<Feed["status"]>["symbols"][number]> => {
  const [first] = feed.status().symbols;
  if (first === undefined) throw new Error("the feed carries symbols");
  return first;
};

describe("the feed on the simulated exchange", () => {
  test("shows the exchange's book at the same update", async () => {
    for (const symbol of symbols) expect(await compareBooks(symbol, 5)).toBeGreaterThanOrEqual(5);
    expect(feed.status()).toMatchObject({ connections: 1, badFrames: 0, restErrors: 0 });
  });

  test.each([1000, 1001, 1006])(
    "tells every trade once, in order, through connections dropped with %i",
    async (closeCode) => {
      await tradesFlow();
      for (let round = 1; round <= 3; round += 1) {
        arm({ fault: "stream-drop", closeCode });
        await until(
          "the drop was seen",
          () => Object.values(feed.status().reconnects).reduce((a, b) => a + b) === round,
        );
        await live();
      }
      const { length } = trades;
      await until("trades flow again", () => trades.length > length + 30);
      await expectTheVenuesTrades(btc);
      await compareBooks(btc, 2);
      expect(feed.status().connections).toBe(4);
    },
  );

  test("is stale while the exchange stalls in silence, and then reconnects", async () => {
    await tradesFlow();
    const stall = arm({ fault: "stream-stall" });
    await until("prices are stale", () => feed.top(btc)?.quality === "stale");
    expect(feed.top(btc)?.ageMs(monoMs(performance.now()))).toBeGreaterThan(staleAfterMs);
    await until("the stall was seen", () => feed.status().reconnects.stall >= 1);
    exchange.clearFaults(stall);
    await live();
    await expectTheVenuesTrades(btc);
    expect(changes).toContainEqual(expect.objectContaining({ type: "quality", to: "stale" }));
  });

  test("repairs a book of which one message was lost, without a reconnection", async () => {
    arm({ fault: "stream-gap", count: 2, match: { stream: "btcusdt@depth@100ms" } });
    await until("the gap was seen", () => symbolStatus().gaps >= 1);
    await live();
    await compareBooks(btc, 3);
    expect(feed.status().connections).toBe(1);
  });

  test("repairs trades that were lost, and takes doubled ones once", async () => {
    await tradesFlow();
    arm({ fault: "stream-gap", count: 5, match: { stream: "btcusdt@trade" } });
    await until("five were repaired", () => symbolStatus().tradesRepaired >= 5);
    arm({ fault: "stream-duplicate", count: 8, match: { stream: "btcusdt@trade" } });
    await until("eight were doubled", () => symbolStatus().tradeDuplicates >= 8);
    await expectTheVenuesTrades(btc);
    expect(feed.status().connections).toBe(1);
  });

  test("comes back after the exchange was down for a while", async () => {
    await tradesFlow();
    const down = arm({ fault: "venue-down", mode: "refuse", durationMs: 600_000 });
    await until("it is refused", () => feed.status().reconnects.refused >= 1);
    await until("prices are stale", () => feed.top(btc)?.quality === "stale");
    exchange.clearFaults(down);
    await live();
    await expectTheVenuesTrades(btc);
    expect(symbolStatus().tradesFlagged).toBe(0);
  });

  test("obeys a refused upgrade, and survives it", async () => {
    await tradesFlow();
    arm({ fault: "upgrade-refused", status: 503, count: 1 });
    arm({ fault: "stream-drop", closeCode: 1006 });
    await until("it was refused", () => feed.status().reconnects.maintenance === 1);
    await live();
    const refused = changes.findIndex((change) => change.type === "lost" && change.cause === "maintenance");
    const again = changes.slice(refused).find((change) => change.type === "line" && change.to === "connecting");
    // The exchange names five seconds, by the feed's own clock; a timer may fire a millisecond early.
    expect((again?.atMono ?? 0) - (changes[refused]?.atMono ?? 0)).toBeGreaterThan(4_990);
    await expectTheVenuesTrades(btc);
  });
});

describe("two lines on the simulated exchange", () => {
  let pair: Feed;
  let told: TradeEvent[];
  let seen: FeedChange[];

  beforeEach(async () => {
    pair = openFeed({
      id: "pair",
      venue: "binance",
      symbols,
      wsUrl: `ws://127.0.0.1:${exchange.port}`,
      restUrl: exchange.url,
      lines: [{ localAddress: "127.0.0.2" }, { localAddress: "127.0.0.3" }],
      // Longer than a busy machine holds this process up, and shorter than a stall lasts until it is seen.
      staleAfterMs: 3_000,
      rules: patient,
      clock: { mono: () => monoMs(performance.now()), wall: () => wallMs(Date.now()) },
    });
    told = [];
    seen = [];
    pair.onTrade((event) => told.push(event));
    await bothLive();
    pair.onState((change) => seen.push(change));
  });
  afterEach(() => pair.close());

  async function bothLive(): Promise<void> {
    await until("both lines are live", () => {
      const { lines, symbols: each } = pair.status();
      return lines.every(({ state }) => state === "live") && each.every(({ quality }) => quality === "live");
    });
  }

  test("find out a line that lies in what reads well, and show the exchange's book again", async () => {
    const match = { source: "127.0.0.2", stream: "btcusdt@depth@100ms" };
    const lie = arm({ fault: "stream-corrupt", match });
    await until("the lines were found to disagree", () => (pair.status().symbols[0]?.distrusts ?? 0) >= 2);
    exchange.clearFaults(lie);
    await bothLive();
    expect(await compareBooks(btc, 3, pair)).toBeGreaterThanOrEqual(3);
    expect(pair.status().reconnects).toMatchObject({ stall: 0, reset: 0 });
  });

  test("lose nothing and are never stale while either is dropped, stalled or robbed of frames", async () => {
    for (const source of ["127.0.0.2", "127.0.0.3"]) {
      arm({ fault: "stream-drop", closeCode: 1006, match: { source } });
      arm({ fault: "stream-gap", count: 3, match: { source, stream: "btcusdt@trade" } });
      const { stall: stalls } = pair.status().reconnects;
      const stall = arm({ fault: "stream-stall", match: { source } });
      await until("the stall was seen", () => pair.status().reconnects.stall > stalls);
      exchange.clearFaults(stall);
      await bothLive();
    }
    const { length } = told;
    await until("trades flow", () => told.length > length + 30);
    expect(seen).not.toContainEqual(expect.objectContaining({ type: "quality", to: "stale" }));
    expect(told.filter(({ type }) => type !== "trade")).toEqual([]);
    const ids = told.flatMap((event) => (event.type === "trade" && event.trade.symbol === btc ? [event.trade.id] : []));
    expect(ids).toEqual(ids.map((_, at) => (ids[0] ?? 0) + at));
  });
});
