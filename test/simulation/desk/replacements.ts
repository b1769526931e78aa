/** Replacing orders that rest: the wish is taken in, and when the order's end is on record what comes in its place is core's word. */
import { assertNever, id, isOrderEnded, nextReplacementStep, replaceEnded, replacementOf } from "@baton/core";
import type { IntentId, OrderRow, ReplaceChange, Sequence } from "@baton/core";
import type { DeskContext } from "./context.ts";
import type { Intake } from "./intake.ts";
import type { Term } from "./term.ts";

const againEveryMs = 50;

export class Replacements {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #intake: Intake;

  constructor(context: DeskContext, term: Term, intake: Intake) {
    this.#context = context;
    this.#term = term;
    this.#intake = intake;
  }

  /** The wish, and the wish to take the order back, as one frame's; undefined: refused, and the order rests as it did. */
  request(ref: string, change: ReplaceChange, by: string, sendWithinMs: number): Sequence | undefined {
    const order = this.#term.state.orders.get(id<IntentId>(ref));
    if (order === undefined || isOrderEnded(order)) return undefined;
    const wanted = replacementOf(order, change);
    if ("code" in wanted || !this.#intake.mayComeInPlaceOf(order, wanted.rest)) return undefined;
    const { quantity, price } = wanted;
    const wish = { intent: order.id, by, atWallMs: this.#context.process.clock.wall() };
    this.#context.note("replace asked");
    return this.#term.decide([
      { kind: "cancel.requested", ...wish },
      { kind: "replace.requested", ...wish, quantity, price, sendWithinMs },
    ]);
  }

  driveAll(): void {
    for (const intent of this.#term.state.indexes.replacing) this.drive(intent);
  }

  drive(intent: IntentId): void {
    const order = this.#term.state.orders.get(intent);
    if (order === undefined || !this.#term.isTrading) return;
    const { process } = this.#context;
    const step = nextReplacementStep(this.#term.state.engine, order, process.clock.wall());
    switch (step.kind) {
      case "settled":
      case "wait":
        return;
      case "end":
        return this.#end(order, step.reason);
      case "place": {
        const made = this.#intake.succeed(order, step.terms, step.sendWithinMs);
        if (made.kind === "refused") return this.#end(order, `risk: ${made.code}`);
        if (made.kind === "later") return void process.after(againEveryMs, () => this.drive(intent));
        return this.#context.note("replaced");
      }
      default:
        assertNever(step, "replacement step");
    }
  }

  #end(order: OrderRow, reason: string): void {
    this.#context.note(`not replaced: ${reason.startsWith("risk") ? "risk" : reason}`);
    this.#term.note(replaceEnded(order, reason, this.#context.process.clock.wall()));
  }
}
