/**
 * Coinbase Advanced Trade. It finds no order by our id: the product's orders are listed and matched. It cancels only by its
 * own id. Nothing in a request bounds how long it stays valid but the token's two minutes.
 */
import { add, decimal, id, venueProfiles, type Decimal, type OrderTerms, type SymbolId } from "@baton/core";
import type { Dialect, Instrument, OrderName, Page } from "../dialect.ts";
import { allOf, amount, at, isRecord, milliseconds, text, type Json } from "../json.ts";
import { receiptOf } from "../receipt.ts";
import { readOrder, readTrade } from "./rows.ts";
import { stream } from "./user-events.ts";

const listOrders = "v3PrivateGetBrokerageOrdersHistoricalBatch";

export const coinbase: Dialect = {
  profile: venueProfiles.coinbase,
  configure: () => undefined,
  ping: { call: "v3PublicGetBrokerageTime", parameters: {}, weight: 1 },
  time: { call: "v3PublicGetBrokerageTime", parameters: {}, weight: 1 },
  readTime: (json) => milliseconds(at(json, "epochMillis")),
  timeResolutionMs: 1,
  instruments: (symbols) => ({
    call: "v3PublicGetBrokerageMarketProducts",
    parameters: { product_ids: symbols.map((symbol) => symbol.replace("/", "-")) },
    weight: 1,
  }),
  readInstruments: (json) => {
    const rows = at(json, "products");
    if (!Array.isArray(rows)) return undefined;
    return new Map(
      (rows as unknown[])
        .filter(isRecord)
        .map(instrument)
        .filter((one) => one !== undefined),
    );
  },
  verdictOf: (status, json, body) => {
    const code = codeIn(status, json, body);
    const message =
      text(at(json, "error_response", "message")) ??
      text(at(json, "error_details")) ??
      text(at(json, "message")) ??
      body.slice(0, 120);
    return { status, message, ...(code === undefined ? {} : { code }) };
  },
  place: (productId, clientOrderId, terms) => ({
    call: "v3PrivatePostBrokerageOrders",
    parameters: {
      client_order_id: clientOrderId,
      product_id: productId,
      side: terms.side.toUpperCase(),
      order_configuration: configurationOf(terms),
    },
    weight: 1,
  }),
  readPlaced: (json, order, terms, symbolOf) =>
    receiptOf(text(at(json, "success_response", "order_id")), order, terms, symbolOf),
  cancel: ({ venueOrderId }) =>
    venueOrderId === undefined
      ? undefined
      : { call: "v3PrivatePostBrokerageOrdersBatchCancel", parameters: { order_ids: [venueOrderId] }, weight: 1 },
  readCancelled: (json) => (at(json, "results", 0, "success") === true ? "receipt" : undefined),
  queries: [
    {
      request: ({ symbol }, page) => ({
        call: listOrders,
        parameters: { product_ids: [symbol], limit: 1_000, ...(page === undefined ? {} : { cursor: page }) },
        weight: 1,
      }),
      read: (json, { clientOrderId }: OrderName, symbolOf) => {
        const orders = at(json, "orders");
        if (!Array.isArray(orders)) return undefined;
        const found = (orders as unknown[]).find((row) => at(row, "client_order_id") === clientOrderId);
        if (found !== undefined) return readOrder(found, symbolOf);
        const { next } = nextOf(json);
        return next === undefined ? "absent" : { next };
      },
    },
  ],
  orderById: (_productId, orderId) => ({
    call: "v3PrivateGetBrokerageOrdersHistoricalOrderId",
    parameters: { order_id: orderId },
    weight: 1,
  }),
  readOrder: (json, symbolOf) => readOrder(at(json, "order"), symbolOf),
  openOrders: (productId, page) => ({
    call: listOrders,
    parameters: {
      product_ids: [productId],
      order_status: ["OPEN"],
      limit: 1_000,
      ...(page === undefined ? {} : { cursor: page }),
    },
    weight: 1,
  }),
  readOpenOrders: (json, symbolOf) =>
    pageOf(
      json,
      allOf(at(json, "orders"), (row) => readOrder(row, symbolOf)),
    ),
  trades: ({ symbol, sinceMs, page }) => ({
    call: "v3PrivateGetBrokerageOrdersHistoricalFills",
    parameters: {
      product_ids: [symbol],
      limit: 1_000,
      ...(sinceMs === undefined ? {} : { start_sequence_timestamp: new Date(sinceMs).toISOString() }),
      ...(page === undefined ? {} : { cursor: page }),
    },
    weight: 1,
  }),
  readTrades: (json, _range, symbolOf) => {
    const rows = allOf(at(json, "fills"), (row) => readTrade(row, symbolOf));
    // This list ends with an empty cursor and has no flag.
    const next = text(at(json, "cursor"));
    return rows === undefined ? undefined : { rows, ...(next === undefined || rows.length === 0 ? {} : { next }) };
  },
  balances: (page) => ({
    call: "v3PrivateGetBrokerageAccounts",
    parameters: { limit: 250, ...(page === undefined ? {} : { cursor: page }) },
    weight: 1,
  }),
  readBalances: (json) => {
    const rows = allOf(at(json, "accounts"), (row): readonly [string, Decimal] | undefined => {
      const currency = text(at(row, "currency"));
      const available = amount(at(row, "available_balance", "value"));
      const held = amount(at(row, "hold", "value"));
      if (currency === undefined || available === undefined || held === undefined) return undefined;
      return [currency, add(available, held)];
    });
    return pageOf(json, rows);
  },
  reach: () => ({ call: "v3PrivateGetBrokerageAccounts", parameters: { limit: 1 }, weight: 1 }),
  keyRights: {
    request: { call: "v3PrivateGetBrokerageKeyPermissions", parameters: {}, weight: 1 },
    inSandbox: false,
    read: (json) => {
      const canTrade = at(json, "can_trade");
      const canWithdraw = at(json, "can_transfer");
      return typeof canTrade === "boolean" && typeof canWithdraw === "boolean" ? { canTrade, canWithdraw } : undefined;
    },
  },
  stamp: () => ({}), // the token's time is ccxt's, its life the venue's
  stream,
};

