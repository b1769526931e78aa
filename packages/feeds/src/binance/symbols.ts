/** Symbols as Binance spells them: `BTC/USDT` is `BTCUSDT` over REST and `btcusdt` in stream names. */
import type { SymbolId } from "@baton/core";

/** The REST spelling. */
export function marketCode(symbol: SymbolId): string {
  return symbol.replace("/", "");
}

/** The first part of a stream name. */
export function streamPrefix(symbol: SymbolId): string {
  // ASCII only, checked where the configuration is read.
  return marketCode(symbol).toLowerCase();
}
