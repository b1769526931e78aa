/** The trading desk, one term of it per leadership, wired as the engine's is; effects hang on commits. */
import { heldByLoss, id, isUnsettled, latestAttempt, monoMs, openingOf, reissuableIntents } from "@baton/core";
import type {
  BootId,
  Direction,
  EngineState,
  Epoch,
  EpochOpened,
  IntentId,
  JournalEvent,
  KillRecord,
  ParentId,
  PlaceOutcome,
  ReplaceChange,
  Sequence,
  TakeoverReason,
  WallMs,
} from "@baton/core";
import type { EventRefused, SimLedger } from "../engine/ledger.ts";
import { Accounts } from "./accounts.ts";
import { Cancels } from "./cancels.ts";
import type { DeskContext } from "./context.ts";
import { Doubts } from "./doubts.ts";
import { Intake } from "./intake.ts";
import type { Taken, Wish } from "./intake.ts";
import { Parents } from "./parents.ts";
import { Placements } from "./placements.ts";
import { Replacements } from "./replacements.ts";
import { Term } from "./term.ts";

export interface TermStart {
  readonly epoch: Epoch;
  readonly boot: BootId;
  readonly reason: TakeoverReason;
  readonly inheritedSendByWallMs: WallMs;
  /** Orders and trades of the account must be read before anything is ordered: the journal may lack records of them. */
  readonly isReconcileDue: boolean;
}

/** How long a switchover goes on sending what was recorded before it. */
const sendMs = 60;
/** How long it waits for answers that are still out. */
const settleMs = 120;
const settleLookMs = 5;
/** How long a wish to replace may take; production's default. */
const replaceWithinMs = 10_000;

interface Parts {
  readonly term: Term;
  readonly accounts: Accounts;
  readonly cancels: Cancels;
  readonly doubts: Doubts;
  readonly intake: Intake;
  readonly parents: Parents;
  readonly placements: Placements;
  readonly replacements: Replacements;
}

export class Desk {
  readonly #context: DeskContext;
  readonly #ledger: SimLedger;
  readonly #keys = new Map<string, IntentId | ParentId>();
  #parts: Parts | undefined;

  constructor(context: DeskContext, ledger: SimLedger) {
    this.#context = context;
    this.#ledger = ledger;
  }

  get isTrading(): boolean {
    return this.#parts?.term.isTrading ?? false;
  }

  /** False once a switchover has sealed the term. */
  get maySend(): boolean {
    const phase = this.#parts?.term.phase;
    return phase === "trading" || phase === "held";
  }

  get state(): EngineState {
    return this.#ledger.speculative;
  }

