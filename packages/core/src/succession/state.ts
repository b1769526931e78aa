/**
 * The words of the succession machine: the state of one node, what it is told, and what it asks for. `machine.ts` steps it.
 */
import type { TakeoverReason } from "../formats/events.ts";
import type { BootId, Epoch, JournalId, LeaseId, NodeId, OperationId, Sequence } from "../ids.ts";
import type { MonoMs, WallMs } from "../time.ts";
import type { EtcdPin } from "./anchor.ts";
import type { Extension } from "./failsafe.ts";
import type { Rhythm } from "./detector.ts";
import type { PromotabilityRules } from "./promotability.ts";
import type { EtcdView, InsyncRecord, LeaderRecord, MemberRecord, Transaction, TransactionAnswer } from "./records.ts";
import type { Follower, KnownSet } from "./wait-set.ts";

/** Configured times, in ms; see `infra/config`. */
export interface SuccessionTiming {
  /** A standby that hears nothing from the leader for so long may pre-empt it: the least that the detector ever allows. */
  readonly silenceMs: number;
  /** The most that it allows, however uneven the link; default `silenceMs`: then the silence is a constant. */
  readonly silenceMaxMs?: number;
  /** A member that does not acknowledge for so long is removed from the set. */
  readonly shrinkMs: number;
  /** The same for a member whose link is down. */
  readonly disconnectedShrinkMs: number;
  readonly preempt: boolean;
  /** How long a switchover may take before it is given up. */
  readonly switchoverMs: number;
  /** How long a member that was taken out twice lately has to be steady before it is taken in, doubled each time; default 1,000. */
  readonly growAfterMs?: number;
  /** How long a candidate lets a better one go first; default 150. */
  readonly courtesyMs?: number;
}

/** Durable before any message that depends on it. */
export interface Promised {
  readonly epochMax: Epoch;
  readonly vow: { readonly epoch: Epoch; readonly version: number } | undefined;
}

export interface StandbyRole {
  readonly role: "standby";
  /** The leader whose silence is measured: the newest that etcd showed or that spoke on the link. */
  readonly following: BootId | undefined;
  /** When that leader was last heard (or first seen, if never heard). */
  readonly heardMonoMs: MonoMs;
  /** Since when it could take over and lets a better candidate go first. */
  readonly deferringSinceMonoMs?: MonoMs | undefined;
}

/** Vowed and asking for the leadership. `settling`: the answer is not known, or was no, and etcd is read until it is. */
export interface CandidateRole {
  readonly role: "candidate";
  readonly phase: "vowing" | "asking" | "settling";
  readonly transaction: Extract<Transaction, { kind: "takeover" }>;
  readonly following: BootId | undefined;
  readonly heardMonoMs: MonoMs;
}

/** Has won `epoch` and persists it before any other act. */
export interface WinnerRole {
  readonly role: "winner";
  readonly epoch: Epoch;
  readonly reason: TakeoverReason;
  readonly known: KnownSet;
  readonly leaderModRevision: string;
}

export interface Hold {
  /** `draining`: the engine settles what is in flight; `asking`: the handoff is at etcd; `killing`: its answer is unknown, a bump settles it. */
  readonly phase: "draining" | "drained" | "asking" | "killing";
  readonly to: NodeId;
  readonly operation: OperationId;
  readonly reason: TakeoverReason;
  /** An operator named the successor, so what bars only a takeover by itself does not count. */
  readonly isNamed?: boolean;
  readonly sinceMonoMs: MonoMs;
  /** Last record; known once drained. */
  readonly last: Sequence | undefined;
}

