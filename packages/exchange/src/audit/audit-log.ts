/**
 * The audit log: the exchange's own account of what it received and did, one JSON object a line, `n` counting from 1.
 *
 * The promise is order: a record is in the file before the effect it describes leaves the process. Records made within
 * one synchronous step are written together by `flush`, and everything that lets an effect out (an answer, an event on
 * a stream, a reset) calls `flush` first; a microtask writes what nobody flushed. `close` fsyncs.
 */
import { closeSync, createReadStream, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import type { AuditRecord } from "@baton/core";
import type { ExchangeClock } from "../exchange-clock.ts";

/** A record without what the log itself adds. */
export type AuditEntry = AuditRecord extends infer R
  ? R extends AuditRecord
    ? Omit<R, "n" | "monoMs" | "wallMs" | "venue">
    : never
  : never;

/** One exchange's log, in a file or, without one, in memory. */
export class AuditLog {
  readonly #clock: ExchangeClock;
  readonly #venue: { readonly venue?: string };
  readonly #file: string | undefined;
  readonly #descriptor: number | undefined;
  readonly #records: AuditRecord[] = [];
  readonly #followers = new Set<(lines: string) => void>();
  #pending: string[] = [];
  #isScheduled = false;
  #isClosed = false;
  #last = 0;

  /** Starts an empty log; a file of that name is replaced. A venue that has a name signs each record with it. */
  constructor(clock: ExchangeClock, file: string | undefined, venue?: string) {
    this.#clock = clock;
    this.#venue = venue === undefined ? {} : { venue };
    this.#file = file;
    this.#descriptor = file === undefined ? undefined : openSync(file, "w");
  }

  /** Adds a record and returns its `n`. It is in the file after the next `flush`, at the latest after this step. */
  append(entry: AuditEntry): number {
    this.#last += 1;
    const stamp = { n: this.#last, monoMs: this.#clock.mono(), wallMs: this.#clock.wall(), ...this.#venue };
    const record = { ...stamp, ...entry } as AuditRecord;
    if (this.#descriptor === undefined) this.#records.push(record);
    if (this.#descriptor !== undefined || this.#followers.size > 0) this.#pending.push(JSON.stringify(record));
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      queueMicrotask(() => this.flush());
    }
    return this.#last;
  }

  /** Writes what is pending; call it before an effect leaves. */
  flush(): void {
    this.#isScheduled = false;
    if (this.#pending.length === 0 || this.#isClosed) return;
    const lines = `${this.#pending.join("\n")}\n`;
    this.#pending = [];
    if (this.#descriptor !== undefined) writeWhole(this.#descriptor, lines);
    for (const follower of this.#followers) follower(lines);
  }

  /** All records so far. From a file they are read again, so ask for them when the run is over. */
  records(): readonly AuditRecord[] {
    if (this.#file === undefined) return this.#records;
    this.flush();
    const lines = readFileSync(this.#file, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as AuditRecord);
  }

  /** Lines from record `from` on, as they stand now. */
  async *lines(from: number): AsyncGenerator<string> {
    this.flush();
    const until = this.#last;
    if (this.#file === undefined) {
      for (const record of this.#records.slice(Math.max(0, from - 1), until)) yield JSON.stringify(record);
      return;
    }
    let n = 0;
    for await (const line of createInterface({ input: createReadStream(this.#file), crlfDelay: Infinity })) {
      n += 1;
      if (n > until) return;
      if (n >= from) yield line;
    }
  }

  /** Calls `follower` with each later batch of lines; returns how to stop. */
  follow(follower: (lines: string) => void): () => void {
    this.flush();
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** How many records there are. */
  get length(): number {
    return this.#last;
  }

  /** Writes and fsyncs everything; later records are dropped. */
  close(): void {
    if (this.#isClosed) return;
    this.flush();
    this.#isClosed = true;
    if (this.#descriptor === undefined) return;
    fsyncSync(this.#descriptor);
    closeSync(this.#descriptor);
  }
}

function writeWhole(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length) written += writeSync(descriptor, bytes, written);
}
