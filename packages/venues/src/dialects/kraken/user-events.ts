/**
 * Kraken's private stream (WebSocket v2), opened with a token that REST gives out: `executions` and `balances`. A report
 * tells what changed of an order and no more, so a cancel may name neither symbol nor quantity. Each channel counts its
 * messages; amounts are JSON numbers.
 */
import { id, type SymbolId, type VenueOrderId } from "@baton/core";
import { originOf } from "../address.ts";
import type { StreamDialect, SymbolOf } from "../dialect.ts";
import { allOf, amount, at, entryOf, idText, isRecord, parseExactly, sideOf, text, type Json } from "../json.ts";
import { working, type StatusOf } from "../rows.ts";
import { factsOf, type OrderChange, type UserFact, type UserMessage } from "../user-message.ts";
import { readToldTrade, usualName } from "./rows.ts";

/** See the head of this file. */
export const stream: StreamDialect = {
  key: {
    open: { call: "privatePostGetWebSocketsToken", parameters: {}, weight: 1 },
    read: (json) => text(at(json, "result", "token")),
    // It has to be used within 15 minutes and then lives as long as the connection.
  },
  weight: 0,
  address: ({ wsUrl }) => `${originOf(wsUrl, "wss://ws-auth.kraken.com")}/v2`,
  greetings: [
    {
      request: ({ key }) => subscribe({ channel: "executions", snap_orders: false, snap_trades: false, token: key }),
      answers: 1,
    },
    { request: ({ key }) => subscribe({ channel: "balances", snapshot: false, token: key }), answers: 1 },
  ],
  ping: JSON.stringify({ method: "ping" }),
  parse,
};

function subscribe(params: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ method: "subscribe", params });
}

function parse(message: string, symbolOf: SymbolOf): UserMessage {
  const json = parseExactly(message);
  if (!isRecord(json)) return { kind: "unreadable" };
  if (json["method"] === "pong") return { kind: "pong" };
  if (json["method"] === "subscribe") {
    const fault = text(json["error"]);
    if (json["success"] === true) return { kind: "answer", status: 200, message: "" };
    const code = fault?.split(":").slice(0, 2).join(":");
    return { kind: "answer", status: 400, message: fault ?? "", ...(code === undefined ? {} : { code }) };
  }
  const read = entryOf(channels, json["channel"]);
  if (read === undefined) return { kind: "other" };
  const number = idText(json["sequence"]);
  return {
    ...read(json, symbolOf),
    ...(number === undefined ? {} : { counted: { lane: text(json["channel"]) ?? "", number: Number(number) } }),
  };
}

const channels: Readonly<Record<string, (json: Json, symbolOf: SymbolOf) => UserMessage>> = {
  executions: (json, symbolOf) => factsOf(allOf(json["data"], (row) => reportFacts(row, symbolOf))?.flat()),
  balances: (json) => {
    const rows = allOf(json["data"], (row) => {
      const currency = text(at(row, "asset"));
      const total = amount(at(row, "balance"));
      return currency === undefined || total === undefined ? undefined : ([usualName(currency), total] as const);
    });
    return factsOf(rows && [{ kind: "balances", balances: Object.fromEntries(rows) }]);
  },
};

const statuses: Readonly<Record<string, StatusOf>> = {
  pending_new: working,
  new: working,
  partially_filled: "partially-filled",
  filled: "filled",
  canceled: "cancelled",
  expired: "expired",
};

function reportFacts(row: unknown, symbolOf: SymbolOf): readonly (UserFact | undefined)[] {
  if (!isRecord(row)) return [undefined];
  const told = text(row["symbol"]);
  const symbol = told === undefined ? undefined : symbolOf(told);
  if (told !== undefined && symbol === undefined) return []; // of a pair that is not configured
  const change = changeIn(row, symbol);
  const state: UserFact | undefined = change && { kind: "change", change };
  if (row["exec_type"] !== "trade") return [state];
  const trade = readToldTrade(row, symbolOf);
  return [trade && { kind: "trade", trade }, state];
}

function changeIn(row: Json, symbol: SymbolId | undefined): OrderChange | undefined {
  const venueOrderId = text(row["order_id"]);
  const status = entryOf(statuses, row["order_status"]);
  if (venueOrderId === undefined || status === undefined) return undefined;
  const clientOrderId = text(row["cl_ord_id"]);
  const side = sideOf(row["side"]);
  const quantity = amount(row["order_qty"]);
  const executed = amount(row["cum_qty"]);
  const price = amount(row["limit_price"]);
  return {
    venueOrderId: id<VenueOrderId>(venueOrderId),
    status,
    ...(symbol === undefined ? {} : { symbol }),
    ...(clientOrderId === undefined ? {} : { clientOrderId }),
    ...(side === undefined ? {} : { side }),
    ...(quantity === undefined ? {} : { quantity }),
    ...(executed === undefined ? {} : { executed }),
    ...(price === undefined ? {} : { price }),
  };
}
