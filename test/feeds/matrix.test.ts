/**
 * The matrix: every fault that a stream of the simulated exchange can have, on every kind of stream, over real sockets.
 *
 * Each cell is a feed of its own with a source address of its own, by which its faults are armed; all cells live on one
 * exchange at once, or on a second one that has futures, beside a plain client that no fault touches. On futures are those
 * cells in which they differ: another sequence of the book, other trades, a line of two connections. Of each cell is asked:
 * - the trades that were told are the exchange's own, each once, in order, none left out;
 * - the book equals the exchange's at the same update;
 * - whatever was shown and not called stale was the exchange's present price within the bound, at every look;
 * - the fault was noticed, where it can be, by the name that it should have.
 *
 * Not here: `stream-corrupt`, which no client of one line can notice at a venue without checksums (two lines can: see
 * `exchange.test.ts`), and the account stream, which has a matrix of its own in `test/venues-orders`.
 */
import type { SymbolId, TradeEvent } from "@baton/core";
import { id } from "@baton/core";
import type { FaultRequest, RunningExchange } from "@baton/exchange";
import { startExchange } from "@baton/exchange";
import type { Feed, FeedRules, FeedStatus } from "@baton/feeds";
import { feedRules, machineClock, openFeed, realWorld } from "@baton/feeds";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Truth } from "./truth.ts";
import { btc, futures, isLive, openTruth, roomy, sol, spot, until } from "./truth.ts";

const staleAfterMs = 2_000;
/**
 * A feed's own rules, with patience for a machine that is busy with other things: fifty feeds that give up connections
 * because nobody lets them run would only make it busier. Every hole has to be filled here, however long it takes.
 */
const usual = feedRules(staleAfterMs);
const patient: Partial<FeedRules> = {
  line: { connectWithinMs: 30_000, ackWithinMs: 3_000 },
  liveness: { ...usual.liveness, depth: { ...usual.liveness.depth, graceMs: 2_000, silenceMaxMs: 8_000 } },
  trades: { ...usual.trades, holdMs: 60_000 },
};
const lookEveryMs = 50;

interface Cell {
  readonly name: string;
  readonly market: "spot" | "futures";
  readonly symbol: SymbolId;
  readonly faults: readonly FaultRequest[];
  /** True once the fault has had its effect. */
  readonly isNoticed: (status: FeedStatus) => boolean;
}

const kinds = { trade: "btcusdt@trade", depth: "btcusdt@depth@100ms", ticker: "btcusdt@bookTicker" } as const;

const symbolOf = (status: FeedStatus): FeedStatus["symbols"][number] => {
  const [symbol] = status.symbols;
  if (symbol === undefined) throw new Error("a cell carries a symbol");
  return symbol;
};
const connectionsOver =
  (count: number) =>
  ({ connections }: FeedStatus): boolean =>
    connections > count;
const lostBy =
  (...causes: readonly (keyof FeedStatus["reconnects"])[]) =>
  ({ reconnects }: FeedStatus): boolean =>
    causes.some((cause) => reconnects[cause] > 0);
const quarantined = ({ badFrames }: FeedStatus): boolean => badFrames > 0;
/** What comes was sent long ago, and is called stale though it comes. */
const isLateAndStale = (status: FeedStatus): boolean => {
  const { lagMs, quality } = symbolOf(status);
  return (lagMs ?? 0) > 2_400 && quality === "stale";
};
/** Some faults leave nothing to notice: they must not be felt at all. */
const unfelt = (): boolean => true;

const cell = (name: string, isNoticed: Cell["isNoticed"], ...faults: readonly FaultRequest[]): Cell => ({
  name,
  market: "spot",
  symbol: btc,
  isNoticed,
  faults,
});
const drop: FaultRequest = { fault: "stream-drop", closeCode: 1006 };

/** What is lost, doubled or mixed up, on each kind of stream. */
const onStreams: readonly Cell[] = Object.entries(kinds).flatMap(([kind, stream]) => {
  const match = { stream };
  const gapped: Record<string, Cell["isNoticed"]> = {
    trade: (status) => symbolOf(status).tradesRepaired >= 4,
    // Four differences are a silence of half a second: on a busy machine the stream is given up before the gap is seen.
    depth: (status) => symbolOf(status).gaps >= 1 || status.reconnects.stall > 0,
    ticker: unfelt,
  };
  const noticed = gapped[kind] ?? unfelt;
  return [
    cell(`${kind}: silent`, lostBy("stall"), { fault: "stream-stall", match }),
    cell(`${kind}: four messages never come`, noticed, { fault: "stream-gap", count: 4, match }),
    cell(`${kind}: messages come twice`, unfelt, { fault: "stream-duplicate", count: 6, match }),
    cell(`${kind}: twice, the second time late`, unfelt, { fault: "stream-duplicate", count: 6, delayMs: 700, match }),
    cell(`${kind}: out of order`, unfelt, { fault: "stream-reorder", count: 4, span: 2, delayMs: 600, match }),
    cell(`${kind}: the past once more`, unfelt, { fault: "stream-replay", count: 2, span: 8, match }),
    cell(`${kind}: cut in half`, quarantined, { fault: "stream-truncate", count: 2, match }),
    cell(`${kind}: everything comes, three seconds late`, isLateAndStale, {
      ...{ fault: "stream-slow", delayMs: 2_800, match },
    }),
  ];
});

