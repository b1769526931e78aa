/**
 * What a venue's documents say about its streams, as data: addresses, limits, keepalive, age at which connections are cut,
 * and the rule by which its book is kept in sequence. Each profile names the documents that its numbers come from; where a
 * document gives none, the number is ours and the comment says so.
 *
 * The numbers of a profile are defaults: `FeedRules.line` departs from them where a network is odd.
 */
import type { AttemptRules, LineRules } from "@baton/core";

/** How a venue keeps its book in sequence; the names of the rules in core. */
export type SequenceRuleName =
  /** Binance spot: `U`, `u`, snapshot over REST. */
  | "binance-spot"
  /** Binance futures: as spot, and `pu` names the previous `u`. */
  | "binance-futures"
  /** OKX: `prevSeqId`, `seqId`; −1 marks the snapshot, which comes over the stream. */
  | "okx"
  /** Kraken v2: no number, a CRC32 over the top ten levels with each message. */
  | "kraken"
  /** Coinbase: `sequence_num` counts the messages of a connection. */
  | "coinbase"
  /** Bybit: snapshot and deltas over the stream, `u`; a snapshot replaces everything. */
  | "bybit";

export interface VenueProfile {
  readonly venue: string;
  /** Public market data; `sandbox` is the venue's test network. The first stream address is the preferred one. */
  readonly networks: Readonly<
    Record<"live" | "sandbox", { readonly wsUrls: readonly string[]; readonly restUrl: string }>
  >;
  readonly lineRules: LineRules;
  /** What we allow ourselves per host: half of what the venue allows, since others may share the address. */
  readonly attemptRules: AttemptRules;
  /** Age at which the venue cuts every connection; undefined where no document names one. */
  readonly cutAgeMs: number | undefined;
  /** Silence after which it cuts; undefined where only its pings count. */
  readonly idleCutMs: number | undefined;
  /** Text that it wants to hear as a heartbeat, and the one it answers with; undefined where the protocol's ping will do. */
  readonly heartbeat: { readonly text: string; readonly answer: string } | undefined;
  /** Least distance of our REST questions, where they are counted so narrowly that they must be paced; half of it is ours. */
  readonly restPaceMs: number;
  /** Most subscriptions of one connection. */
  readonly streamsMax: number;
  readonly sequence: SequenceRuleName;
  /** Where the book's snapshot comes from. */
  readonly snapshot: "rest" | "stream";
  /** The documents. */
  readonly sources: readonly string[];
}

const hour = 3_600_000;

/** What no venue's document says: our own patience. Profiles depart from it. */
export const usualLineRules: LineRules = {
  connectWithinMs: 5_000,
  closeWithinMs: 1_000,
  paceMs: 250,
  batchMax: 100,
  ackWithinMs: 1_000,
  ackAttempts: 3,
  pingEveryMs: 10_000,
  pongWithinMs: 5_000,
  backoff: { baseMs: 250, capMs: 10_000 },
  stableAfterMs: 30_000,
  giveUpAfter: 12,
  switchAfter: 3,
  probeEveryMs: 30_000,
  rotateBetweenMs: [20 * hour, 23 * hour],
};
