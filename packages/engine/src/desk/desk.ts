/**
 * The trading desk: one term of it per leadership. It opens the epoch, drives what it inherits and what comes in, and
 * stops at the end of the term. Effects hang on commits: persist, tell the peers, tell the venue, tell people, in this
 * order and no other. What a wish or a record leads to is decided in the parts (`parts.ts`); here stands what the rest of
 * the node may ask of whichever term there is, and what it gets where there is none. Invariants I3, I4, I6.
 */
import type {
  DecidedOn,
  Direction,
  EnableRequest,
  EngineState,
  Epoch,
  JournalEvent,
  KillRecord,
  KillScope,
  OperatorFinding,
  ParentId,
  PlaceOrderRequest,
  PlaceOutcome,
  ReplaceRequest,
  RiskView,
  Sequence,
  VenueId,
} from "@baton/core";
import { assert, id, reissuableIntents, riskView, wasRecorded } from "@baton/core";
import { monoNow, wallNow } from "../clock.ts";
import type { Ledger } from "../ledger.ts";
import type { StrategyIntent } from "../strategies/strategy.ts";
import type { Backlogs } from "./backlogs.ts";
import { runCommitEffects } from "./commit-effects.ts";
import type { DeskContext } from "./desk-context.ts";
import { drain, goOn } from "./drain.ts";
import { enabling } from "./enabling.ts";
import type { Enabled } from "./enabling.ts";
import type { CancelTaken, Taken } from "./intake.ts";
import { recordOpening } from "./opening.ts";
import type { TermStart } from "./opening.ts";
import { endDoubt } from "./operator-word.ts";
import type { AskedKey } from "./once.ts";
import type { OperatorWord, WordTaken } from "./operator-word.ts";
import type { ParentTaken } from "./parent-intake.ts";
import { partsOf } from "./parts.ts";
import type { Parts } from "./parts.ts";
import type { ReplaceTaken } from "./replacements.ts";
import { Term } from "./term.ts";

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
    this.#parts = partsOf(this.#context, term, start.isReconcileDue);
    return recordOpening(this.#context, term, start);
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
    runCommitEffects(event, parts, this.#context);
  }

  request(request: PlaceOrderRequest, by: string, key: AskedKey | undefined): Taken | undefined {
    const taken = this.#parts?.intake.request(request, by, key);
    if (taken?.kind === "refused") {
      this.#context.metrics.intents.inc({ outcome: "refused" });
      this.#context.metrics.refusals.inc({ code: taken.refusal.code });
    }
    return taken;
  }

  cancel(ref: string, by: string, reason?: string, operation?: AskedKey): CancelTaken | undefined {
    return this.isTrading ? this.#parts?.intake.cancel(ref, by, reason, operation) : undefined;
  }

  /** An order that rests is taken back, and what is left of it is placed with other figures. */
  replace(ref: string, change: ReplaceRequest, by: string, operation?: AskedKey): ReplaceTaken | undefined {
    return this.isTrading ? this.#parts?.replacements.request(ref, change, by, operation) : undefined;
  }

  /** Pauses, resumes or amends a parent order; `unknown`: there is none of this id; `ended`: it has left the state. */
  direct(parent: string, direction: Direction, by: string): ParentTaken | "unknown" | "ended" | undefined {
    if (!this.isTrading) return undefined;
    const state = this.#ledger.speculative;
    const row = state.parents.get(id<ParentId>(parent));
    if (row !== undefined) return this.#parts?.intake.parents.direct(row, direction, by);
    return parent.startsWith("p-") && wasRecorded(state, parent) ? "ended" : "unknown";
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

  /** Ends a doubt by an operator's word, unless the venue can still prove it; undefined: this node does not trade. */
  resolve(intent: string, finding: OperatorFinding, operator: OperatorWord): WordTaken | undefined {
    const parts = this.#parts;
    if (parts === undefined || !parts.term.isTrading) return undefined;
    return endDoubt(parts, this.#context, intent, finding, operator);
  }

  /** Ends an order that its venue took and denies now, by an operator's word, while the venue denies it. */
  async endDenied(intent: string, operator: OperatorWord): Promise<WordTaken | undefined> {
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
    const hold = {};
    this.#hold = hold;
    return await drain(parts, this.#ledger, () => this.#hold === hold);
  }

  /** The switchover did not happen: goes on. */
  resume(): void {
    this.#hold = undefined;
    if (this.#parts !== undefined) goOn(this.#parts);
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
}
