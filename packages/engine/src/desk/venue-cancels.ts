/**
 * Reduce-only orders that their venue cancelled for a reason of its own, as it seems: the positions are read until the
 * account's numbers say whether it was. What they say is core's (`risk/alarm.ts`); here they are asked for. An order that is
 * waited for has ended, on record, whatever comes of it: what waits is only the question whether the account is stopped.
 */
import type { AccountReading, IntentId, OrderRow, VenueId } from "@baton/core";
import { driftConfirmMs, judgeVenueCancels, unjudgedCancels } from "@baton/core";
import { wallNow } from "../clock.ts";
import type { DeskContext } from "./desk-context.ts";
import { pause } from "./pause.ts";
import type { Term } from "./term.ts";

/** What this needs of others. */
export interface VenueCancelPorts {
  /** Reads the positions at a venue; `onReading` is told of it, as of every other reading. */
  readPositions(venue: VenueId): Promise<void>;
  /** True when a cancel at this venue that is told now may be its dead man's switch's. */
  maySwitchHaveFired(venue: VenueId): boolean;
  /** Nobody here took it back, and no position explains why its venue did. */
  unexplained(order: OrderRow): void;
}

export class VenueCancels {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #ports: VenueCancelPorts;
  readonly #waiting = new Set<IntentId>();
  readonly #asking = new Set<VenueId>();

  constructor(context: DeskContext, term: Term, ports: VenueCancelPorts) {
    this.#context = context;
    this.#term = term;
    this.#ports = ports;
  }

  /** What a predecessor left unjudged. */
  begin(): void {
    for (const order of unjudgedCancels(this.#term.state, wallNow())) this.#wait(order);
  }

  /** The venue cancelled it, and the journal has what it would reduce. */
  take(order: OrderRow): void {
    if (this.#waiting.has(order.id)) return;
    const { venue, symbol } = order.terms;
    // Whether the switch may have fired is a question of now: when the positions have been read it is set again, and forgotten.
    if (this.#ports.maySwitchHaveFired(venue)) return this.#ports.unexplained(order);
    const sentence = `${order.id}, which only reduces, was cancelled by ${venue}, and the journal has a position in ${symbol} that it would reduce: the account's positions are read before anybody is suspected.`;
    this.#context.warn("order.cancelled-by-venue", sentence, { intent: order.id, venue });
    this.#wait(order);
  }

  /** The venue's positions were read. */
  onReading(reading: AccountReading): void {
    for (const together of this.#together(reading.venue)) {
      const verdicts = judgeVenueCancels(this.#term.state, together, reading);
      for (const [at, order] of together.entries()) {
        const verdict = verdicts[at] ?? "wait";
        if (verdict === "wait") continue;
        this.#waiting.delete(order.id);
        if (verdict === "unexplained") this.#ports.unexplained(order);
        else {
          const sentence = `${order.id} was cancelled by ${order.terms.venue} since the position has gone: that is on record now.`;
          this.#context.say("order.cancel-understood", sentence, { intent: order.id });
        }
      }
    }
  }

  #wait(order: OrderRow): void {
    this.#waiting.add(order.id);
    void this.#ask(order.terms.venue);
  }

  /** Until all of a venue's are judged. A reading that fails is tried again like one that says nothing yet. */
  async #ask(venue: VenueId): Promise<void> {
    if (this.#asking.has(venue)) return;
    this.#asking.add(venue);
    while (!this.#term.isOver && this.#together(venue).length > 0) {
      await pause(driftConfirmMs);
      if (!this.#term.isOver) await this.#ports.readPositions(venue);
    }
    this.#asking.delete(venue);
  }

  /** Those that wait at a venue, by symbol and side. */
  #together(venue: VenueId): readonly (readonly OrderRow[])[] {
    const groups = new Map<string, OrderRow[]>();
    for (const intent of this.#waiting) {
      const order = this.#term.state.orders.get(intent);
      if (order === undefined) this.#waiting.delete(intent);
      if (order === undefined || order.terms.venue !== venue) continue;
      const key = `${order.terms.symbol} ${order.terms.side}`;
      groups.set(key, [...(groups.get(key) ?? []), order]);
    }
    return [...groups.values()];
  }
}
