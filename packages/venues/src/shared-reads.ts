/**
 * One reading for all who ask at the same time, without making anybody's answer older than the question: who asks while a
 * reading is under way waits for the next one, which starts when that has ended and serves everyone who came meanwhile. So
 * at most two readings of one list are asked for at a time, and each answer was read after it was wanted (I10 needs that).
 */
export class SharedReads {
  readonly #underWay = new Map<string, Promise<unknown>>();
  readonly #next = new Map<string, Promise<unknown>>();

  /** The result of a reading that starts now or later. `key` says what is read; whoever names the same reads the same. */
  read<T>(key: string, start: () => Promise<T>): Promise<T> {
    const waiting = this.#next.get(key);
    if (waiting !== undefined) return waiting as Promise<T>;
    const current = this.#underWay.get(key);
    if (current === undefined) return this.#start(key, start);
    const next = current
      .catch(() => undefined)
      .then(() => {
        this.#next.delete(key);
        return this.#start(key, start);
      });
    this.#next.set(key, next);
    return next;
  }

  #start<T>(key: string, start: () => Promise<T>): Promise<T> {
    const reading = start().finally(() => {
      if (this.#underWay.get(key) === reading) this.#underWay.delete(key);
    });
    this.#underWay.set(key, reading);
    return reading;
  }
}
