/**
 * Binance spot as data: addresses and limits, with the rule each number comes from (binance-spot-api-docs,
 * `web-socket-streams.md` and `rest-api.md`).
 */
import type { AttemptRules, LineRules } from "@baton/core";

/** Public addresses; `sandbox` is the venue's test network. */
export const binanceUrls: Readonly<Record<"live" | "sandbox", { readonly wsUrl: string; readonly restUrl: string }>> = {
  live: { wsUrl: "wss://stream.binance.com:9443", restUrl: "https://api.binance.com" },
  sandbox: { wsUrl: "wss://stream.testnet.binance.vision", restUrl: "https://testnet.binance.vision" },
};

const hour = 3_600_000;

/** How a line to Binance behaves. */
export const binanceLineRules: LineRules = {
  connectWithinMs: 5_000,
  closeWithinMs: 1_000,
  // At most five messages a second from us, pings included: four leave room for the pongs that the library sends.
  paceMs: 250,
  batchMax: 100,
  ackWithinMs: 1_000,
  ackAttempts: 3,
  pingEveryMs: 10_000,
  pongWithinMs: 5_000,
  backoff: { baseMs: 250, capMs: 10_000 },
  stableAfterMs: 30_000,
  giveUpAfter: 12,
  probeEveryMs: 30_000,
  // A connection is cut after 24 hours.
  rotateBetweenMs: [20 * hour, 23 * hour],
};

/** 300 attempts in five minutes and per address are allowed; half of it is ours to spend. */
export const binanceAttemptRules: AttemptRules = { attempts: 150, perMs: 300_000 };
