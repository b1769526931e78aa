/**
 * What the account holds by the venue's word, held against what it holds by the journal: the baseline and every fill and
 * fee since. Neither is corrected by the other. A difference that stays is drift: somebody paid in or out, another program
 * traded, or a trade is missing; it is recorded once with both numbers, and again only when it changes, so a deposit is
 * recognised as not ours and never taken for a fill. Invariants: a difference that lasted less than `confirmMs`, or that
 * disappeared meanwhile, is none (a fill on its way makes many of those); the journal's count comes from its fills alone
 * (I11). For operators: `baton positions`.
 */
import { compare, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { DriftFound } from "../formats/events.ts";
import type { SymbolId, VenueId } from "../ids.ts";
import { currenciesOf, journaledTotal } from "../risk/funds.ts";
import type { WallMs } from "../time.ts";
import { marketKey } from "./state.ts";
import type { EngineState } from "./state.ts";

/** What is compared: a currency of the account, or a symbol's position where the venue keeps one. */
export type DriftSubject =
  { readonly kind: "balance"; readonly currency: string } | { readonly kind: "position"; readonly symbol: SymbolId };

/** What a venue told of the account at one time. `isAll`: what is not named is zero. */
export interface AccountReading {
  readonly venue: VenueId;
  readonly balances: Readonly<Record<string, Decimal>>;
  /** Present where the venue keeps positions of its own; then balances are wallets, which trades do not add up to. */
  readonly positions?: ReadonlyMap<SymbolId, Decimal>;
  /** With `positions`: what the journal held of each symbol while they were read. Equal to one of them is no difference. */
  readonly journaled?: ReadonlyMap<SymbolId, ReadonlySet<Decimal>>;
  readonly isAll: boolean;
  readonly atWallMs: WallMs;
}

/** Differences that were seen and are not yet known to last: by subject and amount, since when. */
export type DriftWatch = ReadonlyMap<string, ReadonlyMap<Decimal, WallMs>>;

/** How long a difference must last, at least. */
export const driftConfirmMs = 4_000;
/** More different amounts of one subject than fills can be on their way at once. */
const amountsMax = 64;

/** Compares one reading; gives what to remember for the next one, and the facts to record. */
export function watchDrift(
  state: EngineState,
  reading: AccountReading,
  watch: DriftWatch,
): { readonly watch: DriftWatch; readonly found: readonly DriftFound[] } {
  const next = new Map(watch);
  const found: DriftFound[] = [];
  for (const { subject, journal, told } of comparisons(state, reading)) {
    const key = driftKey(subject);
    const difference = subtract(told, journal);
    if (compare(difference, knownDrift(state, reading.venue, key)) === 0) {
      next.delete(key);
      continue;
    }
    const amounts = new Map(next.get(key));
    const since = amounts.get(difference) ?? reading.atWallMs;
    if (reading.atWallMs - since >= driftConfirmMs) {
      next.delete(key);
      found.push({ kind: "drift.found", venue: reading.venue, subject, journal, told, atWallMs: reading.atWallMs });
      continue;
    }
    amounts.set(difference, since);
    for (const oldest of amounts.keys()) {
      if (amounts.size <= amountsMax) break;
      amounts.delete(oldest);
    }
    next.set(key, amounts);
  }
  return { watch: next, found };
}

/** True where the venue's position of a symbol is the journal's, with what is on record to be there beside it. */
export function isAgreed(state: EngineState, reading: AccountReading, symbol: SymbolId): boolean {
  return comparisons(state, reading).every(({ subject, journal, told }) => {
    if (subject.kind !== "position" || subject.symbol !== symbol) return true;
    return compare(subtract(told, journal), knownDrift(state, reading.venue, driftKey(subject))) === 0;
  });
}

/** A subject's name in the rows: `balance USDT`, `position BTC/USDT:USDT`. */
export function driftKey(subject: DriftSubject): string {
  return subject.kind === "balance" ? `balance ${subject.currency}` : `position ${subject.symbol}`;
}

/** What is on record to be there beside what the journal explains. */
export function knownDrift(state: EngineState, venue: VenueId, key: string): Decimal {
  const drift = state.baselines.get(venue)?.drifts?.[key];
  return drift === undefined ? zero : subtract(drift.told, drift.journal);
}

interface Comparison {
  readonly subject: DriftSubject;
  readonly journal: Decimal;
  readonly told: Decimal;
}

function comparisons(state: EngineState, reading: AccountReading): readonly Comparison[] {
  const { venue, positions, journaled } = reading;
  // Without a baseline nothing is known to compare with.
  if (state.baselines.get(venue)?.baseline === undefined) return [];
  if (positions !== undefined) {
    const symbols = new Set([...positions.keys(), ...heldSymbols(state, venue)]);
    return [...symbols].map((symbol) => {
      const subject = { kind: "position", symbol } as const;
      const told = positions.get(symbol) ?? zero;
      const known = knownDrift(state, venue, driftKey(subject));
      const meanwhile = [...(journaled?.get(symbol) ?? [])];
      const explaining = meanwhile.find((held) => compare(subtract(told, held), known) === 0);
      return { subject, journal: explaining ?? state.positions.get(marketKey(venue, symbol))?.quantity ?? zero, told };
    });
  }
  const told = Object.keys(reading.balances);
  const currencies = new Set(reading.isAll ? [...told, ...journaledCurrencies(state, venue)] : told);
  return [...currencies].map((currency) => ({
    subject: { kind: "balance", currency },
    journal: journaledTotal(state, venue, currency),
    told: reading.balances[currency] ?? zero,
  }));
}

function heldSymbols(state: EngineState, venue: VenueId): readonly SymbolId[] {
  return [...state.positions.values()].filter((each) => each.venue === venue).map((each) => each.symbol);
}

function journaledCurrencies(state: EngineState, venue: VenueId): readonly string[] {
  const baseline = Object.keys(state.baselines.get(venue)?.baseline?.balances ?? {});
  const traded = heldSymbols(state, venue).flatMap((symbol) => {
    const { base, quote } = currenciesOf(symbol);
    return [base, quote];
  });
  return [...baseline, ...traded];
}
