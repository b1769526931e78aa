/**
 * The matrix: every fault that a stream of the simulated exchange can have, on every kind of stream, over real sockets.
 *
 * Each cell is a feed of its own with a source address of its own, by which its faults are armed; all cells live on one
 * exchange at once, beside a plain client that no fault touches. What is asked of each cell:
 * - the trades that were told are the exchange's own, each once, in order, none left out;
 * - the book equals the exchange's at the same update;
 * - whatever was shown and not called stale was the exchange's present price within the bound, at every look;
 * - the fault was noticed, where it can be, by the name that it should have.
 *
 * Not here: `stream-corrupt`, which no client of one line can notice at a venue without checksums (two lines can: see
 * `exchange.test.ts`), and the account stream, which is not the feed's.
 */
import type { SymbolId, TradeEvent } from "@baton/core";
import { id } from "@baton/core";
import type { FaultRequest, RunningExchange } from "@baton/exchange";
import { startExchange } from "@baton/exchange";
import type { Feed, FeedStatus } from "@baton/feeds";
import { openFeed } from "@baton/feeds";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { WebSocket } from "ws";

const staleAfterMs = 800;
/** What a machine with two cores and other work may add before a look counts as a lie. */
const lateMs = 1_000;
const lookEveryMs = 25;
/** Half a minute for each step of what takes ten seconds in all on an idle machine. */
const patience = { timeout: 30_000, interval: 50 };

interface Cell {
  readonly name: string;
  readonly symbol: SymbolId;
  readonly faults: readonly FaultRequest[];
  /** True once the fault has had its effect. */
  readonly isNoticed: (status: FeedStatus) => boolean;
}

const btc = id<SymbolId>("BTC/USDT");
const sol = id<SymbolId>("SOL/USDT");
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
/** Some faults leave nothing to notice: they must not be felt at all. */
const unfelt = (): boolean => true;

const cell = (name: string, isNoticed: Cell["isNoticed"], ...faults: readonly FaultRequest[]): Cell => ({
  name,
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
    depth: (status) => symbolOf(status).gaps >= 1,
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
    cell(`${kind}: two seconds late`, unfelt, { fault: "stream-slow", delayMs: 2_000, durationMs: 4_000, match }),
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
    symbol: sol,
    isNoticed: (status) => symbolOf(status).snapshots >= 3,
    faults: [{ fault: "stale-snapshot", delayMs: 1_500, count: 2, match: { symbol: "SOLUSDT" } }, drop],
  },
];

const cells = [...onStreams, ...garbage, broken, ...ofConnections, ...ofSubscriptions, ...ofSnapshots];

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

let exchange: RunningExchange;
let runs: readonly Run[];
let looking: NodeJS.Timeout | undefined;
const sockets: WebSocket[] = [];
/** Update ids of the best price, by symbol, with the instant at which a client without faults heard of each. */
const heard = new Map<SymbolId, { readonly updateId: number; readonly atMs: number }[]>();

beforeAll(async () => {
  exchange = await startExchange({ port: 0, seed: 11, keys: [], flow: { rate: 30 } });
  for (const symbol of [btc, sol]) await listenBeside(symbol);
  runs = cells.map((one, at) => open(one, `127.0.${1 + Math.floor(at / 200)}.${1 + (at % 200)}`));
  looking = setInterval(() => runs.forEach(look), lookEveryMs);
  await Promise.all(runs.map(story));
}, 120_000);
afterAll(async () => {
  clearInterval(looking);
  for (const socket of sockets) socket.terminate();
  await Promise.all(runs.map(({ feed }) => feed.close()));
  await exchange.close();
});

test.each(cells.map(({ name }) => name))("%s", async (name) => {
  const run = runs.find((one) => one.cell.name === name) as Run;
  expect(run.failure).toBeUndefined();
  expect(run.lie).toBeUndefined();
  await expectTheVenuesTrades(run);
  expect(symbolOf(run.feed.status()).tradesFlagged).toBe(0);
});

function open(one: Cell, source: string): Run {
  const feed = openFeed({
    id: one.name,
    venue: "binance",
    symbols: [one.symbol],
    wsUrl: `ws://127.0.0.1:${exchange.port}`,
    restUrl: exchange.url,
    lines: [{ localAddress: source }],
    staleAfterMs,
  });
  const run: Run = { cell: one, feed, source, trades: [], lie: undefined, failure: undefined };
  feed.onTrade((event) => run.trades.push(event));
  return run;
}

/** Live, struck, noticed, let go of, live again, and in the end the exchange's own book. */
async function story(run: Run): Promise<void> {
  const { feed, source, cell: one } = run;
  try {
    await until("it is live at first", () => isLive(feed));
    const armed = one.faults.map(({ match, ...fault }) =>
      // REST is asked from elsewhere: what strikes there is told by its symbol.
      exchange.arm({ ...fault, match: match?.symbol === undefined ? { ...match, source: `${source}:` } : match }),
    );
    const { length } = run.trades;
    await until("the fault was noticed", () => one.isNoticed(feed.status()));
    await until("trades were told meanwhile, or the fault is about them", () => {
      const isAboutTrades = one.faults.some(({ match }) => match?.stream === undefined || match.stream === kinds.trade);
      return isAboutTrades || run.trades.length > length + 20;
    });
    for (const fault of armed) exchange.clearFaults(fault);
    await until("it is live again", () => isLive(feed));
    const again = run.trades.length;
    await until("trades are told again", () => run.trades.length > again + 10);
    await until("it is live in the end", () => isLive(feed));
    await compareBooks(feed, one.symbol);
  } catch (error) {
    const { reason, reconnects, symbols } = feed.status();
    const lost = Object.entries(reconnects).filter(([, count]) => count > 0);
    run.failure = `${String(error).slice(0, 200)} (${reason}; lost ${JSON.stringify(lost)}; ${symbols[0]?.reason})`;
  }
}

