/** A log for sentences that come again and again: each is told once for as long as it keeps coming, and recalled hourly. */
export class Seldom {
  readonly #tell: (sentence: string) => void;
  readonly #everyMs: number;
  readonly #recallMs: number;
  readonly #told = new Map<string, { readonly toldMs: number; readonly cameMs: number }>();

  /** A sentence that has not come for `everyMs` is news again; one that has gone on for `recallMs` is told once more. */
  constructor(tell: (sentence: string) => void, o: { readonly everyMs?: number; readonly recallMs?: number } = {}) {
    this.#tell = tell;
    this.#everyMs = o.everyMs ?? 60_000;
    this.#recallMs = o.recallMs ?? 3_600_000;
  }

  /** `nowMs`: any clock that goes forward, always the same one. */
  say(sentence: string, nowMs: number): void {
    for (const [said, { cameMs }] of this.#told) if (nowMs - cameMs >= this.#everyMs) this.#told.delete(said);
    const before = this.#told.get(sentence);
    if (before === undefined && this.#told.size >= sentencesMax) return;
    const isNews = before === undefined || nowMs - before.toldMs >= this.#recallMs;
    this.#told.set(sentence, { toldMs: isNews ? nowMs : before.toldMs, cameMs: nowMs });
    if (isNews) this.#tell(sentence);
  }
}

/** Strangers can make up sentences without end; more different ones at a time are not told. */
const sentencesMax = 50;
