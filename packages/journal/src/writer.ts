/**
 * The writer's thread as the journal on the main thread holds it: orders go there in order, its reports come back as calls.
 * Whatever ends the thread is told once, as a failure; nothing that waits for an answer waits for ever.
 */
import type { Worker } from "node:worker_threads";
import type { JournalError } from "./errors.ts";
import type { Fault, KeysTold, WriterOrder, WriterReport } from "./store/messages.ts";
import { Calls } from "./threads.ts";

type Asking = Extract<WriterOrder, { readonly call: number }>;
/** An order with an answer, without its number. */
type OrderOf<Kind extends Asking["kind"]> = Omit<Extract<Asking, { kind: Kind }>, "call" | "kind">;

export interface WriterHears {
  readonly durable: (report: Extract<WriterReport, { kind: "durable" }>) => void;
  readonly keys: (told: KeysTold) => void;
  readonly reserve: (isReleased: boolean) => void;
  readonly failed: (fault: Fault) => void;
}

export class WriterThread {
  readonly #worker: Worker;
  readonly #calls = new Calls();
  #isEnding = false;

  constructor(worker: Worker, hears: WriterHears) {
    this.#worker = worker;
    worker.on("message", (report: WriterReport) => {
      switch (report.kind) {
        case "durable":
          return hears.durable(report);
        case "done":
          return this.#calls.done(report.call, report.answer);
        case "declined":
          return this.#calls.declined(report.call, report.fault);
        case "keys":
          return hears.keys(report);
        case "reserve":
          return hears.reserve(report.isReleased);
        case "failed":
          return hears.failed(report.fault);
        case "rows":
        case "opened":
        case "refused":
          return;
      }
    });
    worker.on("error", (error: Error) => {
      // A broken invariant crosses the thread without its class, with its name.
      if (error.name === "InvariantError") throw error;
      hears.failed({ code: "journal-io", message: `the writer ended: ${String(error)}` });
    });
    worker.on("exit", (code) => {
      if (!this.#isEnding) hears.failed({ code: "journal-io", message: `the writer ended with ${code}` });
    });
  }

  /** Posts an order without an answer. */
  post(order: Exclude<WriterOrder, Asking>): void {
    this.#worker.postMessage(order, []);
  }

  /** Posts an order and waits for its answer, whose type the caller knows. */
  ask<Answer, Kind extends Asking["kind"] = Asking["kind"]>(kind: Kind, order: OrderOf<Kind>): Promise<Answer> {
    return this.#calls.ask<Answer>((call) => this.#worker.postMessage({ kind, call, ...order }, []));
  }

  /** From here on the end of the thread is no news. */
  ending(): void {
    this.#isEnding = true;
  }

  /** Declines everything that waits. */
  decline(error: JournalError): void {
    this.#calls.end(error);
  }

  async stop(error: JournalError): Promise<void> {
    await this.#worker.terminate();
    this.#calls.end(error);
  }
}
