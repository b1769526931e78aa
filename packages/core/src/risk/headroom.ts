/**
 * How much room each control leaves now: a pure function of the state that risk itself asks, so that what is shown is
 * what is decided on. A figure that needs a price or a balance which is not known is null, with the reason in words.
 */
import { add, decimal, maximum, multiply, negate, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { Config } from "../config/config.ts";
import type { SymbolId, VenueId } from "../ids.ts";
import { noExposure, recentAttempts, recentCancels, recentWishes } from "../orders/indexes.ts";
import { marketKey } from "../orders/state.ts";
import type { DisabledRow, EngineState } from "../orders/state.ts";
import type { WallMs } from "../time.ts";
import { currenciesOf, reservedOf } from "./funds.ts";
import { scopesOf } from "./kill.ts";
import type { KillScope } from "./kill.ts";
import { limitsOf } from "./limits.ts";
import type { RiskLimits } from "./limits.ts";
import { dayLossOf } from "./loss.ts";
import type { Marks } from "./loss.ts";
import { isContract, marginOf } from "./margin.ts";
import { countFor } from "./reducing.ts";

/** One control in one scope. `headroom`: what may still be added; 0 refuses, below zero is beyond the limit. */
export interface ControlView {
  /** Code of the refusal that it leads to. */
  readonly control: string;
  /** `cluster`, a venue and symbol, a venue and currency, a principal, a currency. */
  readonly scope: string;
  readonly used: Decimal | null;
  readonly limit: Decimal | null;
  readonly headroom: Decimal | null;
  /** What the figures are, or why there are none. */
  readonly note: string;
}

/** Somebody or something that may not trade until a person enables it: by a control, or (`strategy`) by its own fault. */
export type SwitchedOff = Omit<DisabledRow, "control"> & { readonly control: DisabledRow["control"] | "strategy" };

/** `GET /v1/risk`. */
export interface RiskView {
  readonly version: 1;
  readonly atWallMs: WallMs;
  readonly kills: readonly KillScope[];
  readonly disabled: readonly SwitchedOff[];
  readonly controls: readonly ControlView[];
}

/** What the figures are made of beside the state. */
export interface RiskFigures {
  readonly config: Pick<Config, "risk" | "doubt" | "venues">;
  readonly marks: Marks;
  /** What the account holds at a venue of a currency, by the venue's word or the journal's. */
  readonly funds: (venue: VenueId, currency: string) => Decimal;
  readonly nowWallMs: WallMs;
}

/** Every control with what it leaves. */
export function riskView(state: EngineState, figures: RiskFigures): RiskView {
  const { config, nowWallMs } = figures;
  const markets = config.venues.flatMap((venue) => venue.symbols.map((symbol) => ({ venue: venue.id, symbol })));
  return {
    version: 1,
    atWallMs: nowWallMs,
    kills: scopesOf(state.engine.kill),
    disabled: switchedOff(state),
    controls: [
      ...clusterControls(state, figures),
      ...markets.flatMap(({ venue, symbol }) => marketControls(state, figures, venue, symbol)),
      ...lossControls(state, figures),
      ...(config.risk.balances === "ignore" ? [] : balanceControls(state, figures)),
    ],
  };
}

/** All that waits for `baton risk enable`. */
export function switchedOff(state: EngineState): readonly SwitchedOff[] {
  const strategies = [...state.strategies.values()].filter(({ enabled }) => !enabled);
  return [
    ...(state.engine.disabled ?? []),
    ...strategies.map(({ strategy, reason, atWallMs }) => ({
      ...{ control: "strategy" as const, subject: strategy, by: strategy, reason, atWallMs },
    })),
  ];
}

function clusterControls(state: EngineState, { config, nowWallMs }: RiskFigures): readonly ControlView[] {
  const { orderRate, cancelRate, repeatedExecution } = config.risk;
  const { indexes } = state;
  const made = recentAttempts(indexes, nowWallMs, orderRate.perMs);
  const note = `orders within ${orderRate.perMs} ms; ${further(orderRate.count)}`;
  const controls = [row("order-rate", "cluster", made, orderRate.count, note)];
  if (cancelRate !== undefined) {
    const cancels = recentCancels(indexes, nowWallMs, cancelRate.perMs);
    controls.push(row("cancel-rate", "cluster", cancels, cancelRate.count, `cancels within ${cancelRate.perMs} ms`));
  }
  if (repeatedExecution === undefined) return controls;
  const { count, perMs } = repeatedExecution;
  const most = new Map<string, number>();
  for (const key of indexes.wishes.keys()) {
    const by = key.slice(0, key.indexOf("|"));
    most.set(by, Math.max(most.get(by) ?? 0, recentWishes(indexes, key, nowWallMs, perMs)));
  }
  for (const [by, times] of most) {
    if (times > 0) controls.push(row("repeated-execution", by, times, count, `the same order within ${perMs} ms`));
  }
  return controls;
}

function marketControls(
  state: EngineState,
  { config, marks }: RiskFigures,
  venue: VenueId,
  symbol: SymbolId,
): readonly ControlView[] {
  const limits: RiskLimits = limitsOf(config.risk, config.doubt, symbol);
  const key = marketKey(venue, symbol);
  const scope = `${venue} ${symbol}`;
  const exposure = state.indexes.exposure.get(key) ?? noExposure;
  const position = state.positions.get(key)?.quantity ?? zero;
  const long = add(position, add(exposure.buyOpen, exposure.buyDoubt));
  const short = subtract(add(exposure.sellOpen, exposure.sellDoubt), position);
  const market = marks(venue, symbol);
  const controls = [
    row("order-size", scope, null, limits.orderQuantityMax, "one order at most, base currency"),
    row("order-notional", scope, null, limits.orderNotionalMax, "one order at most, quote currency"),
    collar(scope, limits, market.kind === "fresh" ? market.basis : market.why),
    row("position-limit", `${scope} buy`, maximum(zero, long), limits.positionMax, "longest it could get"),
    row("position-limit", `${scope} sell`, maximum(zero, short), limits.positionMax, "shortest it could get"),
  ];
  if (limits.openNotionalMax !== undefined) {
    const worth = add(exposure.buyNotional, exposure.sellNotional);
    controls.push(row("open-notional", scope, worth, limits.openNotionalMax, "open and in doubt, quote currency"));
  }
  if (limits.openOrdersMax !== undefined) {
    const note = `orders that have not ended; ${further(limits.openOrdersMax)}`;
    controls.push(row("open-orders", scope, exposure.orders, limits.openOrdersMax, note));
  }
  return controls;
}

/** How far a count may be passed by what takes risk away. */
function further(count: number): string {
  return `what only reduces passes up to ${countFor(count, "reduces")}`;
}

/** The prices that would pass now. */
function collar(
  scope: string,
  limits: RiskLimits,
  market: { readonly bid: Decimal; readonly ask: Decimal } | string,
): ControlView {
  const base = { control: "price-collar", scope, used: null, limit: decimal(limits.collarBps), headroom: null };
  if (typeof market === "string") return { ...base, note: `every order is refused: ${market}` };
  const middle = multiply(add(market.bid, market.ask), decimal("0.5"));
  const reach = multiply(middle, multiply(decimal(limits.collarBps), decimal("0.0001")));
  return { ...base, note: `prices from ${subtract(middle, reach)} to ${add(middle, reach)} pass` };
}

function lossControls(state: EngineState, { config, marks }: RiskFigures): readonly ControlView[] {
  return Object.entries(config.risk.dayLossMax ?? {}).map(([quote, limit]) => {
    const loss = dayLossOf(state, quote, marks);
    if (loss.kind === "stale")
      return { control: "loss-limit", scope: quote, used: null, limit, headroom: null, note: loss.why };
    return row("loss-limit", quote, loss.amount, limit, "lost since the day of UTC began; below zero: won");
  });
}

function balanceControls(state: EngineState, { config, funds, marks }: RiskFigures): readonly ControlView[] {
  return config.venues.flatMap((venue) => {
    const spot = venue.symbols.filter((symbol) => !isContract(symbol));
    const currencies = new Set(spot.flatMap((symbol) => Object.values(currenciesOf(symbol))));
    const margins = new Set(venue.symbols.filter(isContract).map((symbol) => currenciesOf(symbol).quote));
    return [
      ...[...currencies].map((currency) =>
        row(
          "balance",
          `${venue.id} ${currency}`,
          reservedOf(state, venue.id, currency),
          funds(venue.id, currency),
          "taken by open orders and doubt, of what the account holds",
        ),
      ),
      ...[...margins].map((currency) => {
        const scope = `${venue.id} ${currency}`;
        const margin = marginOf(state, { venue: venue.id, currency }, marks);
        const wallet = funds(venue.id, currency);
        return margin.kind === "stale"
          ? { control: "margin", scope, used: null, limit: wallet, headroom: null, note: margin.why }
          : row("margin", scope, margin.amount, wallet, "what positions could grow to at leverage 1, of the wallet");
      }),
    ];
  });
}

function row(
  control: string,
  scope: string,
  used: Decimal | number | null,
  limit: Decimal | number,
  note: string,
): ControlView {
  const most = decimal(limit);
  if (used === null) return { control, scope, used, limit: most, headroom: most, note };
  const taken = decimal(used);
  return { control, scope, used: taken, limit: most, headroom: add(most, negate(taken)), note };
}
