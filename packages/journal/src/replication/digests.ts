/**
 * Comparing what nodes make of one journal, over the node link. The leader says after which record the next digest is
 * taken, before any standby can have that record in its tables; each takes it there and tells the other. What a difference
 * means is decided in core's `state-digest`. Digests are compared only between nodes whose files have one format, because
 * the text of a row belongs to the format. Invariant I19.
 */
import { divergenceText, emptyDigestBook, isDigestDue, noteOwnDigest, noteTheirDigest } from "@baton/core";
import type { DigestBook, DigestPace, NodeId, Sequence, StateDigest, StateDivergence } from "@baton/core";
import type { Journal } from "../journal.ts";
import type { ToFollower, ToLeader } from "../link/messages.ts";
import { Emitter } from "../signal.ts";

export interface DigestExchangeOptions {
  readonly journal: Journal;
  readonly pace: DigestPace;
  /** Leader: to every follower of this epoch whose file has this format. */
  readonly toFollowers: (message: ToFollower) => void;
  /** Follower: to the leader that is followed. */
  readonly toLeader: (message: ToLeader) => void;
}

const lookEveryMs = 250;

export class DigestExchange {
  /** This node's state and another's differ. */
  readonly diverged: Emitter<StateDivergence> = new Emitter();
  readonly taken: Emitter<StateDigest> = new Emitter();
  readonly #o: DigestExchangeOptions;
  readonly #stops: (() => void)[];
  readonly #looking: NodeJS.Timeout;
  #book: DigestBook = emptyDigestBook;
  #isLeading = false;
  #frames = 0;
  #lastMs = performance.now();
  #running = 0;

  constructor(o: DigestExchangeOptions) {
    this.#o = o;
    this.#looking = setInterval(() => this.#look(), lookEveryMs);
    this.#stops = [
      o.journal.onSealed.on(() => {
        this.#frames += 1;
        // In the turn in which the frame leaves, so that a burst is no way around it.
        if (this.#frames >= o.pace.everyFrames) this.#look();
      }),
      // The rows are others now; what was said of the old ones is void.
      o.journal.onReplaced.on(() => (this.#book = emptyDigestBook)),
    ];
  }

  /** The newest digest of this node. */
  get newest(): StateDigest | undefined {
    return this.#book.own.at(-1);
  }

  lead(isLeading: boolean): void {
    this.#isLeading = isLeading;
    this.#book = { ...this.#book, others: new Map() };
    this.#beginPause();
  }

  close(): void {
    clearInterval(this.#looking);
    for (const stop of this.#stops) stop();
  }

  /** Follower: the leader named the record. */
  asked(at: Sequence): void {
    void this.#take(at, (digest) => this.#o.toLeader({ kind: "digest", ...digest }));
  }

  /** The other side's digest arrived. */
  heard(node: NodeId, digest: StateDigest): void {
    const noted = noteTheirDigest(this.#book, node, digest);
    this.#book = noted.book;
    this.#tell(noted.differs);
  }

  #look(): void {
    const { journal, pace } = this.#o;
    if (!this.#isLeading || journal.failure !== undefined) return;
    const since = {
      frames: this.#frames,
      ms: performance.now() - this.#lastMs,
      isRunning: this.#running > 0,
      isReading: journal.care.isReadingDigest,
    };
    if (!isDigestDue(pace, since)) return;
    this.#beginPause();
    // Where everything is committed and nothing is on its way, the end itself; else the frame that comes next, which no
    // standby has: this message goes before it on each link.
    const isQuiet = journal.queued === 0 && journal.commitMark.sequence === journal.last.sequence;
    const at = isQuiet ? journal.last.sequence : journal.last.sequence + 1;
    this.#o.toFollowers({ kind: "digest-at", at });
    void this.#take(at, (digest) => this.#o.toFollowers({ kind: "digest", ...digest }));
  }

  #beginPause(): void {
    this.#frames = 0;
    this.#lastMs = performance.now();
  }

  async #take(at: Sequence, tell: (digest: StateDigest) => void): Promise<void> {
    const { journal } = this.#o;
    this.#running += 1;
    try {
      const digest = await journal.care.digest(at);
      if (digest === undefined) return;
      // However long it took: until the next one the log can be emptied.
      this.#beginPause();
      const noted = noteOwnDigest(this.#book, digest);
      this.#book = noted.book;
      this.taken.emit(digest);
      tell(digest);
      this.#tell(noted.differs);
    } catch {
      // The journal has failed or is closing, and says so itself.
    } finally {
      this.#running -= 1;
    }
  }

  #tell(differs: readonly StateDivergence[]): void {
    for (const divergence of differs) {
      // Whose rows are wrong nobody can tell from two; the leader's are what is acted on, so the standby is set aside.
      if (!this.#isLeading) this.#o.journal.care.noteDivergence(divergenceText(divergence));
      this.diverged.emit(divergence);
    }
  }
}
