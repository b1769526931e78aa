/**
 * The public volume that this node has seen, per venue and symbol: every node keeps it, leader or not, so that a takeover
 * counts on from where the record ends. Of several feeds that carry a symbol the first that told of a trade is listened to:
 * two would count everything twice.
 */
import type { Decimal, SymbolId, TradeEvent, VenueId, VolumeAfter, VolumeTape } from "@baton/core";
import { emptyTape, marketKey, newestTrade, noteTrade, profileOf, volumeAfter } from "@baton/core";

interface Seat {
  readonly feed: string;
  readonly tape: VolumeTape;
}

export class VolumeTapes {
  readonly #seats = new Map<string, Seat>();

  /** What a feed delivers, in its order. */
  note(venue: VenueId, feed: string, event: TradeEvent): void {
    const market = marketKey(venue, event.type === "trade" ? event.trade.symbol : event.symbol);
    const seat = this.#seats.get(market) ?? { feed, tape: emptyTape() };
    this.#seats.set(market, seat);
    if (seat.feed === feed) noteTrade(seat.tape, event);
  }

  /** The newest trade; undefined before the first. */
  newest(venue: VenueId, symbol: SymbolId): number | undefined {
    const tape = this.#tape(venue, symbol);
    return tape === undefined ? undefined : newestTrade(tape);
  }

  /** What traded after a trade; undefined: nothing that is known here. */
  after(venue: VenueId, symbol: SymbolId, tradeId: number): VolumeAfter | undefined {
    const tape = this.#tape(venue, symbol);
    return tape === undefined ? undefined : volumeAfter(tape, tradeId);
  }

  /** The volume of each part of the time before; undefined: it was not seen that far back. */
  profile(
    venue: VenueId,
    symbol: SymbolId,
    o: { readonly nowWallMs: number; readonly durationMs: number; readonly parts: number },
  ): readonly Decimal[] | undefined {
    const tape = this.#tape(venue, symbol);
    return tape === undefined ? undefined : profileOf(tape, o);
  }

  #tape(venue: VenueId, symbol: SymbolId): VolumeTape | undefined {
    return this.#seats.get(marketKey(venue, symbol))?.tape;
  }
}
