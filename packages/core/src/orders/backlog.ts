/**
 * May another order be taken, or does too much wait to leave already? An order that is taken and then expires in a queue is
 * worse than one that is refused: its asker holds a 202 for something that never came to the venue. So an order is refused,
 * before anything of it is recorded, where the oldest that waits for the same venue has waited for a good part of the time
 * that the new one would allow itself, or where so many wait that they would be a burden in themselves. What waits is what
 * was recorded and of which no byte has left: for its commit, for room in the venue's limits, for a socket.
 *
 * Clients are refused first; strategies, which have nobody to ask again for them, may go to twice as much. What only reduces
 * a position leaves before all others, in lanes of its own, whoever wants it; so it is held against those of its kind that
 * wait, and not against the crowd: to a mark of its own, half of its time but never more than of the usual time, and as many
 * again as clients may have waiting.
 * What is owed is never refused here: slices and exits of parents that were taken, what comes in a replaced order's place, further attempts.
 * Cancels are no orders. Operators: `runbooks/overloaded.md`.
 */
import { refused } from "../risk/refusal-codes.ts";
import type { Refusal } from "../risk/refusal-codes.ts";

/** Orders that wait. */
export interface Waiting {
  readonly orders: number;
  /** How long the oldest has waited; 0 where none does. */
  readonly oldestMs: number;
}

/** What was recorded for one venue and has not left; in `ahead` those of it that take no risk, and leave before the others. */
export interface Backlog extends Waiting {
  readonly ahead: Waiting;
}

/** Who asks: a client, who can ask again, a strategy of the engine's own, or either for what only reduces a position. */
export type BacklogAsker = "client" | "strategy" | "reduces";

/** What an order that names no time of its own allows itself. */
export const usualSendWithinMs = 2_000;

/** What each may find before it: so many orders, and the oldest for this share of the new order's own time. */
export const backlogLimits: Readonly<Record<BacklogAsker, { readonly ordersMax: number; readonly waitShare: number }>> =
  {
    client: { ordersMax: 1_000, waitShare: 0.25 },
    strategy: { ordersMax: 2_000, waitShare: 0.5 },
    reduces: { ordersMax: 1_000, waitShare: 0.5 },
  };

/** A wait that a busy machine makes now and then is no reason, as long as the order itself has the time. */
const waitAlwaysMs = 100;

/** When to ask again at the earliest and at the latest: a backlog leaves in about the time that its oldest has waited. */
const retryMs = { least: 250, most: 1_000 } as const;

/** Why no order that is to leave within `sendWithinMs` is taken beside this backlog; undefined: it may be. */
export function whyOverloaded(backlog: Backlog, sendWithinMs: number, asker: BacklogAsker): Refusal | undefined {
  const { ordersMax, waitShare } = backlogLimits[asker];
  // A stop of a parent's is behind what is let in here, and has the usual time.
  const ownMs = asker === "reduces" ? Math.min(sendWithinMs, usualSendWithinMs) : sendWithinMs;
  const waitMaxMs = Math.max(ownMs * waitShare, Math.min(ownMs, waitAlwaysMs));
  const { orders, oldestMs } = asker === "reduces" ? backlog.ahead : backlog;
  if (orders < ordersMax && oldestMs < waitMaxMs) return undefined;
  return refused("overloaded", {
    waiting: orders,
    oldestMs: Math.round(oldestMs),
    retryAfterMs: Math.round(Math.min(Math.max(oldestMs, retryMs.least), retryMs.most)),
  });
}