export interface LeaderRole {
  readonly role: "leader";
  readonly epoch: Epoch;
  readonly sinceMonoMs: MonoMs;
  readonly leaderModRevision: string;
  readonly known: KnownSet;
  /** Own membership transactions that were asked for and are not known to be decided. */
  readonly pending: readonly InsyncRecord[];
  /** Id of the transaction whose answer is awaited; at most one. */
  readonly inFlight: number | undefined;
  readonly followers: ReadonlyMap<NodeId, Follower>;
  readonly commit: Sequence;
  /** Journal length at takeover: a member is grown only when it holds all of it. */
  readonly inherited: Sequence;
  /** Sequence of the record that opened this epoch. */
  readonly openedAt: Sequence | undefined;
  readonly hold: Hold | undefined;
  /** It took over in a loop of takeovers: no new risk until an operator acknowledges. */
  readonly heldStart?: HeldStart | undefined;
  /** The account was reconciled in this term, by records up to here: once they are committed no set says any more that it is due. */
  readonly reconciledAt?: Sequence;
  /** Failsafe: what the peers were asked to promise, and until when the deadline rests on it. */
  readonly extension?: Extension | undefined;
  readonly extendedUntilMonoMs?: MonoMs | undefined;
  /** How often each member was taken out lately: one that flaps is taken in later each time. */
  readonly flaps?: ReadonlyMap<NodeId, Flap>;
}

export interface HeldStart {
  readonly sinceWallMs: WallMs;
  readonly sentence: string;
}

export interface Flap {
  readonly count: number;
  readonly lastMonoMs: MonoMs;
}

/** This boot will never act again (I3); the process ends and is started anew. */
export interface FencedRole {
  readonly role: "fenced";
  readonly reason: string;
}

export type Role = StandbyRole | CandidateRole | WinnerRole | LeaderRole | FencedRole;

export interface Succession {
  readonly me: { readonly node: NodeId; readonly boot: BootId; readonly journal: JournalId };
  readonly timing: SuccessionTiming;
  readonly promised: Promised;
  readonly lease: LeaseId | undefined;
  readonly view: EtcdView | undefined;
  /** The last leader that any view showed, for the set of a takeover after its key has gone. */
  readonly lastLeader: LeaderRecord | undefined;
  /** What that leader last published of itself: its record goes with its lease, what it ran is compared afterwards too. */
  readonly lastLeaderMember?: MemberRecord | undefined;
  /** Metro of the leader before this node's start, by the history. */
  readonly lastMetro?: string | undefined;
  readonly rules: PromotabilityRules;
  readonly durable: Sequence;
  readonly last: Sequence;
  /** Why this node may not be promoted now, besides what `self` shows; empty when it may. */
  readonly unfit: readonly string[];
  /** What this node would publish of itself at this moment. */
  readonly self?: MemberRecord | undefined;
  readonly nextTransaction: number;
  /**
   * False while this boot has not been held against etcd: its disk may be an old copy, its id another's. It then follows,
   * acknowledges, promises and takes over nothing.
   */
  readonly isAdmitted: boolean;
  /** Failsafe: until when this node has promised to leave the epoch alone. */
  readonly promisedUntilMonoMs?: MonoMs | undefined;
  /** What etcd is by all reads so far, and as it is durable. */
  readonly pin?: EtcdPin | undefined;
  readonly pinned?: EtcdPin | undefined;
  /** Why etcd is not trusted any more. */
  readonly restored?: string | undefined;
  /** Reads in a row that showed less than the pin. */
  readonly lowerReads?: number;
  /** Since when, without a gap that this node saw, etcd has shown no leader. */
  readonly leaderAbsentSinceMonoMs?: MonoMs | undefined;
  /** How the leader that is followed is usually heard. */
  readonly rhythm?: Rhythm | undefined;
  /** When the loop last turned. */
  readonly tickedMonoMs?: MonoMs | undefined;
  readonly role: Role;
}

