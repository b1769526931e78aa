/**
 * What nodes say to each other on a link. Each node dials every other; on the connection that X dialled to Y, X is on the
 * follower's side of Y. Control messages are one JSON text each; a frame is binary, a header line and then the stored body
 * untouched, so that nothing is encoded anew between the leader's seal and the follower's disk.
 */
import type { BootId, ClusterId, Epoch, Frame, JournalId, Mark, NodeId, Sequence, Standing } from "@baton/core";
import type { HeadRow } from "../store/heads.ts";
import type { SnapshotLabel } from "../store/snapshot.ts";

/** Who dials: the first message on every connection. */
export interface Introduction {
  readonly cluster: ClusterId;
  readonly node: NodeId;
  readonly journal: JournalId;
  readonly boot: BootId;
  /** Format of its journal file. */
  readonly schema: number;
}

/** From the node that dialled. */
export type ToLeader =
  | { readonly kind: "introduce"; readonly who: Introduction }
  /** Asks to follow `epoch`, and says where it stands. */
  | { readonly kind: "hello"; readonly epoch: Epoch; readonly standing: Standing }
  /** Everything up to `position` is on this disk; cumulative. */
  | {
      readonly kind: "ack";
      readonly epoch: Epoch;
      readonly leaderBoot: BootId;
      readonly journal: JournalId;
      readonly position: Sequence;
      /** The newest of the leader's rounds that had come when this was said, 0: none; absent: it is of an older version. */
      readonly round?: number;
    }
  | { readonly kind: "vowed"; readonly epoch: Epoch; readonly version: number }
  /** Digest of the rows after record `at`. */
  | { readonly kind: "digest"; readonly at: Sequence; readonly digest: string }
  | { readonly kind: "countersigned"; readonly head: HeadRow }
  | { readonly kind: "request"; readonly id: number; readonly payload: unknown }
  | { readonly kind: "status"; readonly payload: unknown };

/** Why a follower is turned away; the named states of `rejoin`. */
export type RefusalCode = "forked" | "foreign-cluster" | "other-schema" | "newer-epoch";

/** From the node that was dialled. */
export type ToFollower =
  | { readonly kind: "introduced"; readonly who: Introduction }
  /** This node leads `epoch`: said to everyone when it starts to, and to each that connects while it does. */
  | {
      readonly kind: "lead";
      readonly epoch: Epoch;
      readonly boot: BootId;
      readonly node: NodeId;
      /** Format of the leader's file, to which a follower raises its own where it can. */
      readonly schema: number;
    }
  /** The answer to a hello: what lies after `after` is to be cut; frames follow from there. */
  | { readonly kind: "cut"; readonly epoch: Epoch; readonly after: Sequence }
  /** A snapshot instead: binary chunks follow, then `snapshot-end`; afterwards the follower says hello again. */
  | { readonly kind: "snapshot-begin"; readonly epoch: Epoch; readonly label: SnapshotLabel }
  | { readonly kind: "snapshot-end"; readonly epoch: Epoch }
  | {
      readonly kind: "heartbeat";
      readonly epoch: Epoch;
      readonly boot: BootId;
      readonly commit: Sequence;
      readonly last: Sequence;
      /** Every acknowledgement from here on names it: that proves that it was said later. Absent: of an older version. */
      readonly round?: number;
      /** Records up to here are gone from the leader's file, and may go everywhere. */
      readonly pruned: Sequence;
    }
  /** Take a digest after the first frame that ends at or after `at`. */
  | { readonly kind: "digest-at"; readonly at: Sequence }
  | { readonly kind: "digest"; readonly at: Sequence; readonly digest: string }
  /** The leader's commit point under its key, to be countersigned. */
  | { readonly kind: "head"; readonly head: HeadRow }
  | { readonly kind: "response"; readonly id: number; readonly payload?: unknown; readonly error?: string }
  | { readonly kind: "refused"; readonly code: RefusalCode; readonly sentence: string };

const kindsToLeader = new Set<string>([
  "introduce",
  "hello",
  "ack",
  "vowed",
  "digest",
  "countersigned",
  "request",
  "status",
] satisfies ToLeader["kind"][]);
const kindsToFollower = new Set<string>([
  "introduced",
  "lead",
  "cut",
  "snapshot-begin",
  "snapshot-end",
  "heartbeat",
  "digest-at",
  "digest",
  "head",
  "response",
  "refused",
] satisfies ToFollower["kind"][]);

/** A peer said something that is not of this protocol; the connection is closed. */
export class LinkProtocolError extends Error {
  override readonly name = "LinkProtocolError";
  readonly code = "link-protocol";
}

export function decodeToLeader(text: string): ToLeader {
  return decode(text, kindsToLeader) as ToLeader;
}

export function decodeToFollower(text: string): ToFollower {
  return decode(text, kindsToFollower) as ToFollower;
}

const frameByte = 0x46;
const chunkByte = 0x43;

/** A frame as it travels, with the leader's commit point at the time. */
export function encodeFrame(frame: Frame, commit: Sequence): Buffer {
  const { epoch, first, last, previousHash, hash, body } = frame;
  return Buffer.from(`F${epoch} ${first} ${last} ${commit} ${previousHash} ${hash}\n${body}`);
}

/** A piece of a snapshot file as it travels. */
export function encodeChunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(chunkByte), bytes]);
}

export type BinaryMessage =
  | { readonly kind: "frame"; readonly frame: Frame; readonly commit: Sequence }
  | { readonly kind: "chunk"; readonly bytes: Buffer };

/** The frame or chunk of a binary message. What a frame says is not believed here: the journal checks its chain. */
export function decodeBinary(message: Buffer): BinaryMessage {
  if (message[0] === chunkByte) return { kind: "chunk", bytes: message.subarray(1) };
  const end = message.indexOf(0x0a);
  if (message[0] !== frameByte || end < 0) throw new LinkProtocolError("a binary message is neither frame nor chunk");
  const [epoch, first, last, commit, previousHash = "", hash = ""] = message.toString("latin1", 1, end).split(" ");
  const frame: Frame = {
    epoch: Number(epoch),
    first: Number(first),
    last: Number(last),
    previousHash,
    hash,
    body: message.toString("utf8", end + 1),
  };
  const isWhole = [frame.epoch, frame.first, frame.last, Number(commit)].every(Number.isSafeInteger);
  if (!isWhole) throw new LinkProtocolError("a frame's header is not made of numbers");
  return { kind: "frame", frame, commit: Number(commit) };
}

/** Marks without what else their holder knows of them. */
export function plainMarks(marks: readonly Mark[]): readonly Mark[] {
  return marks.map(({ sequence, hash }) => ({ sequence, hash }));
}

function decode(text: string, kinds: ReadonlySet<string>): unknown {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (error) {
    throw new LinkProtocolError("a message is not JSON", { cause: error });
  }
  const kind = typeof message === "object" && message !== null && "kind" in message ? String(message.kind) : "";
  if (!kinds.has(kind)) throw new LinkProtocolError(`a message of unknown kind ${JSON.stringify(kind)}`);
  return message;
}
