/** Up to where a journal is known committed, and the ends of the frames after it. It never moves back. */
import type { Sequence } from "@baton/core";
import type { EpochMark } from "./store/read.ts";

export class CommitPoint {
  #mark: EpochMark;
  /** Ends of the frames after the commit point, ascending. */
  #tail: EpochMark[];

  constructor(mark: EpochMark, tail: readonly EpochMark[]) {
    this.#mark = mark;
    this.#tail = [...tail];
  }

  get mark(): EpochMark {
    return this.#mark;
  }

  get tail(): readonly EpochMark[] {
    return [...this.#tail];
  }

  /** A frame was sealed or received. */
  note(mark: EpochMark): void {
    this.#tail.push(mark);
  }

  /** Moves to the last frame end at or before `upTo` that is held; false when there is none beyond. */
  move(upTo: Sequence): boolean {
    let count = 0;
    for (const mark of this.#tail) {
      if (mark.sequence > upTo) break;
      this.#mark = mark;
      count += 1;
    }
    if (count > 0) this.#tail.splice(0, count);
    return count > 0;
  }

  /** The frame end at `after`, of those that a cut may leave; undefined where none ends there. */
  cutMark(after: Sequence): EpochMark | undefined {
    return [this.#mark, ...this.#tail].find((known) => known.sequence === after);
  }

  /** Forgets the frames after `after`. */
  cut(after: Sequence): void {
    this.#tail = this.#tail.filter((known) => known.sequence <= after);
  }
}
