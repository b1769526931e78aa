import { copyFileSync } from "node:fs";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { openJournal } from "../open.ts";
import { durable, journalOptions, notes, scratch } from "../testing/rig.ts";
import { verifyJournal } from "./chain.ts";

/** A sound journal of ten frames of ten, all but the last committed, and copies of it that someone tampered with. */
async function tamperedWith(sql: string): Promise<ReturnType<typeof verifyJournal>> {
  using folder = scratch();
  const journal = await openJournal(journalOptions(folder.dir, "a", { frameEventsMax: 10 }));
  await durable(journal, journal.append(1, notes(100)));
  journal.commit(90);
  await journal.close();
  const copy = `${folder.dir}/copy.db`;
  copyFileSync(journal.file, copy);
  const db = new Database(copy);
  db.exec(
    "UPDATE meta SET deleting = 'tampering'; DROP TRIGGER event_is_never_changed; DROP TRIGGER frame_is_never_changed",
  );
  db.exec(sql);
  db.close();
  return verifyJournal(copy);
}

test("an untouched journal is sound", async () => {
  const report = await tamperedWith("SELECT 1");
  expect(report).toMatchObject({ sound: true, frames: 10, events: 100, committed: 90, fault: undefined });
});

test.each([
  ["a flipped byte", "UPDATE event SET payload = replace(payload, 'o-55', 'o-56') WHERE seq = 55", 51],
  ["a deleted event", "DELETE FROM event WHERE seq = 42", 41],
  ["a deleted frame", "DELETE FROM event WHERE seq BETWEEN 31 AND 40; DELETE FROM frame WHERE last = 40", 41],
  [
    "two events that changed places",
    `UPDATE event SET seq = -72 WHERE seq = 72; UPDATE event SET seq = 72 WHERE seq = 73;
     UPDATE event SET seq = 73 WHERE seq = -72`,
    71,
  ],
  ["another epoch", "UPDATE frame SET epoch = 9 WHERE last = 20", 11],
  ["an end cut off below the commit point", "DELETE FROM event WHERE seq > 80; DELETE FROM frame WHERE last > 80", 81],
  ["an event without a frame", "INSERT INTO event (seq, frame, payload) VALUES (101, 110, '{}')", 101],
])("%s is found at its place", async (_what, sql, sequence) => {
  const report = await tamperedWith(sql);
  expect(report.sound).toBe(false);
  expect(report.fault?.sequence).toBe(sequence);
});

test("a journal whose end was tampered with is not opened", async () => {
  using folder = scratch();
  const journal = await openJournal(journalOptions(folder.dir, "a", { frameEventsMax: 10 }));
  await durable(journal, journal.append(1, notes(100)));
  await journal.close();
  const db = new Database(journal.file);
  db.exec("DROP TRIGGER event_is_never_changed; UPDATE event SET payload = '{}' WHERE seq = 95");
  db.close();
  await expect(openJournal(journalOptions(folder.dir, "a"))).rejects.toMatchObject({ code: "journal-corrupt" });
});
