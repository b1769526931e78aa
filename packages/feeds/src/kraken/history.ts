/**
 * Kraken over REST: trades that the stream left out, and the best levels to compare a silent book with. Its book has no
 * number, so a snapshot cannot be joined to the stream: that comes with a fresh subscription.
 *
 * Public questions are counted by address, about one a second: they wait for each other, and those for which there is no
 * room soon are refused here, before the venue does it.
 *
 * Sources: https://docs.kraken.com/api/docs/rest-api/get-recent-trades, …/get-order-book, …/guides/spot-rest-ratelimits.
 */
import type { Clock, MarketTrade, MonoMs, SymbolId } from "@baton/core";
import { areLevels, canonicalDecimal, monoMs, priceKey, wallMs } from "@baton/core";
import type { VenueHistory } from "../protocol.ts";
import type { RestGet } from "../rest.ts";
import { RestRefused } from "../rest.ts";

/** Most trades of one answer, of the newest; or of the oldest after `since`. */
const tradesMax = 1_000;
/** Levels that are compared: those that the stream's checksum proves. */
const levels = 10;

type Fields = Readonly<Record<string, unknown>>;

/** The venue's history behind `get`. */
export function krakenHistory(get: RestGet, clock: Clock, paceMs: number): VenueHistory {
  const paced = paceQuestions(get, clock, paceMs);
  const resultOf = async (path: string, signal: AbortSignal): Promise<unknown> => {
    const { error, result } = ((await paced(path, signal)) ?? {}) as Fields;
    if (Array.isArray(error) && error.length > 0) {
      throw new RestRefused("rest-refused", `GET ${path} was answered ${String(error[0]).slice(0, 120)}`);
    }
    // The pair's own name there is not always the one that was asked for; it is the one that is not `last`.
    const own = Object.entries((result ?? {}) as Fields).find(([name]) => name !== "last");
    if (own === undefined) throw unreadable("about a pair");
    return own[1];
  };
  const trades = async (symbol: SymbolId, query: string, signal: AbortSignal): Promise<readonly MarketTrade[]> => {
    const answer = await resultOf(`/0/public/Trades?pair=${pairCode(symbol)}${query}`, signal);
    if (!Array.isArray(answer)) throw unreadable("a list of trades");
    return answer.map((one: unknown) => tradeOf(symbol, one)).toSorted((a, b) => a.id - b.id);
  };
  return {
    async bestNow(symbol, signal) {
      const answer = await resultOf(`/0/public/Depth?pair=${pairCode(symbol)}&count=${levels}`, signal);
      const { bids, asks } = (answer ?? {}) as Fields;
      // Each level has its time behind price and quantity.
      const pairs = (side: unknown): unknown =>
        Array.isArray(side) ? side.map((one: unknown) => (Array.isArray(one) ? one.slice(0, 2) : one)) : side;
      const [best, worst] = [pairs(bids), pairs(asks)];
      if (!areLevels(best) || !areLevels(worst)) throw unreadable("a book");
      return { bids: best, asks: worst };
    },
    lastTradeId: async (symbol, signal) => (await trades(symbol, "&count=1", signal)).at(-1)?.id ?? 0,
    async trades({ symbol, fromId, toId, sinceWallMs, signal }) {
      // `since` is in nanoseconds and exclusive; a millisecond sooner costs nothing.
      const since = sinceWallMs === undefined ? "" : `&since=${sinceWallMs - 1}000000`;
      const found = await trades(symbol, `${since}&count=${tradesMax}`, signal);
      return found.filter(({ id }) => id >= fromId && id <= toId);
    },
  };
}

/** One question after the other, each so long after the last; who would wait for more than four is refused. */
function paceQuestions(get: RestGet, clock: Clock, paceMs: number): RestGet {
  let nextMono: MonoMs | undefined;
  return async (path, signal) => {
    const nowMono = clock.mono();
    const turnMono = Math.max(nowMono, nextMono ?? 0);
    const waitMs = turnMono - nowMono;
    if (waitMs > 4 * paceMs) {
      throw new RestRefused("rest-paused", "the venue is asked as often as it allows", { retryAfterMs: waitMs });
    }
    nextMono = monoMs(turnMono + paceMs);
    if (waitMs > 0) await sleep(waitMs, signal);
    signal.throwIfAborted();
    return get(path, signal);
  };
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}

/** `BTC/USD` is `XBTUSD` over REST: the older interface kept the older codes of two currencies. */
function pairCode(symbol: SymbolId): string {
  const old: Readonly<Record<string, string>> = { BTC: "XBT", DOGE: "XDG" };
  return symbol
    .split("/")
    .map((code) => old[code] ?? code)
    .join("");
}

/** `[price, volume, seconds, "b" | "s", "m" | "l", misc, trade id]` */
function tradeOf(symbol: SymbolId, one: unknown): MarketTrade {
  if (!Array.isArray(one)) throw unreadable("a trade");
  const [price, quantity, seconds, side, , , id] = one as readonly unknown[];
  if (!Number.isSafeInteger(id) || typeof seconds !== "number" || !isAmount(price) || !isAmount(quantity)) {
    throw unreadable("a trade");
  }
  return {
    symbol,
    id: id as number,
    price: canonicalDecimal(price),
    quantity: canonicalDecimal(quantity),
    taker: side === "s" ? "sell" : "buy",
    tradedWallMs: wallMs(Math.floor(seconds * 1_000)),
    source: "repair",
  };
}

function unreadable(what: string): RestRefused {
  return new RestRefused("rest-unreadable", `the venue's answer is not ${what} as documented`);
}

function isAmount(value: unknown): value is string {
  return typeof value === "string" && priceKey(value) > 0;
}
