/**
 * What a strategy is still to be told of the account's trades: each fill and each bust once, in the order of the journal,
 * after the event up to which its journaled state has heard. So a successor tells what its predecessor recorded and did
 * not live to tell, and tells nothing twice. Trades whose rows have left the state are told no more: a strategy that is
 * off for longer than they are kept starts from a state of its own.
 */
import type { Sequence, SymbolId } from "../ids.ts";
import type { EngineState, FillRow } from "./state.ts";

/** A trade, or that the venue took it back, at its place in the journal. */
export interface ToldTrade {
  readonly kind: "fill" | "bust";
  readonly sequence: Sequence;
  readonly fill: FillRow;
}

/** The first `most` of them after this event, oldest first. */
export function tradesToTell(
  state: Pick<EngineState, "fills">,
  o: { readonly after: Sequence; readonly symbols: readonly SymbolId[]; readonly most: number },
): readonly ToldTrade[] {
  const symbols = new Set(o.symbols);
  const trades: ToldTrade[] = [];
  for (const fill of state.fills.values()) {
    if (!symbols.has(fill.symbol)) continue;
    const { sequence, bustedSequence } = fill;
    if (sequence > o.after) trades.push({ kind: "fill", sequence, fill });
    if (bustedSequence !== undefined && bustedSequence > o.after)
      trades.push({ kind: "bust", sequence: bustedSequence, fill });
  }
  return trades.toSorted((a, b) => a.sequence - b.sequence).slice(0, o.most);
}
