/**
 * What stands in etcd under `/baton/<cluster>/`: the record formats, and the transactions on them as data. The etcd shell
 * turns a `Transaction` into one guarded etcd transaction and a prefix read into an `EtcdView`; who may ask for which
 * transaction is decided in `machine.ts`. Every value is one JSON object.
 */
import type { TakeoverReason } from "../formats/events.ts";
import type { BootId, ClusterId, Epoch, JournalId, LeaseId, NodeId, OperationId, Sequence } from "../ids.ts";
import type { KillLevel, KillScope, KillState } from "../risk/kill.ts";
import type { WallMs } from "../time.ts";
import type { SelfFacts } from "./promotability.ts";

/** A member of the in-sync set: a node and its disk. A replaced disk is another member. */
export interface Member {
  readonly node: NodeId;
  readonly journal: JournalId;
}

/** Key `leader`, on the holder's lease. */
export interface LeaderRecord {
  readonly node: NodeId;
  readonly boot: BootId;
  readonly lease: LeaseId;
  readonly epoch: Epoch;
  readonly sinceWallMs: WallMs;
  readonly reason: TakeoverReason;
}

/** Key `insync`. `version` is +1 with every write, never reset; `by` names the write, so that its author finds it again. */
export interface InsyncRecord {
  readonly epoch: Epoch;
  readonly version: number;
  readonly members: readonly Member[];
  readonly by: { readonly boot: BootId; readonly transaction: number };
  /** The last takeovers that happened by themselves, oldest first: what a takeover loop is told by. */
  readonly takeovers?: readonly TakeoverMark[];
  /**
   * The epoch of an unclean failover or a re-anchoring after which the account has not been reconciled yet. It stands in
   * the set, because whoever leads next has to know: the winner may die before it has done or journaled anything.
   */
  readonly reconcileDue?: Epoch;
  /** Where unclean failovers began, oldest first: whoever missed one holds a history that was given up from there on. */
  readonly uncleans?: readonly UncleanMark[];
}

/** An unclean failover: the journals of before are the cluster's up to a record of this number, and no further. */
export interface UncleanMark {
  /** The epoch that it began. */
  readonly epoch: Epoch;
  /** Up to here its winner's journal was what the epochs before it had committed. */
  readonly holds: Sequence;
}

export interface TakeoverMark {
  readonly epoch: Epoch;
  readonly atWallMs: WallMs;
  /** Why the leader before was lost; equal ones in a row are a loop. */
  readonly fingerprint: string;
}

/** Key `members/<node>`, on the node's own lease. */
export interface MemberRecord {
  readonly node: NodeId;
  readonly boot: BootId;
  readonly journal: JournalId;
  readonly lease: LeaseId;
  /** `host:port` of the node's listener (API and node link). */
  readonly address: string;
  readonly site: string;
  readonly build: string;
  readonly configDigest: string;
  readonly schema: number;
  readonly position: { readonly epoch: Epoch; readonly durable: Sequence; readonly committed: Sequence };
  /** Why it could not be promoted now; empty = promotable. */
  readonly unfit: readonly string[];
  readonly reachesVenue: boolean;
  readonly tags: readonly string[];
  /** What promotability is judged by; builds before 0.2 publish none. */
  readonly facts?: SelfFacts;
}

/** Key `deaths/<boot>`: written by the supervisor that reaped the process, before it revokes that boot's lease. */
export interface DeathRecord {
  readonly node: NodeId;
  readonly boot: BootId;
  readonly cause: string;
  readonly reapedWallMs: WallMs;
}

/** Keys `control/autofailover` and `control/pause`: both guard every takeover by their revision. */
export interface ControlRecord {
  readonly autofailover: "on" | "observe" | "off";
  /** Present while an operator's pause is in force (the key hangs on a lease of the pause's length). */
  readonly pause?: PauseRecord;
}

export interface PauseRecord {
  readonly by: string;
  readonly reason: string;
  /** For people: the lease decides when it ends, not a clock. */
  readonly untilWallMs?: WallMs;
}

