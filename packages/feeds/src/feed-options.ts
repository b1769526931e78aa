/** What a feed is told when it is opened; everything but the names and the symbols has a default. */
import type { Clock, ExchangeId, SymbolId } from "@baton/core";
import type { FeedRules } from "./feed-rules.ts";
import type { LineOptions } from "./lines.ts";
import type { VenueHistory } from "./protocol.ts";
import type { FeedTap } from "./tape/tap.ts";
import type { World } from "./world.ts";

export interface FeedOptions {
  /** The feed's name in records, metrics and logs. */
  readonly id: string;
  /** The venue's name there. */
  readonly venue: string;
  /** The protocol that is spoken; default `binance`. */
  readonly exchange?: ExchangeId;
  /** Which of the venue's networks, where no URL is given; default `sandbox`. */
  readonly mode?: "live" | "sandbox";
  readonly symbols: readonly SymbolId[];
  /** Origin of the streams, as `ws://127.0.0.1:9000`. */
  readonly wsUrl?: string | undefined;
  /** Origin of the REST interface, as `http://127.0.0.1:9000`. */
  readonly restUrl?: string | undefined;
  /** The lines to keep, each with what sets it apart; default one. With two, the loss of either is not felt. */
  readonly lines?: readonly LineOptions[];
  /** Age from which a price is stale; default 2,000 ms. */
  readonly staleAfterMs?: number;
  /** Default: this machine's. */
  readonly clock?: Clock;
  /** Uniform in [0, 1), for jitter; default `Math.random`. */
  readonly random?: () => number;
  /** Departures from `feedRules`, for tests and odd networks. */
  readonly rules?: Partial<FeedRules>;
  /** Hears everything that comes in; see `openRecorder`. */
  readonly tap?: FeedTap;
  /** Another world than the real one; see `openPlayer`. */
  readonly world?: World;
  /** Another history than the venue's REST interface. */
  readonly history?: VenueHistory;
}
