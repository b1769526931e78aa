import { existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { id } from "@baton/core";
import type { JournalId, OperationId } from "@baton/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { forgetSetAside, setAsideJournal, wishSetAside } from "./set-aside.ts";

const wish = { operation: id<OperationId>("op-1"), journal: id<JournalId>("disk-b") };
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-set-aside-"));
  for (const name of ["journal.db", "journal.db-wal", "cluster.id"]) writeFileSync(join(folder, name), name);
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a journal stays where it is until somebody has wished it away, and goes once", () => {
  expect(setAsideJournal(folder)).toBeUndefined();
  wishSetAside(folder, wish);
  const aside = setAsideJournal(folder) ?? "";
  expect(readdirSync(aside).toSorted()).toEqual(["journal.db", "journal.db-wal"]);
  expect(readFileSync(join(aside, "journal.db"), "utf8")).toBe("journal.db");
  expect(readdirSync(folder).toSorted()).toEqual(["cluster.id", "set-aside"]);
  // The next journal is not meant by it.
  writeFileSync(join(folder, "journal.db"), "new");
  expect(setAsideJournal(folder)).toBeUndefined();
  expect(existsSync(join(folder, "journal.db"))).toBe(true);
});

test("a start that was cut short in the middle is gone on with", () => {
  wishSetAside(folder, wish);
  const wished = readFileSync(join(folder, "journal.set-aside"), "utf8");
  const aside = setAsideJournal(folder) ?? "";
  // As if the power had gone before the log followed its database.
  renameSync(join(aside, "journal.db-wal"), join(folder, "journal.db-wal"));
  writeFileSync(join(folder, "journal.set-aside"), wished);
  expect(setAsideJournal(folder)).toBe(aside);
  expect(readdirSync(aside).toSorted()).toEqual(["journal.db", "journal.db-wal"]);
});

test("a wish that was taken back moves nothing, and taking back what nobody wished is no fault", () => {
  wishSetAside(folder, wish);
  forgetSetAside(folder);
  forgetSetAside(folder);
  expect(setAsideJournal(folder)).toBeUndefined();
  expect(existsSync(join(folder, "journal.db"))).toBe(true);
});
