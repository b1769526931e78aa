/** One term of leadership: all recording goes through it, so that nothing is written after it has ended. */
import { assert, withOwner } from "@baton/core";
import type { EngineState, Epoch, JournalEvent, Sequence } from "@baton/core";
import { EventRefused } from "../engine/ledger.ts";
import type { SimLedger } from "../engine/ledger.ts";

export type TermPhase = "trading" | "held" | "sealed" | "over";

export class Term {
  readonly epoch: Epoch;
  readonly #ledger: SimLedger;
  readonly #onRefused: (refused: EventRefused) => void;
  #phase: TermPhase = "trading";
  #kept: JournalEvent[] = [];

  constructor(epoch: Epoch, ledger: SimLedger, onRefused: (refused: EventRefused) => void) {
    this.epoch = epoch;
    this.#ledger = ledger;
    this.#onRefused = onRefused;
  }

  get phase(): TermPhase {
    return this.#phase;
  }

  get isTrading(): boolean {
    return this.#phase === "trading";
  }

  get isOver(): boolean {
    return this.#phase === "over";
  }

  get state(): EngineState {
    return this.#ledger.speculative;
  }

  get committed(): EngineState {
    return this.#ledger.committed;
  }

  isCommitted(sequence: Sequence): boolean {
    return this.#ledger.committed.applied >= sequence;
  }

  /** Records decisions: only while trading. Throws `EventRefused`. */
  decide(events: readonly JournalEvent[]): Sequence {
    assert(this.#phase === "trading", "decisions are recorded while trading");
    return this.#ledger.submit(this.epoch, events);
  }

  /** Records what the world said. Kept while sealed, dropped when over. */
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
