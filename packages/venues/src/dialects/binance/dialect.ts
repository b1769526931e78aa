/**
 * Binance, spot and USDⓈ-M futures: one dialect with two sets of calls. They differ in names, weights, the account's form,
 * and in how its events are told: spot by a signed subscription on the WebSocket API, futures under a listen key.
 */
import { id, isZero, venueProfiles, type Decimal, type SymbolId, type VenueProfile } from "@baton/core";
import { originOf } from "../address.ts";
import type { Dialect, Instrument, OrderName, Parameters, Request, Stamp, StreamDialect } from "../dialect.ts";
import { allOf, amount, at, isRecord, milliseconds, text, type Json } from "../json.ts";
import { parseUserMessage, subscribeRequest } from "./user-events.ts";
import { orderParameters, parseBalance, parseLimits, parseOrder, parseRules, parseTrade, parseWallet } from "./wire.ts";

/** What differs between the two markets. */
interface Market {
  readonly profile: VenueProfile;
  readonly calls: Readonly<Record<CallName, { readonly call: string; readonly weight: number }>>;
  readonly tradesPage: number;
  readonly ordersPer: { readonly interval: string; readonly count: number };
  readonly balanceRows: (json: unknown) => unknown;
  readonly balanceRow: (row: unknown) => readonly [string, Decimal] | undefined;
  readonly stream: StreamDialect;
}
type CallName = "ping" | "time" | "exchangeInfo" | "place" | "cancel" | "query" | "openOrders" | "trades" | "account";

/** Weights by rest-api.md; open orders are always asked with a symbol (6 instead of 80). */
const spot: Market = {
  profile: venueProfiles.binance,
  calls: {
    ping: { call: "publicGetPing", weight: 1 },
    time: { call: "publicGetTime", weight: 1 },
    exchangeInfo: { call: "publicGetExchangeInfo", weight: 20 },
    place: { call: "privatePostOrder", weight: 1 },
    cancel: { call: "privateDeleteOrder", weight: 1 },
    query: { call: "privateGetOrder", weight: 4 },
    openOrders: { call: "privateGetOpenOrders", weight: 6 },
    trades: { call: "privateGetMyTrades", weight: 20 },
    account: { call: "privateGetAccount", weight: 20 },
  },
  tradesPage: 1_000,
  ordersPer: { interval: "SECOND", count: 10 },
  balanceRows: (json) => at(json, "balances"),
  balanceRow: parseBalance,
  stream: {
    weight: 7, // handshake 5, subscription 2
    address: ({ mode, wsUrl }) =>
      `${originOf(wsUrl, mode === "live" ? "wss://ws-api.binance.com:443" : "wss://ws-api.testnet.binance.vision")}/ws-api/v3`,
    greetings: [{ request: subscribeRequest, answers: 1 }],
    parse: parseUserMessage,
  },
};

/** Weights by the futures documents; placing costs no weight, only an order. */
const perpetual: Market = {
  profile: venueProfiles.binanceusdm,
  calls: {
    ping: { call: "fapiPublicGetPing", weight: 1 },
    time: { call: "fapiPublicGetTime", weight: 1 },
    exchangeInfo: { call: "fapiPublicGetExchangeInfo", weight: 1 },
    place: { call: "fapiPrivatePostOrder", weight: 0 },
    cancel: { call: "fapiPrivateDeleteOrder", weight: 1 },
    query: { call: "fapiPrivateGetOrder", weight: 1 },
    openOrders: { call: "fapiPrivateGetOpenOrders", weight: 1 },
    trades: { call: "fapiPrivateGetUserTrades", weight: 5 },
    account: { call: "fapiPrivateV3GetBalance", weight: 5 },
  },
  tradesPage: 1_000,
  ordersPer: { interval: "MINUTE", count: 1 },
  balanceRows: (json) => json,
  balanceRow: parseWallet,
  stream: {
    key: {
      open: { call: "fapiPrivatePostListenKey", parameters: {}, weight: 1 },
      read: (json) => text(at(json, "listenKey")),
      // It ends after 60 minutes without one.
      keepAlive: { call: "fapiPrivatePutListenKey", parameters: {}, weight: 1, everyMs: 20 * 60_000 },
    },
    weight: 5,
    // Since 2026-04-23 account events are under /private with the key in the query.
    address: ({ mode, wsUrl }, key) => {
      const from = originOf(wsUrl, mode === "live" ? "wss://fstream.binance.com" : "wss://demo-fstream.binance.com");
      return `${from}/private/ws?listenKey=${encodeURIComponent(key ?? "")}`;
    },
    greetings: [],
    parse: parseUserMessage,
  },
};

/** Binance spot. */
export const binance: Dialect = dialectOf(spot, {});

/** Binance USDⓈ-M futures. */
export const binanceUsdm: Dialect = dialectOf(perpetual, {
  positions: {
    request: { call: "fapiPrivateV3GetPositionRisk", parameters: {}, weight: 5 },
    read: (json, symbolOf) =>
      allOf(json, (row): readonly [SymbolId | undefined, Decimal] | undefined => {
        const name = text(at(row, "symbol"));
        const quantity = amount(at(row, "positionAmt"));
        return name === undefined || quantity === undefined ? undefined : [symbolOf(name), quantity];
      })?.flatMap(([symbol, quantity]) =>
        symbol === undefined || isZero(quantity) ? [] : [[symbol, quantity] as const],
      ),
  },
  deadMansSwitch: {
    requests: (symbols, timeoutMs) =>
      symbols.map((symbol) => ({
        call: "fapiPrivatePostCountdownCancelAll",
        parameters: { symbol, countdownTime: `${timeoutMs}` },
        weight: 10,
      })),
    isSet: (json, timeoutMs) => milliseconds(at(json, "countdownTime")) === timeoutMs,
  },
});

