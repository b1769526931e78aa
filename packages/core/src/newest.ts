/**
 * What is remembered of things that come without end: the newest ones by key. Deleting the oldest of a map each time would
 * cost more the more has been deleted, because a map's iterator walks over the holes at its front; so two maps take turns, and
 * the older is forgotten as a whole when the younger is full.
 */
import { assert } from "./assert.ts";

/** The newest entries by key: at least `kept` of them, at most twice as many. Writing a key again makes it new. */
export class Newest<Key, Value extends object | string | number | true> {
  readonly #kept: number;
  #young = new Map<Key, Value>();
  #old: ReadonlyMap<Key, Value> = new Map();

  constructor(kept: number) {
    assert(kept > 0, "something is kept");
    this.#kept = kept;
  }

  get(key: Key): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  has(key: Key): boolean {
    return this.#young.has(key) || this.#old.has(key);
  }

  set(key: Key, value: Value): void {
    if (this.#young.size >= this.#kept && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  /** The newest values, at most so many, the last written last. */
  newest(limit: number): readonly Value[] {
    const young = [...this.#young.values()];
    if (young.length >= limit) return young.slice(young.length - limit);
    const old = [...this.#old].flatMap(([key, value]) => (this.#young.has(key) ? [] : [value]));
    return [...old.slice(Math.max(0, old.length - (limit - young.length))), ...young];
  }

  /** Entries in memory, those that were written again counted once more. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
