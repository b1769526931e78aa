/**
 * Opens a venue: loads the driver, the instruments, the limits and the first clock samples, all at start on every node, so
 * that a takeover needs none of it. What is left here is composition; the decisions are in the files it names.
 */
import { setTimeout as pause } from "node:timers/promises";
import { assert, isAnswered, isNotFound, isZero, type MonoMs, type Permit, type SymbolId } from "@baton/core";
import { openAccount } from "./account-stream.ts";
import { reads } from "./account-reads.ts";
import { cancel } from "./cancel.ts";
import { setSwitch } from "./dead-mans-switch.ts";
import type { OrderDesk } from "./desk.ts";
import { dialects } from "./dialects/dialects.ts";
import type { Instrument, OrderName } from "./dialects/dialect.ts";
import { openDriver } from "./driver.ts";
import { CheckedSockets, type Ticket } from "./last-check.ts";
import { MoneyWitness, realMoneySentence } from "./money-witness.ts";
import { place } from "./place.ts";
import { query } from "./query.ts";
import { RateBudget } from "./rate-budget.ts";
import { causeOf, read, readingOf, sampleClock, signedRead, within, type Line } from "./requests.ts";
import { SocketWarmer } from "./socket-warmer.ts";
import { VenueBreaker } from "./venue-breaker.ts";
import { clockPauseMs, VenueClock } from "./venue-clock.ts";
import { VenueSetupError, VenueUnavailable, type Venue, type VenueOptions } from "./venue.ts";

const probeEveryMs = 500;
const reachWithinMs = 800;

/** The traded symbols by our name, and ours by any name that the venue uses. */
interface Instruments {
  readonly bySymbol: ReadonlyMap<SymbolId, Instrument>;
  readonly symbolOf: (name: string) => SymbolId | undefined;
}

