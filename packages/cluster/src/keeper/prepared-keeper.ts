/**
 * A keeper's thread before there is a lease to keep. A door of its own, so that an engine's process can start the thread
 * first and load its own modules beside it: etcd's client takes a thread a third of a second.
 */
import { assert } from "@baton/core/records";
import { extname } from "node:path";
import { Worker } from "node:worker_threads";

/** A keeper's thread that is loading, or waits to be told whom to keep. */
export class PreparedKeeper {
  readonly #thread = new Worker(new URL(`./thread${extname(import.meta.url)}`, import.meta.url), {
    name: "baton-keeper",
  });
  #isTaken = false;

  /** The thread, for the one boot whose lease it will keep. */
  take(): Worker {
    assert(!this.#isTaken, "a keeper keeps the lease of one boot");
    this.#isTaken = true;
    return this.#thread;
  }

  /** Ends a thread that was not needed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isTaken) await this.#thread.terminate();
  }
}
