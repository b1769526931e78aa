/**
 * The day of the loss limit: once a day of UTC the result so far is recorded, as soon as every position has a fresh price.
 * Nothing is recorded where no loss is limited.
 */
import { dayOpening } from "@baton/core";
import { wallNow } from "../clock.ts";
import type { DeskContext } from "./desk-context.ts";
import type { RiskInputs } from "./risk-inputs.ts";
import type { Term } from "./term.ts";

const lookEveryMs = 1_000;

export class RiskDays {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #inputs: RiskInputs;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: DeskContext, term: Term, inputs: RiskInputs) {
    this.#context = context;
    this.#term = term;
    this.#inputs = inputs;
  }

  begin(): void {
    if (this.#context.config.risk.dayLossMax === undefined) return;
    const look = (): void => {
      const event = this.#term.isTrading ? dayOpening(this.#term.state, wallNow(), this.#inputs.marks) : undefined;
      if (event !== undefined) this.#term.note(event);
    };
    look();
    this.#timer = setInterval(look, lookEveryMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
