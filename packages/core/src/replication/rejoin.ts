/**
 * How two journals come together again, and what counts on the link between them: rules 1, 4 and 5 of the protocol. A
 * follower says where it stands as marks (sequence and hash of frames); the leader finds the last common one and names the
 * follower's state. Equal numbers prove nothing, equal hashes do: a mark is common only when both agree. Every outcome is
 * a named state; forked and foreign stop, they are never repaired silently. Shells only look marks up and execute.
 * Invariants I5, I6, I19.
 */
import type { BootId, ClusterId, Epoch, JournalId, NodeId, Sequence } from "../ids.ts";
import { whyFormatRefused, whyFormatsApart } from "./format.ts";

/** The end of a frame: what a journal holds up to there, proved by the chain. Sequence 0 is the empty journal. */
export interface Mark {
  readonly sequence: Sequence;
  readonly hash: string;
}

/** Where a follower stands when it asks to follow an epoch. `tail`: every frame end after its commit point, ascending. */
export interface Standing {
  readonly cluster: ClusterId;
  readonly node: NodeId;
  readonly journal: JournalId;
  readonly boot: BootId;
  /** Format of its journal file, which is the one it speaks. */
  readonly schema: number;
  readonly epochMax: Epoch;
  readonly commit: Mark;
  readonly tail: readonly Mark[];
}

/** What the leader has to compare with. */
export interface LeaderStanding {
  readonly cluster: ClusterId;
  readonly schema: number;
  readonly epoch: Epoch;
  /** End of its journal, frames on their way to its disk included. */
  readonly last: Sequence;
  /** Frames up to here are pruned and cannot be compared or shipped. */
  readonly pruned: Sequence;
  /** An empty follower that is further behind gets a snapshot instead of frames. */
  readonly snapshotBehind: number;
}

/** The follower's state, as status and log name it. */
export type RejoinState =
  | "in-sync"
  | "catching-up"
  | "tail-divergent"
  | "needs-snapshot"
  | "forked"
  | "foreign-cluster"
  | "other-schema"
  | "newer-epoch";

export type RejoinVerdict =
  /** Cut everything after `after` (nothing, unless the tail diverges), then receive. */
  | { readonly state: "in-sync" | "catching-up" | "tail-divergent"; readonly after: Sequence }
  | { readonly state: "needs-snapshot" }
  /** Refused, with a sentence for the operator. `newer-epoch`: not the follower's fault, this leader is the older one. */
  | {
      readonly state: "forked" | "foreign-cluster" | "other-schema" | "newer-epoch";
      readonly sentence: string;
    };

/** Refusal by identity alone, whoever leads: two nodes that have nothing to say to each other. */
export function whyForeign(
  leader: Pick<LeaderStanding, "cluster" | "schema">,
  follower: Pick<Standing, "cluster" | "schema" | "node">,
): { readonly state: "foreign-cluster" | "other-schema"; readonly sentence: string } | undefined {
  if (follower.cluster !== leader.cluster) {
    const sentence = `${follower.node} belongs to cluster ${follower.cluster}, not to ${leader.cluster}`;
    return { state: "foreign-cluster", sentence };
  }
  const apart = whyFormatsApart(leader, follower);
  return apart === undefined ? undefined : { state: "other-schema", sentence: apart };
}

/** The marks to look up in the leader's journal, ascending; those that are pruned there cannot be compared. */
export function marksToCompare(leader: LeaderStanding, follower: Standing): readonly Mark[] {
  return [follower.commit, ...follower.tail].filter((m) => m.sequence > leader.pruned && m.sequence <= leader.last);
}

/**
 * What a hello means. `held` are those of `marksToCompare` that the leader's journal holds with the same hash. A follower
 * never loses what it knows committed: if the leader lacks that, the journals forked.
 */
export function rejoin(leader: LeaderStanding, follower: Standing, held: readonly Mark[]): RejoinVerdict {
  const foreign = whyForeign(leader, follower);
  if (foreign !== undefined) return foreign;
  const format = whyFormatRefused(leader, follower);
  if (format !== undefined) return { state: "other-schema", sentence: format };
  if (follower.epochMax > leader.epoch) {
    const sentence = `${follower.node} has promised epoch ${follower.epochMax}, this node leads only ${leader.epoch}`;
    return { state: "newer-epoch", sentence };
  }
  const { commit } = follower;
  const last = follower.tail.at(-1)?.sequence ?? commit.sequence;
  const isCommitHeld = commit.sequence === 0 || held.some((mark) => mark.sequence === commit.sequence);
  if (commit.sequence > leader.pruned && !isCommitHeld) {
    const sentence =
      `${follower.node} holds ${commit.sequence} as committed with hash ${commit.hash.slice(0, 12)}, ` +
      `the leader of epoch ${leader.epoch} (at ${leader.last}) does not: the journals forked`;
    return { state: "forked", sentence };
  }
  const common = held.at(-1)?.sequence ?? commit.sequence;
  if (common < leader.pruned) return { state: "needs-snapshot" };
  if (last === 0 && leader.last > leader.snapshotBehind) return { state: "needs-snapshot" };
  if (common < last) return { state: "tail-divergent", after: common };
  return { state: common === leader.last ? "in-sync" : "catching-up", after: common };
}

/** Rule 4: what a node does on hearing that a leader names this epoch. */
export function onLeadHeard(input: {
  readonly epoch: Epoch;
  readonly epochMax: Epoch;
  /** The node's own role allows it (it neither leads this epoch nor is fenced). */
  readonly mayFollow: boolean;
}): "ignore" | "persist-then-hello" | "hello" {
  if (input.epoch < input.epochMax || !input.mayFollow) return "ignore";
  return input.epoch > input.epochMax ? "persist-then-hello" : "hello";
}

/** Rule 4: a tail is cut only for the newest epoch promised, and only by the leader that is followed in it. */
export function mayCut(input: {
  readonly epoch: Epoch;
  readonly epochMax: Epoch;
  readonly joined: Epoch | undefined;
}): boolean {
  return input.epoch === input.epochMax && input.joined === input.epoch;
}

/** Why a frame of a connection does not count although its chain may be right; undefined when it does. */
export function whyFrameRefused(input: {
  readonly connectionEpoch: Epoch;
  readonly epochMax: Epoch;
  readonly lastEpoch: Epoch;
  readonly frameEpoch: Epoch;
}): string | undefined {
  if (input.connectionEpoch !== input.epochMax) {
    return `comes under epoch ${input.connectionEpoch}, promised is ${input.epochMax}`;
  }
  if (input.frameEpoch > input.connectionEpoch) return `is of epoch ${input.frameEpoch}, later than its leader's`;
  if (input.frameEpoch < input.lastEpoch) return `is of epoch ${input.frameEpoch}, after one of ${input.lastEpoch}`;
  return undefined;
}

/** Does an acknowledgement count for this leadership, and for the disk that said hello? */
export function doesAckCount(
  leadership: { readonly epoch: Epoch; readonly boot: BootId },
  follower: { readonly journal: JournalId },
  ack: { readonly epoch: Epoch; readonly leaderBoot: BootId; readonly journal: JournalId },
): boolean {
  return ack.epoch === leadership.epoch && ack.leaderBoot === leadership.boot && ack.journal === follower.journal;
}
