/**
 * What the streams of Binance's futures say, beside what they have in common with spot (`binance/frames.ts`): differences
 * that name the one before, best prices with an event name, and trades of one taker at one price as one, counted by `a`.
 *
 * Sources: https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams (Diff. Book Depth,
 * Individual Symbol Book Ticker, Aggregate Trade).
 */
import { readBinanceFuturesDifference } from "@baton/core";
import { parseAnnouncement, parseFrame, parseTicker, readTrade } from "../binance/frames.ts";
import type { Fields } from "../frame-fields.ts";
import { bad, isId } from "../frame-fields.ts";
import type { VenueFrame } from "../protocol.ts";

/** Parses one message of either connection. Never throws. */
export function parseUsdmFrame(text: string): VenueFrame {
  return parseFrame(text, readData);
}

function readData(stream: string, data: Fields): VenueFrame {
  switch (data["e"]) {
    case "depthUpdate":
      return readDifference(stream, data);
    case "aggTrade":
      return readTrade(stream, data, data["a"]);
    case "bookTicker":
      return parseTicker(stream, data);
    default:
      return parseAnnouncement(data);
  }
}

function readDifference(stream: string, data: Fields): VenueFrame {
  const read = readBinanceFuturesDifference(data);
  const { E: sentWallMs } = data;
  if (read === "bad" || read === "other") return bad("a depth update without ids or with a level that is none");
  if (!isId(sentWallMs)) return bad("a depth update without a time");
  return { type: "book", stream, frame: read.frame, updateId: read.frame.mark.lastId, sentWallMs };
}
