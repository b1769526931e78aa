/**
 * Taking orders back: a recorded wish to cancel stays armed until the order has ended. What was never sent is not sent;
 * what is at the venue is cancelled; what is in doubt is cancelled again and again, because it may still arrive (core says
 * when). A cancel names one order and is harmless when repeated.
 */
import type { IntentId, OrderRow, VenueOrder, WallMs } from "@baton/core";
import { armedCancels, isOrderEnded, latestAttempt, nextCancelWallMs, venueWord } from "@baton/core";
import { monoNow, wallNow } from "../clock.ts";
import type { DeskContext } from "./desk-context.ts";
import { pause } from "./pause.ts";
import type { Term } from "./term.ts";

/** How soon a wish that cannot be acted on yet (its order is still on its way) is looked at again. */
const lookEveryMs = 20;

export class Cancels {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #onEvidence: (order: OrderRow, told: VenueOrder) => void;
  readonly #armed = new Set<IntentId>();

  /** `onEvidence`: the venue told of an order whose fate was open; whether it is ours by its terms is asked there. */
  constructor(context: DeskContext, term: Term, onEvidence: (order: OrderRow, told: VenueOrder) => void) {
    this.#context = context;
    this.#term = term;
    this.#onEvidence = onEvidence;
  }

  /** The wish is committed: acts now and until the order has ended or the term is over. */
  arm(intent: IntentId): void {
    if (this.#armed.has(intent)) return;
    this.#armed.add(intent);
    void this.#pursue(intent).finally(() => this.#armed.delete(intent));
  }

  /** At the start of a term: every wish that is still open. Those on committed record; one that is only wished so far is armed when its wish is committed. */
  armAll(): void {
    for (const intent of armedCancels(this.#term.committed)) this.arm(intent);
  }

  async #pursue(intent: IntentId): Promise<void> {
    let sent: { readonly requests: number; readonly lastWallMs: WallMs } | undefined;
    while (!this.#term.isOver) {
      const order = this.#term.state.orders.get(intent);
      if (order === undefined || isOrderEnded(order)) return;
      const dueWallMs = nextCancelWallMs(order, sent, undefined, wallNow());
      const earlyMs = dueWallMs === undefined ? lookEveryMs : dueWallMs - wallNow();
      if (dueWallMs === undefined || earlyMs > 0 || this.#term.phase === "sealed") {
        await pause(Math.max(1, Math.min(lookEveryMs, earlyMs)));
        continue;
      }
      if (!(await this.#once(order))) await pause(lookEveryMs);
      sent = { requests: (sent?.requests ?? 0) + 1, lastWallMs: wallNow() };
    }
  }

  /** False when nothing could be sent. */
  async #once(order: OrderRow): Promise<boolean> {
    const venue = this.#context.venues.get(order.terms.venue);
    const permit = this.#context.permits.current(monoNow());
    if (venue === undefined || permit === undefined) return false;
    const { clientOrderId } = latestAttempt(order);
    const outcome = await venue.cancel(
      {
        clientOrderId,
        symbol: order.terms.symbol,
        ...(order.venueOrderId !== undefined && { venueOrderId: order.venueOrderId }),
      },
      permit,
    );
    if (this.#term.isOver) return true;
    let told: VenueOrder | undefined;
    if (outcome.kind === "cancelled") told = outcome.order;
    // Not open any more: it may have been filled, or have ended; the order itself says which.
    else if (outcome.kind === "unknown-order") {
      const answer = await venue.query(order.terms.symbol, clientOrderId);
      if (answer.kind === "found") told = answer.order;
    }
    if (told !== undefined) this.#told(told);
    return outcome.kind !== "not-sent";
  }

  #told(told: VenueOrder): void {
    const word = venueWord(this.#term.state, told, wallNow());
    if (word.kind === "evidence") this.#onEvidence(word.order, told);
    else if (word.kind === "update") this.#term.note(word.event);
  }
}
