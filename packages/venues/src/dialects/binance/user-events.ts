/**
 * Binance's user data in Baton's words, of spot and of futures: reports become an order's state and, for trades, a fill;
 * account updates become balances. Also the signed subscription of spot's WebSocket API, whose signature covers its
 * parameters sorted by name.
 */
import { createHmac } from "node:crypto";
import { add, type Decimal } from "@baton/core";
import type { GreetingParts, SymbolOf } from "../dialect.ts";
import { amount, isRecord, parseJson, type Json } from "../json.ts";
import { orderReader, tradeReader } from "../rows.ts";
import { numberedTradeId } from "../trade-ids.ts";
import { factsOf, type UserFact, type UserMessage } from "../user-message.ts";
import { statuses } from "./wire.ts";

/** The request that subscribes to the account's events. */
export function subscribeRequest({ requestId, apiKey, secret, stamp }: GreetingParts): string {
  const timestamp = Math.floor(stamp.atMs);
  const recvWindow = stamp.validityMs;
  const signed = `apiKey=${apiKey}&recvWindow=${recvWindow}&timestamp=${timestamp}`;
  const signature = createHmac("sha256", secret).update(signed).digest("hex");
  return JSON.stringify({
    id: requestId,
    method: "userDataStream.subscribe.signature",
    params: { apiKey, recvWindow, timestamp, signature },
  });
}

/** Reads one message; an order or fill of a symbol that is not configured is `other`. */
export function parseUserMessage(text: string, symbolOf: SymbolOf): UserMessage {
  const message = parseJson(text);
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

const readOrder = orderReader({
  venueOrderId: "i",
  // When a cancel changed the order, `c` is the cancel's own id and `C` the order's.
  clientOrderId: (event) => (event["C"] === undefined || event["C"] === "" ? event["c"] : event["C"]),
  symbol: "s",
  side: "S",
  quantity: "q",
  executed: "z",
  price: "p",
  reduceOnly: "R",
  status: "X",
  statuses,
  isAlwaysNamed: true,
});

const readTrade = tradeReader({
  tradeId: numberedTradeId,
  venueTradeId: "t",
  venueOrderId: "i",
  clientOrderId: (event) => (event["C"] === undefined || event["C"] === "" ? event["c"] : event["C"]),
  symbol: "s",
  side: "S",
  price: "L",
  quantity: "l",
  fee: (event) => amount(event["n"] ?? "0"),
  feeCurrency: "N",
  isMaker: (event) => event["m"] === true,
  tradedMs: "T",
});

function report(event: Json, symbolOf: SymbolOf): UserMessage {
  const order = readOrder(event, symbolOf);
  const facts: (UserFact | undefined)[] = [order && { kind: "order", order }];
  if (event["x"] === "TRADE") {
    const trade = readTrade(event, symbolOf);
    facts.unshift(trade && { kind: "trade", trade });
  }
  return factsOf(facts);
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
  return { kind: "facts", facts: [{ kind: "balances", balances }] };
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
  return { kind: "facts", facts: [{ kind: "balances", balances }] };
}
