/** What a journal is opened with, and what is said of it when it is open. */
import type { EngineState, Frame, Sequence } from "@baton/core";
import type { EpochMark } from "./store/read.ts";
import { applyFrame } from "./store/tables.ts";
import type { PiecesRead } from "./store/tables.ts";
import type { Promises, StoreOpened, StoreOptions } from "./store/store.ts";

export interface JournalOptions extends StoreOptions {
  /** Most events in a frame; default 64. */
  readonly frameEventsMax?: number;
  /** A frame is full when its body has so many characters; default 1 Mi. */
  readonly frameBytesMax?: number;
  /** Full frames at the writer at once; default 4. One that is not full waits until none is. */
  readonly framesInFlightMax?: number;
  /** Frames of few events follow each other no closer than this, in ms; default 2. See `pace.ts`. */
  readonly gatherMs?: number;
  /** Newest frames kept in memory for followers that lag a little; default 8 Mi characters. */
  readonly recentBytesMax?: number;
  /** The cell behind `Journal.progress`, where its reader was started first. */
  readonly progress?: SharedArrayBuffer;
  /** Size of the reserve for a full disk, bytes; default none. */
  readonly reserveBytes?: number;
  /** How long after the last frame the commit point and its rows are written, in ms; default 5. */
  readonly settleMs?: number;
}

/** The options that have a default, filled in. */
export type JournalLimits = Required<Omit<JournalOptions, keyof StoreOptions | "progress">>;

export function limitsOf(options: JournalOptions): JournalLimits {
  return {
    frameEventsMax: options.frameEventsMax ?? 64,
    frameBytesMax: options.frameBytesMax ?? 1024 * 1024,
    framesInFlightMax: options.framesInFlightMax ?? 4,
    gatherMs: options.gatherMs ?? 2,
    recentBytesMax: options.recentBytesMax ?? 8 * 1024 * 1024,
    settleMs: options.settleMs ?? 5,
    reserveBytes: options.reserveBytes ?? 0,
  };
}

/** What the disk held when the journal was opened, or when a snapshot took its place. */
export interface JournalOpened {
  readonly last: EpochMark;
  readonly committed: Sequence;
  readonly promises: Promises;
  /** Everything committed, applied. The caller may go on applying to it. */
  readonly state: EngineState;
  /** Frames after the commit point: durable here, not known to be committed. */
  readonly tail: readonly Frame[];
}

/** Builds the committed state from what the disk held. Throws `journal-corrupt` where its rows cannot be read. */
export function openedOf(found: StoreOpened, rows: PiecesRead): JournalOpened {
  const committed = found.commit.sequence;
  const state = rows.state(found.applied);
  for (const frame of found.unapplied) if (frame.last <= committed) applyFrame(state, frame);
  return {
    last: found.last,
    committed,
    promises: found.promises,
    state,
    tail: found.unapplied.filter((frame) => frame.last > committed),
  };
}

/** Frames that became durable together, for the metrics. */
export interface CommitTiming {
  readonly frames: number;
  readonly commitMs: number;
}
