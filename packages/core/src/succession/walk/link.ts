/** Connections of the walk: each node dials each other one, as replication does. In order; what a cut finds on its way is lost. */
import type { BootId, JournalId, NodeId } from "../../ids.ts";
import type { Standing } from "../../replication/rejoin.ts";
import type { WalkRecord } from "./disk.ts";

export type ToFollower =
  | {
      readonly kind: "ask-promise";
      readonly epoch: number;
      readonly boot: BootId;
      readonly token: number;
      readonly forMs: number;
    }
  | { readonly kind: "lead"; readonly epoch: number; readonly boot: BootId }
  | { readonly kind: "cut"; readonly epoch: number; readonly after: number }
  | {
      readonly kind: "frame";
      readonly at: number;
      readonly afterUid: number;
      readonly record: WalkRecord;
      readonly commit: number;
    }
  | { readonly kind: "beat"; readonly epoch: number; readonly boot: BootId; readonly commit: number }
  | { readonly kind: "refused"; readonly state: string };

export type ToLeader =
  | { readonly kind: "promise"; readonly journal: JournalId; readonly token: number }
  | { readonly kind: "hello"; readonly epoch: number; readonly standing: Standing }
  | {
      readonly kind: "ack";
      readonly epoch: number;
      readonly leaderBoot: BootId;
      readonly journal: JournalId;
      readonly position: number;
    }
  | { readonly kind: "vowed"; readonly epoch: number; readonly version: number };

/** One connection, dialled by `follower`. */
export interface Link {
  readonly follower: NodeId;
  readonly leader: NodeId;
  isUp: boolean;
  /** Up, and nothing arrives. */
  isStalled: boolean;
  toFollower: ToFollower[];
  toLeader: ToLeader[];
}
