/**
 * The trading desk: one term of it per leadership. It opens the epoch, drives what it inherits and what comes in, and
 * stops at the end of the term. Effects hang on commits: persist, tell the peers, tell the venue, tell people, in this
 * order and no other. Invariants I3, I4, I6.
 */
import type {
  DecidedOn,
  Direction,
  EnableRequest,
  EngineState,
  Epoch,
  IntentId,
  JournalEvent,
  KillRecord,
  KillScope,
  OperatorFinding,
  OperatorRefusal,
  OrderRow,
  ParentId,
  PlaceOrderRequest,
  PlaceOutcome,
  ReplaceRequest,
  RiskView,
  Sequence,
  TakeoverReason,
  VenueId,
  WallMs,
} from "@baton/core";
import {
  assert,
  cancelCause,
  heldByLoss,
  id,
  openingOf,
  operatorResolution,
  reissuableIntents,
  riskView,
} from "@baton/core";
import type { BootId } from "@baton/core";
import { monoNow, wallNow } from "../clock.ts";
import type { Ledger } from "../ledger.ts";
import type { StrategyIntent } from "../strategies/strategy.ts";
import { Accounts } from "./accounts.ts";
import { Backlogs } from "./backlogs.ts";
import { Cancels } from "./cancels.ts";
import type { DeskContext } from "./desk-context.ts";
import { Denials } from "./denials.ts";
import { Doubts } from "./doubts.ts";
import type { CancelTaken, Taken } from "./intake.ts";
import { Intake } from "./intake.ts";
import { enabling } from "./enabling.ts";
import type { Enabled } from "./enabling.ts";
import type { ParentTaken } from "./parent-intake.ts";
import { Kills } from "./kills.ts";
import { noted, repeated } from "./once.ts";
import type { Asked, Repeated } from "./once.ts";
import { Parents } from "./parents.ts";
import { Placements } from "./placements.ts";
import { Replacements } from "./replacements.ts";
import type { ReplaceTaken } from "./replacements.ts";
import { RiskDays } from "./risk-days.ts";
import { RiskInputs } from "./risk-inputs.ts";
import { Switches } from "./switches.ts";
import { Term } from "./term.ts";
import { VenueCancels } from "./venue-cancels.ts";

/** How a term begins. */
export interface TermStart {
  readonly epoch: Epoch;
  readonly boot: BootId;
  readonly reason: TakeoverReason;
  /** Until when an earlier leader may still have sent what it had journaled. */
  readonly inheritedSendByWallMs: WallMs;
  /** The journal may lack records: nothing is ordered at a venue before its orders and trades were read. */
  readonly isReconcileDue: boolean;
}

/** How long a switchover goes on sending what was recorded before it; what has not left by then is taken back. */
const sendMs = 60;
/** How long it waits for answers that are still out; what is out then is inherited as doubt. */
const settleMs = 120;

interface Parts {
  readonly term: Term;
  readonly accounts: Accounts;
  readonly backlogs: Backlogs;
  readonly cancels: Cancels;
  readonly days: RiskDays;
  readonly doubts: Doubts;
  readonly inputs: RiskInputs;
  readonly intake: Intake;
  readonly kills: Kills;
  readonly parents: Parents;
  readonly placements: Placements;
  readonly replacements: Replacements;
  readonly switches: Switches;
  readonly denials: Denials;
  readonly venueCancels: VenueCancels;
}

export class Desk {
  readonly #context: DeskContext;
  readonly #ledger: Ledger;
  #parts: Parts | undefined;
  /** The hold that goes on; another one each time. */
  #hold: object | undefined;

  constructor(context: DeskContext, ledger: Ledger) {
    this.#context = context;
    this.#ledger = ledger;
  }

  /** True while this node takes new wishes. */
  get isTrading(): boolean {
    return this.#parts?.term.isTrading ?? false;
  }

