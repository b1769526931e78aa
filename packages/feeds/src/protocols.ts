/** The venues that a feed can speak with, by the exchange's name. */
import type { FeedExchange } from "@baton/core";
import { binanceProtocol } from "./binance/protocol.ts";
import { bybitProtocol } from "./bybit/protocol.ts";
import { coinbaseProtocol } from "./coinbase/protocol.ts";
import { krakenProtocol } from "./kraken/protocol.ts";
import { okxProtocol } from "./okx/protocol.ts";
import type { ProtocolOptions } from "./protocol-options.ts";
import type { VenueProtocol } from "./protocol.ts";

/** How to speak with each. */
export const protocols: Readonly<Record<FeedExchange, (options: ProtocolOptions) => VenueProtocol>> = {
  binance: binanceProtocol,
  okx: okxProtocol,
  kraken: krakenProtocol,
  bybit: bybitProtocol,
  coinbase: coinbaseProtocol,
};
