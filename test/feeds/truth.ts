/**
 * What the simulated exchange really had, and whether a feed told it: its trades, its books, and at every look whether
 * what was shown and not called stale was as new as it had to be. It listens by a plain client of its own, which no fault
 * is armed for, and asks over REST; it shares no code with the feed.
 */
import type { SymbolId, TradeEvent } from "@baton/core";
import { id } from "@baton/core";
import type { RunningExchange } from "@baton/exchange";
import type { Feed } from "@baton/feeds";
import { expect, vi } from "vitest";
import { WebSocket } from "ws";

export const btc: SymbolId = id<SymbolId>("BTC/USDT");
export const sol: SymbolId = id<SymbolId>("SOL/USDT");

/** What a machine with two cores and other work may add before a look counts as a lie. */
const lateMs = 1_000;
/** A minute and a half for each step of what takes ten seconds in all on an idle machine. */
const patience = { timeout: 90_000, interval: 50 };

/** All feeds of a test ask from one address, which no venue's limits are made for. */
export const roomy: { readonly weightPerMinute: number; readonly connectionsPerFiveMinutes: number } = {
  weightPerMinute: 10_000_000,
  connectionsPerFiveMinutes: 1_000_000,
};

/** In which words an exchange is asked. */
export interface Market {
  readonly codeOf: (symbol: SymbolId) => string;
  readonly depthPath: (code: string) => string;
  /** A thousand trades from this id on. */
  readonly tradesPath: (code: string, fromId: number) => string;
  /** Of one of them: its id, its price and its quantity. */
  readonly rowOf: (row: Readonly<Record<string, unknown>>) => readonly [number, number, number];
}

/** Binance spot: each trade by itself. */
export const spot: Market = {
  codeOf: (symbol) => symbol.replace("/", ""),
  depthPath: (code) => `/api/v3/depth?symbol=${code}&limit=1000`,
  tradesPath: (code, fromId) => `/api/v3/historicalTrades?symbol=${code}&fromId=${fromId}&limit=1000`,
  rowOf: (row) => [Number(row["id"]), Number(row["price"]), Number(row["qty"])],
};

/** Binance's futures: trades of one taker at one price as one. */
export const futures: Market = {
  codeOf: (symbol) => symbol.replace("/", "").replace(/:.*$/, ""),
  depthPath: (code) => `/fapi/v1/depth?symbol=${code}&limit=1000`,
  tradesPath: (code, fromId) => `/fapi/v1/aggTrades?symbol=${code}&fromId=${fromId}&limit=1000`,
  rowOf: (row) => [Number(row["a"]), Number(row["p"]), Number(row["q"])],
};

/** The exchange's own word. */
export interface Truth {
  /** A sentence when the feed shows something old and does not call it stale. */
  lie(feed: Feed, symbol: SymbolId, staleAfterMs: number): string | undefined;
  /** Waits until the feed's book and the exchange's stand at the same update, twice, and compares them. */
  sameBook(feed: Feed, symbol: SymbolId): Promise<void>;
  /** What was told is the exchange's own list from the first to the last; returns the ids that were told as missing. */
  sameTrades(events: readonly TradeEvent[], symbol: SymbolId): Promise<readonly number[]>;
  close(): void;
}

/** Polls until it holds; fails with the fact that did not come true. */
export async function until(fact: string, holds: () => boolean): Promise<void> {
  await vi.waitFor(() => {
    if (!holds()) throw new Error(fact);
  }, patience);
}

/** True while the feed and each of its symbols are live. */
export function isLive(feed: Feed): boolean {
  const { state, symbols } = feed.status();
  return state === "live" && symbols.every(({ quality }) => quality === "live");
}

interface Depth {
  readonly lastUpdateId: number;
  readonly bids: string[][];
  readonly asks: string[][];
}

