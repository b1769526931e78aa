/** Symbols as Binance's futures spell them: `BTC/USDT:USDT` is `BTCUSDT`, and with a delivery date `BTCUSDT_260925`. */
import type { SymbolId } from "@baton/core";

/** The REST spelling. Two contracts of one pair never have one code: a price of the wrong one would look right. */
export function contractCode(symbol: SymbolId): string {
  const [pair = "", settlement = ""] = symbol.split(":");
  const [, delivery] = settlement.split("-");
  return `${pair.replace("/", "")}${delivery === undefined ? "" : `_${delivery}`}`;
}
