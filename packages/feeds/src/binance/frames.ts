/**
 * A Binance stream frame, from text to what it says. Whatever the text, the answer is a frame: what does not have the
 * documented shape is `bad`, with the reason, and is not guessed at.
 */
import { areLevels, canonicalDecimal, priceKey, wallMs } from "@baton/core";
import type { FrameParser, VenueFrame } from "../protocol.ts";
import { openScanner } from "./scan.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Reads the usual frames from their bytes, and everything else as JSON. */
export function openFrameParser(): FrameParser {
  const scanner = openScanner();
  return {
    set: (names) => scanner.set(names),
    parse: (data) => scanner.scan(data) ?? parseFrame(data.toString("utf8")),
  };
}

/**
 * Parses one frame of a combined stream (`{stream, data}`), an acknowledgement, or an announcement. What a stream says is
 * read by `readData`; spot's words by default.
 */
export function parseFrame(
  text: string,
  readData: (stream: string, data: Fields) => VenueFrame = parseData,
): VenueFrame {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    return bad("no JSON");
  }
  if (!isFields(frame)) return bad("no object");
  const { stream, data } = frame;
  if (typeof stream === "string") return isFields(data) ? readData(stream, data) : bad("a stream without data");
  if (frame["id"] !== undefined) return parseAnswer(frame);
  return parseAnnouncement(frame);
}

function parseData(stream: string, data: Fields): VenueFrame {
  switch (data["e"]) {
    case "depthUpdate":
      return parseDifference(stream, data);
    case "trade":
      return parseTrade(stream, data);
    case undefined:
      // The book ticker is the one stream without an event name.
      return data["u"] === undefined ? bad("an event without a name") : parseTicker(stream, data);
    default:
      return parseAnnouncement(data);
  }
}

function parseDifference(stream: string, data: Fields): VenueFrame {
  const { U: firstId, u: lastId, b: bids, a: asks, E: sentWallMs } = data;
  if (!isId(firstId) || !isId(lastId) || firstId > lastId) return bad("a depth update without ids");
  if (!areLevels(bids) || !areLevels(asks)) return bad("a depth update with a level that is none");
  if (!isId(sentWallMs)) return bad("a depth update without a time");
  return { type: "difference", stream, difference: { firstId, lastId, bids, asks }, sentWallMs: wallMs(sentWallMs) };
}

function parseTrade(stream: string, data: Fields): VenueFrame {
  return readTrade(stream, data, data["t"]);
}

/** A trade under the id that its stream counts by. */
export function readTrade(stream: string, data: Fields, id: unknown): VenueFrame {
  const { p: price, q: quantity, T: tradedWallMs, m: isBuyerMaker } = data;
  if (!isId(id) || !isId(tradedWallMs)) return bad("a trade without id or time");
  if (!isAmount(price) || !isAmount(quantity)) return bad("a trade without price or quantity");
  if (typeof isBuyerMaker !== "boolean") return bad("a trade without a taker");
  return {
    type: "trade",
    stream,
    trade: {
      id,
      price: canonicalDecimal(price),
      quantity: canonicalDecimal(quantity),
      taker: isBuyerMaker ? "sell" : "buy",
      tradedWallMs: wallMs(tradedWallMs),
    },
  };
}

/** Best prices; `ticker` is undefined while a side is empty. */
export function parseTicker(stream: string, data: Fields): VenueFrame {
  const { u: updateId, b: bid, B: bidQuantity, a: ask, A: askQuantity } = data;
  if (!isId(updateId)) return bad("a ticker without an id");
  if (isZero(bid) || isZero(ask)) return { type: "ticker", stream, ticker: undefined };
  if (!isAmount(bid) || !isAmount(bidQuantity) || !isAmount(ask) || !isAmount(askQuantity)) {
    return bad("a ticker without prices");
  }
  const ticker = {
    updateId,
    bid: priceKey(bid),
    bidQuantity: priceKey(bidQuantity),
    ask: priceKey(ask),
    askQuantity: priceKey(askQuantity),
  };
  if (ticker.bid >= ticker.ask) return bad("a ticker whose bid is not below its ask");
  return { type: "ticker", stream, ticker };
}

/** `{result: null, id}` says yes, `{result: [names], id}` lists; `{error: {code, msg}, id}` or `{code, msg, id}` says no. */
function parseAnswer(frame: Fields): VenueFrame {
  const { id, error, result, msg } = frame;
  if (!isId(id)) return bad("an answer to no request");
  if (isFields(error))
    return { type: "refused", id, why: `${String(error["code"])} ${String(error["msg"])}`.slice(0, 120) };
  if (result === undefined)
    return { type: "refused", id, why: typeof msg === "string" ? msg.slice(0, 120) : "no reason given" };
  if (result === null) return { type: "acknowledged", id };
  const isList = Array.isArray(result) && result.every((name): name is string => typeof name === "string");
  return isList ? { type: "listed", id, streams: result } : bad("an answer of no kind that we know");
}

/** What is said to nobody in particular. */
export function parseAnnouncement(frame: Fields): VenueFrame {
  const event = isFields(frame["event"]) ? frame["event"] : frame;
  if (event["e"] === "serverShutdown") return { type: "shutdown", sentence: "the venue announced that it will close" };
  if (isFields(frame["error"]))
    return bad(`an error that answers nothing: ${JSON.stringify(frame["error"]).slice(0, 120)}`);
  // On a combined connection what is subscribed comes under its stream's name, and only so.
  if (frame["e"] === "trade" || frame["e"] === "aggTrade" || frame["e"] === "depthUpdate")
    return bad("market data that names no stream");
  return typeof event["e"] === "string" ? { type: "ignored" } : bad("no frame that we know");
}

function bad(reason: string): VenueFrame {
  return { type: "bad", reason };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isZero(value: unknown): boolean {
  return typeof value === "string" && priceKey(value) === 0;
}

function isAmount(value: unknown): value is string {
  return typeof value === "string" && priceKey(value) > 0;
}
