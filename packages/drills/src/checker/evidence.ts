/**
 * What the checker is given, and nothing more: the exchange's own log, the journal of each node as it stands on disk,
 * etcd's history of epochs, and what the driver was told. It shares only these record formats with the engine, so an
 * engine that fools itself does not fool the checker.
 */
import type { AuditRecord, Decimal, HistoryRecord, JournalEvent, NodeId, OrderView, Sequence } from "@baton/core";

/** An intent that the API acknowledged (202) to the driver. */
export interface Acknowledged {
  readonly intentId: string;
  readonly clientOrderId: string;
  /** The Idempotency-Key that it was asked under. */
  readonly key: string;
  readonly atWallMs: number;
}

/** One frame of a journal file as it stands there. */
export interface StoredFrame {
  readonly epoch: number;
  readonly first: Sequence;
  readonly last: Sequence;
  readonly previousHash: string;
  readonly hash: string;
}

/** One node's journal, read from its file. */
export interface JournalEvidence {
  readonly node: NodeId;
  readonly file: string;
  /** The node's own commit point: records above it may still be cut. */
  readonly committed: Sequence;
  /** Records up to here were pruned; 0 when none were. */
  readonly pruned: { readonly sequence: Sequence; readonly hash: string };
  readonly frames: readonly StoredFrame[];
  /** Stored texts, by sequence from `pruned.sequence + 1` on. */
  readonly texts: readonly string[];
  readonly events: readonly JournalEvent[];
  /** Events of tails that were cut. */
  readonly quarantined: readonly JournalEvent[];
}

/** The numbers that bound what is allowed. */
export interface AllowedTimes {
  readonly leaseTtlMs: number;
  readonly validityMs: number;
  readonly clockErrorMs: number;
  /** How long a doubt may last; an intent without an outcome at the end and older than this is a finding. */
  readonly doubtBudgetMs: number;
  /** The venue's word on how late it may act after a request's window, and on how late its queries may be. */
  readonly processingBoundMs?: number;
  readonly queryLagMs?: number;
  /** No price older than this may be decided on; absent: this run has no prices. */
  readonly staleAfterMs?: number;
}

/** What was done to the cluster, and when on both of the machine's clocks. */
export interface FaultEvidence {
  readonly kind: string;
  readonly atMonoMs: number;
  readonly atWallMs: number;
}

export interface Evidence {
  readonly audit: readonly AuditRecord[];
  readonly journals: readonly JournalEvidence[];
  readonly history: readonly HistoryRecord[];
  /** The account under test and whose key each API key is. Orders of other keys are no business of the checker's. */
  readonly account: string;
  readonly nodeOfKey: Readonly<Record<string, NodeId>>;
  readonly acknowledged: readonly Acknowledged[];
  readonly times: AllowedTimes;
  /** Venue symbol (`BTCUSDT`) → largest allowed position with open orders at worst case, in the base currency. */
  readonly positionMax: Readonly<Record<string, Decimal>>;
  readonly fault?: FaultEvidence;
  /** Every intent as the API showed it at the end. */
  readonly orders?: readonly OrderView[];
  readonly endedWallMs: number;
}

/** What broke, as one sentence, with the records that show it. */
export interface Finding {
  readonly rule: RuleName;
  readonly sentence: string;
  readonly records: readonly unknown[];
}

/** The checker's rules, by what each protects. */
export type RuleName =
  | "audit-complete" // the exchange's log counts without a hole
  | "accepted-once" // at most one accepted order per intent, over all its attempts
  | "acknowledged-kept" // every acknowledged intent is in the surviving leader's journal
  | "ends-as-venue" // every intent ends as the venue's truth
  | "known-orders" // every order of ours at the venue is an intent of the surviving leader's journal
  | "old-epoch-silent" // nothing of an old epoch after the new one, but the inherited list within its bound
  | "within-validity" // nothing is accepted later than its signed window
  | "proved-in-time" // a doubt ends as not accepted only after the time from which that can be known
  | "priced-fresh" // every intent names the price it was decided on: the venue's own at that update, no older than the bound
  | "positions" // fills in the journal are the venue's fills, each once
  | "exposure" // position and open orders at worst case within the limit
  | "own-attempts" // an attempt is sent by the leader that recorded it, never by a successor
  | "cancels-kept" // what was asked to go is gone in the end
  | "replaced-in-turn" // of a replaced order and the one in its place only one is at the venue, and both are what was asked for
  | "sent-once" // at most one request per client order id
  | "rate-limits" // never a ban, nothing within Retry-After
  | "journals-agree" // hash chains hold and committed records are equal
  | "one-leader" // one (node, boot) per epoch, epochs strictly increase
  | "slices-once"; // each slice of a parent executed once or recorded as not executed
