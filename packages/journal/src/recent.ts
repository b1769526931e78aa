/**
 * The newest frames, kept in memory: all that are not durable yet, and as many older ones as fit a bound in bytes. A
 * follower that is only a little behind is served from here, so that catching up and live meet without a gap; and marks
 * of frames that are still on their way to the disk can be compared.
 */
import type { Frame, Mark, Sequence } from "@baton/core";

export class RecentFrames {
  readonly #maxBytes: number;
  #frames: Frame[] = [];
  #bytes = 0;
  #start: Mark;

  /** `start`: the mark that the first frame kept will follow on. */
  constructor(start: Mark, maxBytes: number) {
    this.#start = start;
    this.#maxBytes = maxBytes;
  }

  /** The mark before the oldest frame kept. */
  get start(): Mark {
    return this.#start;
  }

  push(frame: Frame): void {
    this.#frames.push(frame);
    this.#bytes += frame.body.length;
  }

  /** Lets old frames go, but none that ends after `durable`. */
  trim(durable: Sequence): void {
    if (this.#bytes <= this.#maxBytes) return;
    let count = 0;
    for (const frame of this.#frames) {
      // Down to half, so that the array is moved seldom.
      if (this.#bytes <= this.#maxBytes / 2 || frame.last > durable) break;
      this.#bytes -= frame.body.length;
      this.#start = { sequence: frame.last, hash: frame.hash };
      count += 1;
    }
    this.#frames = this.#frames.slice(count);
  }

  /** Forgets every frame after `after`, and all of them when `after` lies before the oldest. */
  cut(after: Mark): void {
    this.#frames = this.#frames.filter((frame) => frame.last <= after.sequence);
    this.#bytes = this.#frames.reduce((sum, frame) => sum + frame.body.length, 0);
    if (after.sequence < this.#start.sequence) this.#start = after;
  }

  /** Frames after `after` while their bodies fit, at least one; undefined when they lie further back than memory. */
  after(after: Sequence, maxBytes: number): readonly Frame[] | undefined {
    if (after < this.#start.sequence) return undefined;
    const found: Frame[] = [];
    let bytes = 0;
    for (let index = this.#indexAfter(after); index < this.#frames.length; index += 1) {
      const frame = this.#frames[index];
      if (frame === undefined) break;
      bytes += frame.body.length;
      if (found.length > 0 && bytes > maxBytes) break;
      found.push(frame);
    }
    return found;
  }

  /** Whether it holds a frame that ends so; undefined when that place lies further back than memory. */
  holds(mark: Mark): boolean | undefined {
    if (mark.sequence < this.#start.sequence) return undefined;
    if (mark.sequence === this.#start.sequence) return mark.hash === this.#start.hash;
    const frame = this.#frames[this.#indexAfter(mark.sequence - 1)];
    return frame?.last === mark.sequence && frame.hash === mark.hash;
  }

  /** Index of the first frame that ends after `after`, by halving. */
  #indexAfter(after: Sequence): number {
    let low = 0;
    let high = this.#frames.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#frames[middle]?.last ?? 0) > after) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
