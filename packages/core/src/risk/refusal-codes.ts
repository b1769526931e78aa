/**
 * Every code with which a new order can be refused before anything was recorded, and what it says to a person. The page
 * of codes is made from this table. A code, once published, keeps its meaning. `isPassing`: the same order may pass a
 * moment later without anybody changing a limit.
 */

/** Code → what it means and what to do. */
export const refusalCodes = {
  "kill-cluster": {
    sentence: "The cluster is killed: no new risk until an operator lifts it (baton unkill).",
    isPassing: false,
  },
  "kill-account": {
    sentence: "The account is killed: no new risk on it until an operator lifts it (baton unkill account).",
    isPassing: false,
  },
  "kill-venue": {
    sentence: "The venue is killed: no new risk there until an operator lifts it (baton unkill venue).",
    isPassing: false,
  },
  "kill-instrument": {
    sentence: "The instrument is killed: no new risk in it until an operator lifts it (baton unkill instrument).",
    isPassing: false,
  },
  "kill-strategy": {
    sentence: "Who asks is killed: no new risk for them until an operator lifts it (baton unkill strategy).",
    isPassing: false,
  },
  disabled: {
    sentence: "A control has switched this off; it stays off until an operator enables it (baton risk enable).",
    isPassing: false,
  },
  "no-leader": { sentence: "No node leads and may trade at this moment; repeat with the same key.", isPassing: true },
  held: { sentence: "The leader is held (handover or takeover loop): no new risk, cancels pass.", isPassing: true },
  overloaded: {
    sentence:
      "More orders wait to leave for the venue than leave in time: nothing was recorded, ask again after a moment; cancels pass, and what only reduces a position is refused last.",
    isPassing: true,
  },
  durability: {
    sentence: "No second copy is in sync and durability is strict: nothing may be recorded.",
    isPassing: true,
  },
  "numbers-used-up": {
    sentence: "The numbers of this epoch are given out: a switchover begins the next one; cancels pass.",
    isPassing: true,
  },
  "disk-full": { sentence: "The journal's disk is nearly full: no new risk, cancels pass.", isPassing: false },
  "clock-error": {
    sentence: "The venue's time is not known well enough to sign an order with a bounded validity.",
    isPassing: true,
  },
  "venue-ill": {
    sentence: "The way to the venue is ill and is being probed, and no alternate of it is well; cancels pass.",
    isPassing: true,
  },
  "unknown-venue": { sentence: "No venue of this name is configured.", isPassing: false },
  "unknown-symbol": { sentence: "The venue does not list this symbol, or it is not configured.", isPassing: false },
  "terms-malformed": {
    sentence: "A limit order needs a price and a market order has none; the quantity is above zero.",
    isPassing: false,
  },
  "tick-size": { sentence: "The price is no multiple of the venue's tick size.", isPassing: false },
  "lot-size": { sentence: "The quantity is no multiple of the venue's lot size.", isPassing: false },
  "quantity-min": { sentence: "The quantity is below the venue's minimum.", isPassing: false },
  "quantity-max": { sentence: "The quantity is above the venue's maximum.", isPassing: false },
  "notional-min": { sentence: "Price times quantity is below the venue's minimum.", isPassing: false },
  "reduce-only-unsupported": {
    sentence: "The venue has no reduce-only orders (what each has: packages/venues/CAPABILITIES.md).",
    isPassing: false,
  },
  "reduce-only": {
    sentence:
      "A reduce-only order is no larger than the position less everything open or in doubt on its side, which may reduce it first.",
    isPassing: false,
  },
  "order-size": {
    sentence: "The quantity is above the limit for one order (risk.orderQuantityMax).",
    isPassing: false,
  },
  "order-notional": {
    sentence: "The order's value is above the limit for one order (risk.orderNotionalMax).",
    isPassing: false,
  },
  "price-stale": { sentence: "There is no fresh market price to check the order against.", isPassing: true },
  "price-collar": {
    sentence: "The price is too far from the market (risk.collarBps around the middle of the book).",
    isPassing: false,
  },
  "position-limit": {
    sentence: "The position could grow beyond its limit (risk.positionMax), with all that is open or in doubt filled.",
    isPassing: false,
  },
  "open-orders": { sentence: "Too many orders are open in this symbol (risk.openOrdersMax).", isPassing: true },
  "open-notional": {
    sentence: "What is open and in doubt in this symbol is worth too much already (risk.openNotionalMax).",
    isPassing: true,
  },
  balance: {
    sentence: "The free balance does not cover the order beside what is open and in doubt.",
    isPassing: true,
  },
  margin: {
    sentence:
      "The wallet does not cover the futures position that could come of this, all that is open and in doubt filled, at leverage 1.",
    isPassing: true,
  },
  "order-rate": {
    sentence: "Too many orders were made lately; what only reduces a position has some more room (risk.orderRate).",
    isPassing: true,
  },
  "cancel-rate": {
    sentence:
      "Too many orders were taken back lately; cancels still pass, and what only reduces a position (risk.cancelRate).",
    isPassing: true,
  },
  "repeated-execution": {
    sentence: "The very same order was wanted too often; who asks is switched off (risk.repeatedExecution).",
    isPassing: false,
  },
  "loss-limit": {
    sentence: "The day's loss is above its limit; only orders that reduce a position pass (risk.dayLossMax).",
    isPassing: false,
  },
  "doubt-blocked": {
    sentence: "The fate of another order is unknown and doubt.block stops new orders beside it.",
    isPassing: true,
  },
  "slices-out-of-range": { sentence: "A parent order has 1 to 4095 slices.", isPassing: false },
  "slice-too-small": {
    sentence: "A slice would be below what the venue takes; use fewer slices or a larger quantity.",
    isPassing: false,
  },
  "profile-missing": {
    sentence: "The feed has not seen enough trades for a volume profile; give weights.",
    isPassing: true,
  },
  "volume-missing": {
    sentence: "The feed has seen no trade of this symbol yet, so none can be counted.",
    isPassing: true,
  },
  "prices-crossed": {
    sentence: "The stop and the take price are on the wrong sides of each other, or of the entry.",
    isPassing: false,
  },
  "parent-state": { sentence: "The parent order's state does not allow this.", isPassing: false },
  "order-state": { sentence: "The order's state does not allow this.", isPassing: false },
  "amend-malformed": {
    sentence: "An amendment names at least one figure that this order or algorithm has, and no other.",
    isPassing: false,
  },
  "amend-too-small": {
    sentence: "The new quantity is less than what is executed, open or scheduled already.",
    isPassing: false,
  },
  "key-conflict": { sentence: "This idempotency key was used for another request.", isPassing: false },
} as const;

/** A code of the table. */
export type RefusalCode = keyof typeof refusalCodes;

/** A refused order: the code, what it means for this order, and the figures behind it. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly sentence: string;
  readonly facts: Readonly<Record<string, string | number>>;
}

/** A refusal with its figures told: "… (quantity 3, limit 2)". */
export function refused(code: RefusalCode, facts: Refusal["facts"] = {}): Refusal {
  const told = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
  const { sentence } = refusalCodes[code];
  return { code, sentence: told.length === 0 ? sentence : `${sentence} (${told.join(", ")})`, facts };
}

/** True when the same order may pass a moment later. */
export function isPassingRefusal(refusal: Refusal): boolean {
  return refusalCodes[refusal.code].isPassing;
}
