/**
 * Up to where a journal may forget. Only what is old enough, what no living order began in, what every connected standby
 * holds, and, where there is an archive, what the archive was verified to hold. The leader decides and tells; a standby
 * prunes to the same record, so that equal journals stay equal. A standby that is away is not waited for: it gets a
 * snapshot when it comes back.
 */
import type { NodeId, Sequence } from "../ids.ts";

/** What is known when it is asked. */
export interface RetentionFacts {
  readonly pruned: Sequence;
  readonly committed: Sequence;
  /** Every event up to here is older than the time that records are kept. */
  readonly aged: Sequence;
  /** First record of the oldest order or parent that has not ended; undefined when there is none. */
  readonly oldestLive: Sequence | undefined;
  readonly standbys: readonly { readonly node: NodeId; readonly durable: Sequence }[];
  /** Undefined without an archive. */
  readonly archived: Sequence | undefined;
}

/** Where pruning ends, and what holds it there. */
export interface PrunePlan {
  readonly upTo: Sequence;
  readonly heldBy: string;
}

/** Undefined when nothing is to be pruned. */
export function prunePlan(facts: RetentionFacts): PrunePlan | undefined {
  const bounds: readonly PrunePlan[] = [
    { upTo: facts.aged, heldBy: "age" },
    { upTo: facts.committed, heldBy: "the commit point" },
    ...(facts.oldestLive === undefined ? [] : [{ upTo: facts.oldestLive - 1, heldBy: "an order that is still open" }]),
    ...facts.standbys.map(({ node, durable }) => ({ upTo: durable, heldBy: `standby ${node}` })),
    ...(facts.archived === undefined ? [] : [{ upTo: facts.archived, heldBy: "the archive" }]),
  ];
  const least = bounds.reduce((a, b) => (b.upTo < a.upTo ? b : a));
  return least.upTo > facts.pruned ? least : undefined;
}
