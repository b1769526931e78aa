/** A follower forgets what its leader has forgotten, one stretch at a time: equal journals stay equal. */
import type { Sequence } from "@baton/core";
import type { Journal } from "../journal.ts";

export class PruneAlong {
  readonly #journal: Journal;
  #isPruning = false;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** The leader's file begins after this record. */
  to(upTo: Sequence): void {
    const journal = this.#journal;
    if (this.#isPruning || upTo <= journal.pruned || upTo > journal.commitMark.sequence) return;
    this.#isPruning = true;
    void journal.care
      .prune(upTo)
      // The journal has failed or is closing, and says so itself.
      .catch(() => undefined)
      .finally(() => (this.#isPruning = false));
  }
}
