/** A snapshot on its way in: written beside the journal in the order of its chunks, installed when it is whole. */
import { open, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { Journal } from "../journal.ts";
import type { SnapshotLabel } from "../store/snapshot.ts";

export class IncomingSnapshot {
  readonly #journal: Journal;
  readonly #label: SnapshotLabel;
  readonly #file: string;
  /** The file, after everything written so far. A failure stays in it until the end asks. */
  #written: Promise<FileHandle>;
  #isAbandoned = false;

  constructor(journal: Journal, label: SnapshotLabel) {
    this.#journal = journal;
    this.#label = label;
    this.#file = `${journal.file}.incoming`;
    this.#written = open(this.#file, "w");
    this.#written.catch(() => undefined);
  }

  write(bytes: Buffer): void {
    this.#written = this.#written.then(async (file) => {
      if (!this.#isAbandoned) await file.writeFile(bytes);
      return file;
    });
    this.#written.catch(() => undefined);
  }

  /** Proves it and puts it in the journal's place. Throws when a write failed or the snapshot is refused. */
  async install(): Promise<void> {
    const file = await this.#written;
    await file.close();
    if (this.#isAbandoned) throw new Error("the snapshot was abandoned");
    try {
      await this.#journal.install(this.#file, this.#label);
    } finally {
      await rm(this.#file, { force: true });
    }
  }

  /** Its leader is gone: what was written is removed. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#written
      .then((file) => file.close())
      .then(() => rm(this.#file, { force: true }))
      .catch(() => undefined);
  }
}
