/**
 * Reading the positions that a venue keeps of its own, so that they can be held against the journal's fills. An answer is
 * of some instant between the request and its arrival, and a fill may be told a little later than it shows there: so one
 * reading carries every quantity that the journal held meanwhile, and core calls it a difference only when none explains it.
 * One reading of a venue at a time; one that fails is left to the next recovery, since nothing depends on it but the alarm.
 */
import type { AccountReading, Decimal, SymbolId, VenueId } from "@baton/core";
import { marketKey, zero } from "@baton/core";
import { VenueUnavailable, type Venue } from "@baton/venues";
import { wallNow } from "../clock.ts";
import type { DeskContext } from "./desk-context.ts";
import { pause } from "./pause.ts";
import type { Term } from "./term.ts";

/** How much later than the answer a fill that the answer counts may still be told. */
const toldWithinMs = 1_000;

export class PositionReadings {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #onReading: (venue: Venue, reading: AccountReading) => void;
  /** What the journal held of each symbol while a venue's positions are being read. */
  readonly #open = new Map<VenueId, Map<SymbolId, Set<Decimal>>>();

  constructor(context: DeskContext, term: Term, onReading: (venue: Venue, reading: AccountReading) => void) {
    this.#context = context;
    this.#term = term;
    this.#onReading = onReading;
  }

  /** Reads them all, unless that is under way. */
  async read(venue: Venue): Promise<void> {
    if (this.#open.has(venue.id)) return;
    this.#open.set(venue.id, new Map());
    for (const symbol of venue.instruments.keys()) this.noteFill(venue.id, symbol);
    try {
      const positions = await venue.positions();
      const atWallMs = wallNow();
      await pause(toldWithinMs);
      const journaled = this.#open.get(venue.id) ?? new Map<SymbolId, Set<Decimal>>();
      if (!this.#term.isOver) {
        this.#onReading(venue, { venue: venue.id, balances: {}, positions, journaled, isAll: true, atWallMs });
      }
    } catch (error) {
      if (!(error instanceof VenueUnavailable)) throw error;
      this.#context.warn("account.positions-unread", `The positions at ${venue.id} were not read: ${error.message}.`);
    } finally {
      this.#open.delete(venue.id);
    }
  }

  /** The journal's quantity of this symbol is another now. */
  noteFill(venue: VenueId, symbol: SymbolId): void {
    const held = this.#open.get(venue);
    if (held === undefined) return;
    const quantity = this.#term.state.positions.get(marketKey(venue, symbol))?.quantity ?? zero;
    held.set(symbol, (held.get(symbol) ?? new Set()).add(quantity));
  }
}
