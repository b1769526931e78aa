/** Bybit v5 spot public stream, by its own documents. */
import type { VenueProfile } from "./profile.ts";
import { usualLineRules } from "./profile.ts";

/** Public market data of Bybit spot. */
export const bybit: VenueProfile = {
  venue: "bybit",
  networks: {
    live: { wsUrls: ["wss://stream.bybit.com/v5/public/spot"], restUrl: "https://api.bybit.com" },
    sandbox: { wsUrls: ["wss://stream-testnet.bybit.com/v5/public/spot"], restUrl: "https://api-testnet.bybit.com" },
  },
  lineRules: {
    ...usualLineRules,
    // Spot takes at most ten topics in one request.
    batchMax: 10,
    // {"op":"ping"} each 20 s is what the document recommends. Whether the protocol's own ping is answered it does not
    // say, so this one also tells a dead connection, sooner.
    heartbeat: { everyMs: 10_000, withinMs: 5_000 },
    pingEveryMs: Infinity,
  },
  // 500 connections in five minutes per address and domain.
  attemptRules: { attempts: 250, perMs: 300_000 },
  cutAgeMs: undefined,
  // Ten minutes on private streams; the document does not name one for public ones.
  idleCutMs: 600_000,
  heartbeat: { text: '{"op":"ping"}', answer: '"ret_msg":"pong"' },
  // 600 in five seconds and address over all of REST, orders included: a sixth of it.
  restPaceMs: 50,
  // 21,000 characters of topics a connection: some four hundred.
  streamsMax: 400,
  sequence: "bybit",
  snapshot: "stream",
  sources: [
    "https://bybit-exchange.github.io/docs/v5/ws/connect",
    "https://bybit-exchange.github.io/docs/v5/websocket/public/orderbook",
    "https://bybit-exchange.github.io/docs/v5/websocket/public/trade",
    "https://bybit-exchange.github.io/docs/v5/market/recent-trade",
    "https://bybit-exchange.github.io/docs/v5/rate-limit",
  ],
};
