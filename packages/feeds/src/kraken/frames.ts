/**
 * A Kraken v2 message, from text to what it says. Whatever the text, the answer is a frame: what does not have the
 * documented shape is `bad`, with the reason. Kraken sends amounts as JSON numbers; their digits are taken from the text.
 *
 * Sources: https://docs.kraken.com/api/docs/websocket-v2/book, …/trade, …/ping, …/heartbeat, …/status.
 */
import { canonicalDecimal, parseKraken, readKrakenBook, wallMs } from "@baton/core";
import type { Fields } from "../frame-fields.ts";
import { bad, isAmount, isId, microsecondsOf } from "../frame-fields.ts";
import type { VenueFrame } from "../protocol.ts";

/** Under which name a channel of a symbol is subscribed here; Kraken itself names channel and symbol apart. */
export function krakenStream(channel: string, symbol: string): string {
  return `${channel}:${symbol}`;
}

/** Parses one message. Never throws. */
export function parseKrakenFrame(text: string): VenueFrame {
  const message = parseKraken(text);
  if (message === undefined) return bad("no JSON object");
  if (typeof message["method"] === "string") return parseAnswer(message["method"], message);
  switch (message["channel"]) {
    case "book":
      return parseBook(text);
    case "trade":
      return parseTrades(message["data"]);
    case "heartbeat":
    case "status":
      return { type: "ignored" };
    default:
      return typeof message["channel"] === "string" ? { type: "ignored" } : bad("no message that we know");
  }
}

function parseBook(text: string): VenueFrame {
  const read = readKrakenBook(text);
  if (typeof read === "string") return bad("a book message without symbol, checksum or levels");
  const { madeAt } = read.frame.mark;
  const updateId = madeAt === undefined ? undefined : microsecondsOf(madeAt);
  if (madeAt !== undefined && updateId === undefined) return bad("a book message with a time that is none");
  // A snapshot has the time of the book's last change, which may be long ago.
  const isStamped = updateId !== undefined && read.frame.kind !== "snapshot";
  const sentWallMs = isStamped ? updateId / 1_000 : undefined;
  return { type: "book", stream: krakenStream("book", read.symbol), frame: read.frame, updateId, sentWallMs };
}

/** All trades of one message must be readable: a part of it is not told. */
function parseTrades(data: unknown): VenueFrame {
  if (!Array.isArray(data)) return bad("a trade message without trades");
  const frames: VenueFrame[] = [];
  for (const one of data as readonly Fields[]) {
    const frame = parseTrade(one);
    if (frame.type === "bad") return frame;
    frames.push(frame);
  }
  return { type: "several", frames };
}

function parseTrade(one: Fields | null): VenueFrame {
  const { symbol, side, price, qty, trade_id: id, timestamp } = one ?? {};
  const madeUs = typeof timestamp === "string" ? microsecondsOf(timestamp) : undefined;
  if (typeof symbol !== "string" || !isId(id) || madeUs === undefined) return bad("a trade without symbol, id or time");
  if (!isAmount(price) || !isAmount(qty)) return bad("a trade without price or quantity");
  if (side !== "buy" && side !== "sell") return bad("a trade without a taker");
  return {
    type: "trade",
    stream: krakenStream("trade", symbol),
    trade: {
      id,
      price: canonicalDecimal(price),
      quantity: canonicalDecimal(qty),
      taker: side,
      tradedWallMs: wallMs(Math.floor(madeUs / 1_000)),
    },
  };
}

/** `{method, success, result: {channel, symbol}, req_id}` for each symbol of a request, or `{success: false, error}`. */
function parseAnswer(method: string, message: Fields): VenueFrame {
  const { success, result, error, req_id: id } = message;
  if (method === "pong") return { type: "beat" };
  if (method !== "subscribe" && method !== "unsubscribe") return { type: "ignored" };
  if (!isId(id)) return bad("an answer to no request");
  if (success === true) {
    const { channel, symbol } = (result ?? {}) as Fields;
    if (typeof channel !== "string" || typeof symbol !== "string") return bad("an answer that names no stream");
    return { type: "acknowledged", id, streams: [krakenStream(channel, symbol)] };
  }
  const why = typeof error === "string" ? error : "no reason given";
  const { symbol } = message;
  // Asked again because the first answer was lost: it is as we want it. The refusal does not name the channel, but a
  // request has only one.
  const isAlready = /already subscribed|subscription not found/i.test(why);
  if (isAlready && typeof symbol === "string") {
    return { type: "acknowledged", id, streams: ["book", "trade"].map((channel) => krakenStream(channel, symbol)) };
  }
  return { type: "refused", id, why: why.slice(0, 120) };
}
