/**
 * Frames at the writer, and what its reports mean. Each cut begins a new generation: a report of an older one may speak
 * of frames that were cut since, so it counts only up to the least of the later cuts. Invariant I5.
 */
import type { Frame, Sequence } from "@baton/core";

export class InFlight {
  /** Ascending. */
  #frames: { readonly last: Sequence; readonly bytes: number }[] = [];
  #bytes = 0;
  /** What each later generation cut to. */
  readonly #cuts: Sequence[] = [];

  /** Number of cuts so far; goes with each order to the writer. */
  get generation(): number {
    return this.#cuts.length;
  }

  get count(): number {
    return this.#frames.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(frame: Frame): void {
    this.#frames.push({ last: frame.last, bytes: frame.body.length });
    this.#bytes += frame.body.length;
  }

  /** What is durable by a report of the writer. */
  reported(report: { readonly sequence: Sequence; readonly generation: number }): Sequence {
    let reached = report.sequence;
    for (let later = report.generation; later < this.#cuts.length; later += 1) {
      reached = Math.min(reached, this.#cuts[later] ?? reached);
    }
    while (this.#frames[0] !== undefined && this.#frames[0].last <= reached) {
      this.#bytes -= this.#frames.shift()?.bytes ?? 0;
    }
    return reached;
  }

  /** Forgets the frames after `after`, whatever is reported of them later. */
  cut(after: Sequence): void {
    this.#cuts.push(after);
    this.#frames = this.#frames.filter((frame) => frame.last <= after);
    this.#bytes = this.#frames.reduce((sum, frame) => sum + frame.bytes, 0);
  }
}
