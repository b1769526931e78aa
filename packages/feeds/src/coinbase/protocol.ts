/**
 * Coinbase Advanced Trade as the feed needs it: `level2`, whose snapshot comes with its subscription, `market_trades`, and
 * the heartbeats that keep them open and, each second, show whether a message of the connection is missing.
 */
import { coinbaseSequence, spotSequence } from "@baton/core";
import type { StreamKind, VenueProtocol } from "../protocol.ts";
import { oneRoute } from "../protocol.ts";
import { originOf, restOf, urlsOf } from "../protocol-options.ts";
import type { ProtocolOptions } from "../protocol-options.ts";
import { coinbase } from "../profiles/coinbase.ts";
import { coinbaseStream, heartbeats, parseCoinbaseFrame } from "./frames.ts";
import { coinbaseHistory } from "./history.ts";
import { coinbaseProduct } from "./symbols.ts";

const channels: Readonly<Partial<Record<StreamKind, string>>> = { trade: "market_trades", depth: "level2" };

/** The protocol at the venue's own addresses, or at those given. */
export function coinbaseProtocol(options: ProtocolOptions): VenueProtocol {
  const headers = { "cache-control": "no-cache" };
  return {
    routes: oneRoute(urlsOf(coinbase, options, "")),
    history: coinbaseHistory(restOf(coinbase, options, { origin: originOf(coinbase, options), headers })),
    lineRules: coinbase.lineRules,
    attemptRules: coinbase.attemptRules,
    cutAgeMs: coinbase.cutAgeMs,
    idleCutMs: coinbase.idleCutMs,
    // The book's own rule decides; this one is never asked.
    sequenceRule: spotSequence,
    bookRule: () => coinbaseSequence,
    tradeIds: "ascending",
    countsMessages: true,
    ownStreams: [heartbeats],
    streamName: (symbol, kind) => {
      const channel = channels[kind];
      return channel === undefined ? undefined : coinbaseStream(channel, coinbaseProduct(symbol));
    },
    requestText({ method, streams }) {
      const [channel] = (streams[0] ?? "").split(":");
      const products = streams.map((stream) => stream.slice(stream.indexOf(":") + 1)).filter((one) => one !== "");
      return JSON.stringify({
        type: method.toLowerCase(),
        ...(products.length === 0 ? {} : { product_ids: products }),
        channel,
      });
    },
    heartbeatText: () => undefined,
    openParser: () => ({ set: () => undefined, parse: (data) => parseCoinbaseFrame(data.toString("utf8")) }),
  };
}
