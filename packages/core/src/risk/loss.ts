/**
 * The result of the day: realised and unrealised, per quote currency, at the middle of fresh books, against what it was
 * when the day of UTC began. The total is what was received less what was spent, plus the position at the market, less
 * fees in the symbol's own two currencies (fees in a third one have no price here). A position without a fresh price has
 * no known result: then nothing is compared, the caller refuses. Baselines of days are journaled, so that a takeover
 * starts no new day.
 */
import { absolute, add, compare, decimal, isZero, multiply, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { RiskDayOpened } from "../formats/events.ts";
import type { SymbolId, VenueId } from "../ids.ts";
import { marketKey } from "../orders/state.ts";
import type { EngineState, PositionRow } from "../orders/state.ts";
import type { OrderTerms } from "../orders/terms.ts";
import type { WallMs } from "../time.ts";
import { currenciesOf } from "./funds.ts";
import type { MarketView } from "./market-view.ts";

/** The market of any symbol, not only of the order's own. */
export type Marks = (venue: VenueId, symbol: SymbolId) => MarketView;

/** A sum, or why it cannot be known now. */
export type Told =
  { readonly kind: "known"; readonly amount: Decimal } | { readonly kind: "stale"; readonly why: string };

const dayMs = 86_400_000;
const half = decimal("0.5");

/** Realised and unrealised result in one quote currency since the account's baseline. */
export function totalOf(state: EngineState, quote: string, marks: Marks): Told {
  let total = zero;
  for (const position of state.positions.values()) {
    if (currenciesOf(position.symbol).quote !== quote) continue;
    const result = resultOf(position, marks);
    if (result.kind === "stale") return result;
    total = add(total, result.amount);
  }
  return { kind: "known", amount: total };
}

/** What was lost since the day began; negative: won. */
export function dayLossOf(state: EngineState, quote: string, marks: Marks): Told {
  const total = totalOf(state, quote, marks);
  if (total.kind === "stale") return total;
  return { kind: "known", amount: subtract(state.engine.riskDay?.totals[quote] ?? zero, total.amount) };
}

/** The opening of a new day, when it is due and every price is known; undefined: the day before goes on meanwhile. */
export function dayOpening(state: EngineState, now: WallMs, marks: Marks): RiskDayOpened | undefined {
  const day = Math.floor(now / dayMs);
  if (day <= (state.engine.riskDay?.day ?? -1)) return undefined;
  const totals: Record<string, Decimal> = {};
  for (const { symbol } of state.positions.values()) {
    const { quote } = currenciesOf(symbol);
    const total = totalOf(state, quote, marks);
    if (total.kind === "stale") return undefined;
    totals[quote] = total.amount;
  }
  return { kind: "risk.day-opened", day, totals, atWallMs: now };
}

/**
 * What an order on this side could still take of the position beside all that is open there, doubt at worst case; below
 * zero where more is open than there is to take. Undefined: on this side there is nothing to reduce.
 */
export function reducibleBy(
  state: EngineState,
  { venue, symbol, side }: Pick<OrderTerms, "venue" | "symbol" | "side">,
): Decimal | undefined {
  const market = marketKey(venue, symbol);
  const position = state.positions.get(market)?.quantity ?? zero;
  const isLong = !position.startsWith("-");
  if (isZero(position) || isLong !== (side === "sell")) return undefined;
  const exposure = state.indexes.exposure.get(market);
  const [open, doubt] =
    side === "sell"
      ? [exposure?.sellOpen ?? zero, exposure?.sellDoubt ?? zero]
      : [exposure?.buyOpen ?? zero, exposure?.buyDoubt ?? zero];
  return subtract(absolute(position), add(open, doubt));
}

/**
 * True when the order, with all that is open on its side, can only bring the position nearer to zero. `isCounted`: it is
 * among what is open already, since this is its next attempt.
 */
export function isReducing(state: EngineState, terms: OrderTerms, isCounted: boolean): boolean {
  const most = reducibleBy(state, terms);
  return most !== undefined && compare(isCounted ? zero : terms.quantity, most) <= 0;
}

function resultOf(position: PositionRow, marks: Marks): Told {
  const { base, quote } = currenciesOf(position.symbol);
  const held = subtract(position.quantity, position.fees[base] ?? zero);
  const cash = subtract(subtract(position.quoteReceived, position.quoteSpent), position.fees[quote] ?? zero);
  if (isZero(held)) return { kind: "known", amount: cash };
  const market = marks(position.venue, position.symbol);
  if (market.kind === "stale") return { kind: "stale", why: `${position.symbol}: ${market.why}` };
  const middle = multiply(add(market.basis.bid, market.basis.ask), half);
  return { kind: "known", amount: add(cash, multiply(held, middle)) };
}
