/**
 * Replacing orders that rest: takes the wish in, and when the order is proved to have ended records what comes in its
 * place, or that nothing does. What that is follows from the rows alone (`core/orders/replacement.ts`), so a successor
 * goes on with what it inherits. The new figures pass risk twice: before the old order is touched, so that a wish that
 * would be refused costs nobody an order, and again when they are recorded. Invariants I9, I12.
 */
import type { IntentId, OrderRow, OrderTerms, Refusal, ReplaceRequest } from "@baton/core";
import {
  assertNever,
  id,
  isOrderEnded,
  nextReplacementStep,
  replaceEnded,
  replaceEndText,
  replacementOf,
  stateWithout,
  wasRecorded,
} from "@baton/core";
import { wallNow } from "../clock.ts";
import type { DeskContext } from "./desk-context.ts";
import type { CancelTaken, Intake } from "./intake.ts";
import { noted, repeated } from "./once.ts";
import type { Asked, AskedKey } from "./once.ts";
import { pause } from "./pause.ts";
import type { Term } from "./term.ts";

/** What became of the wish to replace an order. */
export type ReplaceTaken = CancelTaken | { readonly kind: "refused"; readonly refusal: Refusal };

/** How often what may not come in an order's place yet is tried again; it ends by itself when its time has passed. */
const againEveryMs = 50;

export class Replacements {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #intake: Intake;
  readonly #waiting = new Set<IntentId>();

  constructor(context: DeskContext, term: Term, intake: Intake) {
    this.#context = context;
    this.#term = term;
    this.#intake = intake;
  }

  /**
   * The wish that an order has other figures. It and the wish to take the order back are one frame's; the same again under
   * its `operation` does nothing. Refused: nothing was recorded, and the order rests as it did.
   */
  request(ref: string, change: ReplaceRequest, by: string, operation: AskedKey | undefined): ReplaceTaken {
    const { reason, sendWithinMs, ...figures } = change;
    const asked: Asked = { what: "replace", ref, by, reason, operation, more: { ...figures, sendWithinMs } };
    const earlier = repeated(this.#term.state, asked);
    if (earlier !== undefined) return earlier;
    const order = this.#term.state.orders.get(id<IntentId>(ref));
    if (order === undefined) return { kind: wasRecorded(this.#term.state, ref) ? "ended" : "unknown" };
    if (isOrderEnded(order)) return { kind: "ended" };
    const wanted = replacementOf(order, figures);
    if ("code" in wanted) return { kind: "refused", refusal: wanted };
    const { quantity, price, rest } = wanted;
    const refusal =
      this.#intake.whyOverloaded(rest, sendWithinMs, stateWithout(this.#term.state, order)) ??
      this.#intake.whyNotInPlaceOf(order, rest);
    if (refusal !== undefined) return { kind: "refused", refusal };
    const wish = { intent: order.id, by, ...(reason !== undefined && { reason }), atWallMs: wallNow() };
    const sequence = this.#term.decide([
      { kind: "cancel.requested", ...wish },
      { kind: "replace.requested", ...wish, quantity, price, sendWithinMs },
      ...noted(asked),
    ]);
    return { kind: "recorded", sequence };
  }

  /** Everything that is to be replaced: at the start of a term, and when a switchover was given up. */
  driveAll(): void {
    for (const intent of this.#term.state.indexes.replacing) this.drive(intent);
  }

  /** Does what comes next of a replacement; called when it is committed, and after each committed word about its order. */
  drive(intent: IntentId): void {
    const order = this.#term.state.orders.get(intent);
    // A switchover goes first: the successor, or the end of the hold, goes on with it.
    if (order === undefined || !this.#term.isTrading) return;
    const step = nextReplacementStep(this.#term.state.engine, order, wallNow());
    switch (step.kind) {
      case "settled":
      case "wait":
        return;
      case "end":
        return this.#end(order, step.reason);
      case "place":
        return this.#place(order, step.terms, step.sendWithinMs);
      default:
        assertNever(step, "replacement step");
    }
  }

  #place(order: OrderRow, terms: OrderTerms, sendWithinMs: number): void {
    const made = this.#intake.succeed(order, terms, sendWithinMs);
    if (made.kind === "refused") return this.#end(order, `risk: ${made.code}`);
    if (made.kind === "later") return this.#again(order.id);
    const { quantity, price = "" } = terms;
    const sentence = `${made.ref} comes in the place of ${order.id}: ${quantity} at ${price}.`;
    this.#context.say("order.replaced", sentence, { intent: order.id });
  }

  #again(intent: IntentId): void {
    if (this.#waiting.has(intent)) return;
    this.#waiting.add(intent);
    void pause(againEveryMs).then(() => {
      this.#waiting.delete(intent);
      this.drive(intent);
    });
  }

  #end(order: OrderRow, reason: string): void {
    this.#context.warn("order.not-replaced", `${order.id}: ${replaceEndText(reason)}.`, { intent: order.id });
    this.#term.note(replaceEnded(order, reason, wallNow()));
  }
}
