/**
 * Who watches a run from outside: what was told to clients, what each node took for committed, what each leader was told to
 * be durable elsewhere. The first thing that contradicts is the violation of the run; everything after it is its echo.
 */
import { encodeEvent } from "@baton/core";
import type { JournalEvent } from "@baton/core";
import { Replay, faultsOf } from "./files.ts";
import type { FileRead, Known } from "./files.ts";
import type { Rot } from "./disk.ts";

export interface Violation {
  readonly rule: string;
  readonly sentence: string;
}

/** The newest position that a standby said to be on its disk, under the leader who heard it. */
interface Acked {
  readonly epoch: number;
  readonly position: number;
}

/** What an open journal says to be durable besides its records. */
export interface Promised {
  readonly epochMax: number;
  readonly vow?: { readonly epoch: number; readonly version: number } | undefined;
}

const storyLinesMax = 4_000;

export class Witness {
  readonly known: Map<number, Known> = new Map();
  readonly counts: Map<string, number> = new Map();
  readonly #replay = new Replay(this.known);
  readonly #answered = new Map<number, string>();
  readonly #leaders = new Map<number, string>();
  readonly #acked = new Map<string, Acked>();
  readonly #files = new Map<string, Pick<FileRead, "epochMax" | "bootCount">>();
  readonly #story: string[] = [];
  readonly #began = performance.now();
  #violation: Violation | undefined;

  get violation(): Violation | undefined {
    return this.#violation;
  }

  /** What happened, a line each, the newest of it. */
  get story(): readonly string[] {
    return this.#story;
  }

  /** The newest record that a client was told of. */
  answeredMax = 0;

  say(who: string, what: string): void {
    this.#story.push(`${(performance.now() - this.#began).toFixed(0).padStart(6)}  ${who.padEnd(8)} ${what}`);
    if (this.#story.length > storyLinesMax) this.#story.splice(0, storyLinesMax / 4);
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  broken(rule: string, sentence: string): void {
    this.say("witness", `${rule}: ${sentence}`);
    this.#violation ??= { rule, sentence };
  }

  /** A node won an epoch. */
  led(epoch: number, boot: string): void {
    const other = this.#leaders.get(epoch);
    if (other !== undefined && other !== boot) this.broken("I1", `${boot} and ${other} lead epoch ${epoch}`);
    this.#leaders.set(epoch, boot);
  }

  /** A node takes a record for committed. */
  committed(
    node: string,
    o: { readonly event: JournalEvent; readonly sequence: number; readonly epoch: number },
  ): void {
    const text = encodeEvent(o.event);
    const one = this.known.get(o.sequence);
    if (one === undefined) this.known.set(o.sequence, { text, epoch: o.epoch });
    else if (one.text !== text || one.epoch !== o.epoch) {
      const sentence = `${node} commits ${text} of epoch ${o.epoch} at ${o.sequence}, known is ${one.text} of ${one.epoch}`;
      this.broken("I6", sentence);
    }
  }

  /** A client was told that its record is committed. */
  answered(sequence: number, event: JournalEvent): void {
    const text = encodeEvent(event);
    this.#answered.set(sequence, text);
    this.answeredMax = Math.max(this.answeredMax, sequence);
    const one = this.known.get(sequence)?.text;
    if (one !== text) this.broken("I6", `a client was told of ${text} at ${sequence}, there is ${String(one)}`);
  }

  /** A leader heard that a disk holds everything up to a position. */
  acked(o: {
    readonly node: string;
    readonly journal: string;
    readonly epoch: number;
    readonly position: number;
  }): void {
    this.#acked.set(o.journal, { epoch: o.epoch, position: o.position });
  }

  /** A file that nobody has open any more; `promised` is what was durable before, as its journal said. */
  closed(
    node: string,
    file: FileRead,
    o: { readonly promised: Promised | undefined; readonly rot: Rot | undefined },
  ): void {
    for (const sentence of faultsOf(file, this.known, o.rot)) this.broken("I19", `${node}: ${sentence}`);
    for (const sentence of this.#replay.faultsOf(file)) this.broken("I19", `${node}: ${sentence}`);
    const acked = this.#acked.get(file.journal);
    // Under a newer epoch what was acknowledged may have been cut: it was never committed, or its leader had it.
    if (acked !== undefined && acked.epoch === file.epochMax && file.last < acked.position)
      this.broken(
        "I5",
        `${node} acknowledged ${acked.position} in epoch ${acked.epoch}, its file ends at ${file.last}`,
      );
    const before = this.#files.get(file.journal);
    if (before !== undefined && file.epochMax < before.epochMax)
      this.broken("I5", `${node} had promised epoch ${before.epochMax}, its file says ${file.epochMax}`);
    if (before !== undefined && file.bootCount <= before.bootCount)
      this.broken("I5", `${node} was opened ${file.bootCount} times, and ${before.bootCount} times before`);
    this.#files.set(file.journal, { epochMax: file.epochMax, bootCount: file.bootCount });
    if (o.promised !== undefined) this.#promisesKept(node, file, o.promised);
  }

  /** All is well again: nothing that a client was told of is missing at the end. */
  ended(committed: number): void {
    for (const [sequence, text] of this.#answered) {
      const one = this.known.get(sequence)?.text;
      if (one !== text) this.broken("I6", `a client was told of ${text} at ${sequence}, there is ${String(one)}`);
    }
    if (committed < this.answeredMax)
      this.broken("I6", `a client was told of record ${this.answeredMax}, the end is ${committed}`);
  }

  #promisesKept(node: string, file: FileRead, promised: Promised): void {
    if (file.epochMax < promised.epochMax)
      this.broken("I5", `${node} said that epoch ${promised.epochMax} is promised, its file says ${file.epochMax}`);
    const { vow } = promised;
    if (vow === undefined) return;
    const kept = file.vow;
    const isKept =
      kept !== undefined && (kept.epoch > vow.epoch || (kept.epoch === vow.epoch && kept.version >= vow.version));
    if (!isKept) this.broken("I5", `${node} vowed under ${JSON.stringify(vow)}, its file says ${JSON.stringify(kept)}`);
  }
}
