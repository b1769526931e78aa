/** A look at a journal beside its writer, and at the disk: what is told, and that nothing is left or changed. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { openJournal } from "../open.ts";
import { durable, journalOptions, notes, scratch } from "../testing/rig.ts";
import { examineJournal, tryDisk, tryLibrary } from "./examine.ts";

test("a journal is looked at while it is written, and not a byte of it changes by that", async () => {
  using folder = scratch();
  const journal = await openJournal(journalOptions(folder.dir, "a", { frameEventsMax: 10 }));
  await durable(journal, journal.append(1, notes(100)));
  const bytes = (): readonly Buffer[] => [journal.file, `${journal.file}-wal`].map((file) => readFileSync(file));
  const before = bytes();
  const { facts } = examineJournal(journal.file);
  expect(facts).toMatchObject({ kind: "read", node: "a", mode: "wal", last: 100, frames: 10 });
  expect("fault" in facts).toBe(false);
  expect(bytes().map((each, at) => each.equals(before[at] ?? Buffer.alloc(0)))).toEqual([true, true]);
  await durable(journal, journal.append(1, notes(10, 101)));
  expect(examineJournal(journal.file).facts).toMatchObject({ last: 110 });
  await journal.close();
});

test("a journal whose last frames were tampered with has a fault, one that is none cannot be read, none is absent", async () => {
  using folder = scratch();
  const journal = await openJournal(journalOptions(folder.dir, "a", { frameEventsMax: 10 }));
  await durable(journal, journal.append(1, notes(100)));
  await journal.close();
  const db = new Database(journal.file);
  db.exec("DROP TRIGGER event_is_never_changed; UPDATE event SET payload = '{}' WHERE seq = 95");
  db.close();
  const { facts } = examineJournal(journal.file);
  expect(facts.kind === "read" && facts.fault).toMatch(/91/);
  const other = join(folder.dir, "other.db");
  expect(examineJournal(other)).toEqual({ facts: { kind: "absent" } });
  writeFileSync(other, "no database, but long enough for its header to be looked at ".repeat(40));
  expect(examineJournal(other).facts).toMatchObject({ kind: "unreadable", cause: expect.stringMatching(/database/) });
});

test("a disk is tried in a folder that is gone afterwards; where nothing can be written, that is said", async () => {
  using folder = scratch();
  const trial = await tryDisk(folder.dir);
  expect(trial.durability).toEqual({ kind: "set" });
  expect(Array.isArray(trial.fsyncUs) && trial.fsyncUs.length).toBe(200);
  expect(readdirSync(folder.dir)).toEqual([]);
  const nowhere = await tryDisk(join(folder.dir, "missing"));
  expect(nowhere.durability).toMatchObject({ kind: "refused", cause: expect.stringContaining("ENOENT") });
  expect(nowhere.fsyncUs).toMatchObject({ cause: expect.stringContaining("ENOENT") });
});

test("the library is loaded in a process of its own, so that one that does not fit ends only that", async () => {
  expect(await tryLibrary()).toMatchObject({ kind: "loaded", sqlite: expect.stringMatching(/^3\./) });
  using folder = scratch();
  const program = (name: string, source: string): string => {
    writeFileSync(join(folder.dir, name), source);
    return join(folder.dir, name);
  };
  const wrong = program("wrong.mjs", "throw new Error('was compiled against NODE_MODULE_VERSION 127')");
  expect(await tryLibrary(wrong)).toEqual({
    kind: "broken",
    cause: "Error: was compiled against NODE_MODULE_VERSION 127",
  });
  const crash = program("crash.mjs", "process.kill(process.pid, 'SIGSEGV'); setInterval(() => 1, 1000)");
  expect(await tryLibrary(crash)).toEqual({ kind: "broken", cause: "ended by SIGSEGV" });
});
