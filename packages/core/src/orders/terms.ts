/**
 * What is to be traded: the terms of an order, already rounded to the venue's steps, so that what is journaled equals
 * what goes over the wire.
 */
import type { Decimal } from "../decimal.ts";
import type { SymbolId, VenueId } from "../ids.ts";

export type Side = "buy" | "sell";
/** `limit` needs a price; `market` has none and its collar is checked against the far side of a fresh book. */
export type OrderType = "limit" | "market";
/** As in FIX; `GTX` is good till crossing (post only). Market orders are `IOC`. */
export type TimeInForce = "GTC" | "IOC" | "FOK" | "GTX";

export interface OrderTerms {
  readonly venue: VenueId;
  readonly symbol: SymbolId;
  readonly side: Side;
  readonly type: OrderType;
  readonly quantity: Decimal;
  /** Present exactly for `limit`. */
  readonly price?: Decimal;
  readonly timeInForce: TimeInForce;
  /** It may bring the position nearer to zero and nothing else: the venue's own rule. Present only where it is true. */
  readonly reduceOnly?: true;
}

/** A venue's steps and bounds for one symbol, from its published filters; decimals as strings. */
export interface InstrumentRules {
  readonly symbol: SymbolId;
  readonly base: string;
  readonly quote: string;
  readonly tickSize: Decimal;
  readonly lotSize: Decimal;
  readonly quantityMin: Decimal;
  readonly quantityMax: Decimal;
  readonly notionalMin: Decimal;
}

/** The market price that a decision used, recorded with the intent. `ageMs` is its age when used. */
export interface PriceBasis {
  readonly feed: string;
  readonly updateId: number;
  readonly ageMs: number;
  readonly bid: Decimal;
  readonly ask: Decimal;
}
