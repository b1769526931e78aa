/**
 * Opening a journal: the writer's thread takes the lock, reads the rows and checks the file, and only then is there a journal.
 * Rows come here a few at a time and are made a state beside all that, so that opening takes as long as the slower of the two
 * threads (decision 31). What is wrong with the file decides, whatever the rows looked like.
 */
import { corruptAtOpening } from "./errors.ts";
import { Journal } from "./journal.ts";
import { limitsOf, openedOf } from "./options.ts";
import type { JournalOptions } from "./options.ts";
import { PreparedWriter } from "./prepared-writer.ts";
import type { WriterReport, WriterStart } from "./store/messages.ts";
import type { StoreOpened } from "./store/store.ts";
import { PiecesRead } from "./store/tables.ts";
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
  try {
    writer.postMessage(start, []);
    const rows = new PiecesRead();
    const found = await new Promise<StoreOpened>((resolve, reject) => {
      writer.once("error", reject);
      writer.on("message", (report: WriterReport) => {
        if (report.kind === "rows") rows.add(report.piece);
        else if (report.kind === "opened") resolve(report.opened);
        else if (report.kind === "refused") reject(errorOf(report.fault));
      });
    });
    writer.removeAllListeners("error").removeAllListeners("message");
    if (rows.fault !== undefined) throw corruptAtOpening(options.file, rows.fault);
    return new Journal(options, writer, progress, { found, opened: openedOf(found, rows) });
  } catch (error) {
    await writer.terminate();
    throw error;
  }
}
