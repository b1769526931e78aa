/** Binance spot, by its own documents. */
import type { VenueProfile } from "./profile.ts";
import { usualLineRules } from "./profile.ts";

const hour = 3_600_000;

/** Public market data of Binance spot. */
export const binance: VenueProfile = {
  venue: "binance",
  networks: {
    live: {
      wsUrls: ["wss://stream.binance.com:9443", "wss://stream.binance.com:443", "wss://data-stream.binance.vision"],
      restUrl: "https://api.binance.com",
    },
    sandbox: {
      wsUrls: ["wss://stream.testnet.binance.vision"],
      restUrl: "https://testnet.binance.vision",
    },
  },
  lineRules: {
    ...usualLineRules,
    // At most five messages a second from us, pings and pongs included: four leave room for the pongs.
    paceMs: 250,
    // LIST_SUBSCRIPTIONS tells what the venue believes; once a minute costs one message of three hundred.
    verifyEveryMs: 60_000,
    rotateBetweenMs: [20 * hour, 23 * hour],
  },
  // 300 attempts in five minutes and per address.
  attemptRules: { attempts: 150, perMs: 300_000 },
  cutAgeMs: 24 * hour,
  // It pings each 20 s and cuts when no pong has come for a minute; `ws` answers by itself.
  idleCutMs: undefined,
  heartbeat: undefined,
  // 6,000 of weight a minute: what repair and proof ask is far below it.
  restPaceMs: 0,
  streamsMax: 1_024,
  sequence: "binance-spot",
  snapshot: "rest",
  sources: [
    "https://github.com/binance/binance-spot-api-docs/blob/master/web-socket-streams.md",
    "https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md",
  ],
};
