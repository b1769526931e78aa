/**
 * What happens when: true time, which nobody in the world can read, and everything that is due. The only source of
 * progress; two things due at one instant happen in the order in which they were asked for.
 */

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

export class Agenda {
  /** True time in ms since the world began. */
  now = 0;
  /** Things that have happened. */
  done = 0;
  readonly #heap: Entry[] = [];
  #order = 0;

  /** Does `act` at true time `at` (now, if that has passed). */
  at(at: number, act: () => void): void {
    this.#order += 1;
    const entry = { at: Math.max(at, this.now), order: this.#order, act };
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Entry;
      if (isBefore(above, entry)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  after(ms: number, act: () => void): void {
    this.at(this.now + ms, act);
  }

  /** Lets the world go on until true time `until`, or until `isEnough` says so. */
  run(until: number, isEnough: () => boolean = () => false): void {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) break;
      this.#pop();
      this.now = next.at;
      this.done += 1;
      next.act();
      if (isEnough()) return;
    }
    this.now = Math.max(this.now, until);
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    const length = heap.length;
    if (length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child += 1;
      const below = heap[child] as Entry;
      if (isBefore(last, below)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