  /** True while an order for this venue could be recorded, whatever risk says of the order itself. */
  isReadyFor(venue: VenueId): boolean {
    const parts = this.#parts;
    if (parts === undefined || !parts.term.isTrading || !this.#context.venues.has(venue)) return false;
    return parts.accounts.whyNotReady(venue) === undefined && this.#context.whyNoRisk() === undefined;
  }

  /** False once a switchover has sealed the term: then nothing may be sent, whatever the deadline says. */
  get maySend(): boolean {
    const phase = this.#parts?.term.phase;
    return phase === "trading" || phase === "held";
  }

  /** Why this term does not take orders for a venue yet; undefined when it does, or when there is no term. */
  whyNotReady(venue: VenueId): string | undefined {
    return this.#parts?.accounts.whyNotReady(venue);
  }

  get state(): EngineState {
    return this.#ledger.speculative;
  }

  /** Begins a term: records its opening. Nothing is sent before that is committed. Gives the record's sequence. */
  begin(start: TermStart): Sequence {
    this.end();
    const term = new Term(start.epoch, this.#ledger, (refused) => {
      // A fact that came twice is no news; one that contradicts the journal is for a person.
      const isKnown = refused.code.endsWith("-known") || refused.code === "fill-before-baseline";
      if (!isKnown) this.#context.warn("event.refused", refused.message, { code: refused.code });
    });
    const { isReconcileDue } = start;
    const stop = (venue: VenueId, why: string): void => this.#parts?.kills.stopAccount(venue, why);
    const accounts: Accounts = new Accounts(this.#context, term, {
      isReconcileDue,
      onEvidence: (order, told) => doubts.evidence(order, told),
      stop,
      onPositions: (reading) => venueCancels.onReading(reading),
    });
    const inputs = new RiskInputs(this.#context, term, {
      fundsOf: (venue) => accounts.fundsOf(venue),
      leftOrphans: () => accounts.leftOrphans(),
    });
    const backlogs = new Backlogs();
    const intake = new Intake(this.#context, term, inputs, {
      whyNotReady: (venue) => accounts.whyNotReady(venue),
      backlogs,
    });
    const placements: Placements = new Placements(this.#context, term, {
      resolve: (intent) => doubts.begin(intent),
      reissue: (order) => intake.reissue(order),
      backlogs,
    });
    const doubts: Doubts = new Doubts(this.#context, term, {
      ended: (intent) => placements.drive(intent),
      isForeign: (venue, symbol, venueOrderId) => accounts.isForeign(venue, symbol, venueOrderId),
      stop,
    });
    const cancels = new Cancels(this.#context, term, (order, told) => doubts.evidence(order, told));
    const parents = new Parents(term, intake.parents);
    const replacements = new Replacements(this.#context, term, intake);
    const days = new RiskDays(this.#context, term, inputs);
    const switches = new Switches(this.#context, term);
    const kills = new Kills(this.#context, term, {
      takeBack: (intent, by) => intake.cancel(intent, by),
      maySwitchHaveFired: (venue) => switches.mayHaveFired(venue),
    });
    const venueCancels: VenueCancels = new VenueCancels(this.#context, term, {
      readPositions: (venue) => accounts.readPositions(venue),
      maySwitchHaveFired: (venue) => switches.mayHaveFired(venue),
      unexplained: (order) => kills.cancelledUnasked(order),
    });
    const denials = new Denials(this.#context, term, (order, told) => accounts.found(order.terms.venue, told));
    const driven = { cancels, denials, doubts, parents, placements, replacements, venueCancels };
    this.#parts = { term, accounts, backlogs, days, inputs, intake, kills, switches, ...driven };
    const opening = openingOf(term.state, { ...start, node: this.#context.node, atWallMs: wallNow() });
    const strategies = this.#context.config.strategies.map((strategy) => strategy.id);
    const held = heldByLoss(term.state, opening, strategies);
    const sequence = term.decide([opening, ...held]);
    if (held.length > 0) {
      const ids = held.flatMap((event) =>
        event.kind === "parent.paused" ? event.parent : event.kind === "strategy.switched" ? event.strategy : [],
      );
      const sentence = `Epoch ${start.epoch} began on a loss: until somebody has looked at the account, ${ids.join(", ")} wait.`;
      this.#context.warn("history.lost", sentence, { epoch: start.epoch });
    }
    return sequence;
  }

  /**
   * The term has begun and its kills are known: what a predecessor took back is recorded anew, to be committed with the
   * opening. It is sent once both are, like everything else.
   */
  takeUp(): void {
    const parts = this.#parts;
    if (parts === undefined) return;
    for (const intent of reissuableIntents(parts.term.state)) parts.placements.drive(intent);
  }

  /** A committed event. What was written under another epoch has no effects here: it is inherited. */
  onCommitted(event: JournalEvent, epoch: Epoch): void {
    const parts = this.#parts;
    if (parts === undefined || parts.term.isOver || epoch !== parts.term.epoch) return;
    const outcome = outcomeTold(event);
    if (outcome !== undefined) this.#context.metrics.intents.inc({ outcome });
    if (event.kind === "attempt.answered") parts.accounts.answered(event.intent);
    switch (event.kind) {
      case "epoch.opened":
        return this.#opened(parts, event.inDoubt);
      case "intent.recorded":
      case "attempt.recorded":
        return parts.placements.drive(event.intent);
      case "cancel.requested":
        return parts.cancels.arm(event.intent);
      case "replace.requested":
        return parts.replacements.drive(event.intent);
      case "parent.recorded":
      case "parent.resumed":
      case "parent.amended":
      case "parent.triggered":
        return parts.parents.wake(event.parent);
      case "kill.set":
        // A kill ends the parents that it covers, whatever they wait for.
        return parts.parents.wakeAll();
      case "attempt.answered":
      case "doubt.resolved":
      case "intent.ended":
      case "order.updated":
      case "order.ended":
      case "fill.recorded":
      case "fill.busted": {
        const order = event.intent === undefined ? undefined : this.#ledger.speculative.orders.get(event.intent);
        // A trade taken back says nothing of who cancelled the rest of its order, perhaps hours ago: that was asked then.
        const isToldOfOrder = event.kind !== "fill.busted";
        if (isToldOfOrder && order !== undefined) this.#cancelled(parts, order);
        if (order?.replace !== undefined) parts.replacements.drive(order.id);
        return order?.parent === undefined ? undefined : parts.parents.wake(order.parent);
      }
      case "orphan.found":
        return parts.accounts.orphanCommitted(event);
      case "replace.ended":
      case "slice.skipped":
      case "parent.ended":
      case "parent.paused":
      case "volume.counted":
      case "control.switched":
      case "risk.day-opened":
      case "baseline.taken":
      case "drift.found":
      case "strategy.advanced":
      case "strategy.switched":
      case "operation.noted":
        return;
    }
  }

  request(request: PlaceOrderRequest, by: string, key: string | undefined): Taken | undefined {
    const taken = this.#parts?.intake.request(request, by, key);
    if (taken?.kind === "refused") {
      this.#context.metrics.intents.inc({ outcome: "refused" });
      this.#context.metrics.refusals.inc({ code: taken.refusal.code });
    }
    return taken;
  }

  cancel(ref: string, by: string, reason?: string, operation?: string): CancelTaken | undefined {
    return this.isTrading ? this.#parts?.intake.cancel(ref, by, reason, operation) : undefined;
  }

  /** An order that rests is taken back, and what is left of it is placed with other figures. */
  replace(ref: string, change: ReplaceRequest, by: string, operation?: string): ReplaceTaken | undefined {
    return this.isTrading ? this.#parts?.replacements.request(ref, change, by, operation) : undefined;
  }

  /** Pauses, resumes or amends a parent order; `unknown`: there is none of this id that works. */
  direct(parent: string, direction: Direction, by: string): ParentTaken | "unknown" | undefined {
    if (!this.isTrading) return undefined;
    const row = this.#ledger.speculative.parents.get(id<ParentId>(parent));
    return row === undefined ? "unknown" : this.#parts?.intake.parents.direct(row, direction, by);
  }

  strategy(
    strategy: string,
    state: unknown,
    wishes: readonly StrategyIntent[],
    decidedOn: DecidedOn | undefined,
    toldSequence?: Sequence,
  ): boolean {
    return this.#parts?.intake.strategy(strategy, state, wishes, decidedOn, toldSequence) ?? false;
  }

  /** The headroom of every control; undefined: this node does not lead. */
  risk(): RiskView | undefined {
    const parts = this.#parts;
    return parts === undefined ? undefined : riskView(parts.inputs.state, parts.inputs.figures);
  }

  /** Switches on again what a control switched off. */
  enable(request: EnableRequest, by: string): Enabled | undefined {
    const parts = this.#parts;
    if (parts === undefined || !parts.term.isTrading) return undefined;
    const enabled = enabling(parts.term.state, request, { by, now: wallNow(), marks: parts.inputs.marks });
    return "kind" in enabled ? { kind: "recorded", sequence: parts.term.decide([enabled]) } : enabled;
  }

  /** Ends a doubt by an operator's word, unless the venue can still prove it; `unknown`: there is no such order. */
  resolve(
    intent: string,
    finding: OperatorFinding,
    operator: { readonly by: string; readonly reason: string; readonly operation?: string | undefined },
  ): Sequence | OperatorRefusal | Repeated | "unknown" | undefined {
    const parts = this.#parts;
    if (parts === undefined || !parts.term.isTrading) return undefined;
    const { by, reason, operation } = operator;
    const asked: Asked = { what: "resolve", ref: intent, by, reason, operation, more: finding };
    const earlier = repeated(parts.term.state, asked);
    if (earlier !== undefined) return earlier;
    const order = parts.term.state.orders.get(id<IntentId>(intent));
    if (order === undefined) return "unknown";
    const made = operatorResolution(parts.doubts.known(order), finding, operator, wallNow());
    if ("code" in made) return made;
    this.#context.warn("doubt.resolved-by-operator", `${operator.by} ended the doubt about ${intent}: ${finding.as}.`, {
      intent,
    });
    return parts.term.decide([made, ...noted(asked)]);
  }

  /** Ends an order that its venue took and denies now, by an operator's word, while the venue denies it. */
  async endDenied(
    intent: string,
    operator: { readonly by: string; readonly reason: string; readonly operation?: string | undefined },
  ): Promise<Sequence | OperatorRefusal | Repeated | "unknown" | undefined> {
    return this.isTrading ? await this.#parts?.denials.end(intent, operator) : undefined;
  }

  /** Records a fact of this node's own while it leads. */
  note(event: JournalEvent): void {
    this.#parts?.term.note(event);
  }

  /** Takes the kills that etcd holds, and those that this node was told of itself; only a change is recorded. */
  applyKill(kill: KillRecord | undefined): void {
    this.#parts?.kills.apply(kill);
  }

  /** Etcd cannot be told of a kill: the journal is, on every node in sync. Undefined: this node does not lead. */
  killHere(scope: KillScope): Sequence | undefined {
    return this.#parts?.kills.here(scope);
  }

  /**
   * Every open order is taken back, for a reason of the engine's own. False: nothing can be recorded now, so nothing was;
   * it is for the caller to ask again.
   */
  takeBackAll(by: string): boolean {
    return this.#parts?.kills.takeBackAll(by) ?? false;
  }

  /** What waits to leave for each venue; of a leader. */
  backlogs(): ReturnType<Backlogs["all"]> {
    return this.#parts?.backlogs.all(monoNow()) ?? [];
  }

  /** What the account streams of this term told, as figures for people. */
  balances(): readonly { readonly venue: string; readonly currency: string; readonly total: number }[] {
    return this.#parts?.accounts.balances() ?? [];
  }

  /** Accounts that are read because no stream of them can be had, a sentence each; for status. */
  accountWarnings(): readonly string[] {
    return this.#parts?.accounts.warnings() ?? [];
  }

  lateAnswer(clientOrderId: string, outcome: PlaceOutcome): void {
    this.#parts?.placements.lateAnswer(clientOrderId, outcome);
  }

  /**
   * Takes nothing new, waits for what is out, seals the journal. Gives its last sequence; undefined when that was given up
   * meanwhile: the term trades on then, or is held for another successor, whose own drain seals it.
   */
  async hold(): Promise<Sequence | undefined> {
    const parts = this.#parts;
    assert(parts !== undefined, "a leader has a desk");
    parts.term.hold();
    const hold = {};
    this.#hold = hold;
    const start = monoNow();
    // What was recorded must be committed before it can be sent and answered.
    await Promise.race([this.#ledger.whenCommitted(parts.term.state.applied), after(sendMs)]);
    await parts.placements.settle(Math.max(1, start + sendMs - monoNow()));
    if (this.#hold !== hold) return undefined;
    parts.placements.stop();
    await parts.placements.settle(Math.max(1, start + settleMs - monoNow()));
    return this.#hold === hold ? parts.term.seal() : undefined;
  }

  /** The switchover did not happen: goes on. */
  resume(): void {
    const parts = this.#parts;
    if (parts === undefined) return;
    this.#hold = undefined;
    parts.term.resume();
    parts.kills.goOn();
    parts.placements.goOn();
    const { unsettled, reissuable } = parts.term.state.indexes;
    for (const intent of [...unsettled, ...reissuable]) parts.placements.drive(intent);
    parts.replacements.driveAll();
  }

  /** This node stops in order and nobody takes over. */
  async disarmSwitches(): Promise<void> {
    await this.#parts?.switches.disarm();
  }

  /** Ends the term. What is under way is left to the successor. */
  end(): void {
    const parts = this.#parts;
    this.#parts = undefined;
    this.#hold = undefined;
    if (parts === undefined) return;
    parts.term.end();
    parts.accounts.close();
    parts.parents.close();
    parts.days.close();
  }

  /** Where its venue cancelled it and nobody here asked for that: suspects somebody, or asks the account first. */
  #cancelled(parts: Parts, order: OrderRow): void {
    const cause = cancelCause(this.#ledger.speculative, order);
    if (cause === "stranger") parts.kills.cancelledUnasked(order);
    if (cause === "venue-perhaps") parts.venueCancels.take(order);
  }

  #opened(parts: Parts, inDoubt: readonly IntentId[]): void {
    // Before anything else: a predecessor's countdown is running.
    parts.switches.begin();
    for (const intent of inDoubt) parts.doubts.begin(intent);
    for (const intent of reissuableIntents(parts.term.state)) parts.placements.drive(intent);
    parts.accounts.begin();
    parts.venueCancels.begin();
    // A predecessor may have ended between the kill and the last of its wishes to cancel.
    parts.kills.takeBackKilled();
    parts.cancels.armAll();
    parts.replacements.driveAll();
    parts.parents.begin();
    parts.days.begin();
  }
}

/** The word on an intent that an event is; an attempt of which no byte left is not one, since it may be sent again. */
function outcomeTold(event: JournalEvent): string | undefined {
  switch (event.kind) {
    case "intent.recorded":
      return "recorded";
    case "intent.ended":
      return "not-sent";
    case "attempt.answered":
      if (event.outcome.kind === "duplicate") return "in-doubt";
      return event.outcome.kind === "not-sent" ? undefined : event.outcome.kind;
    case "doubt.resolved":
      return event.resolution.kind === "accepted" ? "accepted" : undefined;
    default:
      return undefined;
  }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