export type SuccessionInput =
  | { readonly kind: "tick"; readonly now: MonoMs; readonly wall: WallMs }
  | { readonly kind: "view"; readonly view: EtcdView; readonly now: MonoMs; readonly wall: WallMs }
  | {
      readonly kind: "answered";
      readonly id: number;
      readonly answer: TransactionAnswer;
      readonly now: MonoMs;
      readonly wall: WallMs;
    }
  | { readonly kind: "promised"; readonly promised: Promised; readonly now: MonoMs; readonly wall: WallMs }
  | { readonly kind: "lease"; readonly lease: LeaseId }
  /** etcd has counted this boot: the disk is no old copy, and the id is nobody else's. */
  | { readonly kind: "admitted"; readonly lastMetro?: string | undefined }
  | { readonly kind: "lease-lost"; readonly reason: string }
  | { readonly kind: "fit"; readonly unfit: readonly string[]; readonly self?: MemberRecord }
  /** Own journal: durable up to, and holding up to. */
  | {
      readonly kind: "journal";
      readonly durable: Sequence;
      readonly last: Sequence;
      readonly now: MonoMs;
      readonly wall: WallMs;
    }
  /** Anything heard on the link from the node that leads `epoch`. */
  | {
      readonly kind: "heard";
      readonly from: NodeId;
      readonly boot: BootId;
      readonly epoch: Epoch;
      readonly now: MonoMs;
    }
  | {
      readonly kind: "follower-up";
      readonly node: NodeId;
      readonly journal: JournalId;
      readonly boot: BootId;
      readonly now: MonoMs;
      readonly wall: WallMs;
    }
  /** A standby is stopping, and asks to be removed from the set before it goes. */
  | { readonly kind: "leaving"; readonly node: NodeId; readonly now: MonoMs; readonly wall: WallMs }
  | { readonly kind: "follower-down"; readonly node: NodeId; readonly now: MonoMs; readonly wall: WallMs }
  | {
      readonly kind: "ack";
      readonly node: NodeId;
      readonly journal: JournalId;
      readonly epoch: Epoch;
      readonly leaderBoot: BootId;
      readonly position: Sequence;
      /** The newest question of this leader's that had come when it was said; absent: none. */
      readonly round?: number;
      readonly now: MonoMs;
      readonly wall: WallMs;
    }
  | {
      readonly kind: "vowed";
      readonly node: NodeId;
      readonly epoch: Epoch;
      readonly version: number;
      readonly now: MonoMs;
      readonly wall: WallMs;
    }
  /** Every venue's orders and trades were read in this term: what an unclean failover may have lost is known. */
  | {
      readonly kind: "reconciled";
      readonly epoch: Epoch;
      readonly sequence: Sequence;
      readonly now: MonoMs;
      readonly wall: WallMs;
    }
  /** The engine appended the record that opens the epoch. */
  | {
      readonly kind: "opened";
      readonly epoch: Epoch;
      readonly sequence: Sequence;
      readonly now: MonoMs;
      readonly wall: WallMs;
    }
  | {
      readonly kind: "switchover";
      readonly operation: OperationId;
      readonly to: NodeId | undefined;
      readonly reason: TakeoverReason;
      readonly now: MonoMs;
      readonly wall: WallMs;
    }
  /** An operator gives a switchover up; without effect once its handoff has been asked for (`whyNotAborted`). */
  | {
      readonly kind: "abort-switchover";
      readonly operation: OperationId;
      readonly why: string;
      readonly now: MonoMs;
      readonly wall: WallMs;
    }
  /**
   * An operator makes this node the leader. `uncleanAfterMs`: TTL + validity, for a node that is not in sync. `isFailsafe`:
   * a leader may go on by its peers' promises, for as long as they give them, without a lease. `journal`: the one for which
   * the loss was stated.
   */
  | {
      readonly kind: "failover";
      readonly operation: OperationId;
      readonly allowDataLoss: boolean;
      readonly journal?: JournalId | undefined;
      readonly uncleanAfterMs: number;
      readonly isFailsafe: boolean;
      readonly now: MonoMs;
      readonly wall: WallMs;
    }
  /** Failsafe, the leader: etcd does not answer, and its lease will not last; ask the peers. */
  | { readonly kind: "ask-promises"; readonly forMs: number; readonly now: MonoMs; readonly wall: WallMs }
  /** Failsafe, the leader: a peer has promised, durably. */
  | {
      readonly kind: "promise";
      readonly node: NodeId;
      readonly journal: JournalId;
      readonly token: number;
      readonly now: MonoMs;
      readonly wall: WallMs;
    }
  /** Failsafe, a peer: the leader of `epoch` asks it to leave the epoch alone. */
  | {
      readonly kind: "promise-asked";
      readonly from: NodeId;
      readonly boot: BootId;
      readonly epoch: Epoch;
      readonly token: number;
      readonly forMs: number;
      readonly now: MonoMs;
      readonly wall: WallMs;
    }
  /** The engine has stopped appending and sending; `last` is the journal's end. */
  | {
      readonly kind: "drained";
      readonly operation: OperationId;
      readonly last: Sequence;
      readonly now: MonoMs;
      readonly wall: WallMs;
    };

