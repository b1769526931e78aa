/**
 * Where an order goes when its venue is ill: to the alternate that the configuration names, or nowhere. Decided before the
 * intent is recorded, so only what was never sent is ever moved; the record says from where (`routedFrom`). Nothing else
 * moves with it: positions, open orders and doubts stay where they are, and risk is asked about the venue it goes to.
 */
import type { SymbolId, VenueId } from "../ids.ts";

/** What is known of a venue at this moment. */
export interface VenueHealth {
  /** Connected, answering this node, and its breaker closed. */
  readonly isWell: boolean;
  readonly carries: (symbol: SymbolId) => boolean;
  /** Its configured alternate. */
  readonly alternate?: VenueId;
}

/** Where to, and from where when that is another place. */
export interface Route {
  readonly venue: VenueId;
  readonly routedFrom?: VenueId;
}

/**
 * The route of a new order for `asked`. A well venue keeps it, and so does an ill one whose alternate is ill too, is not
 * there, or does not trade the symbol: then the order is refused or waits where it was asked for, in that venue's own words.
 * One step only: an alternate's alternate is not asked, so that nobody is surprised by where an order went.
 */
export function routeOf(
  asked: VenueId,
  symbol: SymbolId,
  healthOf: (venue: VenueId) => VenueHealth | undefined,
): Route {
  const here = healthOf(asked);
  if (here === undefined || here.isWell || here.alternate === undefined) return { venue: asked };
  const there = healthOf(here.alternate);
  if (there === undefined || !there.isWell || !there.carries(symbol)) return { venue: asked };
  return { venue: here.alternate, routedFrom: asked };
}
