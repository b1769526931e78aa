/**
 * What `durability` means for a leader at this moment: how many durable copies a record has when it counts as committed,
 * whether new risk may be taken, and what has to be said aloud. Strict: without an in-sync standby nothing new is taken,
 * what reduces risk or tells the truth (cancels, outcomes, the epoch record) goes on. Available: a lone leader goes on, and
 * every view says that one lost disk is then a lost record. Invariants I4, I7 hold in both: a member has left the wait set
 * only after etcd knows.
 */

export type Durability = "strict" | "available";

/** How a leader's records are held. */
export interface CopyStanding {
  /** Durable copies of each record that is committed now, this node's own among them. */
  readonly copies: number;
  readonly mayTakeRisk: boolean;
  /** What a person must know; undefined while a second copy is in sync. */
  readonly warning: string | undefined;
}

/** `members`: size of the in-sync set last known committed; `nodes`: how many the cluster is meant to have. */
export function copyStanding(o: {
  readonly durability: Durability;
  readonly members: number;
  readonly nodes: number;
}): CopyStanding {
  const copies = Math.max(1, o.members);
  if (copies > 1) return { copies, mayTakeRisk: true, warning: undefined };
  if (o.durability === "strict") {
    return { copies, mayTakeRisk: false, warning: "durability is strict and no other node is in sync" };
  }
  const warning =
    o.nodes === 1
      ? "there is one node: its disk holds the only copy of every record"
      : "durability is available and no other node is in sync: orders go on, and what is recorded now is lost with this disk";
  return { copies, mayTakeRisk: true, warning };
}