const isLive = (feed: Feed): boolean => {
  const { state, symbols } = feed.status();
  return state === "live" && symbols.every(({ quality }) => quality === "live");
};

async function until(fact: string, holds: () => boolean): Promise<void> {
  await vi.waitFor(() => {
    if (!holds()) throw new Error(fact);
  }, patience);
}

/** A client that no fault is armed for; it shares no code with the feed. */
async function listenBeside(symbol: SymbolId): Promise<void> {
  const known: { updateId: number; atMs: number }[] = [];
  heard.set(symbol, known);
  const socket = new WebSocket(
    `ws://127.0.0.1:${exchange.port}/ws/${symbol.replace("/", "").toLowerCase()}@bookTicker`,
  );
  sockets.push(socket);
  socket.on("message", (data: Buffer) => {
    const { u } = JSON.parse(data.toString("utf8")) as { readonly u: number };
    known.push({ updateId: u, atMs: performance.now() });
  });
  await vi.waitFor(() => expect(known.length).toBeGreaterThan(0), patience);
}

/** Whatever is not called stale must be as new as what everybody could know so long ago. */
function look(run: Run): void {
  const top = run.feed.top(run.cell.symbol);
  if (top === undefined || top.quality === "stale" || run.lie !== undefined) return;
  const nowMs = performance.now();
  const known = heard.get(run.cell.symbol) ?? [];
  const old = known.findLast(({ atMs }) => atMs < nowMs - staleAfterMs - lateMs);
  if (old === undefined || top.updateId >= old.updateId) return;
  run.lie = `${top.quality} at update ${top.updateId}, while ${old.updateId} was ${Math.round(nowMs - old.atMs)} ms old`;
}

async function ask<T>(path: string): Promise<T> {
  const response = await fetch(`${exchange.url}${path}`);
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

type Depth = { readonly lastUpdateId: number; readonly bids: string[][]; readonly asks: string[][] };
/** What the exchange said of its books, asked once for all cells that wait. */
const truths = new Map<SymbolId, Map<number, Depth>>();
const asking = new Map<SymbolId, Promise<void>>();
async function learnTruth(symbol: SymbolId): Promise<void> {
  const now =
    asking.get(symbol) ??
    (async () => {
      const depth = await ask<Depth>(`/api/v3/depth?symbol=${symbol.replace("/", "")}&limit=1000`);
      const known = truths.get(symbol) ?? new Map<number, Depth>();
      truths.set(symbol, known.set(depth.lastUpdateId, depth));
      asking.delete(symbol);
    })();
  asking.set(symbol, now);
  await now;
}

/** Waits until the feed's book and one that the exchange has told stand at the same update, and compares them. */
async function compareBooks(feed: Feed, symbol: SymbolId): Promise<void> {
  const plain = (levels: readonly (readonly string[])[]): string =>
    levels.map((level) => level.map(Number).join("x")).join(" ");
  for (let compared = 0; compared < 2;) {
    let truth: Depth | undefined;
    await vi.waitFor(async () => {
      await learnTruth(symbol);
      truth = truths.get(symbol)?.get(feed.book(symbol, 1)?.updateId ?? 0);
      if (truth === undefined) throw new Error("no book at the same update yet");
    }, patience);
    const book = feed.book(symbol, 1_000);
    if (truth === undefined || book?.updateId !== truth.lastUpdateId) continue;
    expect(plain(book.bids.map(({ price, quantity }) => [price, quantity]))).toBe(plain(truth.bids));
    expect(plain(book.asks.map(({ price, quantity }) => [price, quantity]))).toBe(plain(truth.asks));
    compared += 1;
  }
}

/** What was told is the exchange's own list from the first to the last, without a hole. */
async function expectTheVenuesTrades({ trades, cell: { symbol } }: Run): Promise<void> {
  expect(trades.filter(({ type }) => type !== "trade")).toEqual([]);
  const told = trades.flatMap((event) => (event.type === "trade" ? [event.trade] : []));
  expect(told.length).toBeGreaterThan(10);
  type Row = { readonly id: number; readonly price: string; readonly qty: string };
  const truth: Row[] = [];
  while (truth.length < told.length) {
    const fromId = (truth.at(-1)?.id ?? (told[0]?.id ?? 0) - 1) + 1;
    const code = symbol.replace("/", "");
    truth.push(...(await ask<Row[]>(`/api/v3/historicalTrades?symbol=${code}&fromId=${fromId}&limit=1000`)));
  }
  expect(told.map((trade) => [trade.id, Number(trade.price), Number(trade.quantity)])).toEqual(
    truth.slice(0, told.length).map((row) => [row.id, Number(row.price), Number(row.qty)]),
  );
}
