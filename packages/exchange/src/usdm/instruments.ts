/** The perpetual contracts that run when none are named: steps, bounds and smallest values as Binance has them. */
import { units } from "../amounts.ts";
import { instrument, type Instrument } from "../matching/instrument.ts";

/** A contract: a spot market's rules, and a price band on one side only, as the venue's PERCENT_PRICE has it. */
function contract(options: Parameters<typeof instrument>[0]): Instrument {
  return {
    ...instrument(options),
    maxOrders: 200,
    // The venue bounds what an order is worth by its leverage brackets, not by a filter.
    maxNotional: units("1000000000"),
    // A buyer may bid as low as it likes and a seller ask as high; the other way they stay within a seventh of the mark.
    bidMultiplierUp: units("1.15"),
    bidMultiplierDown: 0n,
    askMultiplierUp: units("1000000"),
    askMultiplierDown: units("0.85"),
  };
}

/** Bitcoin, ether and solana against USDT. */
export const usdmInstruments: readonly Instrument[] = [
  contract({ base: "BTC", quote: "USDT", openingPrice: "60000", tick: "0.1", step: "0.001", minNotional: "100" }),
  contract({ base: "ETH", quote: "USDT", openingPrice: "3000", tick: "0.01", step: "0.001", minNotional: "20" }),
  contract({ base: "SOL", quote: "USDT", openingPrice: "150", tick: "0.01", step: "0.01", minNotional: "5" }),
];
