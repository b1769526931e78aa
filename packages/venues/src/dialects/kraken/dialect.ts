/**
 * Kraken spot REST. Faults come with HTTP 200 in a list of texts, of which the first two parts are the code. Pairs have up
 * to three names (`XBTUSD`, `XXBTZUSD`, `XBT/USD`). The order's end goes into `deadline`, which ccxt does not set.
 */
import { decimal, id, venueProfiles, type Decimal, type OrderTerms, type SymbolId } from "@baton/core";
import type { Dialect, Instrument, OrderName, OrderQuery } from "../dialect.ts";
import { allOf, amount, at, isRecord, text, type Json } from "../json.ts";
import { receiptOf } from "../receipt.ts";
import { readOrder, readTrade, usualName } from "./rows.ts";
import { stream } from "./user-events.ts";

const tradesPage = 50;
/** No largest order is published; risk limits what Baton sends. */
const quantityMax = decimal("99999999");

export const kraken: Dialect = {
  profile: venueProfiles.kraken,
  configure: () => undefined,
  ping: { call: "publicGetTime", parameters: {}, weight: 0 },
  time: { call: "publicGetTime", parameters: {}, weight: 0 },
  readTime: (json) => {
    const seconds = at(json, "result", "unixtime");
    return typeof seconds === "number" ? seconds * 1_000 : undefined;
  },
  timeResolutionMs: 1_000,
  instruments: (symbols) => ({
    call: "publicGetAssetPairs",
    parameters: { pair: symbols.map((symbol) => symbol.split("/").map(krakenName).join("")).join(",") },
    weight: 0,
  }),
  readInstruments: (json) => {
    const pairs = at(json, "result");
    if (!isRecord(pairs)) return undefined;
    const read = Object.entries(pairs).map(([key, row]) => (isRecord(row) ? instrument(key, row) : undefined));
    return new Map(read.filter((one) => one !== undefined));
  },
  verdictOf: (status, json, body) => {
    const faults = at(json, "error");
    const all: readonly unknown[] = Array.isArray(faults) ? faults : [];
    const first = all.find((one): one is string => typeof one === "string" && one.startsWith("E"));
    if (first !== undefined) return { status, message: first, code: first.split(":").slice(0, 2).join(":") };
    return { status, message: body.slice(0, 120) };
  },
  place: (pair, clOrdId, terms) => {
    const type = typeOf(terms);
    if (type === undefined) return undefined;
    return {
      call: "privatePostAddOrder",
      parameters: { pair, type: terms.side, volume: terms.quantity, ...type, cl_ord_id: clOrdId },
      weight: 0, // placing has its own counter
    };
  },
  readPlaced: (json, order, terms, symbolOf) => receiptOf(text(at(json, "result", "txid", 0)), order, terms, symbolOf),
  cancel: ({ clientOrderId }) => ({
    call: "privatePostCancelOrder",
    parameters: { cl_ord_id: clientOrderId },
    weight: 0,
  }),
  readCancelled: (json) => (typeof at(json, "result", "count") === "number" ? "receipt" : undefined),
  queries: [query("privatePostOpenOrders", "open", 1), query("privatePostClosedOrders", "closed", 1)],
  orderById: (_pair, txid) => ({ call: "privatePostQueryOrders", parameters: { txid }, weight: 1 }),
  readOrder: (json, symbolOf) => {
    const found = at(json, "result");
    const [entry] = isRecord(found) ? Object.entries(found) : [];
    return entry === undefined ? undefined : readOrder(entry, symbolOf);
  },
  openOrders: () => ({ call: "privatePostOpenOrders", parameters: {}, weight: 1 }),
  readOpenOrders: (json, symbolOf) => {
    const open = at(json, "result", "open");
    if (!isRecord(open)) return undefined;
    // The list is of the whole account: pairs that are not configured are not ours to read.
    const ours = Object.entries(open).filter(([, row]) => symbolOf(text(at(row, "descr", "pair")) ?? "") !== undefined);
    const rows = allOf(ours, (entry) => readOrder(entry, symbolOf));
    return rows === undefined ? undefined : { rows };
  },
  trades: ({ sinceMs, page }) => ({
    call: "privatePostTradesHistory",
    parameters: {
      // Exclusive, and in seconds.
      ...(sinceMs === undefined ? {} : { start: Math.max(0, Math.floor(sinceMs / 1_000) - 1) }),
      ofs: page ?? "0",
    },
    weight: 2,
  }),
  readTrades: (json, range, symbolOf) => {
    const trades = at(json, "result", "trades");
    if (!isRecord(trades)) return undefined;
    const entries = Object.entries(trades);
    const ours = entries.filter(([, row]) => symbolOf(text(at(row, "pair")) ?? "") !== undefined);
    const rows = allOf(ours, (entry) => readTrade(entry, symbolOf));
    if (rows === undefined) return undefined;
    const offset = Number(range.page ?? "0") + entries.length;
    return { rows, ...(entries.length < tradesPage ? {} : { next: `${offset}` }) };
  },
  balances: () => ({ call: "privatePostBalance", parameters: {}, weight: 1 }),
  readBalances: (json) => {
    const balances = at(json, "result");
    if (!isRecord(balances)) return undefined;
    const rows = allOf(Object.entries(balances), (entry): readonly [string, Decimal] | undefined => {
      const total = amount(at(entry, 1));
      return total === undefined ? undefined : [usualName(text(at(entry, 0)) ?? ""), total];
    });
    return rows === undefined ? undefined : { rows };
  },
  deadMansSwitch: {
    requests: (_symbols, timeoutMs) => [
      {
        call: "privatePostCancelAllOrdersAfter",
        parameters: { timeout: Math.ceil(timeoutMs / 1_000) },
        weight: 1,
      },
    ],
    // An instant while it runs, "0" when it was taken back.
    isSet: (json, timeoutMs) => {
      const trigger = text(at(json, "result", "triggerTime"));
      return trigger !== undefined && (trigger !== "0") === timeoutMs > 0;
    },
  },
  // A signed read each second would use up the account's counter, so only the way to the venue is looked at.
  reach: () => ({ call: "publicGetTime", parameters: {}, weight: 0 }),
  stamp: (kind, { atMs, validityMs }) =>
    kind === "place" ? { parameters: { deadline: new Date(Math.floor(atMs + validityMs)).toISOString() } } : {},
  stream,
};

