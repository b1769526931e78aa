/**
 * Bybit v5, spot on a unified account. A placement is answered by a receipt; an order is looked for first among those that
 * the venue still has in memory, then in its history. Time and window are signed headers, whose values the driver gives.
 */
import { decimal, id, venueProfiles, type SymbolId } from "@baton/core";
import type { Dialect, Instrument, OrderName, OrderQuery, TradeRange } from "../dialect.ts";
import { allOf, amount, at, isRecord, milliseconds, text, type Json } from "../json.ts";
import { receiptOf } from "../receipt.ts";
import { category, readBalance, readOrder, readTrade } from "./rows.ts";
import { stream } from "./user-events.ts";

/** A list of executions reaches this far from its start, whatever is asked. */
const executionsMs = 7 * 86_400_000;

export const bybit: Dialect = {
  profile: venueProfiles.bybit,
  configure: (exchange, mode) => {
    // ccxt names itself as the broker of every order in a header; nobody brokers ours.
    exchange.options["brokerId"] = "baton";
    if (mode === "sandbox") exchange.setSandboxMode(true);
  },
  ping: { call: "publicGetV5MarketTime", parameters: {}, weight: 1 },
  time: { call: "publicGetV5MarketTime", parameters: {}, weight: 1 },
  readTime: (json) => milliseconds(at(json, "time")),
  timeResolutionMs: 1,
  instruments: () => ({ call: "publicGetV5MarketInstrumentsInfo", parameters: { category }, weight: 1 }),
  readInstruments: (json) => {
    const rows = at(json, "result", "list");
    if (!Array.isArray(rows)) return undefined;
    return new Map(
      (rows as unknown[])
        .filter(isRecord)
        .map(instrument)
        .filter((one) => one !== undefined),
    );
  },
  verdictOf: (status, json, body) => {
    const code = at(json, "retCode");
    const message = text(at(json, "retMsg")) ?? body.slice(0, 120);
    return { status, message, ...(typeof code === "number" && code !== 0 ? { code: `${code}` } : {}) };
  },
  place: (symbol, orderLinkId, terms) => ({
    call: "privatePostV5OrderCreate",
    parameters: {
      category,
      symbol,
      side: terms.side === "buy" ? "Buy" : "Sell",
      qty: terms.quantity,
      orderLinkId,
      ...(terms.type === "market" || terms.price === undefined
        ? { orderType: "Market", marketUnit: "baseCoin" }
        : {
            orderType: "Limit",
            price: terms.price,
            timeInForce: terms.timeInForce === "GTX" ? "PostOnly" : terms.timeInForce,
          }),
    },
    weight: 1,
  }),
  readPlaced: (json, order, terms, symbolOf) => receiptOf(text(at(json, "result", "orderId")), order, terms, symbolOf),
  // ccxt's own cancel would name the order `clientOrderId`, which this venue does not know.
  cancel: ({ symbol, clientOrderId }) => ({
    call: "privatePostV5OrderCancel",
    parameters: { category, symbol, orderLinkId: clientOrderId },
    weight: 1,
  }),
  readCancelled: (json) => (text(at(json, "result", "orderId")) === undefined ? undefined : "receipt"),
  queries: [query("privateGetV5OrderRealtime", { openOnly: 0 }), query("privateGetV5OrderHistory", {})],
  orderById: (symbol, orderId) => ({
    call: "privateGetV5OrderRealtime",
    parameters: { category, symbol, orderId, openOnly: 0 },
    weight: 1,
  }),
  readOrder: (json, symbolOf) => readOrder(at(json, "result", "list", 0), symbolOf),
  openOrders: (symbol, cursor) => ({
    call: "privateGetV5OrderRealtime",
    parameters: { category, symbol, limit: 50, ...(cursor === undefined ? {} : { cursor }) },
    weight: 1,
  }),
  readOpenOrders: (json, symbolOf) => {
    const rows = allOf(at(json, "result", "list"), (row) => readOrder(row, symbolOf));
    return rows === undefined ? undefined : { rows, ...nextOf(json) };
  },
  trades: (range) => {
    const { startMs, cursor } = partOf(range);
    return {
      call: "privateGetV5ExecutionList",
      parameters: {
        category,
        symbol: range.symbol,
        limit: 100,
        ...(startMs === undefined ? {} : { startTime: startMs }),
        ...(cursor === "" ? {} : { cursor }),
      },
      weight: 1,
    };
  },
  readTrades: (json, range, symbolOf) => {
    const rows = allOf(at(json, "result", "list"), (row) => readTrade(row, symbolOf));
    if (rows === undefined) return undefined;
    const { startMs } = partOf(range);
    const { next } = nextOf(json);
    if (next !== undefined) return { rows, next: `${startMs ?? ""}|${next}` };
    const later = startMs === undefined ? undefined : startMs + executionsMs;
    return { rows, ...(later === undefined || later > range.nowMs ? {} : { next: `${later}|` }) };
  },
  balances: () => ({ call: "privateGetV5AccountWalletBalance", parameters: { accountType: "UNIFIED" }, weight: 1 }),
  readBalances: (json) => {
    const rows = allOf(at(json, "result", "list", 0, "coin"), readBalance);
    return rows === undefined ? undefined : { rows };
  },
  reach: (symbol) => ({
    call: "privateGetV5OrderRealtime",
    parameters: { category, symbol, orderLinkId: "reach" },
    weight: 1,
  }),
  keyRights: {
    request: { call: "privateGetV5UserQueryApi", parameters: {}, weight: 1 },
    inSandbox: true,
    read: (json) => {
      const readOnly = at(json, "result", "readOnly");
      const spot = at(json, "result", "permissions", "Spot");
      const wallet = at(json, "result", "permissions", "Wallet");
      if (typeof readOnly !== "number" || !Array.isArray(spot) || !Array.isArray(wallet)) return undefined;
      const addresses = at(json, "result", "ips");
      const isBound = Array.isArray(addresses) && addresses.length > 0 && !addresses.includes("*");
      // A key that is bound to addresses has no end, whatever stands there.
      const expiresWallMs = isBound ? Number.NaN : Date.parse(text(at(json, "result", "expiredAt")) ?? "");
      return {
        canTrade: readOnly === 0 && spot.includes("SpotTrade"),
        canWithdraw: readOnly === 0 && wallet.includes("Withdraw"),
        isBoundToAddress: isBound,
        ...(Number.isFinite(expiresWallMs) && { expiresWallMs }),
      };
    },
  },
  stamp: () => ({}), // both are headers that ccxt signs: see the driver
  stream,
};

