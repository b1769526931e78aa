/**
 * Binance's user data in Baton's words: execution reports become an order's state and, for trades, a fill; account
 * positions become balances. Also the signed subscription of the WebSocket API, whose signature covers its parameters
 * sorted by name.
 */
import { createHmac } from "node:crypto";
import { add, id, isZero, wallMs, type Decimal, type TradeId, type VenueOrder, type VenueOrderId } from "@baton/core";
import type { VenueTrade } from "../venue.ts";
import { amount, idText, isRecord, sideOf, statusOf, type Json, type SymbolOf } from "./wire.ts";

/** What one message of the account stream says. */
export type UserMessage =
  | {
      readonly kind: "answer";
      readonly requestId: string;
      readonly status: number;
      readonly message: string;
      readonly code?: number;
    }
  | { readonly kind: "report"; readonly order: VenueOrder; readonly trade?: VenueTrade }
  | { readonly kind: "balances"; readonly balances: Readonly<Record<string, Decimal>> }
  /** The venue ends this subscription or connection. */
  | { readonly kind: "ending"; readonly cause: string }
  | { readonly kind: "other" }
  /** Not JSON, or a report without its documented fields: something may be missed, so recovery has to run. */
  | { readonly kind: "unreadable" };

/** The request that subscribes to the account's events. */
export function subscribeRequest(options: {
  readonly requestId: string;
  readonly apiKey: string;
  readonly secret: string;
  readonly timestamp: number;
  readonly recvWindow: number;
}): string {
  const { apiKey, recvWindow, timestamp } = options;
  const signed = `apiKey=${apiKey}&recvWindow=${recvWindow}&timestamp=${timestamp}`;
  const signature = createHmac("sha256", options.secret).update(signed).digest("hex");
  return JSON.stringify({
    id: options.requestId,
    method: "userDataStream.subscribe.signature",
    params: { apiKey, recvWindow, timestamp, signature },
  });
}

/** Reads one message; an order or fill of a symbol that is not configured is `other`. */
export function parseUserMessage(text: string, symbolOf: SymbolOf): UserMessage {
  let message: unknown;
  try {
    message = JSON.parse(text) as unknown;
  } catch {
    return { kind: "unreadable" };
  }
  if (!isRecord(message)) return { kind: "unreadable" };
  if (message["id"] !== undefined && typeof message["status"] === "number") return answer(message, message["status"]);
  const event = isRecord(message["event"]) ? message["event"] : message;
  switch (event["e"]) {
    case "executionReport":
      return typeof event["s"] === "string" && symbolOf(event["s"]) === undefined
        ? { kind: "other" }
        : report(event, symbolOf);
    case "outboundAccountPosition":
      return positions(event);
    case "eventStreamTerminated":
    case "serverShutdown":
      return { kind: "ending", cause: event["e"] };
    default:
      return { kind: "other" };
  }
}

function answer(message: Json, status: number): UserMessage {
  const error = isRecord(message["error"]) ? message["error"] : {};
  const code = error["code"];
  return {
    kind: "answer",
    requestId: `${message["id"] as string | number}`,
    status,
    message: typeof error["msg"] === "string" ? error["msg"] : "",
    ...(typeof code === "number" ? { code } : {}),
  };
}

function report(event: Json, symbolOf: SymbolOf): UserMessage {
  const symbol = typeof event["s"] === "string" ? symbolOf(event["s"]) : undefined;
  const venueOrderId = idText(event["i"]);
  const status = typeof event["X"] === "string" ? statusOf(event["X"]) : undefined;
  const side = sideOf(event["S"]);
  const quantity = amount(event["q"]);
  const executed = amount(event["z"]);
  const price = amount(event["p"]);
  // When a cancel changed the order, `c` is the cancel's own id and `C` the order's.
  const original = event["C"];
  const clientOrderId = typeof original === "string" && original !== "" ? original : event["c"];
  if (symbol === undefined || venueOrderId === undefined || status === undefined || side === undefined) {
    return { kind: "unreadable" };
  }
  if (quantity === undefined || executed === undefined || typeof clientOrderId !== "string") {
    return { kind: "unreadable" };
  }
  const order: VenueOrder = {
    venueOrderId: id<VenueOrderId>(venueOrderId),
    clientOrderId,
    symbol,
    side,
    status,
    quantity,
    executed,
    ...(price === undefined || isZero(price) ? {} : { price }),
  };
  if (event["x"] !== "TRADE") return { kind: "report", order };
  const tradeId = idText(event["t"]);
  const tradePrice = amount(event["L"]);
  const tradeQuantity = amount(event["l"]);
  const fee = amount(event["n"] ?? "0");
  const time = event["T"];
  if (tradeId === undefined || tradePrice === undefined || tradeQuantity === undefined || fee === undefined) {
    return { kind: "unreadable" };
  }
  if (typeof time !== "number") return { kind: "unreadable" };
  const trade: VenueTrade = {
    tradeId: id<TradeId>(tradeId),
    symbol,
    venueOrderId: order.venueOrderId,
    clientOrderId,
    side,
    price: tradePrice,
    quantity: tradeQuantity,
    fee,
    feeCurrency: typeof event["N"] === "string" ? event["N"] : "",
    isMaker: event["m"] === true,
    tradedWallMs: wallMs(time),
  };
  return { kind: "report", order, trade };
}

function positions(event: Json): UserMessage {
  if (!Array.isArray(event["B"])) return { kind: "unreadable" };
  const balances: Record<string, Decimal> = {};
  for (const row of event["B"] as unknown[]) {
    if (!isRecord(row) || typeof row["a"] !== "string") return { kind: "unreadable" };
    const free = amount(row["f"]);
    const locked = amount(row["l"]);
    if (free === undefined || locked === undefined) return { kind: "unreadable" };
    balances[row["a"]] = add(free, locked);
  }
  return { kind: "balances", balances };
}
