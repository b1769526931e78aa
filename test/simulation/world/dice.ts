/**
 * Chance from a seed. Each part of the world has dice of its own, named, so that what one part draws changes nothing for
 * another: a schedule that loses one fault replays nearly the same otherwise, which is what makes shrinking work.
 */

export class Dice {
  #state: number;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
    this.#state = hash(name);
  }

  /** Dice of another part; the same name gives the same dice. */
  fork(name: string): Dice {
    return new Dice(`${this.#name}/${name}`);
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** In 0 … n − 1. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** In [low, high). */
  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  /** Around `low`, seldom towards `high`. */
  skewed(low: number, high: number): number {
    return low + this.next() ** 3 * (high - low);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(from: readonly T[]): T {
    const one = from[this.below(from.length)];
    if (one === undefined) throw new RangeError("nothing to pick from");
    return one;
  }

  /** One of several, by weight. */
  weighted<T>(from: readonly (readonly [weight: number, what: T])[]): T {
    let at = this.next() * from.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, what] of from) {
      at -= weight;
      if (at < 0) return what;
    }
    throw new RangeError("nothing to pick from");
  }
}

/** 32 bits of a text (FNV-1a, stirred). */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) h = Math.imul(h ^ text.charCodeAt(index), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) | 0;
}
