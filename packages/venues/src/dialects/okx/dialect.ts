/**
 * OKX v5, spot. A placement or a cancel is answered by a receipt with a code of its own (`sCode`) inside the answer's code.
 * The instant after which an order must not be taken any more goes into the header `expTime`, which ccxt does not set.
 */
import { decimal, id, venueProfiles, type OrderTerms, type SymbolId } from "@baton/core";
import type { Dialect, Instrument, OrderName, Page } from "../dialect.ts";
import { allOf, amount, at, isRecord, milliseconds, text, type Json } from "../json.ts";
import { receiptOf } from "../receipt.ts";
import { readBalance, readOrder, readTrade } from "./rows.ts";
import { stream } from "./user-events.ts";

const ordersPage = 100;

export const okx: Dialect = {
  profile: venueProfiles.okx,
  configure: (exchange, mode) => {
    if (mode === "sandbox") exchange.setSandboxMode(true); // the header x-simulated-trading
  },
  ping: { call: "publicGetPublicTime", parameters: {}, weight: 1 },
  time: { call: "publicGetPublicTime", parameters: {}, weight: 1 },
  readTime: (json) => milliseconds(at(json, "data", 0, "ts")),
  timeResolutionMs: 1,
  instruments: () => ({ call: "publicGetPublicInstruments", parameters: { instType: "SPOT" }, weight: 1 }),
  readInstruments: (json) => {
    const rows = at(json, "data");
    if (!Array.isArray(rows)) return undefined;
    const read = (rows as unknown[]).filter(isRecord).map(instrument);
    return new Map(read.filter((one) => one !== undefined));
  },
  verdictOf: (status, json, body) => {
    const own = text(at(json, "data", 0, "sCode"));
    const outer = text(at(json, "code"));
    const code = own !== undefined && own !== "0" ? own : outer;
    const message = text(at(json, "data", 0, "sMsg")) ?? text(at(json, "msg")) ?? body.slice(0, 120);
    return { status, message, ...(code === undefined || code === "0" ? {} : { code }) };
  },
  place: (instId, clOrdId, terms) => ({
    call: "privatePostTradeOrder",
    parameters: {
      instId,
      tdMode: "cash",
      clOrdId,
      side: terms.side,
      ordType: typeOf(terms),
      sz: terms.quantity,
      // Else a market order to buy counts its size in the quote currency.
      ...(terms.price === undefined ? { tgtCcy: "base_ccy" } : { px: terms.price }),
    },
    weight: 1,
  }),
  readPlaced: (json, order, terms, symbolOf) => receiptOf(text(at(json, "data", 0, "ordId")), order, terms, symbolOf),
  cancel: ({ symbol, clientOrderId }) => ({
    call: "privatePostTradeCancelOrder",
    parameters: { instId: symbol, clOrdId: clientOrderId },
    weight: 1,
  }),
  readCancelled: (json) => (text(at(json, "data", 0, "ordId")) === undefined ? undefined : "receipt"),
  queries: [
    {
      request: ({ symbol, clientOrderId }: OrderName) => ({
        call: "privateGetTradeOrder",
        parameters: { instId: symbol, clOrdId: clientOrderId },
        weight: 1,
      }),
      read: (json, _order, symbolOf) => readOrder(at(json, "data", 0), symbolOf),
    },
  ],
  orderById: (instId, ordId) => ({ call: "privateGetTradeOrder", parameters: { instId, ordId }, weight: 1 }),
  readOrder: (json, symbolOf) => readOrder(at(json, "data", 0), symbolOf),
  openOrders: (instId, after) => ({
    call: "privateGetTradeOrdersPending",
    parameters: { instType: "SPOT", instId, limit: `${ordersPage}`, ...(after === undefined ? {} : { after }) },
    weight: 1,
  }),
  readOpenOrders: (json, symbolOf) => {
    const rows = allOf(at(json, "data"), (row) => readOrder(row, symbolOf));
    return rows === undefined ? undefined : paged(rows, (last) => last.venueOrderId);
  },
  // The last three days, newest first.
  trades: ({ symbol, sinceMs, page }) => ({
    call: "privateGetTradeFills",
    parameters: {
      instType: "SPOT",
      instId: symbol,
      limit: `${ordersPage}`,
      ...(sinceMs === undefined ? {} : { begin: `${sinceMs}` }),
      ...(page === undefined ? {} : { after: page }),
    },
    weight: 1,
  }),
  readTrades: (json, _range, symbolOf) => {
    const rows = at(json, "data");
    const trades = allOf(rows, (row) => readTrade(row, symbolOf));
    if (trades === undefined || !Array.isArray(rows)) return undefined;
    const lastBill = text(at((rows as unknown[]).at(-1), "billId"));
    return { rows: trades, ...(trades.length < ordersPage || lastBill === undefined ? {} : { next: lastBill }) };
  },
  balances: () => ({ call: "privateGetAccountBalance", parameters: {}, weight: 6 }),
  readBalances: (json) => {
    const rows = allOf(at(json, "data", 0, "details"), readBalance);
    return rows === undefined ? undefined : { rows };
  },
  deadMansSwitch: {
    requests: (_symbols, timeoutMs) => [
      {
        call: "privatePostTradeCancelAllAfter",
        parameters: { timeOut: `${Math.ceil(timeoutMs / 1_000)}` },
        weight: 1,
      },
    ],
    // "0": none is running.
    isSet: (json, timeoutMs) => isRunning(milliseconds(at(json, "data", 0, "triggerTime")), timeoutMs),
  },
  reach: (instId) => ({ call: "privateGetTradeOrder", parameters: { instId, clOrdId: "reach" }, weight: 1 }),
  keyRights: {
    request: { call: "privateGetAccountConfig", parameters: {}, weight: 1 },
    inSandbox: true,
    read: (json) => {
      const permitted = text(at(json, "data", 0, "perm"))?.split(",");
      // Empty: from everywhere.
      const addresses = at(json, "data", 0, "ip");
      if (permitted === undefined) return undefined;
      return {
        canTrade: permitted.includes("trade"),
        canWithdraw: permitted.includes("withdraw"),
        ...(typeof addresses === "string" && { isBoundToAddress: addresses !== "" }),
      };
    },
  },
  // The signature's time comes from the driver. Only an order has an end; reads and cancels harm nobody when late.
  stamp: (kind, { atMs, validityMs }) =>
    kind === "place" ? { headers: { expTime: `${Math.floor(atMs + validityMs)}` } } : {},
  stream,
};

