/** What can be traded and by which rules: one instrument's steps and bounds, amounts in 1e-8. */
import { ONE, units } from "../amounts.ts";

/** The published filters of one symbol. Tick × step is a whole number of 1e-8, so that every notional is exact. */
export interface Instrument {
  readonly symbol: string;
  readonly base: string;
  readonly quote: string;
  /** Where the market opens, before any trade. */
  readonly openingPrice: bigint;
  readonly tickSize: bigint;
  readonly minPrice: bigint;
  readonly maxPrice: bigint;
  readonly stepSize: bigint;
  readonly minQuantity: bigint;
  readonly maxQuantity: bigint;
  readonly maxMarketQuantity: bigint;
  readonly minNotional: bigint;
  readonly maxNotional: bigint;
  /** Open orders of one account on this symbol. */
  readonly maxOrders: number;
  /** Bounds of a limit price around the reference price, in 1e-8 (1.2 is 120_000_000). */
  readonly bidMultiplierUp: bigint;
  readonly bidMultiplierDown: bigint;
  readonly askMultiplierUp: bigint;
  readonly askMultiplierDown: bigint;
}

/** An instrument with the usual bounds; `step` and `tick` as decimal text. Throws when their product is finer than 1e-8. */
export function instrument(options: {
  readonly base: string;
  readonly quote: string;
  readonly openingPrice: string;
  readonly tick: string;
  readonly step: string;
  readonly minNotional?: string;
  readonly maxOrders?: number;
}): Instrument {
  const tickSize = units(options.tick);
  const stepSize = units(options.step);
  if ((tickSize * stepSize) % ONE !== 0n) throw new RangeError(`tick ${options.tick} × step ${options.step} < 1e-8`);
  return {
    symbol: `${options.base}${options.quote}`,
    base: options.base,
    quote: options.quote,
    openingPrice: units(options.openingPrice),
    tickSize,
    minPrice: tickSize,
    maxPrice: units("1000000"),
    stepSize,
    minQuantity: stepSize,
    maxQuantity: units("9000"),
    maxMarketQuantity: units("500"),
    minNotional: units(options.minNotional ?? "5"),
    maxNotional: units("9000000"),
    maxOrders: options.maxOrders ?? 20_000,
    bidMultiplierUp: units("5"),
    bidMultiplierDown: units("0.2"),
    askMultiplierUp: units("5"),
    askMultiplierDown: units("0.2"),
  };
}

/** The three markets that run when none are named. */
export const usualInstruments: readonly Instrument[] = [
  instrument({ base: "BTC", quote: "USDT", openingPrice: "60000", tick: "0.01", step: "0.00001" }),
  instrument({ base: "ETH", quote: "USDT", openingPrice: "3000", tick: "0.01", step: "0.0001" }),
  instrument({ base: "SOL", quote: "USDT", openingPrice: "150", tick: "0.01", step: "0.001" }),
];
