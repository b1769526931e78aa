/** A log for sentences that come again and again: each is told once, and again only after a while. */
export class Seldom {
  readonly #tell: (sentence: string) => void;
  readonly #everyMs: number;
  readonly #told = new Map<string, number>();

  constructor(tell: (sentence: string) => void, everyMs = 60_000) {
    this.#tell = tell;
    this.#everyMs = everyMs;
  }

  /** `nowMs`: any clock that goes forward, always the same one. */
  say(sentence: string, nowMs: number): void {
    for (const [said, atMs] of this.#told) if (nowMs - atMs >= this.#everyMs) this.#told.delete(said);
    if (this.#told.has(sentence) || this.#told.size >= sentencesMax) return;
    this.#told.set(sentence, nowMs);
    this.#tell(sentence);
  }
}

/** Strangers can make up sentences without end; more different ones in a while are not told. */
const sentencesMax = 50;
