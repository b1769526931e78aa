/**
 * The account as the first epoch on it finds it: from here positions must equal the sum of venue fills (I11), and orders
 * that were open before are external and never touched.
 */
import { venueProfiles, type Decimal, type SymbolId, type TradeId, type VenueOrder } from "@baton/core";
import { timedTradeId } from "./dialects/trade-ids.ts";
import { VenueUnavailable, type Venue } from "./venue.ts";

/** More than the venue's clock and ours can be apart. */
const clockErrorMs = 60_000;

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
  const beganMs = Date.now() + (venue.clock()?.offsetMs ?? 0);
  let before = await lastTradeIds(venue, symbols);
  for (let attempt = 1; ; attempt += 1) {
    const [balances, openOrders] = await Promise.all([venue.balances(), allOpenOrders(venue, symbols)]);
    const after = await lastTradeIds(venue, symbols);
    if (symbols.every((symbol) => before[symbol] === after[symbol])) {
      return { balances, openOrders, lastTradeIds: { ...untradedSince(venue, symbols, beganMs), ...after } };
    }
    if (attempt >= attempts)
      throw new VenueUnavailable(venue.id, "baseline", "the account kept trading while it was read");
    before = after;
  }
}

/**
 * Where ids are times, symbols that were never traded have an id as well: from when on trades are to be read. Some venues
 * let themselves be asked for a week at a time, and none for all of them since 1970.
 */
function untradedSince(venue: Venue, symbols: readonly SymbolId[], beganMs: number): Record<SymbolId, TradeId> {
  if (venueProfiles[venue.exchange].tradeIds === "ascending") return {};
  return Object.fromEntries(symbols.map((symbol) => [symbol, timedTradeId(beganMs - clockErrorMs, symbol)]));
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
