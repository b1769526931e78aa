/**
 * Kraken spot v2 as the feed needs it: a book of ten levels that each message proves by its checksum, trades by id, and
 * no ticker: the book's best is the price.
 */
import { krakenSequence, spotSequence } from "@baton/core";
import type { StreamKind, VenueProtocol } from "../protocol.ts";
import { oneRoute } from "../protocol.ts";
import { originOf, restOf, urlsOf } from "../protocol-options.ts";
import type { ProtocolOptions } from "../protocol-options.ts";
import { kraken } from "../profiles/kraken.ts";
import { krakenStream, parseKrakenFrame } from "./frames.ts";
import { krakenHistory } from "./history.ts";

/** The least that can be subscribed, and all that the checksum proves. */
const depth = 10;
const channels: Readonly<Partial<Record<StreamKind, string>>> = { trade: "trade", depth: "book" };

/** The protocol at the venue's own addresses, or at those given. */
export function krakenProtocol(options: ProtocolOptions): VenueProtocol {
  return {
    routes: oneRoute(urlsOf(kraken, options, "/v2")),
    history: krakenHistory(restOf(kraken, options, { origin: originOf(kraken, options) })),
    lineRules: kraken.lineRules,
    attemptRules: kraken.attemptRules,
    cutAgeMs: kraken.cutAgeMs,
    idleCutMs: kraken.idleCutMs,
    // Public REST is counted by address, about one question a second for all symbols: answers may be late.
    unprovenSilenceMaxMs: 60_000,
    // The book's own rule decides; this one is never asked.
    sequenceRule: spotSequence,
    tradeIds: "consecutive",
    bookRule: () => krakenSequence({ depth }),
    streamName: (symbol, kind) => {
      const channel = channels[kind];
      return channel === undefined ? undefined : krakenStream(channel, symbol);
    },
    requestText({ id, method, streams }) {
      const [channel] = (streams[0] ?? "").split(":");
      const symbol = streams.map((stream) => stream.slice(stream.indexOf(":") + 1));
      // Old trades are no news: what was missed is fetched by its ids.
      const what = channel === "book" ? { depth, ...(method === "SUBSCRIBE" ? { snapshot: true } : {}) } : {};
      const quiet = channel === "trade" && method === "SUBSCRIBE" ? { snapshot: false } : {};
      return JSON.stringify({
        method: method.toLowerCase(),
        params: { channel, symbol, ...what, ...quiet },
        req_id: id,
      });
    },
    heartbeatText: () => kraken.heartbeat?.text,
    openParser: () => ({ set: () => undefined, parse: (data) => parseKrakenFrame(data.toString("utf8")) }),
  };
}
