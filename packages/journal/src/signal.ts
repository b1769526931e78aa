/** Something that happens, and who wants to know: listeners are called in the order in which they came, synchronously. */
export interface Signal<T> {
  /** Calls `listener` from now on; call the answer to stop. A listener that throws is a fault of ours and is not caught. */
  on(listener: (value: T) => void): () => void;
}

/** The end of a signal that only its owner holds. */
export class Emitter<T> implements Signal<T> {
  readonly #listeners = new Set<(value: T) => void>();

  on(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  emit(value: T): void {
    for (const listener of this.#listeners) listener(value);
  }
}
