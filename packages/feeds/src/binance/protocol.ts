/** Binance spot market data as the feed needs it: combined streams with live subscription, and REST for repair. */
import type { Clock } from "@baton/core";
import { spotSequence } from "@baton/core";
import type { StreamKind, VenueProtocol } from "../protocol.ts";
import { openRest } from "../rest.ts";
import { parseFrame } from "./frames.ts";
import { binanceHistory } from "./history.ts";
import { binanceAttemptRules, binanceLineRules, binanceUrls } from "./profile.ts";
import { streamPrefix } from "./symbols.ts";

const suffixes: Readonly<Record<StreamKind, string>> = {
  trade: "trade",
  depth: "depth@100ms",
  ticker: "bookTicker",
};

/** The protocol at the venue's own addresses, or at those given (origins, as `ws://127.0.0.1:9000`). */
export function binanceProtocol(options: {
  readonly mode: "live" | "sandbox";
  readonly wsUrl?: string | undefined;
  readonly restUrl?: string | undefined;
  readonly clock: Clock;
  readonly restWithinMs: number;
}): VenueProtocol {
  const { mode, clock, restWithinMs } = options;
  const ws = (options.wsUrl ?? binanceUrls[mode].wsUrl).replace(/\/+(?:ws|stream)?\/*$/, "");
  const origin = (options.restUrl ?? binanceUrls[mode].restUrl).replace(/\/+$/, "");
  return {
    url: `${ws}/stream`,
    history: binanceHistory(openRest({ origin, clock, deadlineMs: restWithinMs })),
    lineRules: binanceLineRules,
    attemptRules: binanceAttemptRules,
    sequenceRule: spotSequence,
    streamName: (symbol, kind) => `${streamPrefix(symbol)}@${suffixes[kind]}`,
    requestText: ({ id, method, streams }) => JSON.stringify({ method, params: streams, id }),
    parse: parseFrame,
  };
}
