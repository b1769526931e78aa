/** Events that were appended and not sealed yet: their stored lines, in order, all of one epoch. */
import { assert } from "@baton/core";
import type { Epoch } from "@baton/core";

export class AppendQueue {
  readonly #eventsMax: number;
  readonly #bytesMax: number;
  #lines: string[] = [];
  #bytes = 0;
  #epoch: Epoch = 0;

  /** A frame holds at most so many events, and so many characters unless one event alone has more. */
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

  push(epoch: Epoch, line: string): void {
    assert(this.#lines.length === 0 || this.#epoch === epoch, "what an earlier epoch queued was dropped");
    this.#epoch = epoch;
    this.#lines.push(line);
    this.#bytes += line.length;
  }

  /** Takes the lines of the next frame. */
  take(): readonly string[] {
    let count = 0;
    let bytes = 0;
    for (const line of this.#lines) {
      if (count === this.#eventsMax || (count > 0 && bytes + line.length > this.#bytesMax)) break;
      bytes += line.length;
      count += 1;
    }
    this.#bytes -= bytes;
    return this.#lines.splice(0, count);
  }

  /** Forgets all of it; answers how many events that were. */
  drop(): number {
    const count = this.#lines.length;
    this.#lines = [];
    this.#bytes = 0;
    return count;
  }
}
