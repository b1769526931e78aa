/** The reader's thread, started when first needed and again after it was stopped. */
import type { Frame, IntentId, KeyRow, Mark, OrderRow, Sequence, WallMs } from "@baton/core";
import type { Worker } from "node:worker_threads";
import { JournalError } from "./errors.ts";
import type { VerifyReport } from "./store/chain.ts";
import type { JournalAge, PastKey, PastOrders, ReaderOrder, ReaderReport, StoredEvent } from "./store/messages.ts";
import type { SnapshotLabel } from "./store/snapshot.ts";
import { Calls, startThread } from "./threads.ts";

type OrderOf<Kind extends ReaderOrder["kind"]> = Omit<Extract<ReaderOrder, { kind: Kind }>, "call" | "kind">;

export class ReaderThread {
  readonly #file: string;
  readonly #onCorrupt: (error: JournalError) => void;
  #worker: Worker | undefined;
  #calls = new Calls();

  /** `onCorrupt`: an answer could not be given, because the journal does not hold what was written. */
  constructor(file: string, onCorrupt: (error: JournalError) => void) {
    this.#file = file;
    this.#onCorrupt = onCorrupt;
  }

  frames(after: Sequence, maxBytes: number): Promise<readonly Frame[]> {
    return this.#ask<"frames", readonly Frame[]>("frames", { after, maxBytes });
  }

  held(marks: readonly Mark[]): Promise<readonly Mark[]> {
    return this.#ask<"held", readonly Mark[]>("held", { marks });
  }

  snapshot(toFile: string): Promise<SnapshotLabel> {
    return this.#ask<"snapshot", SnapshotLabel>("snapshot", { toFile });
  }

  prove(file: string, label: SnapshotLabel): Promise<void> {
    return this.#ask<"prove", void>("prove", { file, label });
  }

  verify(): Promise<VerifyReport> {
    return this.#ask<"verify", VerifyReport>("verify", {});
  }

  eventsOf(intents: readonly IntentId[]): Promise<readonly StoredEvent[]> {
    return this.#ask<"events-of", readonly StoredEvent[]>("events-of", { intents });
  }

  pastOrders(asked: PastOrders): Promise<readonly OrderRow[]> {
    return this.#ask<"past-orders", readonly OrderRow[]>("past-orders", { asked });
  }

  pastKey(asked: PastKey): Promise<KeyRow | null> {
    return this.#ask<"past-key", KeyRow | null>("past-key", { asked });
  }

  /** Holds the rows still for a digest; false when they are not at this record. */
  digestBegin(at: Sequence): Promise<boolean> {
    return this.#ask<"digest-begin", boolean>("digest-begin", { at });
  }

  /** The digest of the rows that are held. */
  digest(): Promise<string> {
    return this.#ask<"digest", string>("digest", {});
  }

  age(before: WallMs): Promise<JournalAge> {
    return this.#ask<"age", JournalAge>("age", { before });
  }

  /** Ends the thread; what waits is declined. */
  async stop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#calls.end(new JournalError("journal-closed", `the reader of ${this.#file} was stopped`));
    this.#calls = new Calls();
    await worker?.terminate();
  }

  #ask<Kind extends ReaderOrder["kind"], Answer>(kind: Kind, order: OrderOf<Kind>): Promise<Answer> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const asked = this.#calls.ask<Answer>((call) => worker.postMessage({ kind, call, ...order }, []));
    // What is proved is a file of somebody else's.
    if (kind !== "prove") {
      asked.catch((error: unknown) => {
        if (error instanceof JournalError && error.code === "journal-corrupt") this.#onCorrupt(error);
      });
    }
    return asked;
  }

  #start(): Worker {
    const worker = startThread("reader-worker", { file: this.#file });
    const calls = this.#calls;
    worker.on("message", (report: ReaderReport) => {
      if (report.kind === "done") calls.done(report.call, report.answer);
      else calls.declined(report.call, report.fault);
    });
    const ended = (why: string): void => {
      if (this.#worker === worker) this.#worker = undefined;
      calls.end(new JournalError("journal-io", `the reader of ${this.#file} ended: ${why}`));
    };
    worker.on("error", (error) => ended(String(error)));
    worker.on("exit", (code) => ended(`exit ${code}`));
    return worker;
  }
}
