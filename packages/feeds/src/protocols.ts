/** The venues that a feed can speak with, by the exchange's name. */
import type { ExchangeId } from "@baton/core";
import { binanceProtocol } from "./binance/protocol.ts";
import { binanceUsdmProtocol } from "./binanceusdm/protocol.ts";
import { bybitProtocol } from "./bybit/protocol.ts";
import { coinbaseProtocol } from "./coinbase/protocol.ts";
import { krakenProtocol } from "./kraken/protocol.ts";
import { okxProtocol } from "./okx/protocol.ts";
import type { ProtocolOptions } from "./protocol-options.ts";
import type { VenueProtocol } from "./protocol.ts";

/** How to speak with each. */
export const protocols: Readonly<Record<ExchangeId, (options: ProtocolOptions) => VenueProtocol>> = {
  binance: binanceProtocol,
  binanceusdm: binanceUsdmProtocol,
  okx: okxProtocol,
  kraken: krakenProtocol,
  bybit: bybitProtocol,
  coinbase: coinbaseProtocol,
};
