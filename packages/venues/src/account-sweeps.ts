/**
 * Reading an account beside its stream: on a period, because a connection that answers pings may have stopped telling; soon,
 * while fills are missing that the venue has told of in its orders; and at once, when a message says that something has to
 * be read (`read-bell.ts`). A fill that only a sweep found, long after it was made and led to by no word of the stream, was
 * owed by the connection, which is then not believed any more.
 */
import type { RecoveryFinding } from "./account-recovery.ts";
import { ReadBell } from "./read-bell.ts";

/** What the sweeps of one account need. */
export interface SweepOptions {
  /** Default 30 s. */
  readonly everyMs: number | undefined;
  /** Undefined when the venue did not answer. */
  read(): Promise<RecoveryFinding | undefined>;
  /** True while the venue has told, for a while now, of more executed than is known as fills. */
  isFillMissing(): boolean;
  /** The venue's time, once it is known. */
  venueMs(): number | undefined;
  /** The connection owed a fill; no sweep follows. */
  onOwed(): void;
}

/** A fill this old that only a sweep found was owed by the stream. */
const owedAfterMs = 2_000;
/** The first sweep follows soon, because the venue's reads may have lagged behind at recovery. */
const firstMs = 3_000;
const usualMs = 30_000;
/** And so does one for fills that are known to be missing. */
const missingMs = 2_000;

/** Sweeps from `begin` to `end`, as often as a connection becomes ready and is lost. */
export class Sweeps {
  readonly #options: SweepOptions;
  readonly #bell: ReadBell;
  /** The sweeps that go on now; new ones each time they begin, so that one from before cannot go on beside them. */
  #run: object | undefined;
  /** Undefined while a sweep is under way. */
  #timer: NodeJS.Timeout | undefined;
  #soonMs = missingMs;

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#bell = new ReadBell(() => this.#now());
  }

  /** The stream is ready, and what came before was read. */
  begin(): void {
    this.end();
    this.#run = {};
    this.#in(this.#run, firstMs);
  }

  /** The connection is over: a sweep that is under way is told of no more. */
  end(): void {
    this.#run = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#bell.silence();
  }

  /** Something of this order has to be read; without one, something of the account. */
  ring(venueOrderId?: string): void {
    this.#bell.ring(venueOrderId);
  }

  async #sweep(run: object): Promise<void> {
    const rung = this.#bell.answer();
    const found = await this.#options.read();
    if (run !== this.#run) return;
    if (found !== undefined && this.#isOwed(found, rung)) {
      this.#options.onOwed();
      return;
    }
    this.#in(run, this.#options.everyMs ?? usualMs);
    this.#bell.answered(found?.fills.map((fill) => fill.venueOrderId) ?? []);
  }

  /** A fill that no word of the stream had led to, long after it was made. */
  #isOwed(found: RecoveryFinding, rung: ReadonlySet<string> | "everything"): boolean {
    const venueMs = this.#options.venueMs();
    if (venueMs === undefined || rung === "everything") return false;
    return found.fills.some((fill) => !rung.has(fill.venueOrderId) && venueMs - fill.tradedWallMs > owedAfterMs);
  }

  /** The next sweep; sooner, at first, while fills are missing that the venue itself has told of in its orders. */
  #in(run: object, ms: number): void {
    const lookMs = Math.min(ms, this.#soonMs);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const isMissing = this.#options.isFillMissing();
      // What several sweeps do not find is not worth the venue's allowance.
      this.#soonMs = isMissing ? Math.min(this.#soonMs * 2, usualMs) : missingMs;
      if (isMissing || ms <= lookMs) void this.#sweep(run);
      else this.#in(run, ms - lookMs);
    }, lookMs);
  }

  /** The bell: the sweep that was to come later comes now. One that is under way ends first, and the bell rings again. */
  #now(): void {
    if (this.#run === undefined || this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    void this.#sweep(this.#run);
  }
}