const garbage: readonly Cell[] = (["text", "json", "binary", "nested", "number", "utf8"] as const).map((mode) =>
  cell(`rubbish: ${mode}`, quarantined, { fault: "stream-garbage", mode, count: 5 }),
);
const broken = cell("a frame that breaks the protocol", lostBy("bad-frame"), {
  fault: "stream-garbage",
  mode: "opcode",
  count: 1,
});

const ofConnections: readonly Cell[] = [
  ...[1000, 1001, 1006, 1008, 1011, 1012].map((closeCode) =>
    cell(`closed with ${closeCode}`, connectionsOver(1), { fault: "stream-drop", closeCode }),
  ),
  cell("reset within a frame", lostBy("reset", "bad-frame"), { fault: "stream-reset", count: 1 }),
  cell("everything silent, pongs go on", lostBy("stall"), { fault: "stream-stall" }),
  cell("everything silent, no pong either", lostBy("stall", "half-open"), { fault: "stream-mute" }),
  cell("a path that swallows everything", lostBy("stall", "half-open"), { fault: "black-hole" }),
  cell("the venue announces its end", connectionsOver(1), { fault: "server-shutdown", delayMs: 1_500 }),
  cell("the venue announces its end too late", connectionsOver(1), { fault: "server-shutdown", delayMs: 5 }),
  cell("cut for its age", lostBy("age-cut", "closed"), { fault: "life-cut", lifeMs: 100 }),
  cell("cut at twenty-four hours", lostBy("age-cut", "closed"), { fault: "time-jump", agedMs: 86_400_000 }),
  cell("accepted and closed, three times", connectionsOver(3), { fault: "accept-close", count: 3 }, drop),
  cell(
    "refused with 429",
    lostBy("rate-limit"),
    { fault: "upgrade-refused", status: 429, count: 1, retryAfterSeconds: 1 },
    drop,
  ),
  cell(
    "refused with 503",
    lostBy("maintenance"),
    { fault: "upgrade-refused", status: 503, count: 1, retryAfterSeconds: 1 },
    drop,
  ),
];

const ofSubscriptions: readonly Cell[] = [
  cell("an acknowledgement is lost", connectionsOver(1), { fault: "sub-ack-lost", count: 1 }, drop),
  cell("a subscription is lost", connectionsOver(1), { fault: "sub-lost", count: 1 }, drop),
  cell("a subscription is refused", connectionsOver(1), { fault: "sub-refused", count: 1 }, drop),
  cell("acknowledged, and nothing comes", connectionsOver(1), { fault: "sub-hollow", count: 1 }, drop),
];

/** REST is asked from one address for all cells, so this one has a symbol to itself. */
const ofSnapshots: readonly Cell[] = [
  {
    name: "a snapshot that is older than the stream",
    market: "spot",
    symbol: sol,
    isNoticed: (status) => symbolOf(status).snapshots >= 3,
    faults: [{ fault: "stale-snapshot", delayMs: 1_500, count: 2, match: { symbol: "SOLUSDT" } }, drop],
  },
];

const [btcPerpetual, solPerpetual] = [id<SymbolId>("BTC/USDT:USDT"), id<SymbolId>("SOL/USDT:USDT")];
const futuresKinds = { trade: "btcusdt@aggTrade", depth: "btcusdt@depth@100ms" } as const;
const ofFutures = (name: string, isNoticed: Cell["isNoticed"], ...faults: readonly FaultRequest[]): Cell => ({
  ...cell(`futures, ${name}`, isNoticed, ...faults),
  ...{ market: "futures", symbol: btcPerpetual },
});
const onFutures: readonly Cell[] = [
  ...Object.entries(futuresKinds).flatMap(([kind, stream]) => {
    const match = { stream };
    const isDepth = kind === "depth";
    const isGapSeen = (status: FeedStatus): boolean =>
      isDepth ? symbolOf(status).gaps >= 1 || status.reconnects.stall > 0 : symbolOf(status).tradesRepaired >= 4;
    return [
      ofFutures(`${kind}: silent`, lostBy("stall"), { fault: "stream-stall", match }),
      ofFutures(`${kind}: four messages never come`, isGapSeen, { fault: "stream-gap", count: 4, match }),
      ofFutures(`${kind}: twice, the second time late`, unfelt, {
        ...{ fault: "stream-duplicate", count: 6, delayMs: 700, match },
      }),
      ofFutures(`${kind}: out of order`, unfelt, { fault: "stream-reorder", count: 4, span: 2, delayMs: 600, match }),
      ofFutures(`${kind}: everything comes, three seconds late`, isDepth ? isLateAndStale : unfelt, {
        ...{ fault: "stream-slow", delayMs: 2_800, match },
      }),
      ofFutures(`${kind}: its connection alone is cut`, connectionsOver(2), { ...drop, match }),
    ];
  }),
  ofFutures("both connections are cut", connectionsOver(3), drop),
  ofFutures("everything silent, pongs go on", lostBy("stall"), { fault: "stream-stall" }),
  {
    ...ofFutures(
      "a snapshot that is older than the stream",
      (status) => symbolOf(status).snapshots >= 3,
      { fault: "stale-snapshot", delayMs: 1_500, count: 2, match: { symbol: "SOLUSDT" } },
      { ...drop, match: { stream: "solusdt@depth@100ms" } },
    ),
    symbol: solPerpetual,
  },
];

