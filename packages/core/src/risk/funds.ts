/**
 * Is there enough on the account of a spot venue (of contracts: `margin.ts`)? What the venue says it holds (free and locked together), less what every open, pending
 * and doubted order of ours could still take of it. Until the venue has told, the journal's own count stands in: the
 * baseline and every fill since. Orders of others on the account are not known here; there the venue's own refusal is
 * the backstop.
 */
import { add, multiply, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { SymbolId, VenueId } from "../ids.ts";
import type { Exposure } from "../orders/indexes.ts";
import type { EngineState } from "../orders/state.ts";
import type { OrderTerms } from "../orders/terms.ts";

/** The two currencies of a symbol: `BTC/USDT` and `BTC/USDT:USDT` are both BTC in USDT. */
export function currenciesOf(symbol: SymbolId): { readonly base: string; readonly quote: string } {
  const slash = symbol.indexOf("/");
  const colon = symbol.indexOf(":");
  return { base: symbol.slice(0, slash), quote: symbol.slice(slash + 1, colon < 0 ? undefined : colon) };
}

/** The currency that an order takes from the account, and how much of it at `price`. */
export function needOf(terms: OrderTerms, price: Decimal): { readonly currency: string; readonly amount: Decimal } {
  const { base, quote } = currenciesOf(terms.symbol);
  return terms.side === "buy"
    ? { currency: quote, amount: multiply(terms.quantity, price) }
    : { currency: base, amount: terms.quantity };
}

/** What open, pending and doubted orders at one venue could still take of a currency. */
export function reservedOf(state: EngineState, venue: VenueId, currency: string): Decimal {
  let reserved = zero;
  for (const [market, exposure] of state.indexes.exposure) {
    const [at, symbol] = market.split("|") as [string, SymbolId];
    if (at !== venue) continue;
    const { base, quote } = currenciesOf(symbol);
    if (quote === currency && exposure.buyNotional !== zero) reserved = add(reserved, exposure.buyNotional);
    if (base === currency) reserved = add(reserved, sells(exposure));
  }
  return reserved;
}

/** What the account holds by the journal alone: the baseline, and the fills and fees since. */
export function journaledTotal(state: EngineState, venue: VenueId, currency: string): Decimal {
  let total = state.baselines.get(venue)?.baseline?.balances[currency] ?? zero;
  for (const position of state.positions.values()) {
    if (position.venue !== venue) continue;
    const { base, quote } = currenciesOf(position.symbol);
    if (base === currency) total = add(total, position.quantity);
    if (quote === currency) total = add(total, subtract(position.quoteReceived, position.quoteSpent));
    total = subtract(total, position.fees[currency] ?? zero);
  }
  return total;
}

function sells(exposure: Exposure): Decimal {
  return add(exposure.sellOpen, exposure.sellDoubt);
}
