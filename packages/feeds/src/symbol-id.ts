/** A market's name as feeds take it, for callers who have a text. */
import type { SymbolId } from "@baton/core";
import { id } from "@baton/core";

/** `BTC/USDT`, checked. Throws a sentence for what is no pair of two currencies. */
export function symbolId(text: string): SymbolId {
  if (!/^[A-Z0-9]{1,20}\/[A-Z0-9]{1,20}$/u.test(text)) {
    throw new TypeError(`"${text}" is no symbol: two currencies with a slash between them, such as BTC/USDT`);
  }
  return id<SymbolId>(text);
}
