/**
 * A Coinbase Advanced Trade message, from text to what it says. Whatever the text, the answer is a frame: what does not
 * have the documented shape is `bad`, with the reason.
 *
 * `sequence_num` counts the messages of the connection, so each message tells its place to every book: what it says of a
 * book comes before that, since the book sees a gap by itself; trades come after it, since only the place shows one.
 *
 * Sources: https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-overview, …/websocket-channels,
 * https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/websocket/level2.md, …/market-trades.md, …/heartbeats.md.
 * Whose side `side` is they do not say; Coinbase Exchange documents the maker's for the same trades, and it is read so.
 */
import { canonicalDecimal, readCoinbaseMessage, wallMs } from "@baton/core";
import type { BookFrame } from "@baton/core";
import type { Fields } from "../frame-fields.ts";
import { bad, idOfText, isAmount, isId, microsecondsOf, objectOf, rowsOf, tradesFrame } from "../frame-fields.ts";
import type { VenueFrame } from "../protocol.ts";

/** Under which name a channel of a product is subscribed here; Coinbase itself names channel and product apart. */
export function coinbaseStream(channel: string, product: string): string {
  return `${channel}:${product}`;
}

/** The channel that keeps the others open; it has no product. */
export const heartbeats: string = coinbaseStream("heartbeats", "");

/** Parses one message. Never throws. */
export function parseCoinbaseFrame(text: string): VenueFrame {
  const message = objectOf(text);
  if (message === undefined) return bad("no JSON object");
  if (message["type"] === "error") {
    return { type: "refused", id: undefined, why: String(message["message"]).slice(0, 120) };
  }
  const { channel, sequence_num: sequence, events } = message;
  if (typeof channel !== "string") return bad("no message that we know");
  if (!isId(sequence)) return bad("a message without its number");
  const place: VenueFrame = { type: "place", frame: placeOf(sequence) };
  switch (channel) {
    case "l2_data":
      return parseBooks(message, place);
    case "market_trades": {
      const trades = parseTrades(rowsOf(events));
      return trades.type === "bad" ? trades : { type: "several", frames: [place, trades] };
    }
    case "subscriptions":
      return { type: "several", frames: [place, standingOf(rowsOf(events))] };
    default:
      return place;
  }
}

function placeOf(sequence: number): BookFrame<unknown> {
  return { kind: "beat", mark: { sequence }, bids: [], asks: [], limit: Infinity };
}

function parseBooks(message: Fields, place: VenueFrame): VenueFrame {
  const sentUs = typeof message["timestamp"] === "string" ? microsecondsOf(message["timestamp"]) : undefined;
  if (sentUs === undefined) return bad("a book message without its time");
  const frames: VenueFrame[] = [];
  for (const product of new Set(rowsOf(message["events"]).map((event) => event["product_id"]))) {
    if (typeof product !== "string") return bad("a book message of no product");
    const frame = readCoinbaseMessage(message, product);
    if (frame === "bad") return bad("a book message without sides or levels");
    const sentWallMs = frame.kind === "snapshot" ? undefined : sentUs / 1_000;
    // The time is the only number that two connections have in common.
    frames.push({ type: "book", stream: coinbaseStream("level2", product), frame, updateId: sentUs, sentWallMs });
  }
  return { type: "several", frames: [...frames, place] };
}

function parseTrades(events: readonly Fields[]): VenueFrame {
  // What a subscription begins with are old trades: they are no news, and what was missed is asked for.
  const fresh = events.filter(({ type }) => type !== "snapshot").flatMap(({ trades }) => rowsOf(trades));
  return tradesFrame(
    fresh.map((row) => {
      const trade = coinbaseTrade(row);
      const product = row["product_id"];
      if (trade === undefined || typeof product !== "string") return undefined;
      return { type: "trade", stream: coinbaseStream("market_trades", product), trade };
    }),
  );
}

/** A trade, as the stream and REST write it; undefined for what is none. */
export function coinbaseTrade({
  trade_id: tradeId,
  price,
  size,
  side,
  time,
}: Fields): Extract<VenueFrame, { type: "trade" }>["trade"] | undefined {
  const [id, madeUs] = [idOfText(tradeId), typeof time === "string" ? microsecondsOf(time) : undefined];
  if (id === undefined || madeUs === undefined || !isAmount(price) || !isAmount(size)) return undefined;
  if (side !== "BUY" && side !== "SELL") return undefined;
  return {
    id,
    price: canonicalDecimal(price),
    quantity: canonicalDecimal(size),
    taker: side === "BUY" ? "sell" : "buy",
    tradedWallMs: wallMs(Math.floor(madeUs / 1_000)),
  };
}

/** `{subscriptions: {level2: [product, …], heartbeats: ["heartbeats"]}}`: everything that stands now. */
function standingOf(events: readonly Fields[]): VenueFrame {
  const streams: string[] = [];
  for (const { subscriptions } of events) {
    if (typeof subscriptions !== "object" || subscriptions === null) continue;
    for (const [channel, products] of Object.entries(subscriptions as Fields)) {
      if (channel === "heartbeats") streams.push(heartbeats);
      else if (Array.isArray(products)) streams.push(...products.map((one) => coinbaseStream(channel, String(one))));
    }
  }
  return { type: "standing", streams };
}
