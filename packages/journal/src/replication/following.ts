/** Whom a node follows, as status and succession see it, and why it follows somebody no more. */
import type { BootId, Epoch, NodeId, RejoinState } from "@baton/core";

/** The peer this node follows, or is about to. */
export interface Following {
  readonly node: NodeId;
  readonly epoch: Epoch;
  readonly boot: BootId;
  readonly phase: "promising" | "greeting" | "cutting" | "snapshot" | "following";
}

/** Why a peer is not followed any more. */
export interface Stopped {
  readonly node: NodeId;
  readonly state: RejoinState;
  readonly sentence: string;
}
