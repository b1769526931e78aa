import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { openJournal } from "../open.ts";
import { journalOptions, scratch } from "../testing/rig.ts";
import { RowsAt, digestOfFile } from "./digest.ts";
import { rowTable } from "./schema.ts";

test("a digest lets go of its core after a few rows, and is the same however long it takes", async () => {
  using folder = scratch();
  const journal = await openJournal(journalOptions(folder.dir, "a"));
  await journal.close();
  const db = new Database(journal.file);
  const put = db.prepare(`INSERT INTO ${rowTable("orders")} (key, row) VALUES (?, ?)`);
  for (let n = 0; n < 400; n += 1) put.run(`i-${n}`, "{}");
  db.close();
  const rows = new RowsAt(journal.file);
  let rests = 0;
  const digest = await rows.digest(() => Promise.resolve((rests += 1)));
  rows.close();
  expect(rests).toBeGreaterThanOrEqual(10);
  expect(await digestOfFile(journal.file)).toEqual({ at: 0, digest });
});

test("of very many rows it takes more at once: nobody waits minutes for it, while the log behind its rows grows", async () => {
  using folder = scratch();
  const journal = await openJournal(journalOptions(folder.dir, "a"));
  await journal.close();
  const db = new Database(journal.file);
  const put = db.prepare(`INSERT INTO ${rowTable("keys")} (key, row) VALUES (?, ?)`);
  const many = 300_000;
  db.transaction(() => {
    for (let n = 0; n < many; n += 1) put.run(`k-${n}`, "{}");
  })();
  db.close();
  const rows = new RowsAt(journal.file);
  let rests = 0;
  await rows.digest(() => Promise.resolve((rests += 1)));
  rows.close();
  expect(rests).toBeLessThan(many / 64);
  expect(rests).toBeGreaterThan(1_000);
});
