/**
 * One term of leadership: from winning an epoch to losing or handing it over. All recording goes through it, so that
 * nothing is written after the term has ended, and answers that arrive while the journal is sealed for a handoff are kept
 * until it is known whether this node goes on. Invariants I3, I4.
 */
import type { EngineState, Epoch, JournalEvent, Sequence } from "@baton/core";
import { assert, withOwner } from "@baton/core";
import type { Ledger } from "../ledger.ts";
import { EventRefused } from "../ledger.ts";

/** `trading` → `held` (no new intents, no sends; answers are still recorded) → `sealed` (nothing is recorded) → `over`. */
export type TermPhase = "trading" | "held" | "sealed" | "over";

export class Term {
  readonly epoch: Epoch;
  readonly #ledger: Ledger;
  readonly #onRefused: (refused: EventRefused) => void;
  #phase: TermPhase = "trading";
  #kept: JournalEvent[] = [];

  constructor(epoch: Epoch, ledger: Ledger, onRefused: (refused: EventRefused) => void) {
    this.epoch = epoch;
    this.#ledger = ledger;
    this.#onRefused = onRefused;
  }

  get phase(): TermPhase {
    return this.#phase;
  }

  /** True while new intents may be recorded and sent. */
  get isTrading(): boolean {
    return this.#phase === "trading";
  }

  get isOver(): boolean {
    return this.#phase === "over";
  }

  /** All that was recorded, committed or not: decisions are made on this. */
  get state(): EngineState {
    return this.#ledger.speculative;
  }

  /** What the wait set holds. */
  get committed(): EngineState {
    return this.#ledger.committed;
  }

  /** True when the wait set holds everything up to here: rule 3, nothing earlier may leave for a venue. */
  isCommitted(sequence: Sequence): boolean {
    return this.#ledger.committed.applied >= sequence;
  }

  /** Records decisions of this node: only while trading. Throws `EventRefused`. Gives the last one's sequence. */
  decide(events: readonly JournalEvent[]): Sequence {
    assert(this.#phase === "trading", "decisions are recorded while trading");
    return this.#ledger.submit(this.epoch, events);
  }

  /** As `decide`, of events that are made one after the other, each on the state that has those before it. */
  decideEach(makers: readonly ((state: EngineState) => JournalEvent | undefined)[]): Sequence {
    assert(this.#phase === "trading", "decisions are recorded while trading");
    return this.#ledger.submitEach(this.epoch, makers);
  }

  /** Records what the world said. Kept while sealed, dropped when over (the successor asks the venue itself). */
  note(event: JournalEvent): void {
    if (this.#phase === "over") return;
    if (this.#phase === "sealed") {
      this.#kept.push(event);
      return;
    }
    try {
      this.#ledger.submit(this.epoch, [event]);
    } catch (error) {
      if (!(error instanceof EventRefused)) throw error;
      this.#onRefused(error);
    }
  }

  hold(): void {
    if (this.#phase === "trading") this.#phase = "held";
  }

  /** Nothing is appended from here on; gives the journal's last sequence. */
  seal(): Sequence {
    assert(this.#phase === "held", "a held term is sealed");
    this.#phase = "sealed";
    return this.#ledger.speculative.applied;
  }

  resume(): void {
    if (this.#phase !== "held" && this.#phase !== "sealed") return;
    this.#phase = "trading";
    const kept = this.#kept;
    this.#kept = [];
    for (const event of kept) this.note(withOwner(this.state, event));
  }

  end(): void {
    this.#phase = "over";
    this.#kept = [];
  }
}
