/**
 * What the journal records of orders: the will to have one and each attempt at it, what the venue answered, how doubts ended, the
 * trades, and the wishes to take an order back or to replace it. What each does to the state: `orders/apply.ts`.
 */
import type { Decimal } from "../decimal.ts";
import type {
  ClientOrderId,
  Epoch,
  IntentId,
  NodeId,
  ParentId,
  SymbolId,
  TradeId,
  VenueId,
  VenueOrderId,
} from "../ids.ts";
import type { PlaceOutcome, VenueOrder } from "../orders/outcome.ts";
import type { OrderTerms, PriceBasis } from "../orders/terms.ts";
import type { WallMs } from "../time.ts";

/** Who asked, under which idempotency key, and the digest of the request body. */
export interface RequestKey {
  readonly principal: string;
  readonly key: string;
  readonly digest: string;
}

/** An accepted will to place an order. Its first attempt is 1, `clientOrderId` is that attempt's. */
export interface IntentRecorded {
  readonly kind: "intent.recorded";
  readonly intent: IntentId;
  readonly clientOrderId: ClientOrderId;
  readonly terms: OrderTerms;
  readonly sendWithinMs: number;
  readonly atWallMs: WallMs;
  readonly by: string;
  readonly request?: RequestKey;
  readonly parent?: ParentId;
  readonly slice?: number;
  readonly basis?: PriceBasis;
  /** Of a strategy: the price that it was told when it decided. `basis` is the one that risk was asked with. */
  readonly decidedOn?: DecidedOn;
  /** The venue that was asked for, when that was ill and the order went to its alternate (`terms.venue`) instead. */
  readonly routedFrom?: VenueId;
  /** Why, in the words of whoever asked. */
  readonly reason?: string;
  /** The order in whose place this one comes: that has ended, and this is what it left of a wish to replace it. */
  readonly replaces?: IntentId;
}

/** The price that a strategy decided on: which feed's, the venue's update id, its age when the intent was recorded. */
export interface DecidedOn {
  readonly feed: string;
  readonly updateId: number;
  readonly ageMs: number;
}

/** After proof that the earlier attempt was not accepted: the same intent under the next attempt and a new id. */
export interface AttemptRecorded {
  readonly kind: "attempt.recorded";
  readonly intent: IntentId;
  readonly attempt: number;
  readonly clientOrderId: ClientOrderId;
  readonly atWallMs: WallMs;
  readonly basis?: PriceBasis;
}

/** The answer to a placed attempt, as classified at the time. `in-doubt` is followed by `doubt.resolved`. */
export interface AttemptAnswered {
  readonly kind: "attempt.answered";
  readonly intent: IntentId;
  readonly attempt: number;
  readonly epoch: Epoch;
  readonly node: NodeId;
  readonly outcome: PlaceOutcome;
  readonly atWallMs: WallMs;
}

/** Venue evidence (or an operator, on record) ended a doubt. `not-accepted` states the proof. */
export interface DoubtResolved {
  readonly kind: "doubt.resolved";
  readonly intent: IntentId;
  readonly attempt: number;
  readonly resolution:
    | { readonly kind: "accepted"; readonly order: VenueOrder }
    | { readonly kind: "not-accepted"; readonly proof: string };
  readonly by: "venue" | "operator";
  /** Who said so and why, where it was an operator. */
  readonly word?: string;
  readonly atWallMs: WallMs;
}

/** An intent that will never be sent (again): expired, killed, refused by risk at a later attempt. */
export interface IntentEnded {
  readonly kind: "intent.ended";
  readonly intent: IntentId;
  readonly reason: string;
  readonly atWallMs: WallMs;
}

/** The venue reported another state of an accepted order. */
export interface OrderUpdated {
  readonly kind: "order.updated";
  readonly intent: IntentId;
  readonly attempt: number;
  readonly order: VenueOrder;
  readonly atWallMs: WallMs;
}

/**
 * An operator ended an order that its venue took and denies now. Nobody knows how it ended, only that the venue has none
 * such; what is on record of its trades stays.
 */
export interface OrderEnded {
  readonly kind: "order.ended";
  readonly intent: IntentId;
  readonly attempt: number;
  /** What the venue answered when it was asked for it, as a sentence. */
  readonly evidence: string;
  readonly by: "operator";
  /** Who said so and why. */
  readonly word: string;
  readonly atWallMs: WallMs;
}

/** One trade of the account, each journaled once by (venue, symbol, trade id). `intent` absent: not an order of ours. */
export interface FillRecorded {
  readonly kind: "fill.recorded";
  readonly venue: VenueId;
  readonly symbol: SymbolId;
  readonly tradeId: TradeId;
  readonly venueOrderId: VenueOrderId;
  readonly intent?: IntentId;
  readonly side: "buy" | "sell";
  readonly price: Decimal;
  readonly quantity: Decimal;
  readonly fee: Decimal;
  readonly feeCurrency: string;
  readonly tradedWallMs: WallMs;
}

/**
 * The venue took a trade back: it is no longer among the account's trades, and what it had moved is back. What it added is
 * subtracted; the record of the trade stays, so that it is never taken for a new one.
 */
export interface FillBusted {
  readonly kind: "fill.busted";
  readonly venue: VenueId;
  readonly symbol: SymbolId;
  readonly tradeId: TradeId;
  /** Of the trade that is taken back; absent when that is no order's of ours. */
  readonly intent?: IntentId;
  /** What the venue showed, as a sentence. */
  readonly evidence: string;
  readonly atWallMs: WallMs;
}

export interface CancelRequested {
  readonly kind: "cancel.requested";
  readonly intent: IntentId;
  readonly by: string;
  /** Why, in the words of whoever asked. */
  readonly reason?: string;
  readonly atWallMs: WallMs;
}

/**
 * An open order is to have other figures. It follows on the wish to take that order back (the record right before this
 * one): once it is proved to have ended, what is left of `quantity` is placed anew at `price`, as an intent of its own.
 */
export interface ReplaceRequested {
  readonly kind: "replace.requested";
  readonly intent: IntentId;
  /** The whole of it: what the order has executed until its end counts towards this. */
  readonly quantity: Decimal;
  readonly price: Decimal;
  /** Later than this after `atWallMs` nothing is placed in its place, and it leaves no more. */
  readonly sendWithinMs: number;
  readonly by: string;
  /** Why, in the words of whoever asked. */
  readonly reason?: string;
  readonly atWallMs: WallMs;
}

/** Nothing comes in the place of an order that was to be replaced; what it executed stays. */
export interface ReplaceEnded {
  readonly kind: "replace.ended";
  readonly intent: IntentId;
  /** Of `replacement.ts`, or `risk: CODE`. */
  readonly reason: string;
  /** Who took the wish back, where it was somebody. */
  readonly by?: string;
  readonly atWallMs: WallMs;
}
