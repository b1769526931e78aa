/** Opening a journal: the writer's thread takes the lock, checks the file, rebuilds the state, and only then is there one. */
import { Journal } from "./journal.ts";
import { limitsOf } from "./options.ts";
import type { JournalOptions } from "./options.ts";
import { PreparedWriter } from "./prepared-writer.ts";
import type { WriterReport, WriterStart } from "./store/messages.ts";
import type { StoreOpened } from "./store/store.ts";
import { errorOf } from "./threads.ts";

/** Opens or creates the journal and starts its writer. Throws `JournalError` with a code when it must not be used. */
export async function openJournal(
  options: JournalOptions,
  prepared: PreparedWriter = new PreparedWriter(),
): Promise<Journal> {
  const progress = options.progress ?? new SharedArrayBuffer(8);
  const start: WriterStart = {
    options: {
      file: options.file,
      cluster: options.cluster,
      node: options.node,
      bootId: options.bootId,
      create: options.create,
      newJournal: options.newJournal,
      build: options.build,
    },
    progress,
    settleMs: limitsOf(options).settleMs,
    reserveBytes: limitsOf(options).reserveBytes,
  };
  const writer = prepared.take();
  writer.postMessage(start, []);
  const opened = await new Promise<StoreOpened>((resolve, reject) => {
    writer.once("error", reject);
    writer.once("message", (report: WriterReport) => {
      if (report.kind === "opened") resolve(report.opened);
      else if (report.kind === "refused") reject(errorOf(report.fault));
    });
  }).catch(async (error: unknown) => {
    await writer.terminate();
    throw error;
  });
  writer.removeAllListeners("error");
  return new Journal(options, writer, progress, opened);
}
