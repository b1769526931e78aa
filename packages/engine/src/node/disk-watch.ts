/**
 * The disk under the journal, looked at every few seconds: which rung of the ladder it stands on, who is told, and whether
 * new risk may be recorded. The ladder is decided in `core/replication/disk-ladder.ts`; the reserve is looked after by the
 * journal's own writer, which reports when it had to be released. Operators: `runbooks/disk-full.md`.
 */
import { statfs } from "node:fs/promises";
import { diskLevel, diskSentence, diskUsedShare, mayTakeRiskOnDisk } from "@baton/core";
import type { DiskLevel } from "@baton/core";
import type { Journal } from "@baton/journal";

export interface DiskWatchPorts {
  readonly folder: string;
  readonly journal: Pick<Journal, "onReserve">;
  /** Bytes inside the file that nothing uses, as last known. */
  readonly reusableBytes: () => number;
  readonly say: (event: string, sentence: string) => void;
  readonly warn: (event: string, sentence: string) => void;
}

const lookEveryMs = 2_000;

export class DiskWatch {
  readonly #o: DiskWatchPorts;
  readonly #timer: NodeJS.Timeout;
  readonly #stopReserve: () => void;
  #level: DiskLevel = "ok";
  #usedShare: number | null = null;
  #isReserveReleased = false;

  constructor(o: DiskWatchPorts) {
    this.#o = o;
    this.#stopReserve = o.journal.onReserve.on((isReleased) => {
      this.#isReserveReleased = isReleased;
      void this.look();
    });
    this.#timer = setInterval(() => void this.look(), lookEveryMs);
    void this.look();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#stopReserve();
  }

  get level(): DiskLevel {
    return this.#level;
  }

  /** Share that the journal cannot use, 0 to 1; null before the first look. */
  get usedShare(): number | null {
    return this.#usedShare;
  }

  get mayTakeRisk(): boolean {
    return mayTakeRiskOnDisk(this.#level);
  }

  /** What a person should know; undefined while all is well. */
  get sentence(): string | undefined {
    return diskSentence(this.#level, this.#usedShare ?? 0);
  }

  /** Looks now. Never rejects. */
  async look(): Promise<void> {
    const { folder, reusableBytes, say, warn } = this.#o;
    const found = await statfs(folder).catch(() => undefined);
    // A folder that cannot be looked at is no news of its disk; the journal itself tells when it fails.
    if (found === undefined) return;
    const facts = {
      totalBytes: found.blocks * found.bsize,
      freeBytes: found.bavail * found.bsize,
      reusableBytes: reusableBytes(),
      isReserveReleased: this.#isReserveReleased,
    };
    this.#usedShare = diskUsedShare(facts);
    const level = diskLevel(this.#level, facts);
    if (level === this.#level) return;
    this.#level = level;
    const sentence = diskSentence(level, this.#usedShare);
    if (sentence === undefined) say("disk.ok", "The disk under the journal has room again.");
    else warn(`disk.${level}`, `${sentence}.`);
  }
}
