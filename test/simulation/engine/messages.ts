/** What nodes say to each other on a link, as `@baton/journal` has it; on the link that X dialled to Y, X is the follower. */
import type { BootId, Epoch, Frame, JournalId, NodeId, RejoinState, Sequence, Standing } from "@baton/core";

export type ToLeader =
  | { readonly kind: "hello"; readonly epoch: Epoch; readonly standing: Standing }
  | {
      readonly kind: "ack";
      readonly epoch: Epoch;
      readonly leaderBoot: BootId;
      readonly journal: JournalId;
      readonly position: Sequence;
      readonly round: number;
    }
  /** Failsafe: the leader asks a peer that it has dialled. */
  | {
      readonly kind: "ask-promise";
      readonly epoch: Epoch;
      readonly boot: BootId;
      readonly token: number;
      readonly forMs: number;
    }
  | { readonly kind: "vowed"; readonly epoch: Epoch; readonly version: number }
  | {
      readonly kind: "status";
      readonly reachesVenue: boolean;
      readonly reachedAgoMs: number;
      readonly isLeaving: boolean;
    };

export type ToFollower =
  | { readonly kind: "lead"; readonly epoch: Epoch; readonly boot: BootId; readonly node: NodeId }
  | { readonly kind: "cut"; readonly epoch: Epoch; readonly after: Sequence }
  | { readonly kind: "frame"; readonly frame: Frame; readonly commit: Sequence }
  | { readonly kind: "snapshot"; readonly epoch: Epoch; readonly frames: readonly Frame[]; readonly commit: Sequence }
  | {
      readonly kind: "heartbeat";
      readonly epoch: Epoch;
      readonly boot: BootId;
      readonly commit: Sequence;
      readonly round: number;
    }
  | { readonly kind: "refused"; readonly state: RejoinState; readonly sentence: string }
  | { readonly kind: "promise-answer"; readonly token: number; readonly journal?: JournalId; readonly why?: string };
