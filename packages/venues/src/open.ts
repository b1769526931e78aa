/**
 * Opens a venue: loads the driver, the instruments, the limits and the first clock samples, all at start on every node, so
 * that a takeover needs none of it. What is left here is composition; the decisions are in the files it names.
 */
import {
  assert,
  type Decimal,
  type InstrumentRules,
  type MonoMs,
  type SymbolId,
  type TradeId,
  type VenueOrder,
} from "@baton/core";
import { openAccountStream } from "./account-stream.ts";
import {
  isRecord,
  parseBalances,
  parseJson,
  parseLimits,
  parseOrder,
  parseRules,
  parseTrade,
  type Json,
} from "./binance/wire.ts";
import { openDriver, type Call, type Driver, type Parameters } from "./driver.ts";
import { CheckedSockets, type Ticket } from "./last-check.ts";
import { cancel } from "./cancel.ts";
import type { OrderDesk } from "./desk.ts";
import { place } from "./place.ts";
import { query } from "./query.ts";
import { RateBudget } from "./rate-budget.ts";
import { causeOf, read, readStamp, sampleClock, verdictOf, within, type Line } from "./requests.ts";
import { SocketWarmer } from "./socket-warmer.ts";
import { VenueBreaker } from "./venue-breaker.ts";
import { VenueClock } from "./venue-clock.ts";
import { VenueSetupError, VenueUnavailable, type Venue, type VenueOptions, type VenueTrade } from "./venue.ts";

const clockEveryMs = 10_000;
const probeEveryMs = 500;
const defaultLimits = { weightPerMinute: 6_000, ordersPerTenSeconds: 100 };
const reachWithinMs = 800;
const tradesPage = 1_000;

/** Throws `VenueUnavailable` when the venue does not answer and `VenueSetupError` when the configuration does not fit it. */
export async function openVenue(options: VenueOptions): Promise<Venue> {
  if (options.apiKey === "" || options.secret === "") {
    throw new VenueSetupError("no-key", `venue ${options.id} needs an API key and its secret`);
  }
  const sockets = new CheckedSockets(options.clock, options.connect);
  const closing = new AbortController();
  try {
    return await open(options, sockets, closing);
  } catch (error) {
    closing.abort();
    await sockets.destroy();
    throw error;
  }
}

async function open(options: VenueOptions, sockets: CheckedSockets, closing: AbortController): Promise<Venue> {
  const { clock } = options;
  const driver = await openDriver({
    apiKey: options.apiKey,
    secret: options.secret,
    mode: options.mode,
    ...(options.restUrl === undefined ? {} : { restUrl: options.restUrl }),
    dispatcher: sockets.dispatcher,
  });
  const venueClock = new VenueClock(clock);
  const venueMs = (): number => {
    const now = venueClock.now();
    return now === undefined ? clock.mono() : now.venueWallMs - now.errorMs;
  };
  const budget = new RateBudget(clock, venueMs, { ...defaultLimits, ...options.limits });
  const breaker = new VenueBreaker({
    probe: async () => ((await sampleClock(line, options.deadlineMs)) ? "well" : "ill"),
    probeEveryMs,
    onChange: (state) => options.onBreaker?.(state),
  });
  const line: Line = {
    venue: options.id,
    clock,
    driver,
    budget,
    breaker,
    venueClock,
    onTelemetry: (request) => options.onTelemetry?.(request),
    closing: closing.signal,
  };
  closing.signal.addEventListener("abort", () => {
    budget.close();
    breaker.close();
  });
  // The first round trip pays for the connection, so only the later samples bound the error well.
  for (let sample = 0; sample < 3; sample += 1) await sampleClock(line, options.deadlineMs);
  if (venueClock.now() === undefined) throw new VenueUnavailable(options.id, "time", "no sample of its clock");
  const { instruments, symbolOf } = await loadInstruments(line, options);
  const timer = setInterval(() => void sampleClock(line, options.deadlineMs), clockEveryMs);
  closing.signal.addEventListener("abort", () => clearInterval(timer));
  return compose({ options, line, sockets, closing, instruments, symbolOf });
}

/** Markets, rules and published limits of the configured symbols. */
async function loadInstruments(
  line: Line,
  options: VenueOptions,
): Promise<{
  readonly instruments: ReadonlyMap<SymbolId, InstrumentRules>;
  readonly symbolOf: (name: string) => SymbolId | undefined;
}> {
  const ticket: Ticket = { call: "exchangeInfo", lane: "reads", phase: "waiting" };
  const loaded = await within(options.deadlineMs * 3, ticket, line.driver.loadMarkets(options.symbols, ticket));
  if (loaded.kind !== "response") throw new VenueUnavailable(options.id, "exchangeInfo", causeOf(loaded));
  const info = parseJson(loaded.body);
  line.budget.correct(loaded.headers);
  if (loaded.status >= 300 || !isRecord(info) || !Array.isArray(info["symbols"])) {
    const { code, message, status } = verdictOf(loaded).verdict;
    if (code === -1121) {
      throw new VenueSetupError(
        "unknown-symbol",
        `venue ${options.id} does not know one of ${options.symbols.join(", ")}`,
      );
    }
    throw new VenueUnavailable(options.id, "exchangeInfo", `HTTP ${status}: ${message}`);
  }
  line.budget.setLimits({ ...parseLimits(info), ...options.limits });
  const entries = new Map(
    (info["symbols"] as unknown[]).filter(isRecord).map((entry): [unknown, Json] => [entry["symbol"], entry]),
  );
  const instruments = new Map<SymbolId, InstrumentRules>();
  const symbols = new Map<string, SymbolId>();
  for (const symbol of options.symbols) {
    const name = line.driver.venueSymbol(symbol);
    const rules = name === undefined ? undefined : parseRules(symbol, entries.get(name));
    if (name === undefined || rules === undefined) {
      throw new VenueSetupError(
        "unknown-symbol",
        `venue ${options.id} does not trade ${symbol}; take it out of the configuration`,
      );
    }
    instruments.set(symbol, rules);
    symbols.set(name, symbol);
  }
  return { instruments, symbolOf: (name) => symbols.get(name) };
}

