/** Every venue that Baton can trade on. */
import type { ExchangeId, VenueProfile } from "../profile.ts";
import { binance, binanceUsdm } from "./binance.ts";
import { bybit } from "./bybit.ts";
import { coinbase } from "./coinbase.ts";
import { kraken } from "./kraken.ts";
import { okx } from "./okx.ts";

/** By ccxt's id. */
export const venueProfiles: Readonly<Record<ExchangeId, VenueProfile>> = {
  binance,
  binanceusdm: binanceUsdm,
  okx,
  kraken,
  bybit,
  coinbase,
};

/** The ids that a configuration may name. */
export const exchangeIds: readonly ExchangeId[] = Object.keys(venueProfiles) as ExchangeId[];

/** The profile of an exchange, undefined for one that Baton does not know. */
export function venueProfileOf(exchange: string): VenueProfile | undefined {
  return exchangeIds.find((known) => known === exchange) === undefined
    ? undefined
    : venueProfiles[exchange as ExchangeId];
}
