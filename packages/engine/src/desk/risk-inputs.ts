/** What risk is asked with on this node: the venue's rules, the limits, a fresh price, the clock, what the account holds. */
import type { Decimal, Marks, RiskContext, RiskFigures, SymbolId, VenueId } from "@baton/core";
import { assert, journaledTotal, journaledWallet, limitsOf, venueProfiles, zero } from "@baton/core";
import { wallNow } from "../clock.ts";
import { clockOffBy } from "./clock-bound.ts";
import type { DeskContext } from "./desk-context.ts";
import type { Term } from "./term.ts";

/** Currency → free and locked together; undefined: the venue has not told all of it in this term. */
export type ToldFunds = (venue: VenueId) => ReadonlyMap<string, Decimal> | undefined;

export class RiskInputs {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #told: ToldFunds;

  constructor(context: DeskContext, term: Term, told: ToldFunds) {
    this.#context = context;
    this.#term = term;
    this.#told = told;
  }

  /** For an order in this symbol. The venue is connected. */
  of(venue: VenueId, symbol: SymbolId): RiskContext {
    const { config, venues } = this.#context;
    const connection = venues.get(venue);
    assert(connection !== undefined, "the venue is configured");
    return {
      rules: connection.instruments.get(symbol),
      limits: limitsOf(config.risk, config.doubt, symbol),
      market: this.#context.price(venue, symbol),
      clockErrorMs: clockOffBy(connection.clock()),
      nowWallMs: wallNow(),
      marks: this.marks,
      hasReduceOnly: venueProfiles[connection.exchange].hasReduceOnly,
      ...(config.risk.balances !== "ignore" && { funds: (currency: string) => this.funds(venue, currency) }),
    };
  }

  /** For showing the headroom. */
  get figures(): RiskFigures {
    const { config } = this.#context;
    return {
      config,
      marks: this.marks,
      funds: (venue, currency) => this.funds(venue, currency),
      nowWallMs: wallNow(),
    };
  }

  readonly marks: Marks = (venue, symbol) => this.#context.price(venue, symbol);

  /** The venue's word where it has told everything (what it leaves out is nothing), else the journal's count. */
  funds(venue: VenueId, currency: string): Decimal {
    const told = this.#told(venue);
    if (told !== undefined) return told.get(currency) ?? zero;
    const { exchange } = this.#context.venues.get(venue) ?? {};
    return exchange !== undefined && venueProfiles[exchange].market === "perpetual"
      ? journaledWallet(this.#term.state, venue, currency, this.marks)
      : journaledTotal(this.#term.state, venue, currency);
  }
}
