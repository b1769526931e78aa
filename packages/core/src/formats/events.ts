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
  Sequence,
  SymbolId,
  TradeId,
  VenueId,
  VenueOrderId,
} from "../ids.ts";
import type { AlgorithmParameters } from "./algorithms.ts";
import type { PlaceOutcome, VenueOrder } from "../orders/outcome.ts";
import type { DriftSubject } from "../orders/drift.ts";
import type { KillLevel, KillScope } from "../risk/kill.ts";
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
  /** An unclean failover came before, and the account has not been reconciled since: the journal may lack records. */
  readonly isReconcileDue?: true;
  /**
   * Where others may have recorded what this journal lacks: the number of this epoch's next intent and of its next parent,
   * beyond every number that such a record can have. Otherwise the numbers go on, by older builds also after a takeover.
   */
  readonly numbersFrom?: number;
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

/** A parent order: an algorithm that makes child intents, one per slice. */
export interface ParentRecorded {
  readonly kind: "parent.recorded";
  readonly parent: ParentId;
  readonly algorithm: AlgorithmParameters;
  readonly by: string;
  /** Why, in the words of whoever asked. */
  readonly reason?: string;
  readonly request?: RequestKey;
  readonly atWallMs: WallMs;
  /** The newest public trade at that time: what comes after it is counted. Absent where the algorithm counts nothing. */
  readonly countFrom?: number;
}

/** Public volume was counted for a parent up to a trade, each trade once. In one frame with the slice that came of it. */
export interface VolumeCounted {
  readonly kind: "volume.counted";
  readonly parent: ParentId;
  /** Counted is what traded after the trade named before, up to and with this one. */
  readonly lastTradeId: number;
  /** That much more, in the base currency. */
  readonly volume: Decimal;
  /** The venue's ids began anew in between. */
  readonly isRestart?: true;
  readonly atWallMs: WallMs;
}

/** No new slices until it is resumed. */
export interface ParentPaused {
  readonly kind: "parent.paused";
  readonly parent: ParentId;
  readonly by: string;
  /** Why, in the words of whoever asked. */
  readonly reason?: string;
  readonly atWallMs: WallMs;
}

/** It goes on; its windows are shifted by the length of the pause. */
export interface ParentResumed {
  readonly kind: "parent.resumed";
  readonly parent: ParentId;
  readonly by: string;
  /** Why, in the words of whoever asked. */
  readonly reason?: string;
  readonly atWallMs: WallMs;
}

/** Its parameters from now on. What was scheduled before stays as it was. */
export interface ParentAmended {
  readonly kind: "parent.amended";
  readonly parent: ParentId;
  readonly algorithm: AlgorithmParameters;
  /** Of an algorithm with a schedule: the slices before this one had this quantity; the others share the rest. */
  readonly schedule?: { readonly fromSlice: number; readonly scheduled: Decimal };
  readonly by: string;
  /** Why, in the words of whoever asked. */
  readonly reason?: string;
  readonly atWallMs: WallMs;
}

/** The stop of a bracket or OCO was reached: from here on it only gets out. */
export interface ParentTriggered {
  readonly kind: "parent.triggered";
  readonly parent: ParentId;
  readonly basis: PriceBasis;
  readonly atWallMs: WallMs;
}

/** A slice that will not be executed, on record (its window passed, a limit refused it, the parent was cancelled). */
export interface SliceSkipped {
  readonly kind: "slice.skipped";
  readonly parent: ParentId;
  readonly slice: number;
  readonly reason: string;
  /** Cancelled: why, in the words of whoever asked. */
  readonly word?: string;
  readonly atWallMs: WallMs;
}

export interface ParentEnded {
  readonly kind: "parent.ended";
  readonly parent: ParentId;
  /** `failed`: it could not go on by itself, `detail` says why. */
  readonly reason: "done" | "cancelled" | "killed" | "failed";
  readonly detail?: string;
  readonly atWallMs: WallMs;
}

/** The kills in force changed to these; `level` is the highest of them. `off` lets new risk pass again. */
export interface KillSet {
  readonly kind: "kill.set";
  readonly level: "off" | KillLevel;
  readonly by: string;
  readonly reason: string;
  readonly atWallMs: WallMs;
  /** Absent: the whole cluster, or nothing. */
  readonly scopes?: readonly KillScope[];
}