/** Key `control/acknowledged`: an operator has seen the deaths and takeovers before this moment. */
export interface AcknowledgedRecord {
  readonly by: string;
  readonly reason: string;
  readonly atWallMs: WallMs;
}

/** Key `anchor`: an operator has compared all journals after etcd was restored, and the cluster goes on from here. */
export interface AnchorRecord {
  readonly etcdClusterId: string;
  readonly epoch: Epoch;
  readonly version: number;
  readonly by: string;
  readonly reason: string;
  readonly atWallMs: WallMs;
}

/** Key `boots/<journal>`: what etcd has seen of one journal, so that an older copy of its disk is known. */
export interface BootRecord {
  readonly boot: BootId;
  /** How often the journal was opened. */
  readonly count: number;
  /** What it held for good when its node last told: never cut again, and on its disk; builds before 0.2 tell none. */
  readonly held?: HeldRecord;
}

export interface HeldRecord {
  readonly committed: Sequence;
  readonly epochMax: Epoch;
}

/**
 * Key `anchor-asked`: an operator asks every node to tell of its journal now. What came back with a backup cannot answer a
 * nonce that was drawn after the restore.
 */
export interface AnchorAsked {
  readonly nonce: string;
  readonly by: string;
  readonly atWallMs: WallMs;
}

/** Key `control/members/<node>`: what an operator has set for one node. It stays until it is taken back. */
export interface MemberSettings {
  /** `drained`: it takes no leadership. `removed`: it is kept out of the in-sync set too. */
  readonly standing?: {
    readonly kind: "drained" | "removed";
    readonly by: string;
    readonly reason: string;
    readonly atWallMs: WallMs;
  };
  /** In place of `node.priority` of its own file. */
  readonly priority?: number;
}

/** The settings of one node that are written beside an operation's record, if what was decided on still stands. */
export interface MemberChange {
  readonly node: NodeId;
  readonly settings: MemberSettings;
  readonly guard: {
    readonly settingsModRevision: string;
    /** Unchanged where they are named: who leads, and who is in sync. */
    readonly epochModRevision?: string;
    readonly insyncModRevision?: string;
  };
}

/** Key `control/kill`: every kill in force. */
export type KillRecord = KillState;

/** Key `history/<epoch>`. */
export interface HistoryRecord {
  readonly epoch: Epoch;
  readonly node: NodeId;
  readonly boot: BootId;
  readonly reason: TakeoverReason;
  readonly operation?: OperationId;
  readonly atWallMs: WallMs;
  /** Last durable position of the winner when it asked. */
  readonly position: Sequence;
  /** Metro of the winner. */
  readonly metro?: string;
  /** Filled in by the leader once it trades: milliseconds per phase since the fault was noticed. */
  readonly phases?: Readonly<Record<string, number>>;
}

export type OperationPhase = "asked" | "running" | "done" | "aborted" | "failed";

export type OperationWhat =
  | "switchover"
  | "failover"
  | "abort"
  | "drain"
  | "undrain"
  | "priority"
  | "reinit"
  | "remove"
  | "pause"
  | "resume"
  | "autofailover"
  | "acknowledge"
  | "kill"
  | "unkill";

/** Key `operations/<id>`: every operation ends done, aborted or failed, with a reason (I14). */
export interface OperationRecord {
  readonly id: OperationId;
  readonly what: OperationWhat;
  /** Failover: an operator accepts that committed records are lost. */
  readonly allowDataLoss?: boolean;
  readonly to?: NodeId;
  /** The node that is drained, rebuilt, removed, or whose priority is set. */
  readonly node?: NodeId;
  readonly priority?: number;
  /** Reinit: the journal that is set aside. Failover with leave to lose data: the one whose loss was stated, and no other. */
  readonly journal?: JournalId;
  /** Abort: the operation that is to be given up. */
  readonly target?: OperationId;
  readonly by: string;
  readonly reason: string;
  readonly phase: OperationPhase;
  readonly detail: string;
  readonly epoch?: Epoch;
  readonly updatedWallMs: WallMs;
}

