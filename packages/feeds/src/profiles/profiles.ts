/** Every venue whose stream rules are written down here, by name. */
import { binance } from "./binance.ts";
import { bybit } from "./bybit.ts";
import { coinbase } from "./coinbase.ts";
import { kraken } from "./kraken.ts";
import { okx } from "./okx.ts";
import type { VenueProfile } from "./profile.ts";

/** The profiles. */
export const venueProfiles: Readonly<Record<"binance" | "okx" | "kraken" | "coinbase" | "bybit", VenueProfile>> = {
  binance,
  okx,
  kraken,
  coinbase,
  bybit,
};
