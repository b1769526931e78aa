/** A feed of any exchange against the scripted venue that speaks its words, with short deadlines. */
import type { ExchangeId, SymbolId, TradeEvent } from "@baton/core";
import { id } from "@baton/core";
import { openFeed } from "../feed.ts";
import type { FeedOptions } from "../feed-options.ts";
import type { FeedRules } from "../feed-rules.ts";
import { feedRules } from "../feed-rules.ts";
import type { Feed, FeedChange } from "../market-view.ts";
import type { Dialect } from "./dialect.ts";
import { binanceDialect } from "./dialects/binance.ts";
import { binanceUsdmDialect } from "./dialects/binanceusdm.ts";
import type { BybitDialect } from "./dialects/bybit.ts";
import { bybitDialect } from "./dialects/bybit.ts";
import { coinbaseDialect } from "./dialects/coinbase.ts";
import type { KrakenDialect } from "./dialects/kraken.ts";
import { krakenDialect } from "./dialects/kraken.ts";
import type { OkxDialect } from "./dialects/okx.ts";
import { okxDialect } from "./dialects/okx.ts";
import { until } from "./open-for-test.ts";
import type { OwnTime } from "./own-time.ts";
import { openOwnTime } from "./own-time.ts";
import type { ScriptedVenue } from "./scripted-venue.ts";
import { openScriptedVenue } from "./scripted-venue.ts";

/** What a story has to know of an exchange. */
export interface SpokenVenue<D extends Dialect = Dialect> {
  readonly exchange: ExchangeId;
  readonly dialect: () => D;
  /** Its own name of a market. */
  readonly codeOf: (symbol: SymbolId) => string;
  readonly depthStream: (code: string) => string;
  readonly tradeStream: (code: string) => string;
  /** Where the price has a stream of its own. */
  readonly tickerStream?: (code: string) => string;
  /** Levels a side that the feed holds at most. */
  readonly depth: number;
  readonly snapshots: "stream" | "rest";
  readonly tradeIds: "consecutive" | "ascending";
  /** A REST path that is asked when a book is silent. */
  readonly bookPath: string;
  /** How many connections a line is. */
  readonly connections: number;
  /** How it wants to be pinged. */
  readonly ping: string | undefined;
}

const dashed = (symbol: SymbolId): string => symbol.replace("/", "-");
const joined = (symbol: SymbolId): string => symbol.replace("/", "");

export const spokenKraken: SpokenVenue<KrakenDialect> = {
  ...{ exchange: "kraken", dialect: krakenDialect, codeOf: (symbol) => symbol, depth: 10, snapshots: "stream" },
  ...{ tradeIds: "consecutive", bookPath: "/0/public/Depth", ping: '"method":"ping"', connections: 1 },
  ...{ depthStream: (code) => `book:${code}`, tradeStream: (code) => `trade:${code}` },
};

export const spokenBybit: SpokenVenue<BybitDialect> = {
  ...{ exchange: "bybit", dialect: bybitDialect, codeOf: joined, depth: 50, snapshots: "stream" },
  ...{ tradeIds: "ascending", bookPath: "/v5/market/orderbook", ping: '"op":"ping"', connections: 1 },
  ...{ depthStream: (code) => `orderbook.50.${code}`, tradeStream: (code) => `publicTrade.${code}` },
};

export const spokenOkx: SpokenVenue<OkxDialect> = {
  ...{ exchange: "okx", dialect: () => okxDialect({ streamsSnapshots: true }), codeOf: dashed, depth: 400 },
  ...{ snapshots: "stream", tradeIds: "ascending", bookPath: "/api/v5/market/books", ping: "ping", connections: 1 },
  ...{ depthStream: (code) => `books:${code}`, tradeStream: (code) => `trades:${code}` },
};

/** OKX as it has announced to be: the stream begins without a snapshot. */
export const spokenOkxByRest: SpokenVenue<OkxDialect> = {
  ...spokenOkx,
  ...{ snapshots: "rest", dialect: () => okxDialect({ streamsSnapshots: false }) },
};

