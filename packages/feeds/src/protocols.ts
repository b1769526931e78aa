/** The venues that a feed can speak with, by the exchange's name. */
import type { Clock, FeedExchange } from "@baton/core";
import { binanceProtocol } from "./binance/protocol.ts";
import { krakenProtocol } from "./kraken/protocol.ts";
import type { VenueProtocol } from "./protocol.ts";

/** Where and how a venue is reached. */
export interface ProtocolOptions {
  readonly mode: "live" | "sandbox";
  /** Origins of the streams instead of the venue's own. */
  readonly wsUrls?: readonly string[] | undefined;
  readonly restUrl?: string | undefined;
  readonly clock: Clock;
  readonly restWithinMs: number;
  readonly restPaceMs: number;
}

/** How to speak with each. */
export const protocols: Readonly<Record<FeedExchange, (options: ProtocolOptions) => VenueProtocol>> = {
  binance: binanceProtocol,
  kraken: krakenProtocol,
};