function isRunning(triggerMs: number | undefined, timeoutMs: number): boolean {
  return triggerMs !== undefined && triggerMs > 0 === timeoutMs > 0;
}

function typeOf(terms: OrderTerms): string {
  if (terms.type === "market" || terms.price === undefined) return "market";
  return { GTC: "limit", IOC: "ioc", FOK: "fok", GTX: "post_only" }[terms.timeInForce];
}

function instrument(row: Json): readonly [SymbolId, Instrument] | undefined {
  const name = text(row["instId"]);
  const base = text(row["baseCcy"]);
  const quote = text(row["quoteCcy"]);
  const tickSize = amount(row["tickSz"]);
  const lotSize = amount(row["lotSz"]);
  const quantityMin = amount(row["minSz"]);
  const quantityMax = amount(row["maxLmtSz"]);
  if (name === undefined || base === undefined || quote === undefined || tickSize === undefined) return undefined;
  if (lotSize === undefined || quantityMin === undefined || quantityMax === undefined) return undefined;
  const symbol = id<SymbolId>(`${base}/${quote}`);
  // The venue publishes no least notional, only a least size.
  const rules = { symbol, base, quote, tickSize, lotSize, quantityMin, quantityMax, notionalMin: decimal("0") };
  return [symbol, { name, rules }];
}

function paged<T>(rows: readonly T[], nextOf: (last: T) => string): Page<T> {
  const last = rows.at(-1);
  return { rows, ...(rows.length < ordersPage || last === undefined ? {} : { next: nextOf(last) }) };
}
