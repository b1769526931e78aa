/** Everything of a feed that can be tuned, and what it is by default. */
import type { LineRules, LivenessRules, TradeRules } from "@baton/core";
import type { StreamKind } from "./protocol.ts";

export interface FeedRules {
  /** Departures from the venue's profile. */
  readonly line: Partial<LineRules>;
  readonly liveness: Readonly<Record<StreamKind, LivenessRules>>;
  readonly trades: TradeRules;
  /** Deadline of one REST question, body included. */
  readonly restWithinMs: number;
  /** Least distance of two REST questions instead of the venue's own. */
  readonly restPaceMs: number | undefined;
  /** Most trades of one symbol that wait for listeners. */
  readonly undeliveredMax: number;
}

/**
 * The defaults. Books are asked after half the time in which a price goes stale, so that a quiet market, proved to be
 * quiet, never becomes stale at all; a dead stream is replaced within five seconds whatever `staleAfterMs` is.
 */
export function feedRules(staleAfterMs: number): FeedRules {
  const askAfterMs = Math.min(staleAfterMs, 4_000) / 2;
  const answerWithinMs = 1_000;
  return {
    line: {},
    liveness: {
      depth: {
        askAfterMs,
        askAfterLeastMs: Math.min(500, askAfterMs),
        answerWithinMs,
        graceMs: 500,
        silenceMaxMs: askAfterMs + 2_000,
      },
      // Trades may stay away for ever; only proof that some were missed ends the connection.
      trade: { askAfterMs: 3_500, askAfterLeastMs: 1_000, answerWithinMs, graceMs: 1_000, silenceMaxMs: Infinity },
      // Judged by the book, which sees each price a little later.
      ticker: { askAfterMs: Infinity, answerWithinMs, graceMs: 1_000, silenceMaxMs: Infinity },
    },
    trades: { holdMs: 3_000, heldMax: 20_000, repairMax: 20_000 },
    restWithinMs: 2_000,
    restPaceMs: undefined,
    undeliveredMax: 100_000,
  };
}
