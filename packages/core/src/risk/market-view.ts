/** What a decision may know of a market: the top of the book when it is fresh, or why there is none. */
import type { PriceBasis } from "../orders/terms.ts";

/** The top of the book when it is fresh, or why there is none. */
export type MarketView =
  { readonly kind: "fresh"; readonly basis: PriceBasis } | { readonly kind: "stale"; readonly why: string };
