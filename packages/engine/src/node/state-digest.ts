/**
 * What is known of states that differ, I19: a standby whose rows are not its leader's is set aside until it gets a new
 * copy, and both sides say so. Taking and comparing is the journal's work; here it becomes a fact that promotability takes,
 * a metric and a page.
 */
import { divergenceText } from "@baton/core";
import type { NodeId, StateDigest } from "@baton/core";
import type { Journal, Replication } from "@baton/journal";

export interface StateWatchPorts {
  readonly journal: Journal;
  readonly replication: Replication;
  readonly warn: (event: string, sentence: string) => void;
}

export class StateWatch {
  readonly #o: StateWatchPorts;
  readonly #stops: readonly (() => void)[];
  /** Leader: standbys whose state differed under this leadership. */
  readonly #standbys = new Map<NodeId, string>();
  #newest: StateDigest | null = null;

  constructor(o: StateWatchPorts) {
    this.#o = o;
    const { replication, warn } = o;
    this.#stops = [
      replication.onDigest.on((digest) => (this.#newest = digest)),
      replication.onDiverged.on((divergence) => {
        const sentence = divergenceText(divergence);
        const isLeading = replication.following === undefined;
        if (isLeading && this.#standbys.has(divergence.node)) return;
        if (isLeading) this.#standbys.set(divergence.node, sentence);
        warn("state.diverged", `The state here and on ${divergence.node} differ: ${sentence}.`);
      }),
      // It gets a whole copy: what was wrong with the old one is over.
      replication.onFollowerPhase.on(({ node, phase }) => {
        if (phase === "needs-snapshot") this.#standbys.delete(node);
      }),
    ];
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  /** This node leads no more: what it knows of its standbys is the next leader's to find out. */
  stopLeading(): void {
    this.#standbys.clear();
  }

  get newest(): StateDigest | null {
    return this.#newest;
  }

  /** Why this node's state is not its leader's; null while it never differed. */
  get differs(): string | null {
    return this.#o.journal.care.divergence ?? null;
  }

  /** Leader: node → why. */
  get standbys(): ReadonlyMap<NodeId, string> {
    return this.#standbys;
  }
}
