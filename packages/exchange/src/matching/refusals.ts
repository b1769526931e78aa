/** Why the matching engine says no, in the words and codes of one venue. */
import type { FilterName } from "./filters.ts";
import type { Instrument } from "./instrument.ts";

/** A refusal changes nothing. */
export interface Refusal {
  readonly kind: "refused";
  readonly code: number;
  readonly message: string;
}

/** A venue's refusals. */
export interface Refusals {
  readonly filter: (name: FilterName, rules: Instrument) => Refusal;
  /** The client order id is taken. */
  readonly duplicate: Refusal;
  /** A post-only order would trade at once. */
  readonly wouldTake: Refusal;
  /** A conditional order whose condition the last price meets already. */
  readonly wouldTrigger: Refusal;
  /** A fill-or-kill order cannot be filled whole; undefined: it is taken and expires. */
  readonly notFillable: Refusal | undefined;
}

/** The spot venue's. */
export const spotRefusals: Refusals = {
  filter: (name) => refused(-1013, `Filter failure: ${name}`),
  duplicate: refused(-2010, "Duplicate order sent."),
  wouldTake: refused(-2010, "Order would immediately match and take."),
  wouldTrigger: refused(-2010, "Order would trigger immediately."),
  notFillable: undefined,
};

/** A refusal. */
export function refused(code: number, message: string): Refusal {
  return { kind: "refused", code, message };
}
