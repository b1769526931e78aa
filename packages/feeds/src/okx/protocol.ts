/**
 * OKX as the feed needs it: the `books` channel, whose messages name the one before, joined to a snapshot of REST unless
 * the stream brings one; and trades. Each request may name many channels, which saves the hourly budget of requests.
 */
import { okxSequence, spotSequence } from "@baton/core";
import type { StreamKind, VenueProtocol } from "../protocol.ts";
import { oneRoute } from "../protocol.ts";
import { originOf, restOf, urlsOf } from "../protocol-options.ts";
import type { ProtocolOptions } from "../protocol-options.ts";
import { okx } from "../profiles/okx.ts";
import { okxStream, parseOkxFrame } from "./frames.ts";
import { okxHistory } from "./history.ts";
import { okxInstrument } from "./symbols.ts";

const channels: Readonly<Partial<Record<StreamKind, string>>> = { trade: "trades", depth: "books" };

/** The protocol at the venue's own addresses, or at those given. */
export function okxProtocol(options: ProtocolOptions): VenueProtocol {
  // The test network's books are asked for by a header; without it the answer is the live book.
  const headers = options.mode === "sandbox" ? { "x-simulated-trading": "1" } : {};
  return {
    routes: oneRoute(urlsOf(okx, options, "/ws/v5/public")),
    history: okxHistory(restOf(okx, options, { origin: originOf(okx, options), headers })),
    lineRules: okx.lineRules,
    attemptRules: okx.attemptRules,
    cutAgeMs: okx.cutAgeMs,
    idleCutMs: okx.idleCutMs,
    // The book's own rule decides; this one is never asked.
    sequenceRule: spotSequence,
    bookRule: () => okxSequence,
    tradeIds: "ascending",
    streamName: (symbol, kind) => {
      const channel = channels[kind];
      return channel === undefined ? undefined : okxStream(channel, okxInstrument(symbol));
    },
    requestText({ id, method, streams }) {
      const args = streams.map((stream) => {
        const [channel, instId] = stream.split(":");
        return { channel, instId };
      });
      return JSON.stringify({ id: String(id), op: method.toLowerCase(), args });
    },
    heartbeatText: () => okx.heartbeat?.text,
    openParser: () => ({ set: () => undefined, parse: (data) => parseOkxFrame(data.toString("utf8")) }),
  };
}
