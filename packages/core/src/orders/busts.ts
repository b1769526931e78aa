/**
 * When is a trade taken back? No venue that Baton knows says so in its stream: the trade is gone from the account's trades,
 * and what it had moved is back: a balance where money is exchanged, the position where the venue keeps one (its wallet is
 * not what trades add up to: funding and realised results move it too). So a difference on the account (`drift.ts`) is asked
 * first whether trades of ours that the venue no longer lists explain it, to the last digit.
 *
 * Invariants. Only both together prove a bust: a list alone may lag, money alone may be somebody's deposit. Trades younger
 * than `bustSettledMs` prove nothing yet, since a list and a balance may lag together. No trade that is
 * listed, or that does not touch the subject of the difference, is ever taken back; nor is a part of the missing ones, since
 * nothing says which. What is proved is recorded as `fill.busted`, which subtracts, so that with it recorded the difference
 * is gone; nothing is rewritten (I11). Trades that cancel out (a buy and a sell of a position) show only together with one
 * that does not. For operators: decision 20.
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

/** What was seen when the venue's lists were looked through. */
export interface BustLook {
  /** Of `bustSuspects`, before the lists were read. */
  readonly suspects: ReadonlyMap<SymbolId, readonly FillRow[]>;
  readonly isListed: (symbol: SymbolId, tradeId: TradeId) => boolean;
  /** Instead of `bustSettledMs`; for rehearsals, which have no minute. */
  readonly settledMs?: number | undefined;
}

/** Judges a difference by which of the suspects the venue lists now. */
export function judgeBusts(state: EngineState, drift: DriftFound, look: BustLook): BustVerdict {
  const { venue, subject, told, journal, atWallMs } = drift;
  const { suspects, isListed, settledMs = bustSettledMs } = look;
  const unlisted = [...suspects.values()].flat().filter((fill) => !isListed(fill.symbol, fill.tradeId));
  const moved = subtract(subtract(told, journal), knownDrift(state, venue, driftKey(subject)));
  const isExplainedBy = (fills: readonly FillRow[]): boolean =>
    fills.length > 0 &&
    compare(
      fills.reduce((sum, fill) => subtract(sum, effectOf(fill, subject)), zero),
      moved,
    ) === 0;
  // What is too young to be missed may only not be listed yet, beside others that are gone.
  const settled = unlisted.filter((fill) => fill.tradedWallMs <= atWallMs - settledMs);
  if (!isExplainedBy(settled))
    return isExplainedBy(unlisted) ? { kind: "too-early" } : { kind: "drift", unlisted: unlisted.length };
  const evidence = `no longer among the account's trades, and ${driftKey(subject)} is ${told} where the journal had ${journal}`;
  return {
    kind: "busted",
    busts: settled.map(({ symbol, tradeId, intent }) => ({
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
