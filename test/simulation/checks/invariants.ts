/** The invariants that the checks judge, each with its sentence, and whether this world can judge it. */

export const invariants = {
  I1: "At most one (node, boot) is recorded per epoch; epochs strictly increase.",
  I2: "No venue write starts at or after the deadline; the deadline never exceeds an answered keepalive's send time + granted TTL − margin; nothing is signed to be valid for longer.",
  I3: "Once fenced, a boot id never acts again; nothing is sent in an epoch that was handed over.",
  I4: "No request for an intent leaves before the intent is durable on every member of the wait set, which always contains etcd's in-sync set while the leader's epoch is current; no order is taken back before the wish, or the finding that it is nobody's, is committed.",
  I5: "A standby acknowledges nothing under a vowed (epoch, version) or a lower epoch, and persists before it acknowledges; a winner persists its epoch before any other act.",
  I6: "Only in-sync members become leader; every intent committed by an earlier epoch, even late, is in the journal of each leader of a later epoch, and so is every intent that can still reach the venue.",
  I7: "A member leaves the wait set only after etcd has committed the smaller set, and enters it before the larger one is requested.",
  I8: "Of a pre-emption and a shrink at the same (epoch, version), exactly one commits.",
  I9: "Per intent at most one accepted order at the venue, under every uniqueness rule, over any fault history; no number of an intent or a parent is ever another's too.",
  I10: "'Not found' is acted on only past its proof time; nobody is taken for dead who lives.",
  I11: "Positions equal the sum of venue fills, each trade once.",
  I12: "Worst-case exposure, doubt included, never exceeds a limit; risk counters survive takeover.",
  I13: "Each slice of a parent is executed once or recorded as not executed.",
  I14: "Every operation ends done, aborted or failed, and its verdict can be read after any crash.",
  I15: "A single etcd member's death, freeze or partition changes no epoch; etcd quorum loss causes no order after the deadline.",
  I16: "In pause no epoch changes without an operator's operation.",
  I17: "Two nodes of one id: the second refuses to start; nobody renews another's lease.",
  I18: "Delivered trade ids have no unflagged hole; no order is priced on stale data.",
  I19: "Journals of leader and standbys agree on every committed record; a state digest difference is noticed within N frames.",
  I20: "A corrupt record, a full disk or a failed fsync ends the node's part in the cluster with a clear error, and loses nothing acknowledged.",
  reconciling:
    "After a re-anchoring or an unclean failover nothing is ordered before whoever leads has read the whole account, and the set says so until then.",
  replacing:
    "An order and the one that comes in its place are never at the venue at once, and may never execute more together than was asked for.",
  losing:
    "An unclean failover is an operator's, waits until nobody can act any more, and loses nothing but what was declared before it.",
  reading: "A read that a leader answers tells all that any leader had committed before it came in.",
  healing:
    "When all faults have ended, a leader leads an open epoch, every node is in sync, and every doubt, cancel, parent and operation has ended.",
  core: "No assertion of the production core fails.",
} as const;

export type InvariantName = keyof typeof invariants;

/** What of an invariant this world does not judge, and where it is judged instead. */
export const notJudged: Readonly<Partial<Record<InvariantName, string>>> = {
  I17: "what a second node does that starts when the first one's lease has ended: it is stopped as soon as it is let in",
  I18: "holes in trade ids: the feeds are not part of this world (packages/feeds)",
  I19: "whether nodes notice a differing digest by themselves; that the states are equal is judged",
};

/** What broke, when, and how. */
export interface Violation {
  readonly invariant: InvariantName;
  readonly sentence: string;
  readonly atMs: number;
}
