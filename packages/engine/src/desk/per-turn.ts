/**
 * So many a turn of the loop, the others in line, first come first served. What is begun in one turn shares the processor
 * until the last of it waits for something: of a hundred orders that are committed at once none would leave before all are
 * signed. Begun a few at a time, the first ones leave, and answers are read, while the others still wait.
 */
export class PerTurn {
  readonly #atOnce: number;
  readonly #line: (() => void)[] = [];
  #left: number;
  #isTurnDue = false;

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
    this.#left = atOnce;
  }

  /** Resolves when it is the caller's turn. */
  take(): Promise<void> {
    if (!this.#isTurnDue) this.#nextTurn();
    if (this.#left === 0) return new Promise((resolve) => this.#line.push(resolve));
    this.#left -= 1;
    return Promise.resolve();
  }

  #nextTurn(): void {
    this.#isTurnDue = true;
    setImmediate(() => {
      this.#isTurnDue = false;
      const begun = this.#line.splice(0, this.#atOnce);
      this.#left = this.#atOnce - begun.length;
      if (begun.length > 0) this.#nextTurn();
      for (const begin of begun) begin();
    });
  }
}
