/** Symbols as OKX and Coinbase spell them: `BTC/USDT` is `BTC-USDT`. */
import type { SymbolId } from "@baton/core";

/** The instrument's id. */
export function okxInstrument(symbol: SymbolId): string {
  return symbol.replace("/", "-");
}
