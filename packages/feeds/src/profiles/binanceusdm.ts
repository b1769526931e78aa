/** Binance USDⓈ-M futures, by their own documents. */
import type { VenueProfile } from "./profile.ts";
import { usualLineRules } from "./profile.ts";

const hour = 3_600_000;

/**
 * Public market data of Binance's USDⓈ-margined futures. Since 2026-04-23 books and best prices are under `/public` and
 * everything else under `/market`: whoever wants both has two connections. The test network has the same two.
 */
export const binanceUsdm: VenueProfile = {
  venue: "binanceusdm",
  networks: {
    live: { wsUrls: ["wss://fstream.binance.com"], restUrl: "https://fapi.binance.com" },
    sandbox: { wsUrls: ["wss://fstream.binancefuture.com"], restUrl: "https://testnet.binancefuture.com" },
  },
  lineRules: {
    ...usualLineRules,
    // At most ten messages a second from us; five leave room for pongs.
    paceMs: 200,
    verifyEveryMs: 60_000,
    rotateBetweenMs: [20 * hour, 23 * hour],
  },
  // No document names a number for futures; that of spot, halved as there.
  attemptRules: { attempts: 150, perMs: 300_000 },
  cutAgeMs: 24 * hour,
  // It pings each three minutes and cuts when no pong has come for ten; `ws` answers by itself.
  idleCutMs: undefined,
  heartbeat: undefined,
  // 2,400 of weight a minute and address, those of orders included. A question for a snapshot or for missing trades weighs
  // twenty: this pace is for the moment after a loss. What is asked all the time is slower (`binanceusdm/protocol.ts`).
  restPaceMs: 500,
  streamsMax: 1_024,
  sequence: "binance-futures",
  snapshot: "rest",
  sources: [
    "https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams",
    "https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/Important-WebSocket-Change-Notice",
    "https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Order-Book",
    "https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Compressed-Aggregate-Trades-List",
    "https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info",
  ],
};