function query(call: string, more: Readonly<Record<string, number>>): OrderQuery {
  return {
    request: ({ symbol, clientOrderId }: OrderName) => ({
      call,
      parameters: { category, symbol, orderLinkId: clientOrderId, ...more },
      weight: 1,
    }),
    read: (json, { clientOrderId }, symbolOf) => {
      const rows = allOf(at(json, "result", "list"), (row) => readOrder(row, symbolOf));
      if (rows === undefined) return undefined;
      return rows.find((row) => row.clientOrderId === clientOrderId) ?? (rows.length === 0 ? "absent" : undefined);
    },
  };
}

function nextOf(json: unknown): { readonly next?: string } {
  const next = text(at(json, "result", "nextPageCursor"));
  return next === undefined ? {} : { next };
}

/** A page is named by where its week begins and the venue's cursor in it. */
function partOf({ sinceMs, page }: TradeRange): { readonly startMs: number | undefined; readonly cursor: string } {
  if (page === undefined) return { startMs: sinceMs, cursor: "" };
  const [start = "", cursor = ""] = page.split("|");
  return { startMs: start === "" ? undefined : Number(start), cursor };
}

function instrument(row: Json): readonly [SymbolId, Instrument] | undefined {
  const name = text(row["symbol"]);
  const base = text(row["baseCoin"]);
  const quote = text(row["quoteCoin"]);
  const lot = row["lotSizeFilter"];
  const tickSize = amount(at(row, "priceFilter", "tickSize"));
  const lotSize = amount(at(lot, "basePrecision"));
  const quantityMin = amount(at(lot, "minOrderQty"));
  const quantityMax = amount(at(lot, "maxLimitOrderQty")) ?? amount(at(lot, "maxOrderQty"));
  if (name === undefined || base === undefined || quote === undefined || tickSize === undefined) return undefined;
  if (lotSize === undefined || quantityMin === undefined || quantityMax === undefined) return undefined;
  const symbol = id<SymbolId>(`${base}/${quote}`);
  const notionalMin = amount(at(lot, "minOrderAmt")) ?? decimal("0");
  return [symbol, { name, rules: { symbol, base, quote, tickSize, lotSize, quantityMin, quantityMax, notionalMin } }];
}
