/**
 * The facts that the journal holds: one union of event kinds, version 1. Events are facts, never commands: all that is
 * not deterministic (ids, times, venue answers) was settled by the leader that wrote them, so that `apply(state, event)`
 * gives the same state on every node. Decimals are strings, times are wall-clock ms stamped by the leader. Those of orders
 * and of parent orders stand in files of their own beside this one.
 */
import type { Decimal } from "../decimal.ts";
import type {
  BootId,
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
import type { DriftSubject } from "../orders/drift.ts";
import type { VenueOrder } from "../orders/outcome.ts";
import type { KillLevel, KillScope } from "../risk/kill.ts";
import type { WallMs } from "../time.ts";
import type {
  AttemptAnswered,
  AttemptRecorded,
  CancelRequested,
  DoubtResolved,
  FillBusted,
  FillRecorded,
  IntentEnded,
  IntentRecorded,
  OrderEnded,
  OrderUpdated,
  ReplaceEnded,
  ReplaceRequested,
  RequestKey,
} from "./order-events.ts";
import type {
  ParentAmended,
  ParentEnded,
  ParentPaused,
  ParentRecorded,
  ParentResumed,
  ParentTriggered,
  SliceSkipped,
  VolumeCounted,
} from "./parent-events.ts";

/** Why an epoch began; `first`: nobody led before. Older builds called that `expired`. */
export type TakeoverReason = "first" | "expired" | "crash-release" | "pre-emption" | "switchover" | "yield" | "unclean";

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

/** A strategy was switched off on record (threw, overran its budget, or its state may lack what is lost), or on again by an operator. */
export interface StrategySwitched {
  readonly kind: "strategy.switched";
  readonly strategy: string;
  readonly enabled: boolean;
  readonly reason: string;
  /** Off since the epoch began on a loss. */
  readonly cause?: "history-lost";
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
