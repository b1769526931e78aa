/**
 * What risk is asked with on this node: the state with what is open beside the journal, the venue's rules, the limits, a
 * fresh price, the clock, what the account holds.
 */
import type { Decimal, EngineState, Marks, RiskContext, RiskFigures, SymbolId, VenueId, VenueOrder } from "@baton/core";
import { assert, journaledTotal, journaledWallet, limitsOf, stateBeside, venueProfiles, zero } from "@baton/core";
import { wallNow } from "../clock.ts";
import { clockOffBy } from "./clock-bound.ts";
import type { DeskContext } from "./desk-context.ts";
import type { Term } from "./term.ts";

/** Currency → free and locked together; undefined: the venue has not told all of it in this term. */
export type ToldFunds = (venue: VenueId) => ReadonlyMap<string, Decimal> | undefined;

/** What is known of the accounts in this term. */
export interface AccountFigures {
  readonly fundsOf: ToldFunds;
  /** Open orders of ours that the journal does not know, and that are left alone. */
  readonly leftOrphans: () => ReadonlyMap<VenueId, readonly VenueOrder[]>;
}

export class RiskInputs {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #accounts: AccountFigures;

  constructor(context: DeskContext, term: Term, accounts: AccountFigures) {
    this.#context = context;
    this.#term = term;
    this.#accounts = accounts;
  }

  /** All that is recorded, and what is open at the venues beside it. To be asked, and never to be recorded on. */
  get state(): EngineState {
    return stateBeside(this.#term.state, this.#accounts.leftOrphans());
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
    const told = this.#accounts.fundsOf(venue);
    if (told !== undefined) return told.get(currency) ?? zero;
    const { exchange } = this.#context.venues.get(venue) ?? {};
    return exchange !== undefined && venueProfiles[exchange].market === "perpetual"
      ? journaledWallet(this.#term.state, venue, currency, this.marks)
      : journaledTotal(this.#term.state, venue, currency);
  }
}
