/**
 * Reads that wait until this leader may answer them (core's `isReadable`): each needs a question to the standbys that was
 * asked after it came in. One question is under way at a time and answers for all who came before it left, so that many
 * readers cost one round trip and not one each. Looked at with each acknowledgement and each turn of the node's clock.
 */
import type { MonoMs } from "@baton/core";
import { monoMs, readableWithinMs } from "@baton/core";
import { monoNow } from "../clock.ts";

/** What reads need of the rest of a leader. */
export interface ReadPorts {
  /** Asks the standbys now; gives the question's number. */
  ask(): number;
  /** May a read that came in before this question be answered? */
  isReadable(round: number, now: MonoMs): boolean;
}

interface Reader {
  readonly untilMonoMs: MonoMs;
  readonly settle: (isReadable: boolean) => void;
}

export class Reads {
  readonly #ports: ReadPorts;
  readonly #now: () => MonoMs;
  #isLeading = false;
  /** The question that is under way, and whose read it is for. */
  #asked: { readonly round: number; readers: Reader[] } | undefined;
  /** Came after it had left: the next question is theirs. */
  #later: Reader[] = [];

  /** `now`: the monotonic clock. */
  constructor(ports: ReadPorts, now: () => MonoMs = monoNow) {
    this.#ports = ports;
    this.#now = now;
  }

  /** A term begins: its readers wait for its epoch to open. */
  begin(): void {
    this.#isLeading = true;
  }

  /** The term is over here: whoever waits, and whoever comes, is told no. */
  end(): void {
    this.#isLeading = false;
    const readers = [...(this.#asked?.readers ?? []), ...this.#later];
    this.#asked = undefined;
    this.#later = [];
    for (const { settle } of readers) settle(false);
  }

  /**
   * True once no other leader can have acknowledged anything before this call, and what is committed here holds all that a
   * predecessor did. False where that cannot be made sure of within two seconds, or this node leads no more.
   */
  whenReadable(): Promise<boolean> {
    if (!this.#isLeading) return Promise.resolve(false);
    return new Promise((settle) => {
      this.#later.push({ untilMonoMs: monoMs(this.#now() + readableWithinMs), settle });
      if (this.#asked === undefined) this.look();
    });
  }

  /** Something has changed that readers may wait for, or time has passed. */
  look(): void {
    // Where nobody else is in the set a question is answered as soon as it is asked.
    while (this.#asked !== undefined || this.#later.length > 0) {
      this.#asked ??= { round: this.#ports.ask(), readers: this.#later.splice(0) };
      const now = this.#now();
      const isAnswered = this.#ports.isReadable(this.#asked.round, now);
      if (!isAnswered) return this.#giveUp(now);
      const { readers } = this.#asked;
      this.#asked = undefined;
      for (const { settle } of readers) settle(true);
    }
  }

  /** Those whose time is up. The question stays: its answer may still come, and lets the next one be asked. */
  #giveUp(now: MonoMs): void {
    const isDue = ({ untilMonoMs }: Reader): boolean => now >= untilMonoMs;
    for (const readers of [this.#asked?.readers ?? [], this.#later]) {
      if (!readers.some(isDue)) continue;
      for (const { settle } of readers.filter(isDue)) settle(false);
      readers.splice(0, readers.length, ...readers.filter((reader) => !isDue(reader)));
    }
  }
}
