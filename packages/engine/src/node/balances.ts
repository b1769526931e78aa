/**
 * Balances for people: read from the venues, at most once a second however many ask, since each reading costs of the same
 * rate budget that orders need. What trading decides on are fills and positions, never these.
 */
import type { BalanceView, Config, EngineState, VenueId } from "@baton/core";
import { journaledTotal, knownDrift } from "@baton/core";
import type { Venue } from "@baton/venues";
import { VenueUnavailable } from "@baton/venues";
import { monoNow } from "../clock.ts";

const freshMs = 1_000;

export class BalanceReader {
  readonly #config: Config;
  readonly #venues: ReadonlyMap<VenueId, Venue>;
  #latest: { readonly atMono: number; readonly balances: Promise<readonly BalanceView[]> } | undefined;

  readonly #committed: () => EngineState;

  /** `committed`: the journal's own count stands beside what the venue tells. */
  constructor(config: Config, venues: ReadonlyMap<VenueId, Venue>, committed: () => EngineState) {
    this.#committed = committed;
    this.#config = config;
    this.#venues = venues;
  }

  /** Every currency of every account that is not zero. Throws `VenueUnavailable`. */
  read(): Promise<readonly BalanceView[]> {
    const now = monoNow();
    if (this.#latest !== undefined && now - this.#latest.atMono < freshMs) return this.#latest.balances;
    const balances = this.#read();
    const latest = { atMono: now, balances };
    this.#latest = latest;
    // A failure is told to those who asked together, and asked anew by the next.
    balances.catch(() => {
      if (this.#latest === latest) this.#latest = undefined;
    });
    return balances;
  }

  async #read(): Promise<readonly BalanceView[]> {
    const perVenue = this.#config.venues.map(async ({ id, account, symbols }) => {
      const venue = this.#venues.get(id);
      if (venue === undefined) throw new VenueUnavailable(id, "balances", "not connected yet");
      const found = Object.entries(await venue.balances());
      const state = this.#committed();
      const isWallet = symbols.some((symbol) => symbol.includes(":"));
      return found.map(([currency, total]): BalanceView => {
        const journal = isWallet ? null : journaledTotal(state, id, currency);
        const drift = knownDrift(state, id, `balance ${currency}`);
        return { venue: id, account, currency, total, journal, drift };
      });
    });
    return (await Promise.all(perVenue)).flat();
  }
}
