/**
 * What the main thread and the journal's threads say to each other. Orders to the writer are executed in the order in
 * which they were posted; consecutive frames share one transaction. `generation` counts cuts: a report of an older
 * generation may speak of frames that were cut since.
 */
import type { Frame, IntentId, Mark, OrderRow, Sequence, WallMs } from "@baton/core";
import type { JournalErrorCode } from "../errors.ts";
import type { VerifyReport } from "./chain.ts";
import type { EpochMark } from "./read.ts";
import type { SnapshotLabel } from "./snapshot.ts";
import type { Promises, StoreOpened, StoreOptions } from "./store.ts";

/** The first message to the writer's thread: what to open. */
export interface WriterStart {
  readonly options: StoreOptions;
  /** One BigInt64: monotonic ns since when a commit has been running, 0 when none is. */
  readonly progress: SharedArrayBuffer;
  /** Rows are written so long after the last order, in ms. */
  readonly settleMs: number;
}

export type WriterOrder =
  | { readonly kind: "frame"; readonly frame: Frame; readonly generation: number; readonly committed: Sequence }
  | { readonly kind: "commit"; readonly committed: Sequence }
  | { readonly kind: "persist"; readonly call: number; readonly promises: Promises }
  | {
      readonly kind: "cut";
      readonly call: number;
      readonly after: Sequence;
      readonly reason: string;
      readonly now: WallMs;
      readonly generation: number;
    }
  | { readonly kind: "prune"; readonly call: number; readonly upTo: Sequence }
  | { readonly kind: "install"; readonly call: number; readonly snapshotFile: string; readonly label: SnapshotLabel }
  | { readonly kind: "close"; readonly call: number };

export type WriterReport =
  | { readonly kind: "opened"; readonly opened: StoreOpened }
  | { readonly kind: "refused"; readonly fault: Fault }
  | {
      readonly kind: "durable";
      readonly sequence: Sequence;
      readonly generation: number;
      readonly frames: number;
      readonly commitMs: number;
    }
  | { readonly kind: "done"; readonly call: number; readonly answer: StoreOpened | EpochMark | number | undefined }
  | { readonly kind: "declined"; readonly call: number; readonly fault: Fault }
  | { readonly kind: "failed"; readonly fault: Fault };

export type ReaderOrder =
  | { readonly kind: "frames"; readonly call: number; readonly after: Sequence; readonly maxBytes: number }
  | { readonly kind: "held"; readonly call: number; readonly marks: readonly Mark[] }
  | { readonly kind: "snapshot"; readonly call: number; readonly toFile: string }
  | { readonly kind: "prove"; readonly call: number; readonly file: string; readonly label: SnapshotLabel }
  | { readonly kind: "verify"; readonly call: number }
  | { readonly kind: "events-of"; readonly call: number; readonly intents: readonly IntentId[] }
  | { readonly kind: "past-orders"; readonly call: number; readonly asked: PastOrders };

/** Which past orders: one, or a page of those recorded after a sequence; from tables that have every event up to `applied`. */
export interface PastOrders {
  readonly which: { readonly intent: IntentId } | { readonly after: Sequence; readonly limit: number };
  readonly applied: Sequence;
}

/** A stored event of one intent. */
export interface StoredEvent {
  readonly sequence: Sequence;
  readonly intent: IntentId;
  /** The stored line. */
  readonly payload: string;
}

export type ReaderReport =
  | {
      readonly kind: "done";
      readonly call: number;
      readonly answer:
        | readonly Frame[]
        | readonly Mark[]
        | readonly StoredEvent[]
        | readonly OrderRow[]
        | SnapshotLabel
        | VerifyReport
        | undefined;
    }
  | { readonly kind: "declined"; readonly call: number; readonly fault: Fault };

/** An error as it crosses a thread. */
export interface Fault {
  readonly code: JournalErrorCode;
  readonly message: string;
}
