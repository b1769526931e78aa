/**
 * What this term has recorded and not yet sent, by venue: an order joins when it is recorded and leaves with its first byte,
 * or when it is known that none will. Kept beside the journal and not in it, since a successor inherits nothing that it may
 * send. Whether another order may join is decided in `core/orders/backlog.ts`.
 */
import type { Backlog, IntentId, MonoMs, OrderRow, VenueId } from "@baton/core";
import { latestAttempt } from "@baton/core";

interface Waiting {
  readonly attempt: number;
  readonly sinceMonoMs: MonoMs;
}

const none: Backlog = { orders: 0, oldestMs: 0 };

export class Backlogs {
  /** Of each venue oldest first. */
  readonly #venues = new Map<VenueId, Map<IntentId, Waiting>>();

  /** Its latest attempt was recorded. */
  joined(order: OrderRow, now: MonoMs): void {
    const { venue } = order.terms;
    const waiting = this.#venues.get(venue) ?? new Map<IntentId, Waiting>();
    this.#venues.set(venue, waiting);
    // A new attempt waits anew, behind those that were there before it.
    waiting.delete(order.id);
    waiting.set(order.id, { attempt: latestAttempt(order).number, sinceMonoMs: now });
  }

  /** Its latest attempt is on its way, or will never be. May be told more than once. */
  left(order: OrderRow): void {
    const waiting = this.#venues.get(order.terms.venue);
    if (waiting?.get(order.id)?.attempt === latestAttempt(order).number) waiting.delete(order.id);
  }

  of(venue: VenueId, now: MonoMs): Backlog {
    const waiting = this.#venues.get(venue);
    if (waiting === undefined || waiting.size === 0) return none;
    const [oldest] = waiting.values();
    return { orders: waiting.size, oldestMs: oldest === undefined ? 0 : Math.max(0, now - oldest.sinceMonoMs) };
  }

  /** Of every venue for which anything was ever recorded in this term. */
  all(now: MonoMs): readonly (Backlog & { readonly venue: VenueId })[] {
    return [...this.#venues.keys()].map((venue) => ({ venue, ...this.of(venue, now) }));
  }
}
