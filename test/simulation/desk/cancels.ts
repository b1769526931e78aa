/** Taking orders back: a recorded wish to cancel stays armed until the order has ended. */
import { armedCancels, isOrderEnded, isUnsettled, latestAttempt, nextCancelWallMs } from "@baton/core";
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
  readonly #armed = new Set<IntentId>();

  constructor(context: DeskContext, term: Term) {
    this.#context = context;
    this.#term = term;
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
    const { door, permits, process } = this.#context;
    const permit = permits.current(process.clock.mono());
    if (permit === undefined) return done(false);
    const { clientOrderId, number } = latestAttempt(order);
    const { symbol } = order.terms;
    door.cancel({ clientOrderId, symbol }, permit, (outcome) => {
      this.#context.note(`cancel: ${outcome.kind}`);
      if (outcome.kind === "cancelled" && outcome.order !== undefined) this.#told(order.id, number, outcome.order);
      if (outcome.kind !== "unknown-order") return done(outcome.kind !== "not-sent");
      door.query(symbol, clientOrderId, (answer) => {
        if (answer.kind === "found") this.#told(order.id, number, answer.order);
        done(true);
      });
    });
  }

  #told(intent: IntentId, attempt: number, told: VenueOrder): void {
    const now = this.#term.state.orders.get(intent);
    if (this.#term.isOver || now === undefined || isOrderEnded(now) || latestAttempt(now).number !== attempt) return;
    const at = { intent, attempt, atWallMs: this.#context.process.clock.wall() } as const;
    if (!isUnsettled(now)) this.#term.note({ kind: "order.updated", ...at, order: told });
    else if (now.status === "in-doubt") {
      this.#term.note({ kind: "doubt.resolved", ...at, by: "venue", resolution: { kind: "accepted", order: told } });
    }
  }
}
