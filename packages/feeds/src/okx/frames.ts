/**
 * An OKX v5 message, from text to what it says. Whatever the text, the answer is a frame: what does not have the
 * documented shape is `bad`, with the reason.
 *
 * Sources: https://www.okx.com/docs-v5/en/#overview-websocket-subscribe (`id` comes back with each answer, one answer for
 * each of a request's channels), …#overview-websocket-notification (64008: the connection will be closed for an upgrade),
 * …#order-book-trading-market-data-ws-order-book-channel, …-ws-trades-channel. Trades of one taker at one price come as
 * one with the last one's id and their `count`; that ids follow each other by one is said nowhere.
 */
import { canonicalDecimal, readOkxBook, wallMs } from "@baton/core";
import type { Fields } from "../frame-fields.ts";
import { bad, idOfText, isAmount, objectOf, rowsOf, tradesFrame } from "../frame-fields.ts";
import type { VenueFrame } from "../protocol.ts";

/** Under which name a channel of an instrument is subscribed here; OKX itself names channel and instrument apart. */
export function okxStream(channel: string, instrument: string): string {
  return `${channel}:${instrument}`;
}

/** Parses one message. Never throws. */
export function parseOkxFrame(text: string): VenueFrame {
  if (text === "pong") return { type: "beat" };
  const message = objectOf(text);
  if (message === undefined) return bad("no JSON object");
  const { event } = message;
  if (typeof event === "string") return parseEvent(event, message);
  const { channel, instId } = (message["arg"] ?? {}) as Fields;
  if (typeof channel !== "string") return bad("no message that we know");
  if (channel === "books") return parseBook(message);
  if (channel !== "trades") return { type: "ignored" };
  return typeof instId === "string" ? parseTrades(okxStream(channel, instId), message) : bad("trades of nothing");
}

function parseBook(message: Fields): VenueFrame {
  const read = readOkxBook(message);
  if (typeof read === "string") return bad("a book message without instrument, ids, time or levels");
  const { symbol, frame } = read;
  const { madeAtMs } = frame.mark;
  // `seqId` may fall at a reset, so the time is what orders the books of two connections.
  const updateId = madeAtMs * 1_000;
  const sentWallMs = frame.kind === "snapshot" ? undefined : wallMs(madeAtMs);
  return { type: "book", stream: okxStream("books", symbol), frame, updateId, sentWallMs };
}

function parseTrades(stream: string, message: Fields): VenueFrame {
  if (!Array.isArray(message["data"])) return bad("a trade message without trades");
  return tradesFrame(
    rowsOf(message["data"]).map((row) => {
      const trade = okxTrade(row);
      return trade === undefined ? undefined : { type: "trade", stream, trade };
    }),
  );
}

/** A trade, as the stream and REST write it; undefined for what is none. */
export function okxTrade({
  tradeId,
  px,
  sz,
  side,
  ts,
}: Fields): Extract<VenueFrame, { type: "trade" }>["trade"] | undefined {
  const [id, tradedMs] = [idOfText(tradeId), idOfText(ts)];
  if (id === undefined || tradedMs === undefined || !isAmount(px) || !isAmount(sz)) return undefined;
  if (side !== "buy" && side !== "sell") return undefined;
  return {
    id,
    price: canonicalDecimal(px),
    quantity: canonicalDecimal(sz),
    taker: side,
    tradedWallMs: wallMs(tradedMs),
  };
}

function parseEvent(event: string, message: Fields): VenueFrame {
  const { code, msg } = message;
  const id = idOfText(message["id"]);
  switch (event) {
    case "subscribe":
    case "unsubscribe": {
      const { channel, instId } = (message["arg"] ?? {}) as Fields;
      if (id === undefined) return bad("an answer to no request");
      if (typeof channel !== "string" || typeof instId !== "string") return bad("an answer that names no stream");
      return { type: "acknowledged", id, streams: [okxStream(channel, instId)] };
    }
    case "error":
      return { type: "refused", id, why: `${String(code)} ${String(msg)}`.slice(0, 120) };
    case "notice":
      return { type: "shutdown", sentence: `the venue says: ${String(msg).slice(0, 120)}` };
    default:
      return { type: "ignored" };
  }
}
