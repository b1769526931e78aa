/**
 * The archive as a node holds it: a thread that writes while this node leads, and how far it was verified to be. A failing
 * archive is told and tried again; it holds up nothing but pruning. Whether it writes follows leadership, because the
 * leader alone knows what is committed at once; what an old leader still writes is the same history.
 */
import { wallMs } from "@baton/core";
import type { Sequence, WallMs } from "@baton/core";
import type { Worker } from "node:worker_threads";
import { Emitter } from "../signal.ts";
import type { Signal } from "../signal.ts";
import { startThread } from "../threads.ts";
import type { ArchivePosition } from "./archiver.ts";
import type { ArchiveAccess } from "./object-store.ts";

export interface ArchiveOptions {
  readonly file: string;
  readonly access: ArchiveAccess;
  /** A closed segment at most so often. */
  readonly segmentMs: number;
  readonly snapshotEveryMs: number;
}

/** How the archive is doing. */
export interface ArchiveStanding {
  readonly isActive: boolean;
  /** Undefined before the first success of this node. */
  readonly position: ArchivePosition | undefined;
  /** Since when, and why, it has not got on; undefined while it does. */
  readonly failing: { readonly sinceWallMs: WallMs; readonly sentence: string } | undefined;
}

/** From and to the thread. */
export type ArchiveOrder = { readonly kind: "active"; readonly isActive: boolean };
export type ArchiveReport =
  | { readonly kind: "position"; readonly position: ArchivePosition }
  | { readonly kind: "failing"; readonly sinceWallMs: WallMs; readonly sentence: string }
  /** What it was about to archive is not what was written. */
  | { readonly kind: "corrupt"; readonly sentence: string };

/** Starts the thread; it does nothing until it is told that this node leads. */
export function startArchive(options: ArchiveOptions): Archive {
  return new Archive(options);
}

export class Archive {
  readonly #changed = new Emitter<ArchiveStanding>();
  readonly #corrupt = new Emitter<{ readonly message: string }>();
  readonly #worker: Worker;
  #standing: ArchiveStanding = { isActive: false, position: undefined, failing: undefined };
  #isClosed = false;

  constructor(options: ArchiveOptions) {
    this.#worker = startThread("archive-worker", options);
    this.#worker.on("message", (report: ArchiveReport) => {
      if (report.kind === "corrupt") this.#corrupt.emit({ message: report.sentence });
      else if (report.kind === "position") this.#set({ position: report.position, failing: undefined });
      else this.#set({ failing: { sinceWallMs: report.sinceWallMs, sentence: report.sentence } });
    });
    const ended = (why: string): void => {
      if (this.#isClosed) return;
      const sinceWallMs = wallMs(Date.now());
      this.#set({ failing: { sinceWallMs, sentence: `the archive's thread ended: ${why}` } });
    };
    this.#worker.on("error", (error) => ended(String(error)));
    this.#worker.on("exit", (code) => ended(`exit ${code}`));
  }

  get standing(): ArchiveStanding {
    return this.#standing;
  }

  /** Verified up to here, as this node knows; 0 before it knows. */
  get verified(): Sequence {
    return this.#standing.position?.verified ?? 0;
  }

  /** Begins to get on, gets on, fails. */
  get onChanged(): Signal<ArchiveStanding> {
    return this.#changed;
  }

  /** The journal does not hold what was written; nothing of it was archived. */
  get onCorrupt(): Signal<{ readonly message: string }> {
    return this.#corrupt;
  }

  /** This node leads an open epoch, or no more. */
  setActive(isActive: boolean): void {
    if (this.#isClosed || isActive === this.#standing.isActive) return;
    this.#set({ isActive, failing: undefined });
    this.#worker.postMessage({ kind: "active", isActive } satisfies ArchiveOrder, []);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#worker.terminate();
  }

  #set(change: Partial<ArchiveStanding>): void {
    this.#standing = { ...this.#standing, ...change };
    this.#changed.emit(this.#standing);
  }
}
