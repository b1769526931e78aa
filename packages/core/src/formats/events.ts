/**
 * The facts that the journal holds: one union of event kinds, version 1. Events are facts, never commands: all that is
 * not deterministic (ids, times, venue answers) was settled by the leader that wrote them, so that `apply(state, event)`
 * gives the same state on every node. Decimals are strings, times are wall-clock ms stamped by the leader.
 */
import type { Decimal } from "../decimal.ts";
import type {
  BootId,
  ClientOrderId,
  Epoch,
  IntentId,
  NodeId,
  OperationId,
  ParentId,
  SymbolId,
  TradeId,
  VenueId,
  VenueOrderId,
} from "../ids.ts";
import type { PlaceOutcome, VenueOrder } from "../orders/outcome.ts";
import type { OrderTerms, PriceBasis } from "../orders/terms.ts";
import type { WallMs } from "../time.ts";

/** Why an epoch began. */
export type TakeoverReason = "expired" | "crash-release" | "pre-emption" | "switchover" | "yield" | "unclean";

/** First record of each epoch. `inDoubt`: inherited intents without an outcome, by their latest attempt. */
export interface EpochOpened {
  readonly kind: "epoch.opened";
  readonly epoch: Epoch;
  readonly node: NodeId;
  readonly boot: BootId;
  readonly reason: TakeoverReason;
  readonly atWallMs: WallMs;
  /** Until when a request signed by an earlier leader without a journaled send time may still be sent. */
  readonly inheritedSendByWallMs: WallMs;
  readonly inDoubt: readonly IntentId[];
}

/** The account as the first epoch on it found it; I11 holds from here. */
export interface BaselineTaken {
  readonly kind: "baseline.taken";
  readonly venue: VenueId;
  readonly atWallMs: WallMs;
  readonly balances: Readonly<Record<string, Decimal>>;
  readonly lastTradeIds: Readonly<Record<SymbolId, TradeId>>;
  readonly externalOrders: readonly VenueOrderId[];
}

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

export interface CancelRequested {
  readonly kind: "cancel.requested";
  readonly intent: IntentId;
  readonly by: string;
  readonly atWallMs: WallMs;
}

/** A parent order: an algorithm that makes child intents, one per slice. */
export interface ParentRecorded {
  readonly kind: "parent.recorded";
  readonly parent: ParentId;
  readonly algorithm: TwapParameters;
  readonly by: string;
  readonly request?: RequestKey;
  readonly atWallMs: WallMs;
}

/** TWAP: `slices` equal children (lot-rounded, the last takes the rest), one every `durationMs / slices`. */
export interface TwapParameters {
  readonly name: "twap";
  readonly venue: VenueId;
  readonly symbol: SymbolId;
  readonly side: "buy" | "sell";
  readonly quantity: Decimal;
  readonly slices: number;
  readonly durationMs: number;
  /** Children are IOC limits this many basis points through the far side of the book. */
  readonly aggressionBps: number;
  /** No child is priced beyond it. */
  readonly limitPrice?: Decimal;
}

/** A slice that will not be executed, on record (its window passed, a limit refused it, the parent was cancelled). */
export interface SliceSkipped {
  readonly kind: "slice.skipped";
  readonly parent: ParentId;
  readonly slice: number;
  readonly reason: string;
  readonly atWallMs: WallMs;
}

export interface ParentEnded {
  readonly kind: "parent.ended";
  readonly parent: ParentId;
  readonly reason: "done" | "cancelled" | "killed";
  readonly atWallMs: WallMs;
}

/** The cluster-wide kill level changed. `off` lets new risk pass again. */
export interface KillSet {
  readonly kind: "kill.set";
  readonly level: "off" | "cluster";
  readonly by: string;
  readonly reason: string;
  readonly atWallMs: WallMs;
}

/** An open order at the venue with our tag that the journal did not know. */
export interface OrphanFound {
  readonly kind: "orphan.found";
  readonly venue: VenueId;
  readonly order: VenueOrder;
  readonly action: "cancel" | "leave";
  readonly atWallMs: WallMs;
}

/** A strategy's new state, in the same frame as the intents that came of the same input. */
export interface StrategyAdvanced {
  readonly kind: "strategy.advanced";
  readonly strategy: string;
  readonly state: unknown;
  readonly atWallMs: WallMs;
}

/** A strategy was switched off on record (threw, or overran its budget), or on again by an operator. */
export interface StrategySwitched {
  readonly kind: "strategy.switched";
  readonly strategy: string;
  readonly enabled: boolean;
  readonly reason: string;
  readonly atWallMs: WallMs;
}

/** What an operator did or asked for, for the timeline. */
export interface OperationNoted {
  readonly kind: "operation.noted";
  readonly operation: OperationId;
  readonly what: string;
  readonly by: string;
  readonly reason: string;
  readonly atWallMs: WallMs;
}

export type JournalEvent =
  | EpochOpened
  | BaselineTaken
  | IntentRecorded
  | AttemptRecorded
  | AttemptAnswered
  | DoubtResolved
  | IntentEnded
  | OrderUpdated
  | FillRecorded
  | CancelRequested
  | ParentRecorded
  | SliceSkipped
  | ParentEnded
  | KillSet
  | OrphanFound
  | StrategyAdvanced
  | StrategySwitched
  | OperationNoted;

/** The stored text of an event: one line of JSON. */
export function encodeEvent(event: JournalEvent): string {
  return JSON.stringify(event);
}

/** The event of a stored text. Only text that a journal's hash chain vouches for may be given here. */
export function decodeEvent(text: string): JournalEvent {
  return JSON.parse(text) as JournalEvent;
}
