/** Kraken spot WebSocket v2, by its own documents. */
import type { VenueProfile } from "./profile.ts";
import { usualLineRules } from "./profile.ts";

/** Public market data of Kraken. Its test network is open to chosen clients only; spot has no public one. */
export const kraken: VenueProfile = {
  venue: "kraken",
  networks: {
    live: { wsUrls: ["wss://ws.kraken.com/v2"], restUrl: "https://api.kraken.com" },
    sandbox: { wsUrls: ["wss://beta-ws.kraken.com/v2"], restUrl: "https://api.kraken.com" },
  },
  lineRules: {
    ...usualLineRules,
    // One channel a message, with as many symbols as one likes; each is acknowledged by itself.
    batchesByChannel: true,
    batchMax: 50,
    // The venue sends a heartbeat each second while it has nothing else to say; its guide takes five seconds without any
    // message for a dead connection.
    pongWithinMs: 5_000,
    // {"method":"ping"} is answered {"method":"pong"}.
    heartbeat: { everyMs: 30_000, withinMs: 5_000 },
  },
  // About 150 attempts per address in ten minutes, by the venue's front door (Cloudflare).
  attemptRules: { attempts: 75, perMs: 600_000 },
  cutAgeMs: undefined,
  // Without a subscription it closes after about a minute.
  idleCutMs: 60_000,
  heartbeat: { text: '{"method":"ping"}', answer: '"method":"pong"' },
  // Public REST is counted by address, about one question a second for all symbols.
  restPaceMs: 1000,
  // No document names a bound; ours.
  streamsMax: 1_000,
  sequence: "kraken",
  snapshot: "stream",
  // Trades: `trade_id` rises by one per symbol, so a missed one shows. REST finds them by time, a thousand at once.
  sources: [
    "https://docs.kraken.com/api/docs/guides/spot-ws-intro",
    "https://docs.kraken.com/api/docs/websocket-v2/book",
    "https://docs.kraken.com/api/docs/guides/spot-ws-book-v2",
    "https://docs.kraken.com/api/docs/websocket-v2/heartbeat",
    "https://docs.kraken.com/api/docs/websocket-v2/trade",
    "https://docs.kraken.com/api/docs/rest-api/get-recent-trades",
  ],
};