/** Listens beside from now on. */
export async function openTruth(
  exchange: RunningExchange,
  symbols: readonly SymbolId[],
  { codeOf, depthPath, tradesPath, rowOf }: Market = spot,
): Promise<Truth> {
  const sockets: WebSocket[] = [];
  /** Update ids of the best price, each with the instant at which everybody could know it. */
  const heard = new Map<SymbolId, { readonly updateId: number; readonly atMs: number }[]>();
  /** What the exchange said of its books: asked once for all who wait. */
  const books = new Map<SymbolId, Map<number, Depth>>();
  const asking = new Map<SymbolId, Promise<void>>();

  const ask = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${exchange.url}${path}`);
    expect(response.status).toBe(200);
    return (await response.json()) as T;
  };
  const learnBook = async (symbol: SymbolId): Promise<void> => {
    const now =
      asking.get(symbol) ??
      (async () => {
        const depth = await ask<Depth>(depthPath(codeOf(symbol)));
        const known = books.get(symbol) ?? new Map<number, Depth>();
        books.set(symbol, known.set(depth.lastUpdateId, depth));
        asking.delete(symbol);
      })();
    asking.set(symbol, now);
    await now;
  };
  for (const symbol of symbols) {
    const known: { updateId: number; atMs: number }[] = [];
    heard.set(symbol, known);
    const stream = `${codeOf(symbol).toLowerCase()}@bookTicker`;
    const socket = new WebSocket(`ws://127.0.0.1:${exchange.port}/ws/${stream}`);
    sockets.push(socket);
    socket.on("message", (data: Buffer) => {
      const { u } = JSON.parse(data.toString("utf8")) as { readonly u: number };
      known.push({ updateId: u, atMs: performance.now() });
      if (known.length > 2_000) known.splice(0, 1_000);
    });
    await until("the exchange tells its prices", () => known.length > 0);
  }

  return {
    lie(feed, symbol, staleAfterMs) {
      const top = feed.top(symbol);
      if (top === undefined || top.quality === "stale") return undefined;
      const nowMs = performance.now();
      const old = heard.get(symbol)?.findLast(({ atMs }) => atMs < nowMs - staleAfterMs - lateMs);
      if (old === undefined || top.updateId >= old.updateId) return undefined;
      const ageMs = Math.round(nowMs - old.atMs);
      return `${top.quality} at update ${top.updateId}, while ${old.updateId} was ${ageMs} ms old`;
    },
    async sameBook(feed, symbol) {
      const plain = (levels: readonly (readonly string[])[]): string =>
        levels.map((level) => level.map(Number).join("x")).join(" ");
      for (let compared = 0; compared < 2;) {
        let truth: Depth | undefined;
        await vi.waitFor(async () => {
          await learnBook(symbol);
          truth = books.get(symbol)?.get(feed.book(symbol, 1)?.updateId ?? 0);
          if (truth === undefined) throw new Error("no book at the same update yet");
        }, patience);
        const book = feed.book(symbol, 1_000);
        if (truth === undefined || book?.updateId !== truth.lastUpdateId) continue;
        expect(plain(book.bids.map(({ price, quantity }) => [price, quantity]))).toBe(plain(truth.bids));
        expect(plain(book.asks.map(({ price, quantity }) => [price, quantity]))).toBe(plain(truth.asks));
        compared += 1;
      }
    },
    async sameTrades(events, symbol) {
      const missing: number[] = [];
      const told: [number, number, number][] = [];
      let last: number | undefined;
      for (const event of events) {
        if (event.type === "restart") throw new Error("the exchange's ids do not begin anew");
        const [fromId, toId] = event.type === "trade" ? [event.trade.id, event.trade.id] : [event.fromId, event.toId];
        expect(fromId, "each follows the last").toBe((last ?? fromId - 1) + 1);
        last = toId;
        if (event.type === "trade")
          told.push([event.trade.id, Number(event.trade.price), Number(event.trade.quantity)]);
        else for (let missed = fromId; missed <= toId; missed += 1) missing.push(missed);
      }
      expect(told.length).toBeGreaterThan(10);
      const truth = new Map<number, readonly [number, number, number]>();
      for (let fromId = told[0]?.[0] ?? 0; fromId <= (told.at(-1)?.[0] ?? 0);) {
        const rows = await ask<Readonly<Record<string, unknown>>[]>(tradesPath(codeOf(symbol), fromId));
        for (const row of rows.map(rowOf)) truth.set(row[0], row);
        fromId = (rowOf(rows.at(-1) ?? {})[0] || Infinity) + 1;
      }
      expect(told).toEqual(told.map(([tradeId]) => truth.get(tradeId)));
      return missing;
    },
    close() {
      for (const socket of sockets) socket.terminate();
    },
  };
}