/** What an operation changes in the same transaction in which it is recorded as done. */
export type ControlChange =
  | { readonly kind: "kill"; readonly record: KillRecord }
  /** One more scope beside those in force. */
  | { readonly kind: "kill-scope"; readonly scope: KillScope }
  /** Without one target, or without all. */
  | {
      readonly kind: "unkill";
      readonly target?: { readonly level: KillLevel; readonly id?: string };
      readonly by: string;
      readonly reason: string;
      readonly atWallMs: WallMs;
    }
  | { readonly kind: "autofailover"; readonly value: ControlRecord["autofailover"] }
  | { readonly kind: "pause"; readonly record: PauseRecord; readonly forSeconds: number }
  | { readonly kind: "resume" }
  | { readonly kind: "acknowledge"; readonly record: AcknowledgedRecord };

/** A value with the etcd revision of its last change ("0": the key does not exist), as a decimal string. */
export interface Versioned<T> {
  readonly value: T;
  readonly modRevision: string;
}

/** One linearizable read of the whole prefix. */
export interface EtcdView {
  readonly etcdClusterId: string;
  readonly revision: string;
  /** Undefined until `baton cluster init`. */
  readonly cluster: { readonly id: ClusterId; readonly schema: number } | undefined;
  readonly epoch: Versioned<Epoch>;
  readonly leader: Versioned<LeaderRecord> | undefined;
  readonly insync: Versioned<InsyncRecord> | undefined;
  readonly autofailover: Versioned<ControlRecord["autofailover"]>;
  readonly pause: Versioned<ControlRecord["pause"] | undefined>;
  readonly kill: Versioned<KillRecord | undefined>;
  readonly acknowledged?: Versioned<AcknowledgedRecord | undefined>;
  readonly anchor?: AnchorRecord | undefined;
  readonly anchorAsked?: AnchorAsked | undefined;
  readonly members: ReadonlyMap<NodeId, MemberRecord>;
  readonly settings?: ReadonlyMap<NodeId, Versioned<MemberSettings>>;
  readonly deaths: ReadonlyMap<BootId, DeathRecord>;
  readonly operations: ReadonlyMap<OperationId, Versioned<OperationRecord>>;
}

/** Writes by guarded transactions; every guard is on a value or a modification revision that was read. */
export type Transaction =
  | {
      /** Guards: epoch, insync, autofailover and pause unchanged, and leader absent when asked. Puts leader (on my lease), epoch, insync, history. */
      readonly kind: "takeover";
      readonly id: number;
      readonly requireLeaderAbsent: boolean;
      readonly guard: {
        readonly epoch: Versioned<Epoch>;
        readonly insyncModRevision: string;
        readonly autofailoverModRevision: string;
        readonly pauseModRevision: string;
      };
      readonly leader: LeaderRecord;
      readonly insync: InsyncRecord;
      readonly history: HistoryRecord;
    }
  | {
      /**
       * Shrink, grow or bump. Guards: leader is this boot (the key stands, and the epoch is the one that this boot won: none
       * but the winner's key is ever written in an epoch), epoch and insync unchanged. Puts insync.
       */
      readonly kind: "set-insync";
      readonly id: number;
      readonly guard: {
        readonly boot: BootId;
        readonly epoch: Epoch;
        readonly insyncModRevision: string;
      };
      readonly insync: InsyncRecord;
    }
  | {
      /**
       * Guards: leader is this boot, epoch and insync unchanged; a yield, which nobody asked for, is guarded on autofailover
       * and pause too. Rebinds leader to the candidate's lease, puts epoch and history.
       */
      readonly kind: "handoff";
      readonly id: number;
      readonly guard: {
        readonly boot: BootId;
        readonly epoch: Epoch;
        readonly insyncModRevision: string;
        readonly controls?: { readonly autofailoverModRevision: string; readonly pauseModRevision: string };
      };
      readonly leader: LeaderRecord;
      readonly history: HistoryRecord;
    };

/** What is known of a transaction afterwards. `unknown`: it may have been, or may still be, applied. */
export type TransactionAnswer =
  | { readonly kind: "committed"; readonly revision: string }
  | { readonly kind: "refused" }
  | { readonly kind: "unknown"; readonly cause: string };
