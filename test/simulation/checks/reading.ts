/** What a reader is told: all that any leader had called committed before the read came in. */
import type { Boot } from "../engine/boot.ts";
import { holds } from "./records.ts";
import type { Watch } from "./watch.ts";

export class ReadingChecks {
  readonly #watch: Watch;

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  /** A read comes to a node that thinks that it leads; to be called when it is answered from what is committed there. */
  came(boot: Boot): () => void {
    const { committedAt } = this.#watch.commits;
    const newest = Math.max(0, ...committedAt.keys());
    const frame = committedAt.get(newest)?.frame;
    const atMs = this.#watch.world.agenda.now;
    return () => {
      this.#watch.note("read answered");
      if (frame === undefined) return;
      const applied = boot.ledger?.committed.applied ?? 0;
      if (applied >= frame.last && holds(boot.journal?.frames ?? [], frame)) return;
      const what = `a read that came to ${boot.boot} at ${Math.round(atMs)} ms is told what is committed up to ${applied}`;
      this.#watch.broken("reading", `${what}, when record ${frame.last} was committed already`);
    };
  }
}