export const spokenCoinbase: SpokenVenue = {
  ...{ exchange: "coinbase", dialect: () => coinbaseDialect, depth: 1_000, snapshots: "stream" },
  // Pairs with USDC are told of under the name of the pair with USD.
  codeOf: (symbol) => dashed(symbol).replace(/-USDC$/, "-USD"),
  ...{ tradeIds: "ascending", bookPath: "/market/product_book", ping: undefined, connections: 1 },
  ...{ depthStream: (code) => `level2:${code}`, tradeStream: (code) => `market_trades:${code}` },
};

const spokenBinance: SpokenVenue = {
  ...{ exchange: "binance", dialect: () => binanceDialect, codeOf: joined, depth: 1_000, snapshots: "rest" },
  ...{ tradeIds: "consecutive", bookPath: "/api/v3/depth", ping: undefined, connections: 1 },
  depthStream: (code) => `${code.toLowerCase()}@depth@100ms`,
  tradeStream: (code) => `${code.toLowerCase()}@trade`,
  tickerStream: (code) => `${code.toLowerCase()}@bookTicker`,
};

export const spokenBinanceUsdm: SpokenVenue = {
  ...spokenBinance,
  ...{ exchange: "binanceusdm", dialect: () => binanceUsdmDialect, bookPath: "/fapi/v1/depth", connections: 2 },
  tradeStream: (code) => `${code.toLowerCase()}@aggTrade`,
};

/** All that are spoken, by what the stories call them. */
export const spokenVenues: Readonly<Record<string, SpokenVenue>> = {
  binance: spokenBinance,
  "binance futures": spokenBinanceUsdm,
  kraken: spokenKraken,
  bybit: spokenBybit,
  okx: spokenOkx,
  "okx without snapshots on the stream": spokenOkxByRest,
  coinbase: spokenCoinbase,
};

export const btcUsd: SymbolId = id<SymbolId>("BTC/USD");
export const ethUsd: SymbolId = id<SymbolId>("ETH/USD");

const hasty: FeedRules["line"] = {
  connectWithinMs: 2_000,
  closeWithinMs: 200,
  paceMs: 10,
  ackWithinMs: 600,
  backoff: { baseMs: 20, capMs: 200 },
};

export interface VenueStage<D extends Dialect = Dialect> extends AsyncDisposable {
  readonly spoken: SpokenVenue;
  /** The feed's clock, which stands still while this process does. */
  readonly clock: OwnTime;
  readonly dialect: D;
  readonly venue: ScriptedVenue;
  readonly feed: Feed;
  readonly trades: readonly TradeEvent[];
  readonly changes: readonly FeedChange[];
  /** The venue's names of the two symbols. */
  readonly btc: string;
  readonly eth: string;
}

/** A venue with two markets that move, and a feed that looks at both. */
export async function openVenueStage<D extends Dialect = Dialect>(
  spoken: SpokenVenue<D>,
  options: Partial<Pick<FeedOptions, "tap" | "staleAfterMs">> & {
    readonly everyMs?: number;
    readonly lines?: number;
    readonly line?: FeedRules["line"];
    readonly before?: (venue: ScriptedVenue) => void;
  } = {},
): Promise<VenueStage<D>> {
  const dialect = spoken.dialect();
  const [btc, eth] = [spoken.codeOf(btcUsd), spoken.codeOf(ethUsd)];
  const clock = openOwnTime();
  const venue = await openScriptedVenue([btc, eth], { dialect, nowMs: clock.mono });
  options.before?.(venue);
  const staleAfterMs = options.staleAfterMs ?? 1_000;
  const feed = openFeed({
    id: "spot",
    venue: spoken.exchange,
    exchange: spoken.exchange,
    symbols: [btcUsd, ethUsd],
    wsUrl: venue.wsUrl,
    restUrl: venue.restUrl,
    lines: Array.from({ length: options.lines ?? 1 }, () => ({})),
    staleAfterMs,
    clock,
    rules: { ...feedRules(staleAfterMs), restPaceMs: 5, restWithinMs: 20_000, line: { ...hasty, ...options.line } },
    ...(options.tap === undefined ? {} : { tap: options.tap }),
  });
  const trades: TradeEvent[] = [];
  const changes: FeedChange[] = [];
  feed.onTrade((event) => trades.push(event));
  feed.onState((change) => changes.push(change));
  venue.run(options.everyMs ?? 25);
  return {
    ...{ spoken, clock, dialect, venue, feed, trades, changes, btc, eth },
    async [Symbol.asyncDispose]() {
      await feed.close();
      await venue.close();
      clock[Symbol.dispose]();
    },
  };
}

