/**
 * When is a trade taken back? No venue that Baton knows says so in its stream: the trade is gone from the account's trades,
 * and what it had moved is back. So a difference on the account (`drift.ts`) is asked first whether trades of ours that the
 * venue no longer lists explain it, to the last digit. Only both together prove a bust: a list alone may lag, money alone
 * may be somebody's deposit. Trades younger than `bustSettledMs` prove nothing yet, since a list and a balance may lag
 * together. What is proved is recorded as `fill.busted`, which subtracts; nothing is rewritten (I11).
 */
import { add, compare, multiply, negate, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { DriftFound } from "../formats/events.ts";
import type { FillBusted } from "../formats/order-events.ts";
import type { SymbolId, TradeId } from "../ids.ts";
import { currenciesOf } from "../risk/funds.ts";
import type { WallMs } from "../time.ts";
import { driftKey, knownDrift } from "./drift.ts";
import type { DriftSubject } from "./drift.ts";
import type { EngineState, FillRow } from "./state.ts";

/** So old must a trade be before its absence from a list says anything. */
export const bustSettledMs = 60_000;
/** Venues take trades back within hours; older ones are not looked for. */
const lookBackMs = 86_400_000;
/** Of one symbol; a list of so many is read in a few pages. */
const suspectsMax = 2_000;

/** Per symbol, the trades on record that could explain the difference if the venue had taken them back, oldest first. */
export function bustSuspects(
  state: EngineState,
  { venue, subject }: Pick<DriftFound, "venue" | "subject">,
  now: WallMs,
): ReadonlyMap<SymbolId, readonly FillRow[]> {
  const suspects = new Map<SymbolId, FillRow[]>();
  for (const fill of state.fills.values()) {
    if (fill.venue !== venue || fill.bustedWallMs !== undefined || fill.tradedWallMs < now - lookBackMs) continue;
    if (compare(effectOf(fill, subject), zero) === 0) continue;
    const known = suspects.get(fill.symbol);
    if (known === undefined) suspects.set(fill.symbol, [fill]);
    else known.push(fill);
  }
  return new Map([...suspects].map(([symbol, fills]) => [symbol, fills.slice(-suspectsMax)]));
}

/** What a look at the venue's lists makes of a difference. */
export type BustVerdict =
  /** These are to be recorded, and not the difference: it is theirs. */
  | { readonly kind: "busted"; readonly busts: readonly FillBusted[] }
  /** Trades that are not listed would explain it, and are too young to be missed. */
  | { readonly kind: "too-early" }
  /** It is drift; `unlisted` trades, if any, do not add up to it. */
  | { readonly kind: "drift"; readonly unlisted: number };

/** Judges a difference by which of the suspects the venue lists now. */
export function judgeBusts(
  state: EngineState,
  drift: DriftFound,
  suspects: ReadonlyMap<SymbolId, readonly FillRow[]>,
  isListed: (symbol: SymbolId, tradeId: TradeId) => boolean,
): BustVerdict {
  const { venue, subject, told, journal, atWallMs } = drift;
  const unlisted = [...suspects.values()].flat().filter((fill) => !isListed(fill.symbol, fill.tradeId));
  const undone = unlisted.reduce((sum, fill) => subtract(sum, effectOf(fill, subject)), zero);
  const moved = subtract(subtract(told, journal), knownDrift(state, venue, driftKey(subject)));
  if (unlisted.length === 0 || compare(undone, moved) !== 0) return { kind: "drift", unlisted: unlisted.length };
  if (unlisted.some((fill) => fill.tradedWallMs > atWallMs - bustSettledMs)) return { kind: "too-early" };
  const evidence = `no longer among the account's trades, and ${driftKey(subject)} is ${told} where the journal had ${journal}`;
  return {
    kind: "busted",
    busts: unlisted.map(({ symbol, tradeId, intent }) => ({
      ...{ kind: "fill.busted", venue, symbol, tradeId, evidence, atWallMs },
      ...(intent !== undefined && { intent }),
    })),
  };
}

/** What a trade added to a currency of the account, or to a position. */
function effectOf(fill: FillRow, subject: DriftSubject): Decimal {
  const { symbol, side, quantity, price, fee, feeCurrency } = fill;
  const signed = side === "buy" ? quantity : negate(quantity);
  if (subject.kind === "position") return symbol === subject.symbol ? signed : zero;
  const { base, quote } = currenciesOf(symbol);
  const { currency } = subject;
  let effect = zero;
  if (base === currency) effect = add(effect, signed);
  if (quote === currency) effect = subtract(effect, multiply(price, signed));
  return feeCurrency === currency ? subtract(effect, fee) : effect;
}
