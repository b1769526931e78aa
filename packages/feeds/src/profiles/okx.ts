/** OKX public channels, by its own documents. */
import type { VenueProfile } from "./profile.ts";
import { usualLineRules } from "./profile.ts";

/** Public market data of OKX. */
export const okx: VenueProfile = {
  venue: "okx",
  networks: {
    live: { wsUrls: ["wss://ws.okx.com:8443/ws/v5/public"], restUrl: "https://www.okx.com" },
    sandbox: { wsUrls: ["wss://wspap.okx.com:8443/ws/v5/public"], restUrl: "https://www.okx.com" },
  },
  lineRules: {
    ...usualLineRules,
    // 480 subscribe, unsubscribe and login requests an hour and connection: one each 7.5 s for ever, so few and large.
    paceMs: 500,
    batchMax: 50,
    // The text "ping" is answered "pong"; it must come before 30 s of silence are over. The protocol's own ping is no part
    // of the document (ccxt says that it is not answered), so this one also tells a dead connection.
    heartbeat: { everyMs: 10_000, withinMs: 5_000 },
    pingEveryMs: Infinity,
  },
  // Three connections a second and address.
  attemptRules: { attempts: 3, perMs: 2_000 },
  // No document names an age; connections are closed with a notice event for upgrades.
  cutAgeMs: undefined,
  idleCutMs: 30_000,
  heartbeat: { text: "ping", answer: "pong" },
  // The book: 40 in two seconds and address; half of it.
  restPaceMs: 100,
  streamsMax: 480,
  sequence: "okx",
  // The snapshot that begins the stream goes away in August 2026: it is fetched over REST, and one that comes is welcome.
  snapshot: "rest",
  sources: [
    "https://www.okx.com/docs-v5/en/#overview-websocket-connect",
    "https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel",
    "https://www.okx.com/docs-v5/log_en/",
  ],
};
