/**
 * A frame: the group commit, the unit of replication and the link of the hash chain. Its body is the stored text of its
 * events, one per line; exactly these bytes are stored, shipped and hashed. `hash = SHA-256(previousHash "\n" epoch ":"
 * first ":" last "\n" body)` in lowercase hex; the first frame's `previousHash` is 64 zeros.
 */
import type { Epoch, Sequence } from "../ids.ts";

export interface Frame {
  readonly epoch: Epoch;
  /** Sequence of the first and the last event in it; both inclusive. */
  readonly first: Sequence;
  readonly last: Sequence;
  readonly previousHash: string;
  readonly hash: string;
  /** Events, one JSON text a line, joined by "\n". */
  readonly body: string;
}

/** `previousHash` of the first frame of a journal. */
export const genesisHash: string = "0".repeat(64);

/** SHA-256 of a UTF-8 text as lowercase hex; the shell gives it. */
export type Sha256 = (text: string) => string;

/** The text whose SHA-256 is the frame's hash. */
export function frameHashInput(frame: Omit<Frame, "hash">): string {
  return `${frame.previousHash}\n${frame.epoch}:${frame.first}:${frame.last}\n${frame.body}`;
}

/** Makes a frame of event texts that follow on `last`. */
export function sealFrame(
  after: { readonly sequence: Sequence; readonly hash: string },
  epoch: Epoch,
  texts: readonly string[],
  sha256: Sha256,
): Frame {
  const open = {
    epoch,
    first: after.sequence + 1,
    last: after.sequence + texts.length,
    previousHash: after.hash,
    body: texts.join("\n"),
  };
  return { ...open, hash: sha256(frameHashInput(open)) };
}

/** Why a frame does not follow on (sequence, hash); undefined when it does and its own hash is right. */
export function frameFault(
  after: { readonly sequence: Sequence; readonly hash: string },
  frame: Frame,
  sha256: Sha256,
): string | undefined {
  if (frame.first !== after.sequence + 1) return `starts at ${frame.first}, expected ${after.sequence + 1}`;
  if (frame.last < frame.first) return `ends at ${frame.last} before its start ${frame.first}`;
  if (frame.previousHash !== after.hash) return `does not chain to the frame that ends at ${after.sequence}`;
  if (frame.body.split("\n").length !== frame.last - frame.first + 1)
    return "holds another number of events than it says";
  if (sha256(frameHashInput(frame)) !== frame.hash) return "its hash does not match its bytes";
  return undefined;
}
