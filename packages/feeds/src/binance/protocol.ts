/** Binance spot market data as the feed needs it: combined streams with live subscription, and REST for repair. */
import type { SubscriptionRequest } from "@baton/core";
import { spotSequence } from "@baton/core";
import type { StreamKind, VenueProtocol } from "../protocol.ts";
import { oneRoute } from "../protocol.ts";
import { originOf, restOf, urlsOf } from "../protocol-options.ts";
import type { ProtocolOptions } from "../protocol-options.ts";
import { binance } from "../profiles/binance.ts";
import { openFrameParser } from "./frames.ts";
import { binanceHistory } from "./history.ts";
import { streamPrefix } from "./symbols.ts";

const suffixes: Readonly<Record<StreamKind, string>> = {
  trade: "trade",
  depth: "depth@100ms",
  ticker: "bookTicker",
};

/** The protocol at the venue's own addresses, or at those given (origins, as `ws://127.0.0.1:9000`). */
export function binanceProtocol(options: ProtocolOptions): VenueProtocol {
  return {
    routes: oneRoute(urlsOf(binance, options, "/stream").map((url) => url.replace(/\/ws\/stream$/, "/stream"))),
    history: binanceHistory(restOf(binance, options, { origin: originOf(binance, options) })),
    lineRules: binance.lineRules,
    attemptRules: binance.attemptRules,
    cutAgeMs: binance.cutAgeMs,
    idleCutMs: binance.idleCutMs,
    sequenceRule: spotSequence,
    tradeIds: "consecutive",
    streamName: (symbol, kind) => `${streamPrefix(symbol)}@${suffixes[kind]}`,
    requestText: subscriptionText,
    heartbeatText: () => undefined,
    openParser: openFrameParser,
  };
}

/** A request in the words of all of Binance's streams. */
export function subscriptionText({ id, method, streams }: SubscriptionRequest): string {
  if (method === "LIST") return JSON.stringify({ method: "LIST_SUBSCRIPTIONS", id });
  return JSON.stringify({ method, params: streams, id });
}
