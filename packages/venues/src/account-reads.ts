/**
 * The account's lists, whole or not at all: a list that comes in pages is read to its end, and one page that cannot be read
 * makes the list unavailable. Trades come oldest first whatever order the venue lists them in. Who asks for the same list
 * at the same time shares one reading (`shared-reads.ts`), so that 200 doubts do not ask 200 times.
 */
import {
  isAnswered,
  type Decimal,
  type KeyRights,
  type MonoMs,
  type SymbolId,
  type TradeId,
  type VenueOrder,
} from "@baton/core";
import type { Page, Request, SymbolOf, TradeRange } from "./dialects/dialect.ts";
import { timeOfTradeId } from "./dialects/trade-ids.ts";
import { read, type Line } from "./requests.ts";
import { SharedReads } from "./shared-reads.ts";
import { VenueUnavailable, type Venue, type VenueTrade } from "./venue.ts";

/** A list with more pages than this is not read: it would use up the budget of everything else. */
const pagesMax = 100;
const tradesPage = 1_000;

/** Every function throws `VenueUnavailable`. */
export interface AccountReads {
  openOrders(symbol: SymbolId): Promise<readonly VenueOrder[]>;
  trades: Venue["trades"];
  balances(): Promise<readonly (readonly [string, Decimal])[]>;
  positions(): Promise<readonly (readonly [SymbolId, Decimal])[]>;
  /** Absent where the venue does not tell. */
  readonly keyRights?: () => Promise<KeyRights>;
  /** Undefined when the venue does not know it. */
  orderById(symbol: SymbolId, venueOrderId: string): Promise<VenueOrder | undefined>;
}

/** The reads of one connection. */
export function reads(parts: {
  readonly line: Line;
  readonly deadlineMs: number;
  readonly venueSymbolOf: (symbol: SymbolId) => string;
  readonly symbolOf: SymbolOf;
}): AccountReads {
  const { line, deadlineMs, venueSymbolOf, symbolOf } = parts;
  const { dialect } = line;
  const { keyRights } = dialect;

  async function get<T>(request: Request, parse: (json: unknown) => T | undefined): Promise<T> {
    const untilMonoMs = (line.clock.mono() + deadlineMs * 2) as MonoMs;
    const { verdict, json } = await read(line, request, { untilMonoMs, attemptMs: deadlineMs });
    if (!isAnswered(verdict)) {
      throw new VenueUnavailable(line.venue, request.call, `${verdict.code ?? verdict.status}: ${verdict.message}`);
    }
    const parsed = parse(json);
    if (parsed === undefined) throw new VenueUnavailable(line.venue, request.call, "the answer has an unknown shape");
    return parsed;
  }

  async function all<T>(
    request: (page: string | undefined) => Request,
    parse: (json: unknown, page: string | undefined) => Page<T> | undefined,
    isEnough: (rows: readonly T[]) => boolean,
  ): Promise<readonly T[]> {
    const rows: T[] = [];
    let page: string | undefined;
    for (let turn = 0; turn < pagesMax; turn += 1) {
      const asked = page;
      const got = await get(request(asked), (json) => parse(json, asked));
      rows.push(...got.rows);
      if (got.next === undefined || isEnough(rows)) return rows;
      page = got.next;
    }
    throw new VenueUnavailable(line.venue, request(undefined).call, `the list has more than ${pagesMax} pages`);
  }

  const shared = new SharedReads();
  const listTrades: Venue["trades"] = async (symbol, asked) => {
    const limit = asked.limit ?? tradesPage;
    const isTimed = dialect.profile.tradeIds === "unordered";
    const sinceMs = isTimed && asked.fromId !== undefined ? timeOfTradeId(asked.fromId) : asked.sinceMs;
    const range: TradeRange = {
      symbol: venueSymbolOf(symbol),
      limit,
      nowMs: Math.floor(line.venueClock.now()?.venueWallMs ?? line.clock.wall()),
      ...(asked.fromId === undefined || isTimed ? {} : { fromId: asked.fromId }),
      ...(sinceMs === undefined || !isTimed ? {} : { sinceMs: Math.max(0, Math.floor(sinceMs)) }),
    };
    const at = (page: string | undefined): TradeRange => (page === undefined ? range : { ...range, page });
    const rows = await all(
      (page) => dialect.trades(at(page)),
      (json, page) => dialect.readTrades(json, at(page), symbolOf),
      // Lists by time come newest first: only the whole of one says what came first in it.
      (found) => sinceMs === undefined && found.length >= limit,
    );
    if (!isTimed) return rows;
    const own = rows.filter((trade) => trade.symbol === symbol && isFrom(trade, asked.fromId));
    // Pages shift while trades come in: a trade may be on two of them.
    const once = [...new Map(own.map((trade) => [trade.tradeId, trade])).values()];
    const sorted = once.toSorted((a, b) => (BigInt(a.tradeId) < BigInt(b.tradeId) ? -1 : 1));
    return asked.fromId === undefined ? sorted.slice(-limit) : sorted.slice(0, limit);
  };

  return {
    trades: (symbol, { fromId, sinceMs, limit }) => {
      // Whoever asks for the same stretch shares it: "since" is taken back to a whole minute for that.
      const isTimed = dialect.profile.tradeIds === "unordered";
      const since = isTimed && sinceMs !== undefined ? Math.floor(sinceMs / 60_000) * 60_000 : undefined;
      const asked = {
        ...(fromId === undefined ? {} : { fromId }),
        ...(since === undefined ? {} : { sinceMs: since }),
        ...(limit === undefined ? {} : { limit }),
      };
      return shared.read(`trades ${symbol} ${JSON.stringify(asked)}`, () => listTrades(symbol, asked));
    },
    openOrders: (symbol) => shared.read(`open ${symbol}`, () => listOpenOrders(symbol)),
    balances: () =>
      shared.read("balances", () =>
        all(
          (page) => dialect.balances(page),
          (json) => dialect.readBalances(json),
          () => false,
        ),
      ),
    positions: async () => {
      const { positions } = dialect;
      return positions === undefined ? [] : await get(positions.request, (json) => positions.read(json, symbolOf));
    },
    ...(keyRights === undefined ? {} : { keyRights: () => get(keyRights.request, (json) => keyRights.read(json)) }),
    orderById: async (symbol, venueOrderId) => {
      const request = dialect.orderById(venueSymbolOf(symbol), venueOrderId);
      const untilMonoMs = (line.clock.mono() + deadlineMs) as MonoMs;
      const { verdict, json } = await read(line, request, { untilMonoMs, attemptMs: deadlineMs });
      return isAnswered(verdict) ? dialect.readOrder(json, symbolOf) : undefined;
    },
  };

  async function listOpenOrders(symbol: SymbolId): Promise<readonly VenueOrder[]> {
    const name = venueSymbolOf(symbol);
    const orders = await all(
      (page) => dialect.openOrders(name, page),
      (json) => dialect.readOpenOrders(json, symbolOf),
      () => false,
    );
    return orders.filter((order) => order.symbol === symbol);
  }
}

function isFrom(trade: VenueTrade, fromId: TradeId | undefined): boolean {
  return fromId === undefined || BigInt(trade.tradeId) >= BigInt(fromId);
}
