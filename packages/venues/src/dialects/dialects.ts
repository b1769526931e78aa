/** The dialect of every venue that Baton has a profile of. */
import type { ExchangeId } from "@baton/core";
import { binance, binanceUsdm } from "./binance/dialect.ts";
import { bybit } from "./bybit/dialect.ts";
import { coinbase } from "./coinbase/dialect.ts";
import type { Dialect } from "./dialect.ts";
import { kraken } from "./kraken/dialect.ts";
import { okx } from "./okx/dialect.ts";

/** By ccxt's id. */
export const dialects: Readonly<Record<ExchangeId, Dialect>> = {
  binance,
  binanceusdm: binanceUsdm,
  okx,
  kraken,
  bybit,
  coinbase,
};
