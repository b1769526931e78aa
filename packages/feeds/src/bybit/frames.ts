/**
 * A Bybit v5 message, from text to what it says. Whatever the text, the answer is a frame: what does not have the
 * documented shape is `bad`, with the reason.
 *
 * Sources: https://bybit-exchange.github.io/docs/v5/websocket/public/orderbook, …/public/trade, …/v5/ws/connect. That
 * trade ids rise is said of the older spot stream only (https://bybit-exchange.github.io/doc-v3-offline/spot/ws-public/public-trade:
 * they are counted over all symbols). The refusal of a topic that stands is not documented; its words are those that
 * public clients of the venue match.
 */
import { canonicalDecimal, readBybitBook, wallMs } from "@baton/core";
import type { Fields } from "../frame-fields.ts";
import { bad, idOfText, isAmount, isId, objectOf, rowsOf, tradesFrame } from "../frame-fields.ts";
import type { VenueFrame } from "../protocol.ts";

/** Parses one message. Never throws. */
export function parseBybitFrame(text: string): VenueFrame {
  const message = objectOf(text);
  if (message === undefined) return bad("no JSON object");
  const { topic, op } = message;
  if (typeof topic === "string") {
    if (topic.startsWith("orderbook.")) return parseBook(topic, message);
    return topic.startsWith("publicTrade.") ? parseTrades(topic, message) : { type: "ignored" };
  }
  return typeof op === "string" ? parseAnswer(op, message) : bad("no message that we know");
}

function parseBook(topic: string, message: Fields): VenueFrame {
  const read = readBybitBook(message);
  const { ts } = message;
  if (typeof read === "string" || !isId(ts)) return bad("a book message without symbol, numbers, time or levels");
  const { frame } = read;
  // What a snapshot's time means when nothing has changed for a while is not documented.
  const sentWallMs = frame.kind === "snapshot" ? undefined : wallMs(ts);
  // `seq` is one on all connections and does not begin anew with the service, as `u` does.
  return { type: "book", stream: topic, frame, updateId: frame.mark.seq, sentWallMs };
}

function parseTrades(topic: string, message: Fields): VenueFrame {
  if (!Array.isArray(message["data"])) return bad("a trade message without trades");
  return tradesFrame(
    rowsOf(message["data"]).map(({ i, p, v, S: side, T: tradedMs }) => {
      const id = bybitTradeId(i);
      if (id === undefined || !isAmount(p) || !isAmount(v) || !isId(tradedMs)) return undefined;
      if (side !== "Buy" && side !== "Sell") return undefined;
      const trade = {
        id,
        price: canonicalDecimal(p),
        quantity: canonicalDecimal(v),
        taker: side === "Buy" ? ("buy" as const) : ("sell" as const),
        tradedWallMs: wallMs(tradedMs),
      };
      return { type: "trade", stream: topic, trade };
    }),
  );
}

/**
 * A spot trade's id as a number: `2290000000036455162` is more than a double holds, and its first digits are one for all
 * trades of the venue, so the last fifteen are what counts. Undefined for what is no number.
 */
export function bybitTradeId(text: unknown): number | undefined {
  if (typeof text !== "string" || !/^\d{1,20}$/.test(text)) return undefined;
  return Number(text.slice(-15));
}

/** `{success, ret_msg, conn_id, req_id, op}`, for the request as a whole; a ping is answered in the same form. */
function parseAnswer(op: string, message: Fields): VenueFrame {
  const { success, ret_msg: why, req_id: id } = message;
  if (op === "pong" || (op === "ping" && why === "pong")) return { type: "beat" };
  if (op !== "subscribe" && op !== "unsubscribe") return { type: "ignored" };
  const requested = idOfText(id);
  if (success === true) {
    return requested === undefined ? bad("an answer to no request") : { type: "acknowledged", id: requested };
  }
  const reason = typeof why === "string" && why !== "" ? why : "no reason given";
  // Asked again because the first answer was lost: this topic is as we want it, of the others nothing is said.
  const standing = /already subscribed,\s*topic:(\S+)/i.exec(reason)?.[1];
  if (requested !== undefined && standing !== undefined) {
    return { type: "acknowledged", id: requested, streams: [standing], asksRest: true };
  }
  return { type: "refused", id: requested, why: reason.slice(0, 120) };
}
