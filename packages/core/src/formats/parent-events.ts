/**
 * What the journal records of parent orders: what was asked for, what became of each slice that made no intent, the public
 * volume that was counted, and what people wanted changed. What each does to the state: `orders/parent-life.ts`.
 */
import type { Decimal } from "../decimal.ts";
import type { ParentId } from "../ids.ts";
import type { PriceBasis } from "../orders/terms.ts";
import type { WallMs } from "../time.ts";
import type { AlgorithmParameters } from "./algorithms.ts";
import type { RequestKey } from "./order-events.ts";

/** A parent order: an algorithm that makes child intents, one per slice. */
export interface ParentRecorded {
  readonly kind: "parent.recorded";
  readonly parent: ParentId;
  readonly algorithm: AlgorithmParameters;
  readonly by: string;
  /** Why, in the words of whoever asked. */
  readonly reason?: string;
  readonly request?: RequestKey;
  readonly atWallMs: WallMs;
  /** The newest public trade at that time: what comes after it is counted. Absent where the algorithm counts nothing. */
  readonly countFrom?: number;
}

/** Public volume was counted for a parent up to a trade, each trade once. In one frame with the slice that came of it. */
export interface VolumeCounted {
  readonly kind: "volume.counted";
  readonly parent: ParentId;
  /** Counted is what traded after the trade named before, up to and with this one. */
  readonly lastTradeId: number;
  /** That much more, in the base currency. */
  readonly volume: Decimal;
  /** The venue's ids began anew in between. */
  readonly isRestart?: true;
  readonly atWallMs: WallMs;
}

/** No new slices until it is resumed. */
export interface ParentPaused {
  readonly kind: "parent.paused";
  readonly parent: ParentId;
  readonly by: string;
  /** Nobody asked for it: the epoch began on a loss, and its row may lack what the lost history executed of it. */
  readonly cause?: "history-lost";
  /** Why, in the words of whoever asked. */
  readonly reason?: string;
  readonly atWallMs: WallMs;
}

/** It goes on; its windows are shifted by the length of the pause. */
export interface ParentResumed {
  readonly kind: "parent.resumed";
  readonly parent: ParentId;
  readonly by: string;
  /** Why, in the words of whoever asked. */
  readonly reason?: string;
  readonly atWallMs: WallMs;
}

/** Its parameters from now on. What was scheduled before stays as it was. */
export interface ParentAmended {
  readonly kind: "parent.amended";
  readonly parent: ParentId;
  readonly algorithm: AlgorithmParameters;
  /** Of an algorithm with a schedule: the slices before this one had this quantity; the others share the rest. */
  readonly schedule?: { readonly fromSlice: number; readonly scheduled: Decimal };
  readonly by: string;
  /** Why, in the words of whoever asked. */
  readonly reason?: string;
  readonly atWallMs: WallMs;
}

/** The stop of a bracket or OCO was reached: from here on it only gets out. */
export interface ParentTriggered {
  readonly kind: "parent.triggered";
  readonly parent: ParentId;
  readonly basis: PriceBasis;
  readonly atWallMs: WallMs;
}

/** A slice that will not be executed, on record (its window passed, a limit refused it, the parent was cancelled). */
export interface SliceSkipped {
  readonly kind: "slice.skipped";
  readonly parent: ParentId;
  readonly slice: number;
  readonly reason: string;
  /** Cancelled: why, in the words of whoever asked. */
  readonly word?: string;
  readonly atWallMs: WallMs;
}

export interface ParentEnded {
  readonly kind: "parent.ended";
  readonly parent: ParentId;
  /** `failed`: it could not go on by itself, `detail` says why. */
  readonly reason: "done" | "cancelled" | "killed" | "failed";
  readonly detail?: string;
  readonly atWallMs: WallMs;
}