const cells = [...onStreams, ...garbage, broken, ...ofConnections, ...ofSubscriptions, ...ofSnapshots, ...onFutures];

/** A cell at work. */
interface Run {
  readonly cell: Cell;
  readonly feed: Feed;
  readonly source: string;
  readonly trades: TradeEvent[];
  /** The first look at which something old was not called stale. */
  lie: string | undefined;
  failure: string | undefined;
}

let exchanges: Readonly<Record<Cell["market"], RunningExchange>>;
let truths: Readonly<Record<Cell["market"], Truth>>;
let runs: readonly Run[];
let looking: NodeJS.Timeout | undefined;

beforeAll(async () => {
  const common = { port: 0, seed: 11, keys: [], limits: roomy, flow: { rate: 12 } };
  exchanges = { spot: await startExchange(common), futures: await startExchange({ ...common, personality: "usdm" }) };
  truths = {
    spot: await openTruth(exchanges.spot, [btc, sol], spot),
    futures: await openTruth(exchanges.futures, [btcPerpetual, solPerpetual], futures),
  };
  runs = cells.map((one, at) => open(one, `127.0.${1 + Math.floor(at / 200)}.${1 + (at % 200)}`));
  looking = setInterval(() => {
    for (const run of runs) run.lie ??= truths[run.cell.market].lie(run.feed, run.cell.symbol, staleAfterMs);
  }, lookEveryMs);
  await Promise.all(runs.map(story));
}, 300_000);
afterAll(async () => {
  clearInterval(looking);
  for (const truth of Object.values(truths)) truth.close();
  await Promise.all(runs.map(({ feed }) => feed.close()));
  await Promise.all(Object.values(exchanges).map((exchange) => exchange.close()));
});

test.each(cells.map(({ name }) => name))("%s", async (name) => {
  const run = runs.find((one) => one.cell.name === name) as Run;
  expect(run.failure).toBeUndefined();
  expect(run.lie).toBeUndefined();
  // The exchange's history has everything, so nothing may be told as missing either.
  expect(await truths[run.cell.market].sameTrades(run.trades, run.cell.symbol)).toEqual([]);
});

function open(one: Cell, source: string): Run {
  const exchange = exchanges[one.market];
  const feed = openFeed({
    id: one.name,
    venue: one.market,
    exchange: one.market === "spot" ? "binance" : "binanceusdm",
    symbols: [one.symbol],
    wsUrl: `ws://127.0.0.1:${exchange.port}`,
    restUrl: exchange.url,
    lines: [{ localAddress: source }],
    staleAfterMs,
    rules: patient,
    // The budget of attempts is the process's, and no cell may spend another one's.
    world: realWorld(machineClock, Math.random, { take: () => undefined, close: () => undefined }),
  });
  const run: Run = { cell: one, feed, source, trades: [], lie: undefined, failure: undefined };
  feed.onTrade((event) => run.trades.push(event));
  return run;
}

/** Live, struck, noticed, let go of, live again, and in the end the exchange's own book. */
async function story(run: Run): Promise<void> {
  const { feed, source, cell: one } = run;
  try {
    // What is lost before the first trade was told is nothing that the feed ever began.
    await until("it is live at first, and tells trades", () => isLive(feed) && run.trades.length > 0);
    const armed = one.faults.map(({ match, ...fault }) =>
      // REST is asked from elsewhere: what strikes there is told by its symbol.
      exchanges[one.market].arm({
        ...fault,
        match: match?.symbol === undefined ? { ...match, source: `${source}:` } : match,
      }),
    );
    const { length } = run.trades;
    await until("the fault was noticed", () => one.isNoticed(feed.status()));
    await until("trades were told meanwhile, or the fault is about them", () => {
      const tradeStreams: readonly string[] = [kinds.trade, futuresKinds.trade];
      const isAboutTrades = one.faults.some(
        ({ match }) => match?.stream === undefined || tradeStreams.includes(match.stream),
      );
      return isAboutTrades || run.trades.length > length + 20;
    });
    for (const fault of armed) exchanges[one.market].clearFaults(fault);
    await until("it is live again", () => isLive(feed));
    const again = run.trades.length;
    await until("trades are told again", () => run.trades.length > again + 10);
    await until("it is live in the end", () => isLive(feed));
    await truths[one.market].sameBook(feed, one.symbol);
  } catch (error) {
    const { reason, reconnects, symbols } = feed.status();
    const lost = Object.entries(reconnects).filter(([, count]) => count > 0);
    run.failure = `${String(error).slice(0, 200)} (${reason}; lost ${JSON.stringify(lost)}; ${symbols[0]?.reason})`;
  }
}