export type SuccessionEffect =
  /** Make durable, then answer with `promised`. */
  | { readonly kind: "persist"; readonly promised: Promised }
  /** Make durable what etcd was seen to be; nothing waits for it. */
  | { readonly kind: "pin"; readonly pin: EtcdPin }
  | { readonly kind: "transact"; readonly transaction: Transaction }
  /** A linearizable read, answered with `view` (or not at all). */
  | { readonly kind: "read" }
  | { readonly kind: "send-vowed"; readonly to: NodeId; readonly epoch: Epoch; readonly version: number }
  /** The epoch is ours and persisted: announce it, list the doubts, append the record that opens it. */
  | { readonly kind: "lead"; readonly epoch: Epoch; readonly reason: TakeoverReason }
  | { readonly kind: "commit"; readonly upTo: Sequence }
  /** A vow was lifted or an epoch joined: repeat the cumulative acknowledgement. */
  | { readonly kind: "acknowledge-again" }
  /** Stop appending and sending, settle or bound what is in flight, then say `drained`. */
  | { readonly kind: "hold"; readonly operation: OperationId; readonly to: NodeId }
  | { readonly kind: "resume"; readonly operation: OperationId; readonly why: string }
  /** Stop leading and follow; the boot may lead again in a later epoch. */
  | { readonly kind: "handed-off"; readonly operation: OperationId; readonly to: NodeId; readonly epoch: Epoch }
  | { readonly kind: "refuse-switchover"; readonly operation: OperationId; readonly why: string }
  | { readonly kind: "refuse-failover"; readonly operation: OperationId; readonly why: string }
  /** Stop for good: the permit has ended for this boot. */
  | { readonly kind: "fence"; readonly reason: string }
  /** Failsafe: ask each of these to promise; what they answer comes back as `promise`. */
  | {
      readonly kind: "request-promises";
      readonly epoch: Epoch;
      readonly token: number;
      readonly forMs: number;
      readonly to: readonly NodeId[];
    }
  /** Make the promise durable (it starts anew with this node's next boot), then tell the leader. */
  | { readonly kind: "persist-promise"; readonly to: NodeId; readonly token: number; readonly forMs: number }
  /** No promise: tell the leader why. */
  | { readonly kind: "answer-promise"; readonly to: NodeId; readonly token: number; readonly why: string }
  /** All have promised: the deadline of this epoch may move so far, whatever etcd says. */
  /** Every peer has promised, asked at `askedMonoMs`: the deadline moves, unless the right to act was doubted since. */
  | { readonly kind: "extend"; readonly epoch: Epoch; readonly untilMonoMs: MonoMs; readonly askedMonoMs: MonoMs }
  /** One fact for the log, the status and the timeline. */
  | { readonly kind: "say"; readonly event: string; readonly sentence: string };

export interface Stepped {
  readonly state: Succession;
  readonly effects: readonly SuccessionEffect[];
}

/** Ends this boot's part for good. */
export function fence(state: Succession, reason: string): Stepped {
  return {
    state: { ...state, role: { role: "fenced", reason } },
    effects: [
      { kind: "fence", reason },
      { kind: "say", event: "leadership.fenced", sentence: `This boot will not act again: ${reason}.` },
    ],
  };
}

/** Promises only grow: the higher epoch, and the newer vow. */
export function merged(a: Promised, b: Promised): Promised {
  const epochMax = Math.max(a.epochMax, b.epochMax);
  if (a.vow === undefined || b.vow === undefined) return { epochMax, vow: a.vow ?? b.vow };
  const isNewer = b.vow.epoch > a.vow.epoch || (b.vow.epoch === a.vow.epoch && b.vow.version >= a.vow.version);
  return { epochMax, vow: isNewer ? b.vow : a.vow };
}
