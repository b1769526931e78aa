/**
 * Coinbase's stream: the channel `user`, opened with a token of its own, tells how far each order has come but not by which
 * fills, and no balances; so fills are read when an order has grown. `heartbeats` keeps the connection open. All messages of a
 * connection are counted together.
 */
import { createPrivateKey, randomBytes, sign } from "node:crypto";
import { add, id, isZero, type VenueOrderId } from "@baton/core";
import { originOf } from "../address.ts";
import type { GreetingParts, StreamDialect, SymbolOf } from "../dialect.ts";
import { allOf, amount, at, entryOf, isRecord, parseJson, sideOf, text, type Json } from "../json.ts";
import { factsOf, type OrderChange, type UserFact, type UserMessage } from "../user-message.ts";
import { statuses } from "./rows.ts";

/** See the head of this file. */
export const stream: StreamDialect = {
  weight: 1,
  address: ({ wsUrl }) => originOf(wsUrl, "wss://advanced-trade-ws-user.coinbase.com"),
  greetings: [
    { request: (from) => subscribe(from, { channel: "heartbeats" }), answers: 1 },
    { request: (from) => subscribe(from, { channel: "user", product_ids: from.symbols }), answers: 1 },
  ],
  parse,
};

function subscribe(from: GreetingParts, what: object): string {
  return JSON.stringify({ type: "subscribe", ...what, jwt: tokenOf(from) });
}

/** A JSON web token without an address in it, as streams take it; good for two minutes, which is long enough to subscribe. */
function tokenOf({ apiKey, secret, stamp }: GreetingParts): string {
  const seconds = Math.floor(stamp.atMs / 1_000);
  const header = { alg: "ES256", typ: "JWT", kid: apiKey, nonce: randomBytes(16).toString("hex") };
  const claims = { iss: "cdp", sub: apiKey, nbf: seconds, exp: seconds + 120 };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part(header)}.${part(claims)}`;
  const signature = sign("sha256", Buffer.from(signed), { key: createPrivateKey(secret), dsaEncoding: "ieee-p1363" });
  return `${signed}.${signature.toString("base64url")}`;
}

function parse(message: string, symbolOf: SymbolOf): UserMessage {
  const json = parseJson(message);
  if (!isRecord(json)) return { kind: "unreadable" };
  if (json["type"] === "error") {
    return { kind: "answer", status: 400, message: text(json["message"]) ?? "" };
  }
  const number = json["sequence_num"];
  const counted = typeof number === "number" ? { counted: { lane: "", number } } : {};
  switch (json["channel"]) {
    case "subscriptions":
      return { kind: "answer", status: 200, message: "", ...counted };
    case "user":
      return {
        ...factsOf(
          allOf(json["events"], (event) =>
            allOf(at(event, "orders"), (row) => changeFacts(row, symbolOf))?.flat(),
          )?.flat(),
        ),
        ...counted,
      };
    default:
      return { kind: "other", ...counted };
  }
}

/** An order of a product that is not configured has none. */
function changeFacts(row: unknown, symbolOf: SymbolOf): readonly (UserFact | undefined)[] {
  if (!isRecord(row)) return [undefined];
  if (symbolOf(text(row["product_id"]) ?? "") === undefined) return [];
  const change = changeIn(row, symbolOf);
  return [change && { kind: "change", change }];
}

function changeIn(row: Json, symbolOf: SymbolOf): OrderChange | undefined {
  const venueOrderId = text(row["order_id"]);
  const status = entryOf(statuses, row["status"]);
  const symbol = symbolOf(text(row["product_id"]) ?? "");
  const side = sideOf(row["order_side"]);
  const executed = amount(row["cumulative_quantity"]);
  const left = amount(row["leaves_quantity"]);
  const price = amount(row["limit_price"]);
  // None at all is not that of an order by hand: one of ours must not be taken for somebody else's.
  const clientOrderId = typeof row["client_order_id"] === "string" ? row["client_order_id"] : undefined;
  if (venueOrderId === undefined || status === undefined || symbol === undefined) return undefined;
  if (side === undefined || executed === undefined) return undefined;
  // Of an order that was cancelled, what is left is not told: only that of a working or filled one adds up to its quantity.
  const isWhole = typeof status === "function" || status === "filled";
  const quantity = isWhole && left !== undefined ? add(executed, left) : undefined;
  return {
    venueOrderId: id<VenueOrderId>(venueOrderId),
    ...(clientOrderId === undefined ? {} : { clientOrderId }),
    symbol,
    side,
    status,
    executed,
    ...(quantity === undefined ? {} : { quantity }),
    ...(price === undefined || isZero(price) ? {} : { price }),
  };
}
