/**
 * What this term has recorded and not yet sent, by venue: an order joins when it is recorded and leaves with its first byte,
 * or when it is known that none will. Kept beside the journal and not in it, since a successor inherits nothing that it may
 * send. Whether another order may join is decided in `core/orders/backlog.ts`.
 */
import type { Backlog, IntentId, MonoMs, OrderRow, VenueId, Waiting } from "@baton/core";
import { latestAttempt } from "@baton/core";

interface Waiter {
  readonly attempt: number;
  readonly sinceMonoMs: MonoMs;
}

/** Oldest first. */
type Line = Map<IntentId, Waiter>;

const noneWaits: Waiting = { orders: 0, oldestMs: 0 };
const none: Backlog = { ...noneWaits, ahead: noneWaits };

export class Backlogs {
  /** `ahead` are those of `all` that take no risk. */
  readonly #venues = new Map<VenueId, { readonly all: Line; readonly ahead: Line }>();

  /** Its latest attempt was recorded. `isAhead`: it takes no risk, and leaves before those that do. */
  joined(order: OrderRow, isAhead: boolean, now: MonoMs): void {
    const { venue } = order.terms;
    const lines = this.#venues.get(venue) ?? { all: new Map(), ahead: new Map() };
    this.#venues.set(venue, lines);
    const waiter = { attempt: latestAttempt(order).number, sinceMonoMs: now };
    // A new attempt waits anew, behind those that were there before it.
    for (const line of [lines.all, lines.ahead]) line.delete(order.id);
    lines.all.set(order.id, waiter);
    if (isAhead) lines.ahead.set(order.id, waiter);
  }

  /** Its latest attempt is on its way, or will never be. May be told more than once. */
  left(order: OrderRow): void {
    const lines = this.#venues.get(order.terms.venue);
    if (lines?.all.get(order.id)?.attempt !== latestAttempt(order).number) return;
    for (const line of [lines.all, lines.ahead]) line.delete(order.id);
  }

  of(venue: VenueId, now: MonoMs): Backlog {
    const lines = this.#venues.get(venue);
    if (lines === undefined) return none;
    return { ...waitingIn(lines.all, now), ahead: waitingIn(lines.ahead, now) };
  }

  /** Of every venue for which anything was ever recorded in this term. */
  all(now: MonoMs): readonly (Backlog & { readonly venue: VenueId })[] {
    return [...this.#venues.keys()].map((venue) => ({ venue, ...this.of(venue, now) }));
  }
}

function waitingIn(line: Line, now: MonoMs): Waiting {
  const [oldest] = line.values();
  return { orders: line.size, oldestMs: oldest === undefined ? 0 : Math.max(0, now - oldest.sinceMonoMs) };
}
