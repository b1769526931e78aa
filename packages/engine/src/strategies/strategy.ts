/**
 * The contract of a strategy: a TypeScript module of pure handlers. It is given a state and an input and gives a new state
 * and intents; it reads no clock and draws no lots except those in `context`. State and intents go into one frame of the
 * journal, so a successor continues from exactly what was traded on.
 *
 * After an unclean failover the newest state is one that the lost history has gone beyond. A strategy is off then until an
 * operator enables it. It is told every trade of the account since that state, also those of orders which are lost; not what
 * it wanted and was not executed. One that counts its own wishes has to begin anew, under another id.
 */
import type { TimeInForce } from "@baton/core";

/** What a strategy is told; decimals are strings. */
export type StrategyInput =
  | {
      readonly kind: "top";
      readonly symbol: string;
      readonly bid: string;
      readonly ask: string;
      /** Which feed's price it is, the venue's update id, and how old it was when it was offered. */
      readonly feed: string;
      readonly updateId: number;
      readonly ageMs: number;
    }
  /**
   * A trade of the account, or a trade that it was told of and that the venue took back (`bust`): what the fill of this id
   * had added is gone. Each comes once, in the journal's order, over any takeover.
   */
  | {
      readonly kind: "fill" | "bust";
      readonly symbol: string;
      readonly tradeId: string;
      readonly side: "buy" | "sell";
      readonly price: string;
      readonly quantity: string;
    };

/** An order it wants; risk, collar and rounding rules apply as to any other. */
export interface StrategyIntent {
  readonly symbol: string;
  readonly side: "buy" | "sell";
  readonly type: "limit" | "market";
  readonly quantity: string;
  readonly price?: string;
  readonly timeInForce?: TimeInForce;
  /** It may only bring the position nearer to zero; refused where the venue has no such orders. */
  readonly reduceOnly?: boolean;
  readonly sendWithinMs?: number;
}

export interface StrategyContext {
  /** Wall-clock ms of the input; the same on a replay. */
  readonly now: number;
  /** A seed in [0, 1) that differs per input; the same on a replay. */
  readonly random: number;
}

/** What a strategy module exports. `S` must survive JSON. */
export interface Strategy<S> {
  initial(params: Readonly<Record<string, unknown>>): S;
  decide(
    state: S,
    input: StrategyInput,
    context: StrategyContext,
  ): { readonly state: S; readonly intents: readonly StrategyIntent[] };
}
