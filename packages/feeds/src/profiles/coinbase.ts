/** Coinbase Advanced Trade market data, by its own documents. */
import type { VenueProfile } from "./profile.ts";
import { usualLineRules } from "./profile.ts";

/** Public market data of Coinbase. */
export const coinbase: VenueProfile = {
  venue: "coinbase",
  networks: {
    live: { wsUrls: ["wss://advanced-trade-ws.coinbase.com"], restUrl: "https://api.coinbase.com" },
    // The sandbox gives REST answers only; its streams are the live ones.
    sandbox: { wsUrls: ["wss://advanced-trade-ws.coinbase.com"], restUrl: "https://api-sandbox.coinbase.com" },
  },
  lineRules: {
    ...usualLineRules,
    // Eight unauthenticated messages a second and address; a subscription must come within five seconds.
    paceMs: 250,
    // One channel a message, with as many products as one likes.
    batchesByChannel: true,
    batchMax: 50,
    // The protocol's own ping is answered: the venue's own Python client depends on it.
    ackWithinMs: 2_000,
  },
  // Eight connections a second and address.
  attemptRules: { attempts: 4, perMs: 1_000 },
  cutAgeMs: undefined,
  // Most channels close within 60 to 90 s without updates; the heartbeats channel, each second, prevents that.
  idleCutMs: 60_000,
  heartbeat: undefined,
  // Public REST: ten a second and address; half of it.
  restPaceMs: 200,
  // No document names a bound; ours.
  streamsMax: 500,
  sequence: "coinbase",
  snapshot: "stream",
  sources: [
    "https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-overview",
    "https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels",
    "https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-rate-limits",
  ],
};
