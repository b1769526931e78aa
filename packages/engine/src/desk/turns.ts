/**
 * So many at a time, the others in line. Who is in a hurry goes before all who are not; within each of the two lines it is
 * first come, first served, so that nobody who waits is passed over for ever.
 */
export class Turns {
  readonly #hurried: (() => void)[] = [];
  readonly #others: (() => void)[] = [];
  #free: number;

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Resolves when it is the caller's turn, who must `give` it back. */
  take(isHurried: boolean): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => (isHurried ? this.#hurried : this.#others).push(resolve));
  }

  /** The turn is over; the next in line has it. */
  give(): void {
    const next = this.#hurried.shift() ?? this.#others.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
