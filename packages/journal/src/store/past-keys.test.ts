import { emptyState, encodeEvent, id, wallMs } from "@baton/core";
import type { IntentId, KeyRow } from "@baton/core";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { makeAdditions } from "./additions.ts";
import { PastKeys, keyReader } from "./past-keys.ts";
import { createSchema } from "./schema.ts";
import type { Db } from "./schema.ts";
import { Tables } from "./tables.ts";

function empty(): Db {
  const db = new Database(":memory:");
  createSchema(db);
  makeAdditions(db);
  return db;
}

const used = (n: number, key = `k-${n}`, atMs = n): KeyRow => ({
  ...{ principal: "t", key, digest: `d-${n}`, ref: id<IntentId>(`i-${n}`), atWallMs: wallMs(atMs), sequence: n },
});

const batchesOf = (db: Db): unknown => db.prepare("SELECT DISTINCT batch FROM past_key ORDER BY batch").pluck().all();

test("a key is found in whichever batch it is, and a later opening goes on in the last one", () => {
  const db = empty();
  const before = new PastKeys(db, 4);
  for (let n = 1; n <= 18; n += 1) before.add(used(n));
  const after = new PastKeys(db, 4);
  for (let n = 19; n <= 21; n += 1) after.add(used(n));
  expect(batchesOf(db)).toEqual([1, 2, 3, 4, 5, 6]);
  const find = keyReader(db);
  for (let n = 1; n <= 21; n += 1) expect(find(`t|k-${n}`)).toEqual(used(n));
  expect(find("t|k-22")).toBeNull();
  expect(find("u|k-1")).toBeNull();
});

test("of a key that was used again the later use counts, also where it is in the rows still", () => {
  const db = empty();
  const keys = new PastKeys(db, 2);
  for (const n of [1, 2, 3]) keys.add(used(n, "same"));
  const find = keyReader(db);
  expect(find("t|same")?.digest).toBe("d-3");
  db.prepare("INSERT INTO state_keys (key, row) VALUES (?, ?)").run("t|same", JSON.stringify(used(4, "same")));
  expect(find("t|same")?.digest).toBe("d-4");
});

test("another key of the same fingerprint is another key", () => {
  const db = empty();
  new PastKeys(db).add(used(1));
  db.prepare("UPDATE past_key SET row = ?").run(JSON.stringify(used(1, "other")));
  expect(keyReader(db)("t|k-1")).toBeNull();
});

test("the oldest two that are too old go, whoever with a time that lies ahead came before them", () => {
  const db = empty();
  const keys = new PastKeys(db, 3);
  keys.add(used(1, "ahead", 1e15));
  keys.add(used(2, "ahead too", 1e15 + 0.5));
  for (let n = 3; n <= 8; n += 1) keys.add(used(n));
  keys.dropOlder(7);
  keys.dropOlder(7);
  keys.dropOlder(7);
  const left = db.prepare("SELECT sequence FROM past_key ORDER BY sequence").pluck().all();
  expect(left).toEqual([1, 2, 7, 8]);
  expect(keyReader(db)("t|ahead")?.sequence).toBe(1);
});

test("keys that come are remembered for whoever tells them on, once, and by nobody else: a restore would gather them all", () => {
  const body = [1, 2, 3].map((n) =>
    encodeEvent({
      ...{ kind: "operation.noted", operation: id(`k-${n}`), what: "cancel i-1", by: "t", reason: "", ref: id("i-1") },
      ...{ request: { principal: "t", key: `k-${n}`, digest: "d" }, atWallMs: wallMs(n) },
    }),
  );
  const [telling, silent] = [true, false].map((tellsKeys) => new Tables(empty(), emptyState(), tellsKeys));
  for (const tables of [telling, silent]) tables?.apply({ first: 1, body: body.join("\n") });
  expect(telling?.takeNewKeys().map(({ key }) => key)).toEqual(["k-1", "k-2", "k-3"]);
  expect(telling?.takeNewKeys()).toEqual([]);
  expect(silent?.takeNewKeys()).toEqual([]);
});
