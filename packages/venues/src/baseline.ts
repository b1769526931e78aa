/**
 * The account as the first epoch on it finds it: from here positions must equal the sum of venue fills (I11), and orders
 * that were open before are external and never touched.
 */
import type { Decimal, SymbolId, TradeId, VenueOrder } from "@baton/core";
import { VenueUnavailable, type Venue } from "./venue.ts";

export interface Baseline {
  readonly balances: Readonly<Record<string, Decimal>>;
  readonly openOrders: readonly VenueOrder[];
  readonly lastTradeIds: Readonly<Record<SymbolId, TradeId>>;
}

/**
 * Reads the baseline. The last trade ids are read before and after the balances and must agree, else it reads again: a
 * fill between the two would be counted in both or in neither. Throws `VenueUnavailable`, also when the account of a venue
 * never holds still within `attempts`.
 */
export async function takeBaseline(venue: Venue, symbols: readonly SymbolId[], attempts = 5): Promise<Baseline> {
  let before = await lastTradeIds(venue, symbols);
  for (let attempt = 1; ; attempt += 1) {
    const [balances, openOrders] = await Promise.all([venue.balances(), allOpenOrders(venue, symbols)]);
    const after = await lastTradeIds(venue, symbols);
    if (symbols.every((symbol) => before[symbol] === after[symbol])) {
      return { balances, openOrders, lastTradeIds: after };
    }
    if (attempt >= attempts)
      throw new VenueUnavailable(venue.id, "baseline", "the account kept trading while it was read");
    before = after;
  }
}

async function allOpenOrders(venue: Venue, symbols: readonly SymbolId[]): Promise<readonly VenueOrder[]> {
  return (await Promise.all(symbols.map((symbol) => venue.openOrders(symbol)))).flat();
}

async function lastTradeIds(venue: Venue, symbols: readonly SymbolId[]): Promise<Record<SymbolId, TradeId>> {
  const ids: Record<SymbolId, TradeId> = {};
  await Promise.all(
    symbols.map(async (symbol) => {
      const last = await venue.lastTradeId(symbol);
      if (last !== undefined) ids[symbol] = last;
    }),
  );
  return ids;
}
