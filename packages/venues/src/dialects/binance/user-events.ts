/**
 * Binance's user data in Baton's words, of spot and of futures: reports become an order's state and, for trades, a fill;
 * account updates become balances. Also the signed subscription of spot's WebSocket API, whose signature covers its
 * parameters sorted by name.
 */
import { createHmac } from "node:crypto";
import { add, id, isZero, wallMs, type Decimal, type TradeId, type VenueOrder, type VenueOrderId } from "@baton/core";
import type { VenueTrade } from "../../venue.ts";
import type { SymbolOf } from "../dialect.ts";
import { amount, idText, isRecord, sideOf, type Json } from "../json.ts";
import type { UserMessage } from "../user-message.ts";
import { statusOf } from "./wire.ts";

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
    case "ORDER_TRADE_UPDATE":
      return perpetualReport(event["o"], symbolOf);
    case "ACCOUNT_UPDATE":
      return wallets(event["a"]);
    case "eventStreamTerminated":
    case "listenKeyExpired":
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
    ...(typeof code === "number" ? { code: `${code}` } : {}),
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

/** Futures tell the same fields one level down; there `c` is always the order's own id. */
function perpetualReport(event: unknown, symbolOf: SymbolOf): UserMessage {
  if (!isRecord(event)) return { kind: "unreadable" };
  if (typeof event["s"] === "string" && symbolOf(event["s"]) === undefined) return { kind: "other" };
  return report(event, symbolOf);
}

/** The wallet balances of a futures account that changed. */
function wallets(update: unknown): UserMessage {
  if (!isRecord(update) || !Array.isArray(update["B"])) return { kind: "unreadable" };
  const balances: Record<string, Decimal> = {};
  for (const row of update["B"] as unknown[]) {
    const wallet = isRecord(row) ? amount(row["wb"]) : undefined;
    if (!isRecord(row) || typeof row["a"] !== "string" || wallet === undefined) return { kind: "unreadable" };
    balances[row["a"]] = wallet;
  }
  return { kind: "balances", balances };
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
