/**
 * OKX's private stream: log in, then the channels `orders` (each row an order's state, and the fill that brought it there)
 * and `account`. It answers a text `ping` by `pong` and ends a connection that was silent for 30 s.
 */
import { createHmac } from "node:crypto";
import { originOf } from "../address.ts";
import type { GreetingParts, StreamDialect, SymbolOf } from "../dialect.ts";
import { allOf, at, isRecord, parseJson, text } from "../json.ts";
import { factsOf, type UserFact, type UserMessage } from "../user-message.ts";
import { readBalance, readOrder, readToldTrade } from "./rows.ts";

/** See the head of this file. */
export const stream: StreamDialect = {
  weight: 1,
  address: ({ mode, wsUrl }) =>
    `${originOf(wsUrl, mode === "live" ? "wss://ws.okx.com:8443" : "wss://wspap.okx.com:8443")}/ws/v5/private`,
  greetings: [
    { request: login, answers: 1 },
    { request: subscribe, answers: 2 },
  ],
  ping: "ping",
  parse,
};

/** "Login": the timestamp is in seconds, and may be 30 of them off. */
function login({ apiKey, secret, passphrase, stamp }: GreetingParts): string {
  const timestamp = `${Math.floor(stamp.atMs / 1_000)}`;
  const sign = createHmac("sha256", secret).update(`${timestamp}GET/users/self/verify`).digest("base64");
  return JSON.stringify({ op: "login", args: [{ apiKey, passphrase, timestamp, sign }] });
}

function subscribe(): string {
  return JSON.stringify({ op: "subscribe", args: [{ channel: "orders", instType: "SPOT" }, { channel: "account" }] });
}

function parse(message: string, symbolOf: SymbolOf): UserMessage {
  if (message === "pong") return { kind: "pong" };
  const json = parseJson(message);
  if (!isRecord(json)) return { kind: "unreadable" };
  switch (json["event"]) {
    case "login":
    case "subscribe":
      return answer(text(json["code"]) ?? "0", text(json["msg"]));
    case "error":
      return answer(text(json["code"]) ?? "error", text(json["msg"]));
    case "notice": // "the connection will soon be closed for a service upgrade"
      return { kind: "ending", cause: text(json["msg"]) ?? "the venue announced the connection's end" };
    case "channel-conn-count-error":
      return { kind: "ending", cause: "too many connections of this account" };
    case undefined:
      break;
    default:
      return { kind: "other" };
  }
  switch (at(json, "arg", "channel")) {
    case "orders":
      return factsOf(allOf(json["data"], (row) => orderFacts(row, symbolOf))?.flat());
    case "account": {
      const rows = allOf(json["data"], (row) => allOf(at(row, "details"), readBalance))?.flat();
      return factsOf(rows && [{ kind: "balances", balances: Object.fromEntries(rows) }]);
    }
    default:
      return { kind: "other" };
  }
}

function answer(code: string, message = ""): UserMessage {
  return { kind: "answer", message, ...(code === "0" ? { status: 200 } : { status: 400, code }) };
}

/** An order of an instrument that is not configured has none. */
function orderFacts(row: unknown, symbolOf: SymbolOf): readonly (UserFact | undefined)[] {
  if (symbolOf(text(at(row, "instId")) ?? "") === undefined) return [];
  const order = readOrder(row, symbolOf);
  const state: UserFact | undefined = order && { kind: "order", order };
  if (text(at(row, "tradeId")) === undefined) return [state];
  const trade = readToldTrade(row, symbolOf);
  return [trade && { kind: "trade", trade }, state];
}
