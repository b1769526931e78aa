/**
 * A writer's thread before there is a journal. A door of its own, so that an engine's process can start the thread first and
 * load its own modules beside it: the thread's take as long as opening a journal does.
 */
import { assert } from "@baton/core/records";
import type { Worker } from "node:worker_threads";
import { startThread } from "./threads.ts";

/** A writer's thread that is loading, or waits to be told what to open. */
export class PreparedWriter {
  readonly #worker: Worker = startThread("writer-worker", {});
  #isTaken = false;

  /** The thread, for the one journal that it will write. */
  take(): Worker {
    assert(!this.#isTaken, "a writer writes one journal");
    this.#isTaken = true;
    return this.#worker;
  }

  /** Ends a thread that was not needed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isTaken) await this.#worker.terminate();
  }
}
