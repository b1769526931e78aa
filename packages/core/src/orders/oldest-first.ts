/**
 * A set that is asked for its oldest member and mostly loses just that one. The language's own `Set` and `Map` keep the order
 * too, but whoever asks them for their first entry walks over all that were deleted in front of it since they last grew: with
 * ten thousand members some 20 µs, on every event, in each state that a node holds. Whoever leaves, in whatever order, what is
 * remembered stays within twice the members, and some.
 */

/** Not worth the walk. */
const slack = 512;

/** The set; `oldest` is found at once. */
export class OldestFirst<T> implements Iterable<T> {
  /** Which turn each member came in. */
  readonly #turns = new Map<T, number>();
  /** Who came in which turn, from `#first` on: also those who are gone, or came again later. */
  #queue: T[] = [];
  #first = 0;
  /** The oldest member's place in the queue. */
  #head = 0;

  constructor(members: Iterable<T> = []) {
    for (const member of members) this.add(member);
  }

  get size(): number {
    return this.#turns.size;
  }

  /** How many places are remembered, also of who is gone. */
  get places(): number {
    return this.#queue.length;
  }

  get oldest(): T | undefined {
    return this.#queue[this.#head];
  }

  has(member: T): boolean {
    return this.#turns.has(member);
  }

  /** It is the youngest now; who is a member already keeps its place. */
  add(member: T): void {
    if (this.#turns.has(member)) return;
    // Who left from behind an oldest member that stays would stand in the queue for ever.
    if (this.#queue.length >= 2 * this.#turns.size + slack) this.#renumber();
    this.#turns.set(member, this.#first + this.#queue.length);
    this.#queue.push(member);
  }

  delete(member: T): void {
    if (!this.#turns.delete(member)) return;
    while (this.#head < this.#queue.length && !this.#isOf(this.#head)) this.#head += 1;
    if (this.#head < slack || this.#head * 2 < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#head);
    this.#first += this.#head;
    this.#head = 0;
  }

  clear(): void {
    this.#turns.clear();
    this.#queue = [];
    this.#first = 0;
    this.#head = 0;
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#turns.keys();
  }

  /** Gives the members new turns, without those of who is gone. */
  #renumber(): void {
    this.#queue = [...this.#turns.keys()];
    this.#first = 0;
    this.#head = 0;
    for (const [turn, member] of this.#queue.entries()) this.#turns.set(member, turn);
  }

  #isOf(place: number): boolean {
    return this.#turns.get(this.#queue[place] as T) === this.#first + place;
  }
}