/** Throws `VenueUnavailable` when the venue does not answer and `VenueSetupError` when the configuration does not fit it. */
export async function openVenue(options: VenueOptions): Promise<Venue> {
  const { profile } = dialects[options.exchange];
  if (options.apiKey === "" || options.secret === "") {
    throw new VenueSetupError("no-key", `venue ${options.id} needs an API key and its secret`);
  }
  if (profile.needsPassphrase && (options.passphrase ?? "") === "") {
    throw new VenueSetupError("no-key", `venue ${options.id}: keys of ${profile.title} have a passphrase`);
  }
  if (options.mode === "paper" && (options.restUrl === undefined || options.wsUrl === undefined)) {
    throw new VenueSetupError("not-paper", `venue ${options.id} trades on paper and needs restUrl and wsUrl`);
  }
  if (options.mode === "sandbox" && options.restUrl === undefined && !profile.hasSandbox) {
    throw new VenueSetupError("no-sandbox", `venue ${options.id}: ${profile.title} has no test network`);
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
  const dialect = dialects[options.exchange];
  const driver = await openDriver({
    dialect,
    apiKey: options.apiKey,
    secret: options.secret,
    ...(options.passphrase === undefined ? {} : { passphrase: options.passphrase }),
    mode: options.mode,
    ...(options.restUrl === undefined ? {} : { restUrl: options.restUrl }),
    dispatcher: sockets.dispatcher,
  });
  const venueClock = new VenueClock(clock, dialect.timeResolutionMs, (ms) => options.onClockAhead?.(ms));
  const venueMs = (): number => {
    const now = venueClock.now();
    return now === undefined ? clock.mono() : now.venueWallMs - now.errorMs;
  };
  const budget = new RateBudget(clock, venueMs, dialect.profile.limits);
  if (options.limits !== undefined) budget.setLimits(options.limits);
  const breaker = new VenueBreaker({
    probe: async () => ((await sampleClock(line, options.deadlineMs)) ? "well" : "ill"),
    probeEveryMs,
    onChange: (state) => options.onBreaker?.(state),
  });
  const line: Line = {
    venue: options.id,
    clock,
    dialect,
    driver,
    budget,
    breaker,
    venueClock,
    ...(options.mode === "paper" ? { money: new MoneyWitness() } : {}),
    onTelemetry: (request) => options.onTelemetry?.(request),
    closing: closing.signal,
  };
  closing.signal.addEventListener("abort", () => {
    budget.close();
    breaker.close();
  });
  await readClock(line, options);
  if (line.money?.isReal === true) throw new VenueSetupError("not-paper", `venue ${options.id}: ${realMoneySentence}`);
  const instruments = await loadInstruments(line, options);
  keepClock(line, options, closing.signal);
  return compose({ options, line, sockets, closing, instruments });
}

/**
 * The first samples. The first round trip pays for the connection, so only the later ones bound the error well; a clock
 * that tells whole seconds is asked at several points of one, which together tell it far better.
 */
async function readClock(line: Line, options: VenueOptions): Promise<void> {
  const { timeResolutionMs } = line.dialect;
  const samples = timeResolutionMs > 1 ? 8 : 3;
  for (let sample = 0; sample < samples; sample += 1) {
    await sampleClock(line, options.deadlineMs);
    if (timeResolutionMs > 1) await pause(timeResolutionMs / samples + 7);
  }
  if (line.venueClock.now() === undefined) throw new VenueUnavailable(options.id, "time", "no sample of its clock");
}

/** A sample every now and then, sooner while the reading is wide, until the signal. `lastMs`: the pause before this one. */
function keepClock(line: Line, options: VenueOptions, closing: AbortSignal, lastMs?: number): void {
  if (closing.aborted) return;
  const pauseMs = clockPauseMs(line.venueClock.now()?.errorMs, lastMs);
  const sample = (): unknown =>
    sampleClock(line, options.deadlineMs).finally(() => {
      closing.removeEventListener("abort", stop);
      keepClock(line, options, closing, pauseMs);
    });
  const timer = setTimeout(sample, pauseMs);
  const stop = (): void => clearTimeout(timer);
  closing.addEventListener("abort", stop);
}

/** Rules and published limits of the configured symbols. */
async function loadInstruments(line: Line, options: VenueOptions): Promise<Instruments> {
  const { dialect } = line;
  const request = dialect.instruments(options.symbols);
  const untilMonoMs = (line.clock.mono() + options.deadlineMs * 3) as MonoMs;
  if (!(await line.budget.take("reserved", { weight: request.weight, orders: 0 }, untilMonoMs))) {
    throw new VenueUnavailable(options.id, request.call, "no room in the rate budget in time");
  }
  const ticket: Ticket = { call: request.call, lane: "reads", phase: "waiting" };
  const loaded = await within(options.deadlineMs * 3, ticket, line.driver.send(signedRead(line, request), ticket));
  if (loaded.kind !== "response") throw new VenueUnavailable(options.id, request.call, causeOf(loaded));
  line.budget.correct(loaded.headers);
  const { verdict, json } = readingOf(line, loaded);
  const all = isAnswered(verdict) ? dialect.readInstruments(json) : undefined;
  if (all === undefined) {
    // Binance refuses a list with a symbol that it does not know.
    if (verdict.code === "-1121") {
      throw new VenueSetupError(
        "unknown-symbol",
        `venue ${options.id} does not know one of ${options.symbols.join(", ")}`,
      );
    }
    throw new VenueUnavailable(options.id, request.call, `HTTP ${verdict.status}: ${verdict.message}`);
  }
  line.budget.setLimits({ ...dialect.readLimits?.(json), ...options.limits });
  const bySymbol = new Map<SymbolId, Instrument>();
  const symbols = new Map<string, SymbolId>();
  for (const symbol of options.symbols) {
    const instrument = all.get(symbol);
    if (instrument === undefined) {
      throw new VenueSetupError(
        "unknown-symbol",
        `venue ${options.id} does not trade ${symbol}; take it out of the configuration`,
      );
    }
    bySymbol.set(symbol, instrument);
    for (const name of [instrument.name, ...(instrument.aliases ?? [])]) symbols.set(name, symbol);
  }
  return { bySymbol, symbolOf: (name) => symbols.get(name) };
}

function compose(parts: {
  readonly options: VenueOptions;
  readonly line: Line;
  readonly sockets: CheckedSockets;
  readonly closing: AbortController;
  readonly instruments: Instruments;
}): Venue {
  const { options, line, sockets, closing, instruments } = parts;
  const { symbolOf } = instruments;
  const venueSymbolOf = (symbol: SymbolId): string => {
    const instrument = instruments.bySymbol.get(symbol);
    assert(instrument !== undefined, `${symbol} is a symbol of this venue`);
    return instrument.name;
  };
  const desk: OrderDesk = {
    line,
    permits: options.permits,
    validityMs: options.validityMs,
    minValidityMs: options.minValidityMs,
    deadlineMs: options.deadlineMs,
    venueSymbolOf,
    symbolOf,
    nameOf: (order): OrderName => ({ ...order, symbol: venueSymbolOf(order.symbol) }),
    isKilled: (order) => options.isKilled?.(order) ?? false,
    onLateAnswer: (clientOrderId, outcome) => options.onLateAnswer?.(clientOrderId, outcome),
  };
  const warmer = new SocketWarmer(line, sockets, options.connections ?? 4);
  closing.signal.addEventListener("abort", () => warmer.close());
  const account = reads({ line, deadlineMs: options.deadlineMs, venueSymbolOf, symbolOf });
  const symbols = [...instruments.bySymbol.keys()];
  const its = line.dialect.deadMansSwitch;

  const venue: Venue = {
    id: options.id,
    exchange: options.exchange,
    instruments: new Map([...instruments.bySymbol].map(([symbol, { rules }]) => [symbol, rules])),
    place: (order, permit, withdrawal) => place(desk, order, permit, withdrawal),
    cancel: (order, permit) => cancel(desk, order, permit),
    ...(its === undefined
      ? {}
      : {
          setSwitch: (timeoutMs: number, permit: Permit) =>
            setSwitch(desk, its, { symbols: symbols.map(venueSymbolOf), timeoutMs }, permit),
        }),
    query: (symbol, clientOrderId) => query(desk, symbol, clientOrderId),
    orderById: (symbol, venueOrderId) => account.orderById(symbol, venueOrderId),
    openOrders: async (symbol) =>
      (await Promise.all((symbol === undefined ? symbols : [symbol]).map((each) => account.openOrders(each)))).flat(),
    trades: account.trades,
    lastTradeId: async (symbol) => (await account.trades(symbol, { limit: 1 })).at(-1)?.tradeId,
    balances: async () => Object.fromEntries((await account.balances()).filter(([, total]) => !isZero(total))),
    positions: async () => new Map(await account.positions()),
    ...(account.keyRights === undefined || !tellsRights(options) ? {} : { keyRights: account.keyRights }),
    clock: () => line.venueClock.reading(),
    reach: () => reach(desk, options.symbols[0]),
    warm: () => warmer.warm(),
    openAccountStream: (stream) =>
      openAccount(
        { venue, venueOptions: options, line, symbolOf, venueSymbolOf, account, closing: closing.signal },
        stream,
      ),
    budget: () => line.budget.ratio(),
    usage: () => line.budget.usage(),
    adoptUsage: (usage) => line.budget.adopt(usage, options.isSharedAddress ?? false),
    breaker: () => line.breaker.state(),
    close: async () => {
      closing.abort();
      await sockets.destroy();
    },
  };
  return venue;
}

/** Not every test network has the call that tells what a key may do. */
function tellsRights({ exchange, mode, restUrl }: VenueOptions): boolean {
  return mode !== "sandbox" || restUrl !== undefined || dialects[exchange].keyRights?.inSandbox === true;
}

/** The cheapest read with our key; that an order does not exist is an answer as well. */
async function reach(desk: OrderDesk, symbol: SymbolId | undefined): Promise<boolean> {
  assert(symbol !== undefined, "a venue has at least one symbol");
  const { line } = desk;
  const untilMonoMs = (line.clock.mono() + reachWithinMs) as MonoMs;
  try {
    const request = line.dialect.reach(desk.venueSymbolOf(symbol));
    const { verdict } = await read(line, request, { untilMonoMs, attemptMs: reachWithinMs });
    return isAnswered(verdict) || isNotFound(line.dialect.profile.codes, verdict);
  } catch (error) {
    if (error instanceof VenueUnavailable) return false;
    throw error;
  }
}
