/**
 * The journal's reserve: space that a file beside it holds and that is given back when the disk has none left, so that
 * cancels, outcomes and the epoch record can still be written. Looked after by the writer's thread, because only it knows
 * when the next transaction needs room: free space is read before each of them, which takes microseconds, since what fills a
 * disk at once (a core dump, a log gone wild) is not this journal. The file is made while the writer is idle, and made again
 * when there is plenty. Invariant I20.
 */
import { randomFillSync } from "node:crypto";
import { existsSync, rmSync, statSync, statfsSync, truncateSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { mayHoldReserve, reserveSize } from "@baton/core/records";

/** Free space below which the reserve is released: room for a checkpoint, by which the file may grow. */
const leastFreeBytes = 6 * 1024 * 1024;
const chunkBytes = 256 * 1024;

export class DiskReserve {
  readonly #file: string;
  readonly #askedBytes: number;
  readonly #disk: () => DiskSpace;
  #isHeld: boolean;
  #isReleased = false;
  /** The one that is being made; whoever needs its room before it is whole ends that. */
  #making: AbortController | undefined;

  /** `askedBytes` 0: no reserve. */
  constructor(journalFile: string, askedBytes: number, disk: () => DiskSpace = () => spaceIn(dirname(journalFile))) {
    this.#file = `${journalFile}.reserve`;
    this.#askedBytes = askedBytes;
    this.#disk = disk;
    this.#isHeld = askedBytes > 0 && existsSync(this.#file) && statSync(this.#file).size >= this.#bytes();
  }

  /** Before a transaction of about so many bytes. Answers true when the reserve was released now. */
  makeRoom(bytes: number): boolean {
    if (this.#askedBytes === 0 || (this.#isReleased && this.#making === undefined)) return false;
    // A small disk has a small margin.
    const least = Math.min(leastFreeBytes, this.#bytes() / 2) + bytes;
    if (this.#disk().freeBytes > least) return false;
    this.#giveBack();
    this.#isReleased = true;
    this.#isHeld = false;
    return true;
  }

  /** Makes the reserve, or makes a released one again, where there is plenty of room. Answers whether it was made now. */
  async tend(): Promise<boolean> {
    if (this.#askedBytes === 0 || this.#isHeld || this.#making !== undefined) return false;
    const bytes = this.#bytes();
    if (!mayHoldReserve(this.#disk().freeBytes, bytes)) return false;
    const making = new AbortController();
    this.#making = making;
    try {
      await fill(this.#file, bytes, making.signal);
      making.signal.throwIfAborted();
      this.#isHeld = true;
      this.#isReleased = false;
      return true;
    } catch {
      // No room for it after all; the next look tries again.
      rmSync(this.#file, { force: true });
      return false;
    } finally {
      this.#making = undefined;
    }
  }

  /** Emptied before it is removed: a file that is still being written keeps its room for as long as it is open. */
  #giveBack(): void {
    this.#making?.abort();
    if (!existsSync(this.#file)) return;
    truncateSync(this.#file);
    rmSync(this.#file);
  }

  #bytes(): number {
    return reserveSize(this.#askedBytes, this.#disk().totalBytes);
  }
}

interface DiskSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

function spaceIn(folder: string): DiskSpace {
  const { blocks, bavail, bsize } = statfsSync(folder);
  return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
}

/** In pieces, so that what waits for the writer does not wait for this; not zeros, which some file systems do not store. */
async function fill(name: string, bytes: number, signal: AbortSignal): Promise<void> {
  const chunk = randomFillSync(Buffer.alloc(chunkBytes));
  await using file = await open(name, "w", 0o600);
  for (let left = bytes; left > 0; left -= chunk.length) {
    signal.throwIfAborted();
    await file.write(chunk, 0, Math.min(left, chunk.length));
  }
  await file.sync();
}
