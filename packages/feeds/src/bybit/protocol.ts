/** Bybit v5 spot as the feed needs it: a book of fifty levels whose snapshot comes with its subscription, and trades. */
import { bybitSequence, spotSequence } from "@baton/core";
import { marketCode } from "../binance/symbols.ts";
import type { StreamKind, VenueProtocol } from "../protocol.ts";
import { oneRoute } from "../protocol.ts";
import { originOf, restOf, urlsOf } from "../protocol-options.ts";
import type { ProtocolOptions } from "../protocol-options.ts";
import { bybit } from "../profiles/bybit.ts";
import { parseBybitFrame } from "./frames.ts";
import { bybitHistory } from "./history.ts";

const topics: Readonly<Partial<Record<StreamKind, string>>> = { trade: "publicTrade", depth: "orderbook.50" };

/** The protocol at the venue's own addresses, or at those given. */
export function bybitProtocol(options: ProtocolOptions): VenueProtocol {
  return {
    routes: oneRoute(urlsOf(bybit, options, "/v5/public/spot")),
    history: bybitHistory(restOf(bybit, options, { origin: originOf(bybit, options) })),
    lineRules: bybit.lineRules,
    attemptRules: bybit.attemptRules,
    cutAgeMs: bybit.cutAgeMs,
    idleCutMs: bybit.idleCutMs,
    // The book's own rule decides; this one is never asked.
    sequenceRule: spotSequence,
    bookRule: () => bybitSequence,
    tradeIds: "ascending",
    streamName: (symbol, kind) => {
      const topic = topics[kind];
      return topic === undefined ? undefined : `${topic}.${marketCode(symbol)}`;
    },
    requestText: ({ id, method, streams }) =>
      JSON.stringify({ req_id: String(id), op: method.toLowerCase(), args: streams }),
    heartbeatText: () => bybit.heartbeat?.text,
    openParser: () => ({ set: () => undefined, parse: (data) => parseBybitFrame(data.toString("utf8")) }),
  };
}
