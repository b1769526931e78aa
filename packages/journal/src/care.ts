/**
 * What keeps a journal sound over months, beside the writing of frames: pruning, the digest of its rows, the format of its
 * file, the heads that others countersigned, and the memory of a state that differed. All of it is done by the journal's
 * threads; nothing here keeps the main thread busy.
 */
import { raisesTo } from "@baton/core";
import type { Sequence, StateDigest, WallMs } from "@baton/core";
import type { ReaderThread } from "./reader.ts";
import type { HeadRow } from "./store/heads.ts";
import type { JournalAge } from "./store/messages.ts";
import type { EpochMark } from "./store/read.ts";
import { journalFormat } from "./store/schema.ts";
import type { StoreOpened } from "./store/store.ts";
import type { WriterThread } from "./writer.ts";

/** Records that one transaction of pruning deletes: a few ms, in which nothing is committed. */
const prunedAtOnce = 512;
/** The rows wait no longer than this for the reader to begin a digest. */
const digestBeginsWithinMs = 1_000;

export interface CareParts {
  readonly writer: WriterThread;
  readonly reader: ReaderThread;
  /** The newest format that this build writes. */
  readonly build: number | undefined;
  /** Tells the writer the commit point. Throws when the journal cannot be used any more. */
  readonly postCommit: () => void;
  readonly isUsable: () => boolean;
}

export class JournalCare {
  readonly #o: CareParts;
  readonly #build: number;
  #format = 0;
  #divergence: string | undefined;
  #pruned: Sequence = 0;
  /** What the writer was asked to prune and has not answered yet: up to where, and how many orders that is. */
  #pruning: { readonly to: Sequence; readonly orders: number } = { to: 0, orders: 0 };
  #readings = 0;

  constructor(o: CareParts, found: StoreOpened) {
    this.#o = o;
    this.#build = o.build ?? journalFormat;
    this.found(found);
  }

  /** The file was opened, or replaced by a whole copy. */
  found({ format, divergence, pruned }: StoreOpened): void {
    this.#format = format;
    this.#divergence = divergence;
    this.#pruned = pruned.sequence;
  }

  /** Records up to here are gone. */
  get pruned(): Sequence {
    return this.#pruned;
  }

  /** Records up to here are gone, or may be at any moment: what is read and not found below it may have been pruned since. */
  get prunedOrSoon(): Sequence {
    return this.#pruning.orders === 0 ? this.#pruned : Math.max(this.#pruned, this.#pruning.to);
  }

  /** The format of the file, which is the one that this node speaks. */
  get format(): number {
    return this.#format;
  }

  /** Why the state here is not the leader's, since a digest differed; undefined while none did. */
  get divergence(): string | undefined {
    return this.#divergence;
  }

  /**
   * Deletes records up to `upTo` that are committed and in the tables, for retention: a few at a time, between commits.
   * Answers the sequence up to which they are gone.
   */
  async prune(upTo: Sequence): Promise<Sequence> {
    this.#o.postCommit();
    for (let to = this.#pruned; to < upTo && this.#o.isUsable();) {
      to = Math.min(upTo, to + prunedAtOnce);
      this.#pruning = { to: Math.max(to, this.prunedOrSoon), orders: this.#pruning.orders + 1 };
      const asked = this.#o.writer.ask<EpochMark>("prune", { upTo: to });
      const mark = await asked.finally(() => {
        this.#pruning = { ...this.#pruning, orders: this.#pruning.orders - 1 };
      });
      this.#pruned = mark.sequence;
    }
    return this.#pruned;
  }

  /** How far the records are older than a time, and how much room is inside the file. */
  age(before: WallMs): Promise<JournalAge> {
    return this.#o.reader.age(before);
  }

  /**
   * The digest of the rows after the first frame that ends at or after `at`; undefined when they are beyond it already, or
   * when it could not be begun at once. The rows stand still until the reader sees them, while frames are committed on;
   * reading and hashing then happen beside everything else. A newer call gives up one that still waits for its frame; while
   * one reads there is no other.
   */
  async digest(at: Sequence): Promise<StateDigest | undefined> {
    const { writer, reader } = this.#o;
    if (this.isReadingDigest) return undefined;
    const stoppedAt = await writer.ask<Sequence | undefined>("digest", { at });
    if (stoppedAt === undefined) return undefined;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), digestBeginsWithinMs);
    });
    const beginning = reader.digestBegin(stoppedAt);
    const begun = await Promise.race([beginning, late]).finally(() => {
      clearTimeout(timer);
      if (this.#o.isUsable()) writer.post({ kind: "go-on" });
    });
    if (begun === true) return { at: stoppedAt, digest: await this.#readDigest() };
    // A reader that was busy begins later: what it then holds is let go of.
    if (begun === "late") void beginning.then((isHeld) => (isHeld ? this.#readDigest() : "")).catch(() => undefined);
    return undefined;
  }

  /** True while the rows of a digest are held still and read: until then the WAL cannot be emptied. */
  get isReadingDigest(): boolean {
    return this.#readings > 0;
  }

  async #readDigest(): Promise<string> {
    this.#readings += 1;
    try {
      return await this.#o.reader.digest();
    } finally {
      this.#readings -= 1;
    }
  }

  /** Keeps why the state here differs from the leader's, until a whole copy takes its place. */
  noteDivergence(sentence: string): void {
    if (this.#divergence !== undefined || !this.#o.isUsable()) return;
    this.#divergence = sentence;
    this.#o.writer.post({ kind: "divergence", sentence });
  }

  /** Stores chain heads that other nodes signed. */
  storeHeads(heads: readonly HeadRow[]): void {
    if (this.#o.isUsable()) this.#o.writer.post({ kind: "heads", heads });
  }

  /** A leader whose journal has this format (this node or another) is in charge: raises the file as far as this build can. */
  meetFormat(leads: number): void {
    const to = raisesTo({ has: this.#format, build: this.#build, leads });
    if (to === undefined || !this.#o.isUsable()) return;
    this.#format = to;
    this.#o.writer.post({ kind: "raise", format: to });
  }

  /** This node leads from now on: its file has the newest format that it can write. */
  lead(): void {
    this.meetFormat(this.#build);
  }
}