function dialectOf(market: Market, more: Pick<Dialect, "positions" | "deadMansSwitch">): Dialect {
  const { profile, calls } = market;
  const isPerpetual = profile.market === "perpetual";
  const ask = (name: CallName, parameters: Parameters): Request => ({ ...calls[name], parameters });
  return {
    ...more,
    profile,
    configure: (exchange, mode) => {
      // ccxt knows the old futures test network only to refuse it; the demo network took its place.
      if (mode === "sandbox" && isPerpetual) exchange.enableDemoTrading(true);
      else if (mode === "sandbox") exchange.setSandboxMode(true);
    },
    ping: ask("ping", {}),
    time: ask("time", {}),
    readTime: (json) => {
      const serverTime = at(json, "serverTime");
      return typeof serverTime === "number" ? serverTime : undefined;
    },
    timeResolutionMs: 1,
    instruments: (symbols) =>
      ask("exchangeInfo", isPerpetual ? {} : { symbols: JSON.stringify(symbols.map((one) => one.replace("/", ""))) }),
    readInstruments: (json) => readInstruments(json, isPerpetual),
    readLimits: (json) => parseLimits(json, market.ordersPer),
    verdictOf: (status, json, body) => {
      const code = at(json, "code");
      const message = text(at(json, "msg")) ?? body.slice(0, 120);
      return { status, message, ...(status >= 300 && typeof code === "number" ? { code: `${code}` } : {}) };
    },
    place: (symbol, clientOrderId, terms) => ask("place", orderParameters(symbol, clientOrderId, terms, isPerpetual)),
    readPlaced: (json, _order, _terms, symbolOf) => parseOrder(json, symbolOf),
    cancel: (order) => ask("cancel", nameOf(order)),
    readCancelled: parseOrder,
    queries: [
      {
        request: ({ symbol, clientOrderId }) => ask("query", { symbol, origClientOrderId: clientOrderId }),
        read: (json, _order, symbolOf) => parseOrder(json, symbolOf),
      },
    ],
    orderById: (symbol, orderId) => ask("query", { symbol, orderId }),
    readOrder: parseOrder,
    openOrders: (symbol) => ask("openOrders", { symbol }),
    readOpenOrders: (json, symbolOf) => pageOf(allOf(json, (row) => parseOrder(row, symbolOf))),
    trades: ({ symbol, fromId, limit }) =>
      ask("trades", {
        symbol,
        limit: Math.min(limit, market.tradesPage),
        ...(fromId === undefined ? {} : { fromId }),
      }),
    readTrades: (json, _range, symbolOf) => pageOf(allOf(json, (row) => parseTrade(row, symbolOf))),
    balances: () => ask("account", isPerpetual ? {} : { omitZeroBalances: "true" }),
    readBalances: (json) => pageOf(allOf(market.balanceRows(json), market.balanceRow)),
    // One call of the wallet for both markets; the test networks have no wallet.
    keyRights: {
      request: { call: "sapiGetAccountApiRestrictions", parameters: {}, weight: 1 },
      inSandbox: false,
      read: (json) => {
        const canTrade = at(json, isPerpetual ? "enableFutures" : "enableSpotAndMarginTrading");
        const canWithdraw = at(json, "enableWithdrawals");
        const isBoundToAddress = at(json, "ipRestrict");
        if (typeof canTrade !== "boolean" || typeof canWithdraw !== "boolean") return undefined;
        return { canTrade, canWithdraw, ...(typeof isBoundToAddress === "boolean" && { isBoundToAddress }) };
      },
    },
    // An order that does not exist: "no such order" is an answer, and nothing signed is cheaper.
    reach: (symbol) => ask("query", { symbol, origClientOrderId: "reach" }),
    stamp: (_kind, stamp: Stamp) => ({
      parameters: { timestamp: Math.floor(stamp.atMs), recvWindow: Math.floor(stamp.validityMs) },
    }),
    stream: market.stream,
  };
}

function nameOf({ symbol, clientOrderId, venueOrderId }: OrderName): Parameters {
  return {
    symbol,
    origClientOrderId: clientOrderId,
    ...(venueOrderId === undefined ? {} : { orderId: venueOrderId }),
  };
}

function pageOf<T>(rows: readonly T[] | undefined): { readonly rows: readonly T[] } | undefined {
  return rows === undefined ? undefined : { rows };
}

function readInstruments(json: unknown, isPerpetual: boolean): ReadonlyMap<SymbolId, Instrument> | undefined {
  const rows = at(json, "symbols");
  if (!Array.isArray(rows)) return undefined;
  const instruments = new Map<SymbolId, Instrument>();
  for (const row of (rows as unknown[]).filter(isRecord)) {
    const symbol = symbolIn(row, isPerpetual);
    const name = text(row["symbol"]);
    const rules = symbol === undefined ? undefined : parseRules(symbol, row);
    if (symbol !== undefined && name !== undefined && rules !== undefined) instruments.set(symbol, { name, rules });
  }
  return instruments;
}

/** `BTC/USDT`, or `BTC/USDT:USDT` for a perpetual that settles in USDT. */
function symbolIn(row: Json, isPerpetual: boolean): SymbolId | undefined {
  const base = text(row["baseAsset"]);
  const quote = text(row["quoteAsset"]);
  if (base === undefined || quote === undefined) return undefined;
  if (!isPerpetual) return id<SymbolId>(`${base}/${quote}`);
  const settled = text(row["marginAsset"]);
  return row["contractType"] === "PERPETUAL" && settled !== undefined
    ? id<SymbolId>(`${base}/${quote}:${settled}`)
    : undefined;
}
