/**
 * What the main thread and the journal's threads say to each other. Orders to the writer are executed in the order in
 * which they were posted; consecutive frames share one transaction. `generation` counts cuts: a report of an older
 * generation may speak of frames that were cut since.
 */
import type { Frame, IntentId, KeyRow, Mark, OrderRow, Sequence, WallMs } from "@baton/core";
import type { JournalErrorCode } from "../errors.ts";
import type { VerifyReport } from "./chain.ts";
import type { HeadRow } from "./heads.ts";
import type { EpochMark } from "./read.ts";
import type { SnapshotLabel } from "./snapshot.ts";
import type { Promises, StoreOpened, StoreOptions } from "./store.ts";
import type { RowsPiece } from "./tables.ts";

/** The first message to the writer's thread: what to open. */
export interface WriterStart {
  readonly options: StoreOptions;
  /** One BigInt64: monotonic ns since when a commit has been running, 0 when none is. */
  readonly progress: SharedArrayBuffer;
  /** Rows are written so long after the last order, in ms. */
  readonly settleMs: number;
  /** Size of the reserve for a full disk, bytes; 0 for none. */
  readonly reserveBytes: number;
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
  /** Lets the rows stop for a digest; the answer is the record they stand still after, undefined when they are beyond. */
  | { readonly kind: "digest"; readonly call: number; readonly at: Sequence }
  | { readonly kind: "go-on" }
  /** The opener has its state: the writer may make its own. */
  | { readonly kind: "warm" }
  | { readonly kind: "heads"; readonly heads: readonly HeadRow[] }
  | { readonly kind: "divergence"; readonly sentence: string }
  | { readonly kind: "raise"; readonly format: number }
  /** Rot was found in the file; answered once that is on the disk. */
  | { readonly kind: "rot"; readonly call: number; readonly sentence: string }
  | { readonly kind: "close"; readonly call: number };

/** Orders without an answer that are not frames. */
export type SilentOrder = Extract<WriterOrder, { kind: "go-on" | "warm" | "heads" | "divergence" | "raise" }>;

/** What a snapshot holds that has taken the journal's place. */
export interface Installed {
  readonly opened: StoreOpened;
  readonly rows: readonly RowsPiece[];
}

export type WriterReport =
  /** Some of the rows of a journal that is being opened; its fate is told after them. */
  | { readonly kind: "rows"; readonly piece: RowsPiece }
  | { readonly kind: "opened"; readonly opened: StoreOpened }
  | { readonly kind: "refused"; readonly fault: Fault }
  | {
      readonly kind: "durable";
      readonly sequence: Sequence;
      readonly generation: number;
      readonly frames: number;
      readonly commitMs: number;
    }
  | { readonly kind: "done"; readonly call: number; readonly answer: Installed | EpochMark | number | undefined }
  | { readonly kind: "declined"; readonly call: number; readonly fault: Fault }
  | ({ readonly kind: "keys" } & KeysTold)
  /** The reserve for a full disk was released, or made (again). */
  | { readonly kind: "reserve"; readonly isReleased: boolean }
  | { readonly kind: "failed"; readonly fault: Fault };

export type ReaderOrder =
  | { readonly kind: "frames"; readonly call: number; readonly after: Sequence; readonly maxBytes: number }
  | { readonly kind: "held"; readonly call: number; readonly marks: readonly Mark[] }
  | { readonly kind: "snapshot"; readonly call: number; readonly toFile: string }
  | { readonly kind: "prove"; readonly call: number; readonly file: string; readonly label: SnapshotLabel }
  | { readonly kind: "verify"; readonly call: number }
  | { readonly kind: "events-of"; readonly call: number; readonly intents: readonly IntentId[] }
  | { readonly kind: "past-orders"; readonly call: number; readonly asked: PastOrders }
  | { readonly kind: "past-key"; readonly call: number; readonly asked: PastKey }
  /** Begins to read the rows, which stand still; false when they are not at this record. */
  | { readonly kind: "digest-begin"; readonly call: number; readonly at: Sequence }
  /** The digest of what was begun. */
  | { readonly kind: "digest"; readonly call: number }
  /** The last record that is older than this time, and the unused pages in the file. */
  | { readonly kind: "age"; readonly call: number; readonly before: WallMs };

/** How far a journal has aged. */
export interface JournalAge {
  /** Every record up to here is older than the time that was asked for. */
  readonly aged: Sequence;
  /** Bytes inside the file that nothing uses. */
  readonly reusableBytes: number;
}

/** Which past orders: one, or a page of those recorded after a sequence; from tables that have every event up to `applied`. */
export interface PastOrders {
  readonly which: { readonly intent: IntentId } | { readonly after: Sequence; readonly limit: number };
  readonly applied: Sequence;
}

/** Which idempotency key, as `requestKeyOf` names it; from tables that have every event up to `applied`. */
export interface PastKey {
  readonly key: string;
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
        | KeyRow
        | null
        | boolean
        | string
        | JournalAge
        | SnapshotLabel
        | VerifyReport
        | undefined;
    }
  | { readonly kind: "declined"; readonly call: number; readonly fault: Fault };

/** Fingerprints of idempotency keys in the rows, told once each. */
export interface KeysTold {
  /** How many copies have taken the file's place since the thread was started. */
  readonly file: number;
  /** All keys up to this record are among those that were told, once they are whole. */
  readonly upTo: Sequence;
  readonly fingerprints: Float64Array;
  /** Of the youngest of them. */
  readonly newestWallMs: number;
  /** Those that were there when the file was opened have all been told. */
  readonly isWhole: boolean;
}

/** An error as it crosses a thread. */
export interface Fault {
  readonly code: JournalErrorCode;
  readonly message: string;
}
