/**
 * The account's events while no stream can be had: the whole account is read again and again, by the same recovery that a
 * stream runs after each connection, and the ledger gives out what is new. Nothing is told sooner than the next reading; the
 * period stands in the venue's profile, and the capability matrix says so.
 */
import type { RecoveryFinding } from "./account-recovery.ts";

/** What the readings of one account need. */
export interface StandInOptions {
  readonly everyMs: number;
  /** Undefined when the venue did not answer. */
  read(): Promise<RecoveryFinding | undefined>;
  /** After each reading: whether the venue answered it. `why`: what keeps the stream away. */
  onRead(isAnswered: boolean, why: string): void;
}

/** Reads from `begin` to `end`, as often as that comes. */
export class StandInReads {
  readonly #options: StandInOptions;
  #timer: NodeJS.Timeout | undefined;
  /** Of the readings that go on now; a new one each time they begin, so that one from before cannot go on beside them. */
  #run: object | undefined;
  #why = "";

  constructor(options: StandInOptions) {
    this.#options = options;
  }

  /** Begins, or goes on for another reason. */
  begin(why: string): void {
    this.#why = why;
    if (this.#run !== undefined) return;
    const run = {};
    this.#run = run;
    void this.#turn(run);
  }

  /** No reading is begun any more, and one that is under way is told of no more. */
  end(): void {
    this.#run = undefined;
    clearTimeout(this.#timer);
  }

  async #turn(run: object): Promise<void> {
    const found = await this.#options.read();
    if (this.#run !== run) return;
    this.#options.onRead(found !== undefined, this.#why);
    this.#timer = setTimeout(() => void this.#turn(run), this.#options.everyMs);
  }
}
