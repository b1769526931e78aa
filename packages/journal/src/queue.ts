/** Events that were appended and not sealed yet: their stored lines, in order, all of one epoch. */
import { assert } from "@baton/core";
import type { Epoch } from "@baton/core";

export class AppendQueue {
  readonly #eventsMax: number;
  readonly #bytesMax: number;
  #lines: string[] = [];
  /** Of each line, whether the next one was appended with it. */
  #isContinued: boolean[] = [];
  #bytes = 0;
  #epoch: Epoch = 0;

  /** A frame holds at most so many events and characters, unless what belongs together is more. */
  constructor(limits: { readonly eventsMax: number; readonly bytesMax: number }) {
    this.#eventsMax = limits.eventsMax;
    this.#bytesMax = limits.bytesMax;
  }

  get length(): number {
    return this.#lines.length;
  }

  get epoch(): Epoch {
    return this.#epoch;
  }

  /** Whether there is enough for a full frame. */
  get isFull(): boolean {
    return this.#lines.length >= this.#eventsMax || this.#bytes >= this.#bytesMax;
  }

  /** `isTogether`: a frame has all of these lines or none, if they are no more than it holds. */
  push(epoch: Epoch, lines: readonly string[], isTogether: boolean): void {
    assert(this.#lines.length === 0 || this.#epoch === epoch, "what an earlier epoch queued was dropped");
    this.#epoch = epoch;
    for (const [at, line] of lines.entries()) {
      this.#lines.push(line);
      this.#isContinued.push(isTogether && lines.length <= this.#eventsMax && at < lines.length - 1);
      this.#bytes += line.length;
    }
  }

  /** Takes the lines of the next frame. */
  take(): readonly string[] {
    let count = 0;
    let bytes = 0;
    for (const line of this.#lines) {
      const isFull = count >= this.#eventsMax || (count > 0 && bytes + line.length > this.#bytesMax);
      if (isFull && this.#isContinued[count - 1] !== true) break;
      bytes += line.length;
      count += 1;
    }
    this.#bytes -= bytes;
    this.#isContinued.splice(0, count);
    return this.#lines.splice(0, count);
  }

  /** Forgets all of it; answers how many events that were. */
  drop(): number {
    const count = this.#lines.length;
    this.#lines = [];
    this.#isContinued = [];
    this.#bytes = 0;
    return count;
  }
}
