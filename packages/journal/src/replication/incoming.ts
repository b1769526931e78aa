/**
 * A snapshot on its way in: written beside the journal in the order of its chunks, installed when it is whole. Its leader
 * may be replaced, or its link end, at any moment of that, and then it is dropped, up to the moment in which it takes the
 * journal's place. Who follows somebody else meanwhile says where he stands only when this has `ended`: a copy that took
 * the place of what he had said that he holds would make every word of his a wrong one. Invariants I5, I19.
 */
import { open, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { Journal } from "../journal.ts";
import type { SnapshotLabel } from "../store/snapshot.ts";

export class IncomingSnapshot {
  readonly #journal: Journal;
  readonly #label: SnapshotLabel;
  readonly #file: string;
  readonly #ended = Promise.withResolvers<void>();
  /** The file, after everything written so far. A failure stays in it until the end asks. */
  #written: Promise<FileHandle>;
  #isAbandoned = false;
  #isInstalling = false;

  constructor(journal: Journal, label: SnapshotLabel) {
    this.#journal = journal;
    this.#label = label;
    this.#file = `${journal.file}.incoming`;
    this.#written = open(this.#file, "w");
    this.#written.catch(() => undefined);
  }

  /** It has been installed or dropped, and its file is free for the next one. Never rejects. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  write(bytes: Buffer): void {
    this.#written = this.#written.then(async (file) => {
      if (!this.#isAbandoned) await file.writeFile(bytes);
      return file;
    });
    this.#written.catch(() => undefined);
  }

  /** Proves it and puts it in the journal's place. Throws when a write failed, it is refused, or its leader is gone. */
  async install(): Promise<void> {
    this.#isInstalling = true;
    try {
      const file = await this.#written;
      await file.close();
      await this.#journal.install(this.#file, this.#label, () => !this.#isAbandoned);
    } finally {
      await this.#remove();
    }
  }

  /** Its leader is gone: what was written is removed, by `install` where that has begun. */
  abandon(): void {
    this.#isAbandoned = true;
    if (this.#isInstalling) return;
    void this.#written
      .then((file) => file.close())
      .catch(() => undefined)
      .then(() => this.#remove());
  }

  async #remove(): Promise<void> {
    // One that cannot be removed is written over by the next.
    await rm(this.#file, { force: true }).catch(() => undefined);
    this.#ended.resolve();
  }
}
