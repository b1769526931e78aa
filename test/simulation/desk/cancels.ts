/** Taking orders back: a recorded wish to cancel stays armed until the order has ended. */
import { armedCancels, isOrderEnded, latestAttempt, nextCancelWallMs, venueWord } from "@baton/core";
import type { IntentId, OrderRow, VenueOrder, WallMs } from "@baton/core";
import type { DeskContext } from "./context.ts";
import type { Term } from "./term.ts";

const lookEveryMs = 20;

interface Sent {
  readonly requests: number;
  readonly lastWallMs: WallMs;
}

export class Cancels {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #onEvidence: (order: OrderRow, told: VenueOrder) => void;
  readonly #armed = new Set<IntentId>();

  constructor(context: DeskContext, term: Term, onEvidence: (order: OrderRow, told: VenueOrder) => void) {
    this.#context = context;
    this.#term = term;
    this.#onEvidence = onEvidence;
  }

  arm(intent: IntentId): void {
    if (this.#armed.has(intent)) return;
    this.#armed.add(intent);
    this.#pursue(intent, undefined);
  }

  /** Those on committed record; one that is only wished so far is armed when its wish is committed. */
  armAll(): void {
    for (const intent of armedCancels(this.#term.committed)) this.arm(intent);
  }

  #pursue(intent: IntentId, sent: Sent | undefined): void {
    const { process } = this.#context;
    const order = this.#term.state.orders.get(intent);
    if (this.#term.isOver || order === undefined || isOrderEnded(order)) {
      this.#armed.delete(intent);
      return;
    }
    const now = process.clock.wall();
    const dueWallMs = nextCancelWallMs(order, sent, undefined, now);
    const earlyMs = dueWallMs === undefined ? lookEveryMs : dueWallMs - now;
    if (dueWallMs === undefined || earlyMs > 0 || this.#term.phase === "sealed") {
      process.after(Math.max(1, Math.min(lookEveryMs, earlyMs)), () => this.#pursue(intent, sent));
      return;
    }
    this.#once(order, (isSent) => {
      const next = { requests: (sent?.requests ?? 0) + 1, lastWallMs: process.clock.wall() };
      process.after(isSent ? 0.1 : lookEveryMs, () => this.#pursue(intent, next));
    });
  }

  #once(order: OrderRow, done: (isSent: boolean) => void): void {
    const { bent, door, permits, process } = this.#context;
    const permit = permits.current(process.clock.mono());
    if (permit === undefined) return done(false);
    const { clientOrderId } = latestAttempt(order);
    const { symbol } = order.terms;
    if (bent.is("cancel-sent-is-end")) this.#guessEnd(order);
    door.cancel({ clientOrderId, symbol }, permit, (outcome) => {
      this.#context.note(`cancel: ${outcome.kind}`);
      if (outcome.kind === "cancelled" && outcome.order !== undefined) this.#told(outcome.order);
      if (outcome.kind !== "unknown-order") return done(outcome.kind !== "not-sent");
      if (bent.is("cancel-unknown-is-end")) {
        this.#guessEnd(order);
        return done(true);
      }
      door.query(symbol, clientOrderId, (answer) => {
        if (answer.kind === "found") this.#told(answer.order);
        done(true);
      });
    });
  }

  #told(told: VenueOrder): void {
    if (this.#term.isOver) return;
    const word = venueWord(this.#term.state, told, this.#context.process.clock.wall());
    if (word.kind === "evidence") this.#onEvidence(word.order, told);
    else if (word.kind === "update") this.#term.note(word.event);
  }

  /** Broken on purpose: the order is taken for gone, as far as it is known, and nobody asks what became of it. */
  #guessEnd(order: OrderRow): void {
    const { executed, terms, venueOrderId } = order;
    if (venueOrderId === undefined) return;
    const { clientOrderId } = latestAttempt(order);
    const { symbol, side, quantity } = terms;
    this.#told({ venueOrderId, clientOrderId, symbol, side, status: "cancelled", quantity, executed });
  }
}
