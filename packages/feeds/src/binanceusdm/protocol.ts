/**
 * Binance's USDⓈ-margined futures as the feed needs them: one line is two connections, `/public` with books and best
 * prices and `/market` with the trades. Requests and answers are spot's; the book is kept by `pu`, trades are told as
 * aggregates, whose ids rise by one.
 */
import { binanceFuturesSequence, spotSequence } from "@baton/core";
import type { StreamKind, VenueProtocol } from "../protocol.ts";
import { originOf, restOf, urlsOf } from "../protocol-options.ts";
import type { ProtocolOptions } from "../protocol-options.ts";
import type { RestGet } from "../rest.ts";
import { subscriptionText } from "../binance/protocol.ts";
import { binanceUsdm } from "../profiles/binanceusdm.ts";
import { parseUsdmFrame } from "./frames.ts";
import { usdmHistory } from "./history.ts";
import { contractCode } from "./symbols.ts";

const suffixes: Readonly<Record<StreamKind, string>> = {
  trade: "aggTrade",
  depth: "depth@100ms",
  ticker: "bookTicker",
};

/** The protocol at the venue's own addresses, or at those given (origins: each route has its own path there). */
export function binanceUsdmProtocol(options: ProtocolOptions): VenueProtocol {
  const paceMs = options.restPaceMs ?? binanceUsdm.restPaceMs;
  const get = (times: number): RestGet =>
    restOf(binanceUsdm, { ...options, restPaceMs: paceMs * times }, { origin: originOf(binanceUsdm, options) });
  return {
    routes: [
      { name: "public", kinds: ["depth", "ticker"], endpoints: endpointsOf(options, "public") },
      { name: "market", kinds: ["trade"], endpoints: endpointsOf(options, "market") },
    ],
    history: usdmHistory({ repairs: get(1), bookProofs: get(0.4), tradeProofs: get(6) }),
    lineRules: binanceUsdm.lineRules,
    attemptRules: binanceUsdm.attemptRules,
    cutAgeMs: binanceUsdm.cutAgeMs,
    idleCutMs: binanceUsdm.idleCutMs,
    // The book's own rule decides; this one is never asked.
    sequenceRule: spotSequence,
    bookRule: () => binanceFuturesSequence,
    tradeIds: "consecutive",
    streamName: (symbol, kind) => `${contractCode(symbol).toLowerCase()}@${suffixes[kind]}`,
    requestText: subscriptionText,
    heartbeatText: () => undefined,
    openParser: () => ({ set: () => undefined, parse: (data) => parseUsdmFrame(data.toString("utf8")) }),
  };
}

/** An origin may have been given with a path of either route, or with the one from before there were routes. */
function endpointsOf(options: ProtocolOptions, route: "public" | "market"): readonly string[] {
  const wsUrls = options.wsUrls?.map((url) =>
    url.replace(/\/+$/, "").replace(/(?:\/(?:public|market))?(?:\/(?:ws|stream))?$/, ""),
  );
  return urlsOf(binanceUsdm, { ...options, wsUrls }, `/${route}/stream`);
}
