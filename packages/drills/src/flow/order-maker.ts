/**
 * Which order comes next: from a seed and the latest quotes, limit orders on all symbols in turn. Most are marketable and
 * immediate, so that fills happen and positions change; the rest wait some way off the market until their owner takes
 * them back, so that the takeover finds open orders too. Sides alternate against what was bought, so positions stay small.
 */
import { add, decimal, divide, floorToStep, multiply, subtract } from "@baton/core";
import type { Decimal, OrderRequest, Side, SymbolId } from "@baton/core";
import type { Random } from "./random.ts";

/** The market as the driver saw it last. */
export interface Quote {
  readonly bid: Decimal;
  readonly ask: Decimal;
}

/** What the driver needs to know of an instrument to make valid orders. */
export interface Steps {
  readonly symbol: SymbolId;
  readonly tickSize: Decimal;
  readonly lotSize: Decimal;
}

export interface MadeOrder {
  readonly request: OrderRequest;
  /** Waits in the book until it is taken back, after this time. */
  readonly cancelAfterMs: number | undefined;
}

export class OrderMaker {
  readonly #random: Random;
  readonly #instruments: readonly Steps[];
  readonly #bought = new Map<SymbolId, number>();
  #count = 0;

  constructor(random: Random, instruments: readonly Steps[]) {
    this.#random = random;
    this.#instruments = instruments;
  }

  /** The next order; undefined when its symbol has no quote yet. */
  next(quotes: ReadonlyMap<SymbolId, Quote>): MadeOrder | undefined {
    const steps = this.#instruments[this.#count++ % this.#instruments.length];
    const quote = steps === undefined ? undefined : quotes.get(steps.symbol);
    if (steps === undefined || quote === undefined) return undefined;
    const rests = this.#random.next() < 0.3;
    const side = this.#sideOf(steps.symbol, rests);
    const awayBps = rests ? -this.#random.whole(20, 60) : this.#random.whole(3, 8);
    const cancelAfterMs = rests ? this.#random.whole(200, 1_500) : undefined;
    return {
      request: {
        symbol: steps.symbol,
        side,
        type: "limit",
        quantity: this.#quantity(steps, quote),
        price: priced(side, quote, awayBps, steps.tickSize),
        timeInForce: rests ? "GTC" : "IOC",
        sendWithinMs: 2_000,
      },
      cancelAfterMs,
    };
  }

  #sideOf(symbol: SymbolId, rests: boolean): Side {
    if (rests) return this.#random.next() < 0.5 ? "buy" : "sell";
    const bought = this.#bought.get(symbol) ?? 0;
    const side = this.#random.next() < 0.5 - bought / 20 ? "buy" : "sell";
    this.#bought.set(symbol, bought + (side === "buy" ? 1 : -1));
    return side;
  }

  /** Worth 20 to 60 of the quote currency. */
  #quantity(steps: Steps, quote: Quote): Decimal {
    const worth = decimal(this.#random.whole(20, 60));
    const lots = floorToStep(divide(worth, quote.ask, 12), steps.lotSize);
    return lots === "0" ? steps.lotSize : lots;
  }
}

/** `awayBps` through the far side of the book; negative: off the near side. On a tick, rounded away from the far side. */
function priced(side: Side, quote: Quote, awayBps: number, tick: Decimal): Decimal {
  const isThrough = awayBps >= 0;
  const from = (side === "buy") === isThrough ? quote.ask : quote.bid;
  const away = divide(multiply(from, decimal(Math.abs(awayBps))), decimal("10000"), 12);
  const goesUp = (side === "buy") === isThrough;
  const raw = goesUp ? add(from, away) : subtract(from, away);
  const onTick = floorToStep(raw, tick);
  return goesUp && onTick !== raw ? add(onTick, tick) : onTick;
}
