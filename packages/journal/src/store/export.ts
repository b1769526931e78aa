/** A journal file read out for other programs: each record with the epoch of its frame, in order, read only. */
import { decodeEvent } from "@baton/core/records";
import type { Epoch, JournalEvent, Sequence } from "@baton/core";
import { frameReader } from "./read.ts";
import { openForReading } from "./schema.ts";

export interface ExportedRecord {
  readonly sequence: Sequence;
  readonly epoch: Epoch;
  /** False for the tail after what the file knows to be committed. */
  readonly isCommitted: boolean;
  readonly event: JournalEvent;
}

/** Every record after `after`. Holds the file open until it is read to the end or left. */
export function* exportRecords(file: string, after: Sequence = 0): Generator<ExportedRecord> {
  const db = openForReading(file);
  try {
    db.exec("BEGIN");
    const reader = frameReader(db);
    const committed = db.prepare<[], number>("SELECT committed FROM meta").pluck().get() ?? 0;
    for (let end = Math.max(after, reader.prunedMark().sequence); ;) {
      const page = reader.frames(end, 1024 * 1024);
      if (page.length === 0) return;
      for (const { epoch, first, last, body } of page) {
        for (const [index, line] of body.split("\n").entries()) {
          const sequence = first + index;
          if (sequence > after) yield { sequence, epoch, isCommitted: sequence <= committed, event: decodeEvent(line) };
        }
        end = last;
      }
    }
  } finally {
    db.close();
  }
}