function compose(parts: {
  readonly options: VenueOptions;
  readonly line: Line;
  readonly sockets: CheckedSockets;
  readonly closing: AbortController;
  readonly instruments: ReadonlyMap<SymbolId, InstrumentRules>;
  readonly symbolOf: (name: string) => SymbolId | undefined;
}): Venue {
  const { options, line, sockets, closing, instruments, symbolOf } = parts;
  const venueSymbolOf = (symbol: SymbolId): string => nameOf(line.driver, symbol);
  const desk: OrderDesk = {
    line,
    permits: options.permits,
    validityMs: options.validityMs,
    minValidityMs: options.minValidityMs,
    deadlineMs: options.deadlineMs,
    venueSymbolOf,
    symbolOf,
    isKilled: (order) => options.isKilled?.(order) ?? false,
    onLateAnswer: (clientOrderId, outcome) => options.onLateAnswer?.(clientOrderId, outcome),
  };
  const warmer = new SocketWarmer(line, sockets, options.connections ?? 4);
  closing.signal.addEventListener("abort", () => warmer.close());

  async function get<T>(call: Call, parameters: Parameters, parse: (json: unknown) => T | undefined): Promise<T> {
    const untilMonoMs = (line.clock.mono() + options.deadlineMs * 2) as MonoMs;
    const limits = { untilMonoMs, attemptMs: options.deadlineMs };
    const { verdict, json } = await read(line, call, () => ({ ...parameters, ...readStamp(line) }), limits);
    if (verdict.status >= 300) throw new VenueUnavailable(options.id, call, `${verdict.code}: ${verdict.message}`);
    const parsed = parse(json);
    if (parsed === undefined) throw new VenueUnavailable(options.id, call, "the answer has an unknown shape");
    return parsed;
  }

  const trades: Venue["trades"] = (symbol, { fromId, limit }) =>
    get(
      "privateGetMyTrades",
      {
        symbol: venueSymbolOf(symbol),
        limit: limit ?? tradesPage,
        ...(fromId === undefined ? {} : { fromId }),
      },
      (json) => allOf(json, (row) => parseTrade(row, symbolOf)),
    );

  const openOrders: Venue["openOrders"] = async (symbol) => {
    const symbols = symbol === undefined ? [...instruments.keys()] : [symbol];
    const lists = await Promise.all(
      symbols.map((each) =>
        get("privateGetOpenOrders", { symbol: venueSymbolOf(each) }, (json) =>
          allOf<VenueOrder>(json, (row) => parseOrder(row, symbolOf)),
        ),
      ),
    );
    return lists.flat();
  };

  const venue: Venue = {
    id: options.id,
    instruments,
    place: (order, permit) => place(desk, order, permit),
    cancel: (order, permit) => cancel(desk, order, permit),
    query: (symbol, clientOrderId) => query(desk, symbol, clientOrderId),
    openOrders,
    trades,
    lastTradeId: async (symbol): Promise<TradeId | undefined> => newest(await trades(symbol, { limit: 1 }))?.tradeId,
    balances: (): Promise<Readonly<Record<string, Decimal>>> =>
      get("privateGetAccount", { omitZeroBalances: "true" }, parseBalances),
    clock: () => line.venueClock.reading(),
    reach: () => reach(desk, options.symbols[0]),
    warm: () => warmer.warm(),
    openAccountStream: (stream) =>
      openAccountStream({ venue, venueOptions: options, line, symbolOf, closing: closing.signal }, stream),
    budget: () => line.budget.ratio(),
    breaker: () => line.breaker.state(),
    close: async () => {
      closing.abort();
      await sockets.destroy();
    },
  };
  return venue;
}

/** The cheapest signed read: an order that does not exist (weight 4; the account costs 20). Its "no such order" is an answer. */
async function reach(desk: OrderDesk, symbol: SymbolId | undefined): Promise<boolean> {
  assert(symbol !== undefined, "a venue has at least one symbol");
  const untilMonoMs = (desk.line.clock.mono() + reachWithinMs) as MonoMs;
  const parameters = { symbol: desk.venueSymbolOf(symbol), origClientOrderId: "reach" };
  try {
    const { verdict } = await read(desk.line, "privateGetOrder", () => ({ ...parameters, ...readStamp(desk.line) }), {
      untilMonoMs,
      attemptMs: reachWithinMs,
    });
    return verdict.status < 300 || verdict.code === -2013;
  } catch (error) {
    if (error instanceof VenueUnavailable) return false;
    throw error;
  }
}

function nameOf(driver: Driver, symbol: SymbolId): string {
  const name = driver.venueSymbol(symbol);
  assert(name !== undefined, `${symbol} is a symbol of this venue`);
  return name;
}

/** All rows or nothing: a list with one unreadable row must not pass for a whole one. */
function allOf<T>(json: unknown, parse: (row: unknown) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(json)) return undefined;
  const rows: T[] = [];
  for (const row of json as unknown[]) {
    const parsed = parse(row);
    if (parsed === undefined) return undefined;
    rows.push(parsed);
  }
  return rows;
}

function newest(trades: readonly VenueTrade[]): VenueTrade | undefined {
  return trades.at(-1);
}
