/** Symbols as Coinbase spells them in its market data. */
import type { SymbolId } from "@baton/core";

/** Pairs with USDC that have market data of their own. */
const ownBooks: ReadonlySet<string> = new Set(["USDT-USDC", "EURC-USDC"]);

/**
 * The product whose streams tell of the symbol: `BTC/USD` is `BTC-USD`. Pairs with USDC share the book of the pair with
 * USD, and all of their channels but the user's come under that name.
 *
 * Source: https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels.
 */
export function coinbaseProduct(symbol: SymbolId): string {
  const product = symbol.replace("/", "-");
  return product.endsWith("-USDC") && !ownBooks.has(product) ? product.slice(0, -1) : product;
}