/** A control of risk switched somebody off, or an operator switched them on again. */
export interface ControlSwitched {
  readonly kind: "control.switched";
  readonly control: SwitchingControl;
  /** Whom: a principal or a strategy (repeated execution), a quote currency (loss). */
  readonly subject: string;
  readonly enabled: boolean;
  readonly by: string;
  readonly reason: string;
  readonly atWallMs: WallMs;
  /** Loss, switched on again: the day's result is counted from this one. */
  readonly total?: Decimal;
}

/** Controls that stay off until an operator says otherwise. */
export type SwitchingControl = "repeated-execution" | "loss-limit";

/** From here on the result of the day is counted: realised and unrealised since the baseline, per quote currency. */
export interface RiskDayOpened {
  readonly kind: "risk.day-opened";
  /** Days of UTC since 1970. */
  readonly day: number;
  readonly totals: Readonly<Record<string, Decimal>>;
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

/** The account holds another amount than the journal explains, and has for a while. Neither number was changed. */
export interface DriftFound {
  readonly kind: "drift.found";
  readonly venue: VenueId;
  readonly subject: DriftSubject;
  /** By the baseline and the fills since. */
  readonly journal: Decimal;
  /** By the venue. */
  readonly told: Decimal;
  readonly atWallMs: WallMs;
}

/**
 * A strategy's new state, in the same frame as the intents that came of the same input. `toldSequence`: the state has
 * heard of every trade and bust up to this event, and of none after it; absent: not known.
 */
export interface StrategyAdvanced {
  readonly kind: "strategy.advanced";
  readonly strategy: string;
  readonly state: unknown;
  readonly toldSequence?: Sequence;
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

/** What a person did or asked for under an id of theirs, for the timeline; in one frame with what came of it. */
export interface OperationNoted {
  readonly kind: "operation.noted";
  readonly operation: OperationId;
  readonly what: string;
  readonly by: string;
  readonly reason: string;
  /** What it was about; with `request` the id stands for this from now on: the same again does nothing twice. */
  readonly ref?: IntentId | ParentId;
  readonly request?: RequestKey;
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
  | OrderEnded
  | FillRecorded
  | FillBusted
  | CancelRequested
  | ReplaceRequested
  | ReplaceEnded
  | ParentRecorded
  | SliceSkipped
  | ParentEnded
  | VolumeCounted
  | ParentPaused
  | ParentResumed
  | ParentAmended
  | ParentTriggered
  | KillSet
  | ControlSwitched
  | RiskDayOpened
  | OrphanFound
  | DriftFound
  | StrategyAdvanced
  | StrategySwitched
  | OperationNoted;

/** The stored text of an event: one line of JSON. */
export function encodeEvent(event: JournalEvent): string {
  return JSON.stringify(event);
}

/** Every kind that this build knows. */
const kinds: Readonly<Record<JournalEvent["kind"], true>> = {
  "epoch.opened": true,
  "baseline.taken": true,
  "intent.recorded": true,
  "attempt.recorded": true,
  "attempt.answered": true,
  "doubt.resolved": true,
  "intent.ended": true,
  "order.updated": true,
  "order.ended": true,
  "fill.recorded": true,
  "fill.busted": true,
  "cancel.requested": true,
  "replace.requested": true,
  "replace.ended": true,
  "parent.recorded": true,
  "slice.skipped": true,
  "parent.ended": true,
  "volume.counted": true,
  "parent.paused": true,
  "parent.resumed": true,
  "parent.amended": true,
  "parent.triggered": true,
  "kill.set": true,
  "control.switched": true,
  "risk.day-opened": true,
  "orphan.found": true,
  "drift.found": true,
  "strategy.advanced": true,
  "strategy.switched": true,
  "operation.noted": true,
};

/** A record of a kind that this build does not know: nothing after it can be understood, so nothing is done on it. */
export class UnknownEvent extends Error {
  override readonly name = "UnknownEvent";
  readonly code = "event-unknown";
  constructor(kind: string) {
    super(`the journal has a record "${kind}" that this build does not know: a newer build wrote it, so run that one`);
  }
}

/** The event of a stored text. Only text that a journal's hash chain vouches for may be given here. Throws `UnknownEvent`. */
export function decodeEvent(text: string): JournalEvent {
  const event = JSON.parse(text) as JournalEvent;
  if (!Object.hasOwn(kinds, event.kind)) throw new UnknownEvent(event.kind);
  return event;
}
