/** Binance spot market data as the feed needs it: combined streams with live subscription, and REST for repair. */
import type { Clock } from "@baton/core";
import { spotSequence } from "@baton/core";
import type { StreamKind, VenueProtocol } from "../protocol.ts";
import { openRest } from "../rest.ts";
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
export function binanceProtocol(options: {
  readonly mode: "live" | "sandbox";
  readonly wsUrls?: readonly string[] | undefined;
  readonly restUrl?: string | undefined;
  readonly clock: Clock;
  readonly restWithinMs: number;
}): VenueProtocol {
  const { mode, clock, restWithinMs } = options;
  const network = binance.networks[mode];
  const origin = (options.restUrl ?? network.restUrl).replace(/\/+$/, "");
  return {
    endpoints: (options.wsUrls ?? network.wsUrls).map((url) => `${url.replace(/\/+(?:ws|stream)?\/*$/, "")}/stream`),
    history: binanceHistory(openRest({ origin, clock, deadlineMs: restWithinMs })),
    lineRules: binance.lineRules,
    attemptRules: binance.attemptRules,
    cutAgeMs: binance.cutAgeMs,
    idleCutMs: binance.idleCutMs,
    sequenceRule: spotSequence,
    streamName: (symbol, kind) => `${streamPrefix(symbol)}@${suffixes[kind]}`,
    requestText({ id, method, streams }) {
      if (method === "LIST") return JSON.stringify({ method: "LIST_SUBSCRIPTIONS", id });
      return JSON.stringify({ method, params: streams, id });
    },
    heartbeatText: () => undefined,
    openParser: openFrameParser,
  };
}