  /** Begins a term: records its opening; gives the record's sequence. */
  begin(start: TermStart): Sequence {
    this.end();
    const context = this.#context;
    const term = new Term(start.epoch, this.#ledger, (refused: EventRefused) => {
      const isKnown = refused.code.endsWith("-known") || refused.code === "fill-before-baseline";
      if (!isKnown) context.note(`event refused: ${refused.code}`);
    });
    const { isReconcileDue } = start;
    const accounts = new Accounts(context, term, isReconcileDue, (order, told) => doubts.evidence(order, told));
    const intake = new Intake(context, term, this.#keys, () => accounts.isReady);
    const placements: Placements = new Placements(context, term, {
      resolve: (intent) => doubts.begin(intent),
      reissue: (order) => intake.reissue(order),
    });
    const doubts: Doubts = new Doubts(
      context,
      term,
      (intent) => placements.drive(intent),
      (symbol, venueOrderId) => accounts.isForeign(symbol, venueOrderId),
    );
    const cancels = new Cancels(context, term, (order, told) => doubts.evidence(order, told));
    const parents = new Parents(context, term, intake);
    const replacements = new Replacements(context, term, intake);
    this.#parts = { term, accounts, cancels, doubts, intake, parents, placements, replacements };
    const opening = openingOf(term.state, { ...start, node: context.node, atWallMs: context.process.clock.wall() });
    const held = context.bent.is("loss-unheld") ? [] : heldByLoss(term.state, opening, []);
    for (const event of held) if (event.kind === "parent.paused") context.note("parent held by a loss");
    return term.decide([this.#bent(opening), ...held]);
  }

  onCommitted(event: JournalEvent, epoch: Epoch): void {
    const parts = this.#parts;
    if (parts === undefined || parts.term.isOver || epoch !== parts.term.epoch) return;
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
      case "parent.triggered":
        return parts.parents.wake(event.parent);
      case "attempt.answered":
      case "doubt.resolved":
      case "intent.ended":
      case "order.updated":
      case "fill.recorded": {
        const order = event.intent === undefined ? undefined : this.#ledger.speculative.orders.get(event.intent);
        if (order?.replace !== undefined) parts.replacements.drive(order.id);
        return order?.parent === undefined ? undefined : parts.parents.wake(order.parent);
      }
      case "orphan.found":
        return parts.accounts.orphanCommitted(event);
      default:
        return;
    }
  }

  request(wish: Wish): Taken | undefined {
    return this.#parts?.intake.request(wish);
  }

  cancel(ref: string, by: string): Sequence | undefined {
    return this.isTrading ? this.#parts?.intake.cancel(ref, by) : undefined;
  }

  replace(ref: string, change: ReplaceChange, by: string): Sequence | undefined {
    return this.isTrading ? this.#parts?.replacements.request(ref, change, by, replaceWithinMs) : undefined;
  }

  /** What a person asks of a parent; undefined: nothing can be recorded now, or nobody knows it. */
  direct(ref: string, direction: Direction, by: string): Sequence | undefined {
    const parent = this.state.parents.get(id<ParentId>(ref));
    return this.isTrading && parent !== undefined ? this.#parts?.intake.direct(parent, direction, by) : undefined;
  }

  applyKill(kill: KillRecord | undefined): void {
    const term = this.#parts?.term;
    const level = kill?.level ?? "off";
    if (term === undefined || !term.isTrading || term.state.engine.kill.level === level) return;
    const { by, reason } = kill ?? { by: "etcd", reason: "the kill key is gone" };
    term.decide([{ kind: "kill.set", level, by, reason, atWallMs: this.#context.process.clock.wall() }]);
    if (level !== "off") this.#takeBackAll();
  }

  lateAnswer(clientOrderId: string, outcome: PlaceOutcome): void {
    this.#parts?.placements.lateAnswer(clientOrderId, outcome);
  }

  /** Takes nothing new, waits for what is out, seals the journal. */
  hold(done: (last: Sequence) => void): void {
    const parts = this.#parts;
    // Superseded on the link and not told by etcd yet: there is nothing to hold, and the switchover gives itself up.
    if (parts === undefined) return this.#context.note("hold failed: superseded");
    const { term, placements } = parts;
    const { process } = this.#context;
    term.hold();
    const start = process.clock.mono();
    const look = (): void => {
      if (term.isOver || term.phase !== "held") return;
      if (this.#context.bent.is("held-sends")) return done(term.seal());
      const isSettled = term.isCommitted(term.state.applied) && placements.count === 0;
      const now = process.clock.mono();
      if (now >= start + sendMs) placements.stop();
      if (isSettled || now >= start + settleMs) return done(term.seal());
      process.after(settleLookMs, look);
    };
    process.after(0, look);
  }

  resume(): void {
    const parts = this.#parts;
    if (parts === undefined) return;
    parts.term.resume();
    parts.placements.goOn();
    const { unsettled, reissuable } = parts.term.state.indexes;
    for (const intent of [...unsettled, ...reissuable]) parts.placements.drive(intent);
    parts.replacements.driveAll();
  }

  end(): void {
    const parts = this.#parts;
    this.#parts = undefined;
    if (parts === undefined) return;
    parts.term.end();
    parts.accounts.close();
  }

  #takeBackAll(): void {
    const parts = this.#parts;
    if (parts === undefined) return;
    for (const intents of [...parts.term.state.indexes.open.values()]) {
      for (const intent of [...intents]) parts.intake.cancel(intent, "kill");
    }
  }

  /** Broken on purpose: the record says nothing, or too little, of the numbers that a lost record may have had. */
  #bent(opening: EpochOpened): EpochOpened {
    const { bent } = this.#context;
    if (!bent.is("ids-reused") && !bent.is("ids-skipped-alike")) return opening;
    const { numbersFrom: _from, isReconcileDue: _due, ...rest } = opening;
    if (bent.is("ids-reused")) return { ...rest, reason: rest.reason === "unclean" ? "expired" : rest.reason };
    return { ...rest, ...(opening.isReconcileDue === true && { isReconcileDue: true }) };
  }

  #opened(parts: Parts, inDoubt: readonly IntentId[]): void {
    const isBent = this.#context.bent.is("inherited-sent");
    for (const intent of inDoubt) {
      if (isBent) this.#sendInherited(intent);
      parts.doubts.begin(intent);
    }
    for (const intent of reissuableIntents(parts.term.state)) parts.placements.drive(intent);
    parts.accounts.begin();
    if (parts.term.state.engine.kill.level !== "off") this.#takeBackAll();
    parts.cancels.armAll();
    if (parts.term.state.indexes.replacing.size > 0) this.#context.note("replacement driven by a successor");
    parts.replacements.driveAll();
    if (this.#context.bent.is("slice-forgotten")) this.#repeatSlices(parts);
    parts.parents.begin();
  }

  /** Broken on purpose. */
  #sendInherited(intent: IntentId): void {
    const order = this.#ledger.speculative.orders.get(intent);
    const { process, permits, door } = this.#context;
    const permit = permits.current(process.clock.mono());
    if (order === undefined || !isUnsettled(order)) return;
    if (permit === undefined) {
      process.after(5, () => this.#sendInherited(intent));
      return;
    }
    const { clientOrderId } = latestAttempt(order);
    const expiresAtMonoMs = monoMs(process.clock.mono() + 1_000);
    door.place({ clientOrderId, terms: order.terms, expiresAtMonoMs }, permit, new Set(), () => undefined);
  }

  /** Broken on purpose: what the last slice made is made again, as if it were forgotten. */
  #repeatSlices(parts: Parts): void {
    for (const parent of parts.term.state.parents.values()) {
      const last = parent.slices.findLast((slice) => slice.kind === "intent");
      const child = last?.kind === "intent" ? parts.term.state.orders.get(last.intent) : undefined;
      if (parent.status !== "working" || child === undefined) continue;
      const key = { principal: parent.id, key: `again-${parts.term.epoch}-${child.id}`, digest: child.id };
      parts.intake.request({ kind: "order", terms: child.terms, sendWithinMs: 2_000, key });
    }
  }
}
