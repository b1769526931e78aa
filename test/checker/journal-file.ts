/** Writes events into a journal file as Baton's journal lays it out, one frame an event, so that the checker reads a real file. */
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { encodeEvent, genesisHash, sealFrame } from "@baton/core";
import type { JournalEvent } from "@baton/core";

export function writeJournal(file: string, node: string, events: readonly JournalEvent[]): void {
  const db = new DatabaseSync(file);
  db.exec(`
    CREATE TABLE meta (node TEXT, committed INTEGER, pruned INTEGER, pruned_hash TEXT);
    CREATE TABLE frame (last INTEGER PRIMARY KEY, first INTEGER, epoch INTEGER, previous_hash TEXT, hash TEXT);
    CREATE TABLE event (seq INTEGER PRIMARY KEY, frame INTEGER, payload TEXT);
    CREATE TABLE quarantine (id INTEGER PRIMARY KEY, body TEXT);
    BEGIN;
  `);
  db.prepare("INSERT INTO meta VALUES (?, ?, 0, ?)").run(node, events.length, genesisHash);
  const frameRow = db.prepare("INSERT INTO frame VALUES (?, ?, ?, ?, ?)");
  const eventRow = db.prepare("INSERT INTO event VALUES (?, ?, ?)");
  let epoch = 0;
  let after = { sequence: 0, hash: genesisHash };
  for (const event of events) {
    if (event.kind === "epoch.opened") epoch = event.epoch;
    const text = encodeEvent(event);
    const frame = sealFrame(after, epoch, [text], (input) => createHash("sha256").update(input).digest("hex"));
    frameRow.run(frame.last, frame.first, frame.epoch, frame.previousHash, frame.hash);
    eventRow.run(frame.last, frame.last, text);
    after = { sequence: frame.last, hash: frame.hash };
  }
  db.exec("COMMIT");
  db.close();
}
