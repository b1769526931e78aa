/**
 * What is asked of the mirrored venue over REST: its instruments with their filters, once, at the start; and a snapshot of
 * a book whenever the stream has to be joined anew. Only public questions: the mirror has no key.
 */
import { areLevels, type BookSnapshot } from "@baton/core";
import { ONE, units } from "../amounts.ts";
import type { Instrument } from "../matching/instrument.ts";
import { LEVELS_MAX } from "./mirrored-book.ts";

/** Which venue is mirrored, and what of it. */
export interface MirrorOptions {
  /** Origin of its streams, e.g. `wss://stream.binance.com:9443`. */
  readonly wsUrl: string;
  /** Origin of its REST interface, e.g. `https://api.binance.com`. */
  readonly restUrl: string;
  /** In its words, e.g. `BTCUSDT`. */
  readonly symbols: readonly string[];
  /** A market that says nothing for so long is no longer believed; 5,000 when nothing is said. */
  readonly staleAfterMs?: number;
}

const WITHIN_MS = 5_000;
/** Stands for a bound that the venue does not set. */
const UNBOUNDED = units("100000000000000");

type Fields = Readonly<Record<string, unknown>>;

/** The instruments to mirror, by the venue's own rules; throws a sentence when one cannot be. */
export async function liveInstruments(options: MirrorOptions): Promise<readonly Instrument[]> {
  if (options.symbols.length === 0) throw new RangeError("a mirror needs at least one symbol");
  const names = encodeURIComponent(JSON.stringify(options.symbols));
  const info = await ask(options, `/api/v3/exchangeInfo?symbols=${names}`);
  const listed = (Array.isArray(info["symbols"]) ? info["symbols"] : []).filter(isFields);
  return Promise.all(
    options.symbols.map(async (symbol) => {
      const entry = listed.find((one) => one["symbol"] === symbol);
      if (entry === undefined) throw new RangeError(`${options.restUrl} does not trade ${symbol}`);
      const ticker = await ask(options, `/api/v3/ticker/price?symbol=${symbol}`);
      return readInstrument(entry, amountOf(ticker, "price"));
    }),
  );
}

/** The book now; rejects with a sentence when it cannot be had. */
export async function liveSnapshot(options: MirrorOptions, symbol: string): Promise<BookSnapshot> {
  const answer = await ask(options, `/api/v3/depth?symbol=${symbol}&limit=${LEVELS_MAX}`);
  const { lastUpdateId: lastId, bids, asks } = answer;
  if (!Number.isSafeInteger(lastId) || !areLevels(bids) || !areLevels(asks)) {
    throw new RangeError(`the snapshot of ${symbol} has no known form`);
  }
  return { lastId: lastId as number, bids, asks, limit: LEVELS_MAX };
}

/** One entry of `exchangeInfo` as the matching core knows it. */
export function readInstrument(entry: Fields, openingPrice: bigint): Instrument {
  const filters = (Array.isArray(entry["filters"]) ? entry["filters"] : []).filter(isFields);
  const filter = (...names: readonly string[]): Fields =>
    filters.find((one) => names.includes(String(one["filterType"]))) ?? {};
  const [price, lot] = [filter("PRICE_FILTER"), filter("LOT_SIZE")];
  const [percent, worth] = [filter("PERCENT_PRICE_BY_SIDE"), filter("NOTIONAL", "MIN_NOTIONAL")];
  const symbol = String(entry["symbol"]);
  const [tickSize, stepSize] = [amountOf(price, "tickSize"), amountOf(lot, "stepSize")];
  if (tickSize === 0n || stepSize === 0n || (tickSize * stepSize) % ONE !== 0n) {
    throw new RangeError(`${symbol} cannot be mirrored: its tick times its step is no whole number of 1e-8`);
  }
  return {
    symbol,
    base: String(entry["baseAsset"]),
    quote: String(entry["quoteAsset"]),
    openingPrice,
    tickSize,
    minPrice: amountOf(price, "minPrice", tickSize),
    maxPrice: amountOf(price, "maxPrice", UNBOUNDED) || UNBOUNDED,
    stepSize,
    minQuantity: amountOf(lot, "minQty", stepSize),
    maxQuantity: amountOf(lot, "maxQty", UNBOUNDED) || UNBOUNDED,
    maxMarketQuantity: amountOf(filter("MARKET_LOT_SIZE"), "maxQty", UNBOUNDED) || UNBOUNDED,
    minNotional: amountOf(worth, "minNotional", 0n),
    maxNotional: amountOf(worth, "maxNotional", UNBOUNDED) || UNBOUNDED,
    maxOrders: Number(filter("MAX_NUM_ORDERS")["maxNumOrders"] ?? 200),
    bidMultiplierUp: amountOf(percent, "bidMultiplierUp", UNBOUNDED),
    bidMultiplierDown: amountOf(percent, "bidMultiplierDown", 0n),
    askMultiplierUp: amountOf(percent, "askMultiplierUp", UNBOUNDED),
    askMultiplierDown: amountOf(percent, "askMultiplierDown", 0n),
  };
}

function amountOf(fields: Fields, name: string, absent?: bigint): bigint {
  const value = fields[name];
  if (typeof value === "string") return units(value);
  if (absent === undefined) throw new RangeError(`the venue's answer has no ${name}`);
  return absent;
}

async function ask({ restUrl }: MirrorOptions, path: string): Promise<Fields> {
  const origin = restUrl.replace(/\/+$/, "");
  let answer: Response;
  try {
    answer = await fetch(origin + path, { signal: AbortSignal.timeout(WITHIN_MS) });
  } catch (error) {
    throw new Error(`${origin} does not answer`, { cause: error });
  }
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${origin}${path}: HTTP ${answer.status} ${text.slice(0, 120)}`);
  const body: unknown = JSON.parse(text);
  if (!isFields(body)) throw new Error(`${origin}${path}: no object`);
  return body;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
