/** Every venue whose stream rules are written down here, by name. */
import type { ExchangeId } from "@baton/core";
import { binance } from "./binance.ts";
import { binanceUsdm } from "./binanceusdm.ts";
import { bybit } from "./bybit.ts";
import { coinbase } from "./coinbase.ts";
import { kraken } from "./kraken.ts";
import { okx } from "./okx.ts";
import type { VenueProfile } from "./profile.ts";

/** The profiles. */
export const venueProfiles: Readonly<Record<ExchangeId, VenueProfile>> = {
  binance,
  binanceusdm: binanceUsdm,
  okx,
  kraken,
  coinbase,
  bybit,
};