/** One of the two lists, asked for one client id. */
function query(call: string, list: "open" | "closed", weight: number): OrderQuery {
  return {
    request: ({ clientOrderId }: OrderName) => ({ call, parameters: { cl_ord_id: clientOrderId }, weight }),
    read: (json, { clientOrderId }, symbolOf) => {
      const orders = at(json, "result", list);
      if (!isRecord(orders)) return undefined;
      const entries = Object.entries(orders);
      const found = entries.find(([, row]) => at(row, "cl_ord_id") === clientOrderId);
      if (found !== undefined) return readOrder(found, symbolOf);
      // Rows that name no client id do not show that this one is not among them.
      return entries.every(([, row]) => text(at(row, "cl_ord_id")) !== undefined) ? "absent" : undefined;
    },
  };
}

function typeOf(terms: OrderTerms): Record<string, string> | undefined {
  if (terms.type === "market" || terms.price === undefined) return { ordertype: "market" };
  const limit = { ordertype: "limit", price: terms.price };
  switch (terms.timeInForce) {
    case "GTC":
      return { ...limit, timeinforce: "GTC" };
    case "IOC":
      return { ...limit, timeinforce: "IOC" };
    case "GTX":
      return { ...limit, timeinforce: "GTC", oflags: "post" };
    case "FOK":
      return undefined; // not documented for this interface
  }
}

/** Kraken's names of two currencies differ from everyone else's. */
function krakenName(currency: string): string {
  return currency === "BTC" ? "XBT" : currency === "DOGE" ? "XDG" : currency;
}

function instrument(key: string, row: Json): readonly [SymbolId, Instrument] | undefined {
  const name = text(row["altname"]);
  const [base, quote] = (text(row["wsname"]) ?? "").split("/").map(usualName);
  const tickSize = amount(row["tick_size"]);
  const decimals = row["lot_decimals"];
  const quantityMin = amount(row["ordermin"]);
  if (name === undefined || base === undefined || quote === undefined || quote === "") return undefined;
  if (tickSize === undefined || quantityMin === undefined || typeof decimals !== "number") return undefined;
  const symbol = id<SymbolId>(`${base}/${quote}`);
  const lotSize = decimal(decimals === 0 ? "1" : `0.${"0".repeat(decimals - 1)}1`);
  const notionalMin = amount(row["costmin"]) ?? decimal("0");
  return [
    symbol,
    {
      name,
      aliases: [key, symbol],
      rules: { symbol, base, quote, tickSize, lotSize, quantityMin, quantityMax, notionalMin },
    },
  ];
}
