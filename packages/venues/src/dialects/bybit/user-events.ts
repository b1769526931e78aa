/**
 * Bybit's private stream: authenticate, then the topics of orders, executions and the wallet, each told in messages of its
 * own, in no order among them. Its ping is a message.
 */
import { createHmac } from "node:crypto";
import { originOf } from "../address.ts";
import type { GreetingParts, StreamDialect, SymbolOf } from "../dialect.ts";
import { allOf, at, isRecord, parseJson, text } from "../json.ts";
import { factsOf, type UserFact, type UserMessage } from "../user-message.ts";
import { category, readBalance, readOrder, readTrade } from "./rows.ts";

const topics = { orders: `order.${category}`, executions: `execution.${category}`, wallet: "wallet" };

/** See the head of this file. */
export const stream: StreamDialect = {
  weight: 1,
  address: ({ mode, wsUrl }) =>
    `${originOf(wsUrl, mode === "live" ? "wss://stream.bybit.com" : "wss://stream-testnet.bybit.com")}/v5/private`,
  greetings: [
    { request: authenticate, answers: 1 },
    { request: subscribe, answers: 1 },
  ],
  ping: JSON.stringify({ op: "ping" }),
  parse,
};

/** "Authentication": the signature covers the instant until which it is good. */
function authenticate({ requestId, apiKey, secret, stamp }: GreetingParts): string {
  const expires = Math.floor(stamp.atMs + stamp.validityMs);
  const signature = createHmac("sha256", secret).update(`GET/realtime${expires}`).digest("hex");
  return JSON.stringify({ req_id: requestId, op: "auth", args: [apiKey, expires, signature] });
}

function subscribe({ requestId }: GreetingParts): string {
  return JSON.stringify({ req_id: requestId, op: "subscribe", args: Object.values(topics) });
}

function parse(message: string, symbolOf: SymbolOf): UserMessage {
  const json = parseJson(message);
  if (!isRecord(json)) return { kind: "unreadable" };
  const op = json["op"] ?? at(json, "request", "op");
  if (op === "pong" || op === "ping") return { kind: "pong" };
  if (op === "auth" || op === "subscribe") {
    const isGranted = json["success"] === true || json["retCode"] === 0;
    return { kind: "answer", status: isGranted ? 200 : 400, message: text(json["ret_msg"] ?? json["retMsg"]) ?? "" };
  }
  const rows = json["data"];
  switch (json["topic"]) {
    case topics.orders:
      return factsOf(allOf(rows, (row) => (isForeign(row, symbolOf) ? [] : [orderFact(row, symbolOf)]))?.flat());
    case topics.executions:
      return factsOf(
        allOf(rows, (row) => (isForeign(row, symbolOf) || !isTrade(row) ? [] : [tradeFact(row, symbolOf)]))?.flat(),
      );
    case topics.wallet: {
      const coins = allOf(rows, (row) => allOf(at(row, "coin"), readBalance))?.flat();
      return factsOf(coins && [{ kind: "balances", balances: Object.fromEntries(coins) }]);
    }
    default:
      return { kind: "other" };
  }
}

/** Fees of funding and the like are executions too. */
function isTrade(row: unknown): boolean {
  const type = text(at(row, "execType"));
  return type === undefined || type === "Trade";
}

function isForeign(row: unknown, symbolOf: SymbolOf): boolean {
  return symbolOf(text(at(row, "symbol")) ?? "") === undefined;
}

function orderFact(row: unknown, symbolOf: SymbolOf): UserFact | undefined {
  const order = readOrder(row, symbolOf);
  return order && { kind: "order", order };
}

function tradeFact(row: unknown, symbolOf: SymbolOf): UserFact | undefined {
  const trade = readTrade(row, symbolOf);
  return trade && { kind: "trade", trade };
}