/** The venue's word for what went wrong; undefined when nothing did, or when it was not the venue that spoke. */
function codeIn(status: number, json: unknown, body: string): string | undefined {
  // Its gate refuses a bad token with one word and no JSON.
  if (status === 401 && json === undefined && /^\s*unauthorized\s*$/i.test(body)) return "UNAUTHORIZED";
  const refused = at(json, "error_response");
  if (at(json, "success") === false || refused !== undefined) {
    const preview = text(at(refused, "preview_failure_reason"));
    const reason = text(at(refused, "error")) ?? text(at(json, "failure_reason"));
    const isVague = reason === undefined || reason === "UNKNOWN_FAILURE_REASON";
    if (isVague && preview !== undefined && !preview.startsWith("UNKNOWN")) return preview;
    return reason ?? "UNKNOWN_FAILURE_REASON";
  }
  if (at(json, "results", 0, "success") === false) {
    return text(at(json, "results", 0, "failure_reason")) ?? "UNKNOWN_FAILURE_REASON";
  }
  if (status < 300) return undefined;
  return text(at(json, "error"))?.toUpperCase();
}

function configurationOf(terms: OrderTerms): unknown {
  const { quantity, price } = terms;
  if (terms.type === "market" || price === undefined) return { market_market_ioc: { base_size: quantity } };
  const limit = { base_size: quantity, limit_price: price };
  switch (terms.timeInForce) {
    case "GTC":
      return { limit_limit_gtc: { ...limit, post_only: false } };
    case "GTX":
      return { limit_limit_gtc: { ...limit, post_only: true } };
    case "IOC":
      return { sor_limit_ioc: limit };
    case "FOK":
      return { limit_limit_fok: limit };
  }
}

function nextOf(json: unknown): { readonly next?: string } {
  const cursor = text(at(json, "cursor"));
  return at(json, "has_next") === true && cursor !== undefined ? { next: cursor } : {};
}

function pageOf<T>(json: unknown, rows: readonly T[] | undefined): Page<T> | undefined {
  return rows === undefined ? undefined : { rows, ...nextOf(json) };
}

function instrument(row: Json): readonly [SymbolId, Instrument] | undefined {
  const name = text(row["product_id"]);
  const base = text(row["base_currency_id"]);
  const quote = text(row["quote_currency_id"]);
  const tickSize = amount(row["price_increment"]) ?? amount(row["quote_increment"]);
  const lotSize = amount(row["base_increment"]);
  const quantityMin = amount(row["base_min_size"]);
  const quantityMax = amount(row["base_max_size"]);
  if (name === undefined || base === undefined || quote === undefined || tickSize === undefined) return undefined;
  if (lotSize === undefined || quantityMin === undefined || quantityMax === undefined) return undefined;
  const symbol = id<SymbolId>(`${base}/${quote}`);
  const notionalMin = amount(row["quote_min_size"]) ?? decimal("0");
  return [symbol, { name, rules: { symbol, base, quote, tickSize, lotSize, quantityMin, quantityMax, notionalMin } }];
}