/** Waits until the feed and both symbols are live. */
export async function untilVenueLive({ feed }: VenueStage): Promise<void> {
  const holds = (): boolean => {
    const { state, symbols } = feed.status();
    return state === "live" && symbols.every(({ quality }) => quality === "live");
  };
  await until("the feed and each symbol are live", holds);
}

/** Waits until the feed holds the venue's own books. Both are read in one turn. */
export async function untilSameBooks(stage: VenueStage): Promise<void> {
  const numbers = (side: readonly (readonly string[])[]): string =>
    side.map((row) => row.map(Number).join("x")).join(" ");
  const isSame = (symbol: SymbolId): boolean => {
    const { depth, codeOf } = stage.spoken;
    const book = stage.feed.book(symbol, depth);
    const truth = stage.venue.book(codeOf(symbol));
    return (["bids", "asks"] as const).every(
      (which) =>
        numbers(book?.[which].map((row) => [row.price, row.quantity]) ?? []) === numbers(truth[which].slice(0, depth)),
    );
  };
  await until("the books are the venue's", () => isSame(btcUsd) && isSame(ethUsd));
}

/**
 * What is wrong with the trades that were told of the symbol: one that is not the venue's, one out of its order, or one of
 * the venue's between the first and the last that was neither told nor lies in a hole. Empty: nothing.
 */
export function wrongTrades(stage: VenueStage, symbol: SymbolId): readonly string[] {
  const truth = stage.venue.market(stage.spoken.codeOf(symbol)).trades;
  const told: number[] = [];
  const holes: (readonly [number, number])[] = [];
  const wrong: string[] = [];
  for (const event of stage.trades) {
    if ((event.type === "trade" ? event.trade.symbol : event.symbol) !== symbol) continue;
    if (event.type === "restart") wrong.push("a restart");
    if (event.type === "hole") holes.push([event.fromId, event.toId]);
    if (event.type !== "trade") continue;
    const { id: tradeId, price, quantity, taker } = event.trade;
    const true_ = truth.find((one) => one.id === tradeId);
    const isTrue =
      true_ !== undefined && Number(true_.price) === Number(price) && Number(true_.qty) === Number(quantity);
    // Binance's spot and Kraken's scripted histories do not keep the side.
    const isSided = event.trade.source === "repair" || true_?.isBuyerTaker === (taker === "buy");
    if (!isTrue || !isSided) wrong.push(`${tradeId} is not the venue's`);
    if (tradeId <= (told.at(-1) ?? -1)) wrong.push(`${tradeId} came after ${told.at(-1) ?? -1}`);
    told.push(tradeId);
  }
  const known = new Set(told);
  const [first = Infinity, last = -Infinity] = [told[0], told.at(-1)];
  for (const { id: tradeId } of truth) {
    if (tradeId < first || tradeId > last || known.has(tradeId)) continue;
    if (!holes.some(([from, to]) => tradeId >= from && tradeId <= to)) wrong.push(`${tradeId} was never told`);
  }
  return wrong;
}

/** How many holes were told of the symbol. */
export function holesOf({ trades }: VenueStage, symbol: SymbolId): number {
  return trades.filter((event) => event.type === "hole" && event.symbol === symbol).length;
}

/** Waits until so many more trades of the symbol than now have been made and the last of them told. */
export async function untilTradesGoOn(stage: VenueStage, symbol: SymbolId = btcUsd): Promise<void> {
  const code = stage.spoken.codeOf(symbol);
  const from = stage.venue.lastTradeId(code);
  await until("trades go on", () => (stage.feed.lastTrade(symbol)?.id ?? 0) > from);
  await until("and are told", () =>
    stage.trades.some((event) => event.type === "trade" && event.trade.symbol === symbol && event.trade.id > from),
  );
}
