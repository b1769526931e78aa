/** Whose market data Baton can stream. `feeds` has a protocol for exactly these; a configuration that names another ends the start. */
import type { ExchangeId } from "../venues/profile.ts";

/** An exchange whose streams are spoken. */
export type FeedExchange = Extract<ExchangeId, "binance" | "okx" | "kraken" | "bybit" | "coinbase">;

/** All of them. */
export const feedExchanges: readonly FeedExchange[] = ["binance", "okx", "kraken", "bybit", "coinbase"];

/** The exchange as one whose streams are spoken; undefined when they are not. */
export function feedExchangeOf(exchange: ExchangeId): FeedExchange | undefined {
  return feedExchanges.find((spoken) => spoken === exchange);
}
